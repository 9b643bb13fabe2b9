"""Masks that say 1 = good: nearly all light lies where they say bad, and none where good."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.checks.peek import Peek
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.validity import invalid_voxels


@dataclass(frozen=True)
class InvertedSettings:
    """When a mask is taken for one that says 1 = good.

    Chosen on simulated scans; no committed command.

    Attributes
    ----------
    fewest_lit : lit voxels under the mask that are needed.
    least_masked : share of the voxels that such a mask marks; a good one leaves most to see.
    good_lit : largest share of the lit voxels that lie outside the mask; hot pixels do.
    darker : times that lit voxels are rarer outside the mask than under it.
    """

    fewest_lit: int = 30
    least_masked: float = 0.5
    good_lit: float = 0.02
    darker: float = 4.0


SETTINGS = InvertedSettings()


def is_inverted(counts: np.ndarray, bad: BoolArray, settings: InvertedSettings = SETTINGS) -> bool:
    """Whether a mask marks the measured voxels of some frames instead of the bad ones.

    Parameters
    ----------
    counts : (n_frames, n_y, n_x), as stored.
    bad : bool of the same shape, non-zero in the mask.
    settings : when it is so.
    """
    lit = (counts > 0) & ~invalid_voxels(counts)
    n_lit, lit_bad = int(lit.sum()), int((lit & bad).sum())
    n_bad, n_good = int(bad.sum()), int((~bad).sum())
    if lit_bad < settings.fewest_lit or n_bad < settings.least_masked * bad.size:
        return False
    if n_lit - lit_bad > settings.good_lit * n_lit:
        return False
    if n_good == 0:
        return True
    if not _has_dark_lines(bad, lit):
        return False
    return (n_lit - lit_bad) / n_good * settings.darker < lit_bad / n_bad


def _has_dark_lines(bad: BoolArray, lit: BoolArray) -> bool:
    """Whether whole lines are good and dark, as a detector's gaps would be."""
    good, ever_lit = np.asarray(~bad.any(axis=0)), np.asarray(lit.any(axis=0))
    for axis in (0, 1):
        lines = good.all(axis=axis) & (ever_lit.mean(axis=axis) < 0.05)
        if lines.any() and not lines.all():
            return True
    return False


def check_mask(seen: Peek, bad: BoolArray, scan: str, masks: tuple[str, ...]) -> None:
    """Refuse masks that say 1 = good.

    Parameters
    ----------
    seen : some frames.
    bad : bool of their shape, by all masks together.
    scan : the scan as the user names it.
    masks : the mask files that the user gives.

    Raises
    ------
    InputError
        Where the counts lie under the mask; the line names the option that takes it.
    """
    if not is_inverted(seen.counts, bad):
        return
    own = seen.flags is not None and is_inverted(seen.counts, seen.flags != 0)
    whose = "the file's own mask" if own or not masks else f"mask {masks[0]}"
    option = scan if own or not masks else masks[0]
    lit = (seen.counts > 0) & ~invalid_voxels(seen.counts)
    share = 100 * float((lit & bad).sum() / lit.sum())
    raise InputError(
        f"{whose} leaves {100 * bad.mean():.0f} % of the voxels masked, with {share:.0f} % of the "
        f"lit ones among them, expected non-zero = bad: --mask-good {option} reads it as "
        f"non-zero = good{'' if own or not masks else ', in place of --mask'}"
    )
