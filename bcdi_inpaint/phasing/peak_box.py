"""The box around the Bragg peak that is phased."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.centre import find_central_voxel
from bcdi_inpaint.scan.boxes import Box, Shape, as_box, as_shape

SMALLEST_BOX = 16
"""Voxels a side, below which there is no pattern to phase."""
LARGEST_PRIME = 13
"""PyNX transforms arrays whose sides have no larger prime factor."""


class PeakNearEdgeError(InputError):
    """The peak is so near the edge that no box around it is worth phasing.

    The message names no remedy: not everybody who asks for a box can be given one.
    """


def crop_around_peak(counts: np.ndarray, bad_mask: BoolArray, shape: Shape | None = None) -> Box:
    """The slices of a box of `shape` around the Bragg peak, moved inwards to fit the array.

    The peak is found as `peak.centre.find_central_voxel` finds it: no hot pixel moves the box.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x)
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid
    shape : of the box, per axis not more than the counts' shape. By default the largest of even
        sizes with small prime factors that has the peak in its middle.

    Returns
    -------
    The box, three slices.

    Raises
    ------
    PeakNearEdgeError
        Without a shape: the peak is so near the edge that no box around it is worth phasing.
    InputError
        The box is larger than the array, or no valid voxel has counts.

    Examples
    --------
    >>> counts = np.zeros((20, 30, 40))
    >>> counts[9, 12, 25] = 100
    >>> crop_around_peak(counts, counts < 0, (8, 10, 12))
    (slice(5, 13, None), slice(7, 17, None), slice(19, 31, None))
    """
    peak = find_central_voxel(counts, bad_mask)
    if peak is None:
        raise InputError(
            "no valid voxel has counts, expected a Bragg peak: check the mask and the data"
        )
    if shape is None:
        shape = _largest_box(peak, counts.shape)
    if any(size > n for size, n in zip(shape, counts.shape, strict=True)):
        raise InputError(
            f"crop {shape} is larger than the counts {counts.shape}, expected at "
            "most their shape: choose a smaller crop"
        )
    starts = (
        int(np.clip(c - size // 2, 0, n - size))
        for c, size, n in zip(peak, shape, counts.shape, strict=True)
    )
    return as_box(slice(start, start + size) for start, size in zip(starts, shape, strict=True))


def shrink_box(box: Box, largest: int) -> Box:
    """The box about the same middle with at most `largest` voxels a side.

    Examples
    --------
    >>> shrink_box((slice(0, 40), slice(8, 16), slice(2, 34)), 20)
    (slice(10, 30, None), slice(8, 16, None), slice(8, 28, None))
    """
    cuts = (max(side.stop - side.start - largest, 0) // 2 for side in box)
    return as_box(
        slice(side.start + cut, side.stop - cut) for side, cut in zip(box, cuts, strict=True)
    )


def _largest_box(peak: tuple[int, ...], shape: tuple[int, ...]) -> Shape:
    """Sizes of the largest box with the peak in its middle that transforms fast on every device."""
    halves = (min(c, n - c) for c, n in zip(peak, shape, strict=True))
    sizes = as_shape(2 * fast_size(half) for half in halves)
    if min(sizes) < SMALLEST_BOX:
        raise PeakNearEdgeError(
            f"the peak at {peak} is too near the edge of the counts {shape}, expected it at least "
            f"{SMALLEST_BOX // 2} voxels inside"
        )
    return sizes


def fast_size(n: int) -> int:
    """The largest number up to `n` without a prime factor above 13; 0 if there is none.

    Examples
    --------
    >>> fast_size(17), fast_size(26), fast_size(0)
    (16, 26, 0)
    """
    return next((size for size in range(n, 0, -1) if _is_fast(size)), 0)


def _is_fast(size: int) -> bool:
    for factor in range(2, LARGEST_PRIME + 1):
        while size % factor == 0:
            size //= factor
    return size == 1
