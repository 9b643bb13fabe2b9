"""Where patches are laid over a volume, and how they are cut from it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.gaps.gap import Gap


@dataclass(frozen=True)
class PatchLocation:
    """A box of the volume: its first voxel and its sides. Both may reach outside the volume."""

    start: tuple[int, ...]
    size: tuple[int, ...]

    def inside(self, shape: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """The part of the volume that the box covers, and the same part of the box.

        Examples
        --------
        >>> PatchLocation((-2, 5), (4, 4)).inside((10, 8))[0]
        (slice(0, 2, None), slice(5, 8, None))
        >>> PatchLocation((-2, 5), (4, 4)).inside((10, 8))[1]
        (slice(2, 4, None), slice(0, 3, None))
        """
        low = [max(a, 0) for a in self.start]
        high = [min(a + s, n) for a, s, n in zip(self.start, self.size, shape, strict=True)]
        volume = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        box = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, self.start, strict=True))
        return volume, box


def axis_starts(length: int, size: int, stride: int) -> list[int]:
    """First voxels of patches that cover an axis evenly.

    An axis shorter than the patch gets one patch, centred on it.

    Parameters
    ----------
    length : voxels of the axis.
    size : voxels of a patch.
    stride : voxels between neighbouring patches, at most.

    Examples
    --------
    >>> axis_starts(100, 32, 24)
    [0, 23, 45, 68]
    >>> axis_starts(20, 32, 24)
    [-6]
    """
    if length <= size:
        return [(length - size) // 2]
    steps = -(-(length - size) // stride)
    return [round(k * (length - size) / steps) for k in range(steps + 1)]


def starts_across(gap: Gap, length: int, size: int, stride: int) -> list[int]:
    """First voxels, across a plane gap, of the patches over it; see `over_plane`.

    A patch that would lie within the gap knows nothing of the scan: it is left out where the others
    cover the gap without it.

    Parameters
    ----------
    gap : the plane.
    length : voxels of the array across it.
    size : side of a patch in voxels.
    stride : voxels between neighbouring patches, at most.

    Examples
    --------
    >>> starts_across(Gap(1, 40, 81), 200, 32, 24)
    [32, 57]
    """
    width = gap.stop - gap.start
    span = size if width <= size // 2 else width + size // 2
    first = (gap.start + gap.stop) // 2 - span // 2
    # Where the array has room, patches stay inside it; else one is centred on the array.
    starts = {
        (length - size) // 2 if length <= size else min(max(first + start, 0), length - size)
        for start in axis_starts(span, size, stride)
    }
    ends = min(starts), max(starts)
    seeing = [s for s in starts if s in ends or s < gap.start or s + size > gap.stop]
    no_hole = all(after - before <= size for before, after in pairwise(sorted(seeing)))
    return sorted(seeing if no_hole else starts)


def over_plane(gap: Gap, shape: tuple[int, ...], size: int, stride: int) -> list[PatchLocation]:
    """Lay patches over a plane gap, sliding over the plane.

    Centred on a gap of up to half their size; across a wider one, with a quarter of their size
    beside it on each side, they slide too.

    Parameters
    ----------
    gap : the plane.
    shape : (n_rock, n_y, n_x) of the array, or (n_y, n_x).
    size : side of a patch in voxels.
    stride : voxels between neighbouring patches, at most.
    """
    starts = [
        starts_across(gap, n, size, stride) if axis == gap.axis else axis_starts(n, size, stride)
        for axis, n in enumerate(shape)
    ]
    return [PatchLocation(start, (size,) * len(shape)) for start in product(*starts)]


def over_voxels(voxels: BoolArray, unknown: BoolArray, size: int) -> list[PatchLocation]:
    """Lay patches whose inner halves together cover some voxels.

    Each voxel is to be seen between known ones: where the shortest run of unknown voxels through
    it does not fit in the patch, the patch is centred on that run.

    Parameters
    ----------
    voxels : (n_rock, n_y, n_x) or (n_y, n_x) bool, True = to cover.
    unknown : the same shape, bool, gap and bad voxels.
    size : side of a patch in voxels.
    """
    inner = size // 2
    places = np.argwhere(voxels)  # (n_voxels, n_dim)
    starts = places // inner * inner - size // 4
    before, after = run_ends(unknown, places)
    closed = (before >= 0) & (after < unknown.shape)
    axis = np.where(closed, after - before, np.iinfo(np.int32).max).argmin(axis=1)
    each = np.arange(len(places))
    first, last, start = before[each, axis], after[each, axis], starts[each, axis]  # (n_voxels,)
    cut_off = closed[each, axis] & ((first < start) | (last >= start + size))
    centred = (first + last) // 2 - inner
    starts[each, axis] = np.where(cut_off, centred, start)
    return [
        PatchLocation(tuple(int(s) for s in start), (size,) * voxels.ndim)
        for start in np.unique(starts, axis=0)
    ]


def run_ends(
    unknown: BoolArray, places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nearest known voxels before and after each of `places` (n_places, n_dim), on every axis.

    Both (n_places, n_dim), indices along that axis; -1 and the axis's length where there is none.
    """
    before, after = np.empty_like(places), np.empty_like(places)
    for axis, n in enumerate(unknown.shape):
        index = np.arange(n, dtype=np.int32).reshape(
            [-1 if a == axis else 1 for a in range(unknown.ndim)]
        )
        forward = np.maximum.accumulate(np.where(unknown, -1, index), axis=axis)
        backward = np.flip(np.where(unknown, n, index), axis)
        backward = np.flip(np.minimum.accumulate(backward, axis=axis), axis)
        before[:, axis], after[:, axis] = forward[tuple(places.T)], backward[tuple(places.T)]
    return before, after


def cut(volume: NDArray[np.generic], location: PatchLocation, outside: object) -> NDArray:
    """Cut a patch from a volume.

    Parameters
    ----------
    volume : of any number type, with as many axes as the location.
    location : where the patch lies.
    outside : the patch's value where it reaches over the volume's edge.

    Returns
    -------
    The patch, a copy.
    """
    patch = np.full(location.size, outside, dtype=volume.dtype)
    in_volume, in_patch = location.inside(volume.shape)
    patch[in_patch] = volume[in_volume]
    return patch
