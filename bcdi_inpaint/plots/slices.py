"""Slices and sums of a volume, as the pictures show them."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.centre import find_peak
from bcdi_inpaint.plots.style import VIEWS
from bcdi_inpaint.scan.boxes import as_shape


def brightest_voxel(counts: np.ndarray) -> tuple[int, int, int]:
    """Middle of the brightest region, as (frame, row, column); the array's middle if all is dark.

    By the rule of `peak.centre.find_peak`: a single hot voxel does not win over the Bragg peak.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), NaN = unknown.
    """
    peak = find_peak(counts)
    return as_shape(n // 2 for n in counts.shape) if peak is None else as_shape(peak)


def slice_indices(centre: tuple[int, int, int], gap_mask: BoolArray) -> tuple[int, ...]:
    """The centre, each index moved to the nearest slice that does not lie in the gap."""
    indices = []
    for axis, index in enumerate(centre):
        others = tuple(i for i in range(3) if i != axis)
        seen = np.flatnonzero(gap_mask.mean(axis=others) < 0.5)
        indices.append(int(seen[np.abs(seen - index).argmin()]) if seen.size else index)
    return tuple(indices)


def slice_of(volume: np.ndarray, axis: int, index: int) -> np.ndarray:
    """A slice of a volume, turned as it is shown.

    Parameters
    ----------
    volume : (n_rock, n_y, n_x).
    axis : across the slice.
    index : of the slice on that axis.
    """
    return turn(volume.take(index, axis=axis), axis)


def sum_of(volume: FloatArray, axis: int) -> FloatArray:
    """Sum along `axis`; unknown where less than a tenth of the line is known."""
    known = 1 - np.isnan(volume).mean(axis=axis)
    total = np.nansum(volume, axis=axis, dtype=np.float64)
    return turn(np.where(known >= 0.1, total, np.nan), axis)


def turn(image: np.ndarray, axis: int) -> np.ndarray:
    """A view along `axis`, its two array axes put down and across the picture as `VIEWS` says."""
    across, down = VIEWS[axis]
    return image if down < across else image.T


def check_shapes(counts: np.ndarray, *others: np.ndarray) -> None:
    """InputError for counts that are not (n_rock, n_y, n_x), or others of another shape."""
    if counts.ndim != 3:
        raise InputError(
            f"counts have shape {counts.shape}, expected (n_rock, n_y, n_x): stack the frames"
        )
    for other in others:
        if other.shape != counts.shape:
            raise InputError(
                f"an array of shape {other.shape} does not fit counts {counts.shape}, expected "
                "one shape: crop them alike"
            )
