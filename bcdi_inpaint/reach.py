"""What part of a gap can be filled: how far the network was trained to see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.detectors import Gap
from bcdi_inpaint.gaps import planes
from bcdi_inpaint.interpolation import run_lengths

BoolArray = NDArray[np.bool_]

WIDEST = 24
"""Widest gap filled from both sides: a 32-voxel patch then still shows four voxels on each."""
ONE_SIDED = 4
"""Depth to which the rim of a wider gap is filled, from its own side alone."""


@dataclass(frozen=True)
class Reach:
    """The part of a gap mask that can be filled, and what has to be said of the rest.

    Attributes
    ----------
    targets : the planes to fill; of a gap that is too wide, its two rims.
    rest : (n_rock, n_y, n_x) bool, voxels to fill that lie in no plane.
    fillable : (n_rock, n_y, n_x) bool, all voxels to fill.
    warnings : one line for each part that stays masked.
    """

    targets: tuple[Gap, ...]
    rest: BoolArray
    fillable: BoolArray
    warnings: tuple[str, ...]


def reach(gap_mask: BoolArray) -> Reach:
    """Divide a gap mask (n_rock, n_y, n_x), True = to fill, into what can be filled and the rest.

    A plane at the array's edge is known from one side only and stays masked whole. One wider than
    `WIDEST` is filled `ONE_SIDED` voxels deep from each side. Voxels outside any plane are filled
    where a known voxel lies within `WIDEST` on both sides along some axis.
    """
    found = planes(gap_mask)
    targets: list[Gap] = []
    warnings: list[str] = []
    in_planes = np.zeros_like(gap_mask)
    refused = np.zeros_like(gap_mask)
    for gap in found:
        parts, warning = _fillable_parts(gap, gap_mask.shape[gap.axis])
        targets += parts
        warnings += [warning] if warning else []
        _plane(in_planes, gap)[...] = True
        left = np.ones(gap.width, dtype=bool)
        for part in parts:
            left[part.start - gap.start : part.stop - gap.start] = False
        _plane(refused, gap)[left] = True  # also where another plane crosses: nothing is near
    rest = gap_mask & ~in_planes
    if rest.any():
        lonely = rest & ~_enclosed(gap_mask)
        if lonely.any():
            warnings.append(
                f"{np.count_nonzero(lonely)} gap voxels have no known voxel within {WIDEST} on "
                "both sides along any axis: they stay masked"
            )
        rest = rest & ~lonely
    return Reach(tuple(targets), rest, (in_planes & ~refused) | rest, tuple(warnings))


def _plane(volume: BoolArray, gap: Gap) -> BoolArray:
    """The lines of `gap`, as a view of `volume`."""
    return np.moveaxis(volume, gap.axis, 0)[gap.start : gap.stop]


def _fillable_parts(gap: Gap, length: int) -> tuple[list[Gap], str]:
    """What of a plane can be filled, and why the rest cannot (empty if all can)."""
    if gap.start == 0 or gap.stop == length:
        return [], (
            f"gap {gap} touches the array's edge, expected known voxels on both sides: it stays "
            "masked (crop it off, or give a larger array)"
        )
    if gap.width <= WIDEST:
        return [gap], ""
    rims = [
        Gap(gap.axis, gap.start, gap.start + ONE_SIDED),
        Gap(gap.axis, gap.stop - ONE_SIDED, gap.stop),
    ]
    return rims, (
        f"gap {gap} is {gap.width} wide, expected at most {WIDEST} for a patch to see across: "
        f"filled {ONE_SIDED} deep from each side, the middle stays masked"
    )


def _enclosed(gap_mask: BoolArray) -> BoolArray:
    """Voxels whose run of gap voxels, along some axis, is short and ends inside the array."""
    lengths = run_lengths(gap_mask)
    enclosed = np.zeros_like(gap_mask)
    for axis, along in enumerate(lengths):
        known = ~gap_mask
        before = np.logical_or.accumulate(known, axis=axis)
        after = np.flip(np.logical_or.accumulate(np.flip(known, axis), axis=axis), axis)
        enclosed |= before & after & (along <= WIDEST)
    return enclosed
