"""What part of a gap can be filled: how far the network was trained to see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.detectors import Gap
from bcdi_inpaint.gaps import planes
from bcdi_inpaint.interpolation import run_lengths

BoolArray = NDArray[np.bool_]

WIDEST = 42
"""Widest gap filled from both sides: the widest between modules, and the widest trained with."""
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


def reach(gap_mask: BoolArray, bad_mask: BoolArray | None = None) -> Reach:
    """Divide a gap mask (n_rock, n_y, n_x), True = to fill, into what can be filled and the rest.

    `bad_mask`, of the same shape, marks other voxels that are not known. A plane at the array's
    edge is known from one side only and stays masked whole, and so does one with nothing but bad
    voxels on one side. One wider than `WIDEST`, with the bad lines beside it, is filled `ONE_SIDED`
    voxels deep from each side. Voxels outside any plane are filled where a known voxel lies within
    `WIDEST` on both sides along some axis.
    """
    unknown = gap_mask if bad_mask is None else gap_mask | bad_mask
    found = planes(gap_mask)
    targets: list[Gap] = []
    warnings: list[str] = []
    in_planes = np.zeros_like(gap_mask)
    refused = np.zeros_like(gap_mask)
    for gap in found:
        parts, warning = _fillable_parts(gap, _known_lines(unknown, gap.axis))
        targets += parts
        warnings += [warning] if warning else []
        _plane(in_planes, gap)[...] = True
        left = np.ones(gap.width, dtype=bool)
        for part in parts:
            left[part.start - gap.start : part.stop - gap.start] = False
        _plane(refused, gap)[left] = True  # also where another plane crosses: nothing is near
    rest = gap_mask & ~in_planes
    if rest.any():
        lonely = rest & ~_enclosed(unknown)
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


def _known_lines(unknown: BoolArray, axis: int) -> NDArray[np.int64]:
    """Indices along `axis` of the lines in which any voxel is known."""
    others = tuple(a for a in range(unknown.ndim) if a != axis)
    return np.flatnonzero(~unknown.all(axis=others))


def _fillable_parts(gap: Gap, known: NDArray[np.int64]) -> tuple[list[Gap], str]:
    """What of a plane can be filled, and why the rest cannot (empty if all can)."""
    before, after = known[known < gap.start], known[known >= gap.stop]
    if not before.size or not after.size:
        return [], (
            f"gap {gap} touches the array's edge or its masked border, expected known voxels on "
            "both sides: it stays masked (crop it off, or give a larger array)"
        )
    start, stop = int(before[-1]) + 1, int(after[0])  # with the bad lines beside the gap
    if stop - start <= WIDEST:
        return [gap], ""
    beside = " with the masked lines beside it" if stop - start > gap.width else ""
    rims = [
        (gap.start, min(start + ONE_SIDED, gap.stop)),
        (max(stop - ONE_SIDED, gap.start), gap.stop),
    ]
    return [Gap(gap.axis, low, high) for low, high in rims if low < high], (
        f"gap {gap} is {stop - start} wide{beside}, expected at most {WIDEST} for a patch to see "
        f"across: filled {ONE_SIDED} deep from each side, the middle stays masked"
    )


def _enclosed(unknown: BoolArray) -> BoolArray:
    """Voxels whose run of unknown voxels, along some axis, is short and ends inside the array."""
    lengths = run_lengths(unknown)
    enclosed = np.zeros_like(unknown)
    for axis, along in enumerate(lengths):
        known = ~unknown
        before = np.logical_or.accumulate(known, axis=axis)
        after = np.flip(np.logical_or.accumulate(np.flip(known, axis), axis=axis), axis)
        enclosed |= before & after & (along <= WIDEST)
    return enclosed
