"""Gaps as masks, and masks as gaps. One polarity: True = to fill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.scan.boxes import AXIS_NAMES, Box, Shape, as_shape, other_axes, sides, whole
from bcdi_inpaint.scan.scan import as_mask


def merge_gaps(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Join gaps that touch or overlap; the result is sorted by axis and line.

    Examples
    --------
    >>> merge_gaps([Gap(1, 4, 6), Gap(1, 2, 4), Gap(2, 0, 3)])
    (rows 2:6, cols 0:3)
    """
    result: list[Gap] = []
    for gap in sorted(gaps):
        last = result[-1] if result else None
        if last is not None and last.axis == gap.axis and gap.start <= last.stop:
            result[-1] = Gap(gap.axis, last.start, max(last.stop, gap.stop))
        else:
            result.append(gap)
    return tuple(result)


def gap_mask(gaps: Iterable[Gap], shape: Shape) -> BoolArray:
    """Draw gaps as a mask.

    Parameters
    ----------
    gaps : the gaps, in lines of the array.
    shape : (n_rock, n_y, n_x).

    Returns
    -------
    (n_rock, n_y, n_x) bool, True = to fill.

    Raises
    ------
    InputError
        Where a gap reaches outside the array, or where nothing is left outside the gaps.

    Examples
    --------
    >>> gap_mask([Gap(1, 1, 3)], (1, 4, 2)).astype(int)
    array([[[0, 0],
            [1, 1],
            [1, 1],
            [0, 0]]])
    """
    gaps = tuple(gaps)
    check_inside(gaps, shape)
    return mask_in_box(gaps, whole(shape))


def check_inside(gaps: Iterable[Gap], shape: Shape) -> None:
    """Refuse gaps that reach outside an array, or that leave nothing of it; see `gap_mask`."""
    left = [np.ones(length, dtype=bool) for length in shape]
    for gap in gaps:
        length = shape[gap.axis]
        if gap.stop > length:
            raise InputError(
                f"gap {gap} reaches outside the array, which has {AXIS_NAMES[gap.axis]} "
                f"0:{length}: give lines of this array, not of the uncropped detector"
            )
        left[gap.axis][gap.start : gap.stop] = False
    if not all(lines.any() for lines in left):
        raise InputError(
            f"the gaps cover all of the array {shape}, expected measured lines around them: "
            "give a smaller range"
        )


def mask_in_box(gaps: Iterable[Gap], box: Sequence[slice]) -> BoolArray:
    """Draw gaps as a mask of one box of the array, bool of the box's shape."""
    mask = np.zeros(sides(box), dtype=bool)
    for gap in gaps:
        part = box[gap.axis]
        start, stop = max(gap.start - part.start, 0), max(gap.stop - part.start, 0)
        np.moveaxis(mask, gap.axis, 0)[start:stop] = True
    return mask


def find_planes(mask: BoolArray) -> tuple[Gap, ...]:
    """Find the whole frames, rows and columns of a mask (n_rock, n_y, n_x).

    The inverse of `gap_mask`. Voxels that lie in no whole plane are left out.

    Examples
    --------
    >>> find_planes(gap_mask([Gap(1, 1, 3)], (1, 4, 2)))
    (rows 1:3,)
    """
    lines = (np.asarray(mask.all(axis=other_axes(axis))) for axis in range(3))
    return sum((runs_of_lines(axis, full) for axis, full in enumerate(lines)), ())


def filled_planes(planes: Sequence[Gap], filled: BoolArray) -> tuple[Gap, ...]:
    """The planes in which something was filled, other than where planes of other axes cross them.

    Examples
    --------
    >>> filled = gap_mask([Gap(2, 1, 2)], (1, 4, 3))
    >>> filled_planes([Gap(1, 2, 4), Gap(2, 1, 2)], filled)
    (cols 1:2,)
    """

    def alone(plane: Gap) -> BoolArray:
        lines = [np.ones(length, dtype=bool) for length in filled.shape]
        for other in planes:
            lines[other.axis][other.start : other.stop] = False
        lines[plane.axis][:] = False
        lines[plane.axis][plane.start : plane.stop] = True
        return filled[np.ix_(*lines)]

    return tuple(plane for plane in planes if alone(plane).any())


@dataclass(frozen=True)
class GapRegion:
    """The voxels of an array that are to be filled, drawn part by part.

    `planes` are whole lines of the array of `shape`; `rest` (bool, of that shape) holds what lies
    in none of them, None where there is nothing.
    """

    shape: Shape
    planes: tuple[Gap, ...]
    rest: BoolArray | None = None

    @classmethod
    def of(cls, mask: BoolArray) -> GapRegion:
        """The region of a mask (n_rock, n_y, n_x) bool."""
        shape = as_shape(mask.shape)
        found = find_planes(mask)
        rest = mask & ~mask_in_box(found, whole(shape)) if mask.any() else mask
        return cls(shape, found, rest if rest.any() else None)

    def part(self, box: Box) -> BoolArray:
        """The mask of a box, bool of the box's shape."""
        mask = mask_in_box(self.planes, box)
        return mask if self.rest is None else mask | self.rest[box]


def runs_of_lines(axis: int, in_gap: BoolArray) -> tuple[Gap, ...]:
    """Runs of True in a line-by-line flag (n_lines,), as gaps of that axis."""
    steps = np.diff(in_gap.astype(np.int8), prepend=0, append=0)
    starts, stops = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return tuple(Gap(axis, int(a), int(b)) for a, b in zip(starts, stops, strict=True))


def as_gaps(gaps: object) -> tuple[Gap, ...]:
    """One gap or several, as a tuple; InputError for anything else."""
    several: tuple[Any, ...] = (gaps,)
    if isinstance(gaps, Iterable) and not isinstance(gaps, str):
        several = tuple(gaps)
    for gap in several:
        if not isinstance(gap, Gap):
            shown = repr(gap) if len(repr(gap)) < 40 else f"of type {type(gap).__name__}"
            raise InputError(
                f"a gap is {shown}, expected one of bcdi_inpaint.gaps.gap.Gap, or all as a mask in "
                "an array: give what find_gaps returns, or Gap(axis, start, stop)"
            )
    return several


def as_region(gaps: np.ndarray | Gap | Iterable[Gap], shape: Shape) -> GapRegion:
    """Gaps in whatever form, as the region to fill.

    Parameters
    ----------
    gaps : a mask (n_rock, n_y, n_x) or (n_y, n_x), True = to fill, or one gap, or several, for
        example what `gaps.finding.find_with` returns.
    shape : (n_rock, n_y, n_x) of the scan.

    Returns
    -------
    The region to fill.

    Raises
    ------
    InputError
        For a mask of another shape, gaps outside the scan, nothing to fill, or what is no gap.
    """
    if isinstance(gaps, np.ndarray):
        mask = as_mask(gaps, shape, "gap_mask")
        if not mask.any():
            raise InputError("gap_mask is empty, expected voxels to fill: there is nothing to do")
        return GapRegion.of(mask)
    planes = merge_gaps(as_gaps(gaps))
    if not planes:
        raise InputError("no gaps are given, expected some to fill: there is nothing to do")
    check_inside(planes, shape)
    return GapRegion(shape, planes)
