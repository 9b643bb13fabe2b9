"""A scan's numbers made ready before anything is filled: units, marks, what lies below zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.checks.background import (
    Background,
    clip_remark,
    find_background,
    refuse_background,
)
from bcdi_inpaint.checks.inverted import check_mask
from bcdi_inpaint.checks.marks import find_marks, mark_remarks
from bcdi_inpaint.checks.peek import Peek, peek
from bcdi_inpaint.checks.transformed_counts import check_transformed
from bcdi_inpaint.checks.units import Unit, find_unit, given_unit
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.scan.photon_view import PhotonView
from bcdi_inpaint.scan.remarks import Remark, Remarks
from bcdi_inpaint.scan.scan import Measured

FLOOR = 10.0
"""Times the smallest value below zero of the frames that are looked at: below it are marks."""


@dataclass(frozen=True)
class NumberWishes:
    """What a user says of a scan's numbers and masks.

    Attributes
    ----------
    photon : the stored value of one photon; None to find it.
    clip : whether values below zero are taken as zero.
    mask_invalid : whether voxels that hold no count are masked.
    mask_negative : whether voxels below zero are masked.
    masks : further masks, True = bad, (n_y, n_x) or of the scan's shape.
    own_is_good : whether non-zero means good in the scan's own mask.
    """

    photon: float | None = None
    clip: bool = False
    mask_invalid: bool = False
    mask_negative: bool = False
    masks: tuple[BoolArray, ...] = ()
    own_is_good: bool = False

    def __post_init__(self) -> None:
        if self.photon is not None and not (0 < self.photon < np.inf):
            raise InputError(
                f"photon is {self.photon}, expected the stored value of one photon, above 0: for "
                "example --photon 100"
            )


@dataclass(frozen=True)
class Prepared:
    """A scan whose numbers are photons.

    Attributes
    ----------
    scan : in photons, with marks masked; the scan as it was read where there is nothing to do.
        `photon_view.as_stored` leads back. Its remarks are those of `remarks` too.
    read : the scan as it is stored, with the masks of its files.
    photon : the stored value of one photon.
    remarks : what was found.
    """

    scan: Measured
    read: Measured
    photon: float = 1.0
    remarks: Remarks = ()


def prepare(
    scan: Measured,
    wishes: NumberWishes = NumberWishes(),
    name: str = "SCAN",
    mask_names: tuple[str, ...] = (),
    *,
    gap: GapRegion | None = None,
) -> Prepared:
    """Look at a handful of frames and see the scan as photons.

    Parameters
    ----------
    scan : as it was read, in memory or in its file.
    wishes : what the user says of its numbers.
    name : the scan as the user names it, for messages.
    mask_names : the further masks as the user names them.
    gap : what is to be filled, where that is known: its values say nothing.

    Returns
    -------
    The scan in photons, and what was found.

    Raises
    ------
    InputError
        For a mask that says 1 = good, for a background that was subtracted, where the user has not
        said what to do, and for square roots and logarithms of counts.
    """
    read = scan
    if wishes.masks or wishes.own_is_good:
        read = PhotonView(scan, masks=wishes.masks, own_is_good=wishes.own_is_good)
    seen = peek(read)
    check_mask(seen, seen.bad, name, mask_names)
    seen = seen if gap is None else seen.without(gap)
    marks = _unmasked(find_marks(seen), seen)
    valid = seen.valid
    for mark in marks:
        valid &= seen.counts != mark
    background = find_background(seen, valid)
    if background is not None and not (wishes.clip or wishes.mask_negative):
        raise refuse_background(background)
    unit = _unit(seen, valid, wishes, background)
    clipped = (clip_remark(background),) if background is not None and wishes.clip else ()
    remarks = (*mark_remarks(marks, seen), *clipped, *unit.remarks, *_rounded(seen, valid))
    view = PhotonView(
        scan,
        unit.photon,
        unit.is_whole,
        marks,
        wishes.masks,
        wishes.own_is_good,
        wishes.clip,
        wishes.mask_invalid,
        wishes.mask_negative,
        -np.inf if background is None else FLOOR * background.smallest,
        remarks,
    )
    return Prepared(scan if view.changes_nothing else view, read, unit.photon, remarks)


def _rounded(seen: Peek, valid: BoolArray) -> Remarks:
    """What to say where values are no float32, in which every output is written."""
    if seen.counts.dtype.itemsize < 4 or seen.counts.dtype == np.float32:
        return ()
    values = seen.counts[valid & (seen.counts != 0)]
    kept = values.astype(np.float32)
    changed = np.flatnonzero(kept.astype(np.float64) != values.astype(np.float64))
    if not changed.size:
        return ()
    first = changed[0]
    share = 100 * changed.size / values.size
    percent = f"{share:.2g}" if share < 99.5 else "100"  # not 1e+02
    text = (
        f"values are kept as float32, as PyNX takes them, and {percent} % of those looked at "
        f"are none: {values[first]:.17g} is written as {kept[first]:.17g}"
    )
    return (Remark("rounded", text),)


def _unmasked(marks: tuple[float, ...], seen: Peek) -> tuple[float, ...]:
    """Marks that stand in voxels which no mask covers."""
    return tuple(mark for mark in marks if ((seen.counts == mark) & ~seen.bad).any())


def _unit(
    seen: Peek, valid: BoolArray, wishes: NumberWishes, background: Background | None
) -> Unit:
    known = valid & (seen.counts >= 0)
    if wishes.photon is not None:
        return given_unit(wishes.photon, seen, known)
    check_transformed(seen.counts[known & (seen.counts > 0)])
    return find_unit(seen, known, is_subtracted=background is not None)
