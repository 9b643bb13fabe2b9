"""A scan's numbers made ready before anything is filled: units, marks, and what lies below zero."""

from __future__ import annotations

from dataclasses import dataclass

from bcdi_inpaint.checks.marks import find_marks, mark_remarks
from bcdi_inpaint.checks.peek import peek
from bcdi_inpaint.checks.units import find_unit, given_unit
from bcdi_inpaint.scan.photon_view import PhotonView, StoredView
from bcdi_inpaint.scan.remarks import Remarks
from bcdi_inpaint.scan.scan import Measured


@dataclass(frozen=True)
class NumberWishes:
    """What a user says of a scan's numbers.

    Attributes
    ----------
    photon : the stored value of one photon; None to find it.
    clip : whether values below zero are taken as zero.
    mask_invalid : whether voxels that hold no count are masked.
    mask_negative : whether voxels below zero are masked.
    """

    photon: float | None = None
    clip: bool = False
    mask_invalid: bool = False
    mask_negative: bool = False


@dataclass(frozen=True)
class Prepared:
    """A scan whose numbers are photons.

    Attributes
    ----------
    scan : in photons, with marks masked; the scan as it was read where there is nothing to do.
    stored : the scan as it was read.
    photon : the stored value of one photon.
    remarks : what was found.
    """

    scan: Measured
    stored: Measured
    photon: float = 1.0
    remarks: Remarks = ()

    def as_stored(self, seen: Measured | None = None) -> Measured:
        """The scan to write: stored values, with the bad voxels that `seen` knows."""
        worked_on = self.scan if seen is None else seen
        return self.stored if worked_on is self.stored else StoredView(self.stored, worked_on)


def prepare(scan: Measured, wishes: NumberWishes = NumberWishes()) -> Prepared:
    """Look at a handful of frames and see the scan as photons.

    Parameters
    ----------
    scan : as it was read, in memory or in its file.
    wishes : what the user says of its numbers.

    Returns
    -------
    The scan in photons, the way back, and what was found.

    Raises
    ------
    InputError
        For numbers that need a decision of the user's.
    """
    seen = peek(scan)
    marks = find_marks(seen)
    known = seen.valid & (seen.counts >= 0)
    for mark in marks:
        known &= seen.counts != mark
    unit = (
        find_unit(seen, known) if wishes.photon is None else given_unit(wishes.photon, seen, known)
    )
    remarks = (*mark_remarks(marks, seen), *unit.remarks)
    view = PhotonView(
        scan,
        unit.photon,
        unit.is_whole,
        marks,
        wishes.clip,
        wishes.mask_invalid,
        wishes.mask_negative,
    )
    is_changed = unit.photon != 1 or marks or wishes.clip or view.without_invalid
    return Prepared(
        view if is_changed or view.without_negative else scan, scan, unit.photon, remarks
    )
