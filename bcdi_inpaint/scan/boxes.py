"""Boxes of an array: a slice for each axis, and what is done with them everywhere.

A box of an array (n_rock, n_y, n_x) is three slices whose start and stop are whole numbers inside
it. Geometry is done axis by axis; nothing here looks at a voxel but `bounding_box`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from bcdi_inpaint.arrays import BoolArray

Shape = tuple[int, int, int]
Box = tuple[slice, slice, slice]
"""A part of an array (n_rock, n_y, n_x): slices whose start and stop lie inside it."""

AXIS_NAMES = ("frames", "rows", "cols")
"""Of the axes of a scan, as options and messages call them."""

BLOCK = 8
"""Frames that are held at a time where a scan is gone through."""


def as_box(parts: Iterable[slice]) -> Box:
    """Three slices as a box."""
    frames, rows, columns = parts
    return frames, rows, columns


def as_shape(sides: Iterable[int]) -> Shape:
    """Three whole numbers as the shape of an array."""
    n_rock, n_y, n_x = (int(side) for side in sides)
    return n_rock, n_y, n_x


def blocks(shape: Shape) -> Iterator[Box]:
    """Boxes of `BLOCK` whole frames that together are an array of that shape."""
    n_rock, n_y, n_x = shape
    for first in range(0, n_rock, BLOCK):
        yield slice(first, min(first + BLOCK, n_rock)), slice(0, n_y), slice(0, n_x)


def whole(shape: Sequence[int]) -> Box:
    """The box that is all of an array."""
    return as_box(slice(0, n) for n in shape)


def sides(box: Iterable[slice]) -> tuple[int, ...]:
    """The shape of a box.

    Examples
    --------
    >>> sides((slice(2, 5), slice(0, 4), slice(1, 2)))
    (3, 4, 1)
    """
    return tuple(part.stop - part.start for part in box)


def volume(box: Iterable[slice]) -> int:
    """How many voxels a box has."""
    return math.prod(sides(box))


def overlaps(first: Sequence[slice], second: Sequence[slice]) -> bool:
    """Whether two boxes have a voxel in common."""
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(first, second, strict=True))


def overlap(
    first: Sequence[slice], second: Sequence[slice]
) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """Where two boxes overlap, as a part of each; None if they do not.

    Examples
    --------
    >>> overlap((slice(0, 4),), (slice(3, 9),))
    ((slice(3, 4, None),), (slice(0, 1, None),))
    """
    if not overlaps(first, second):
        return None
    common = [
        slice(max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(first, second, strict=True)
    ]
    return within(common, first), within(common, second)


def within(inner: Iterable[slice], outer: Iterable[slice]) -> tuple[slice, ...]:
    """A box of the array as a part of the box `outer` around it."""
    return tuple(
        slice(part.start - around.start, part.stop - around.start)
        for part, around in zip(inner, outer, strict=True)
    )


def move(box: Iterable[slice], steps: Iterable[int]) -> tuple[slice, ...]:
    """The box moved by whole voxels along each axis."""
    return tuple(
        slice(part.start + step, part.stop + step) for part, step in zip(box, steps, strict=True)
    )


def hull(boxes: Iterable[Sequence[slice]]) -> tuple[slice, ...]:
    """The smallest box around some boxes.

    Examples
    --------
    >>> hull([(slice(0, 4),), (slice(6, 9),)])
    (slice(0, 9, None),)
    """
    return tuple(
        slice(min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*boxes, strict=True)
    )


def grow(box: Iterable[slice], margins: Iterable[int], shape: Iterable[int]) -> tuple[slice, ...]:
    """Add a margin on both sides of each axis, as far as the array reaches.

    Parameters
    ----------
    box : the box.
    margins : voxels to add, for each axis.
    shape : of the array.

    Returns
    -------
    The larger box.
    """
    return tuple(
        slice(max(part.start - margin, 0), min(part.stop + margin, n))
        for part, margin, n in zip(box, margins, shape, strict=True)
    )


def around(middle: Iterable[int], half: int, shape: Iterable[int]) -> tuple[slice, ...]:
    """The box of `half` voxels on each side of a voxel, as far as the array reaches.

    Parameters
    ----------
    middle : the voxel, an index for each axis.
    half : voxels on each side of it.
    shape : of the array.

    Examples
    --------
    >>> around((1, 5), 2, (8, 8))
    (slice(0, 4, None), slice(3, 8, None))
    """
    return tuple(
        slice(max(int(m) - half, 0), min(int(m) + half + 1, n))
        for m, n in zip(middle, shape, strict=True)
    )


def bounding_box(mask: BoolArray, margin: int = 0) -> tuple[slice, ...] | None:
    """The smallest box around the True voxels of a mask, with a margin; None if there are none.

    Parameters
    ----------
    mask : bool, of any number of dimensions.
    margin : voxels on both sides of each axis, as far as the array reaches.
    """
    box = []
    for axis, n in enumerate(mask.shape):
        lines = np.flatnonzero(mask.any(axis=other_axes(axis, mask.ndim)))
        if not lines.size:
            return None
        box.append(slice(max(0, int(lines[0]) - margin), min(int(lines[-1]) + 1 + margin, n)))
    return tuple(box)


def other_axes(axis: int, n_dim: int = 3) -> tuple[int, ...]:
    """All axes but one.

    Examples
    --------
    >>> other_axes(1)
    (0, 2)
    """
    return tuple(other for other in range(n_dim) if other != axis)
