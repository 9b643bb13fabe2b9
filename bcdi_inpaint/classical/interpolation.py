"""Interpolation of a gap from the known voxels beside it.

`linear`, `cubic` and `nearest` work in log(1 + counts) along the gap's normal. The normal is found
voxel by voxel: the axis along which the run of unknown voxels is shortest. A plane is crossed along
its normal; where two planes cross, every line runs inside the other plane, so the planes are filled
first and their intersection from them, as the mean over both normals.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.ndimage import distance_transform_edt

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray, IntArray
from bcdi_inpaint.classical.inputs import find_unknown
from bcdi_inpaint.classical.runs import UNUSABLE, Runs

Kind = Literal["nearest", "linear", "cubic"]


def linear(
    counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray | None = None
) -> Float32Array:
    """Interpolate log(1 + counts) linearly along the gap's normal.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; the values in the gap and in bad voxels are unused.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid: left as it is, and not interpolated from.

    Returns
    -------
    (n_rock, n_y, n_x) float32.

    Raises
    ------
    InputError
        For masks of another shape or type, or negative or non-finite known counts.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.array([[[0.0, 0.0, 0.0, 15.0, 63.0]]])
    >>> gap = np.array([[[False, True, True, True, False]]])
    >>> print(linear(counts, gap).round(1))
    [[[ 0.   1.8  7.  21.6 63. ]]]
    """
    return _fill_in_log(counts, gap_mask, bad_mask, "linear")


def cubic(
    counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray | None = None
) -> Float32Array:
    """Interpolate log(1 + counts) by a cubic along the gap's normal.

    The polynomial goes through the two known voxels on each side; where one of the four is missing
    the fill is linear. Clipped to 0 and to the brightest known voxel, since a cubic overshoots.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; the values in the gap and in bad voxels are unused.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid: left as it is, and not interpolated from.

    Returns
    -------
    (n_rock, n_y, n_x) float32.

    Raises
    ------
    InputError
        For masks of another shape or type, or negative or non-finite known counts.
    """
    return _fill_in_log(counts, gap_mask, bad_mask, "cubic")


def nearest(
    counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray | None = None
) -> Float32Array:
    """Take the known voxel nearest along the gap's normal; half-way, the mean of both in log.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; the values in the gap and in bad voxels are unused.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid: left as it is, and not interpolated from.

    Returns
    -------
    (n_rock, n_y, n_x) float32.

    Raises
    ------
    InputError
        For masks of another shape or type, or negative or non-finite known counts.
    """
    return _fill_in_log(counts, gap_mask, bad_mask, "nearest")


def log_linear(log_counts: FloatArray, unknown: np.ndarray) -> FloatArray:
    """Linear fill of values that are already logarithms, along the normal of the unknown region.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) float; values in unknown voxels are unused.
    unknown : (n_rock, n_y, n_x) bool, True = to fill (gap and bad voxels alike).

    Returns
    -------
    (n_rock, n_y, n_x) of the same float type, a new array.
    """
    return fill_along_shortest(log_counts, unknown, "linear")


def fill_along_shortest(
    values: FloatArray,
    fill_mask: np.ndarray,
    kind: Kind = "linear",
    excluded: np.ndarray | None = None,
) -> FloatArray:
    """Fill voxels along the axis on which they have the shortest run of unknown voxels.

    Thin runs come first, and what they give is known to the runs that follow (up to twice as long
    in each pass). Axes with equally short runs are averaged; a run that touches the array's edge
    takes its one known end; a run without a known end is not used. A voxel without a usable axis
    takes the nearest known voxel of the whole array, and 0 where nothing at all is known.

    Parameters
    ----------
    values : (n_rock, n_y, n_x) float.
    fill_mask : (n_rock, n_y, n_x) bool, True = to fill.
    kind : ``"nearest"``, ``"linear"`` or ``"cubic"`` (for values >= 0: clipped to 0 and to the
        largest known value).
    excluded : (n_rock, n_y, n_x) bool, True = unknown too, but left as it is.

    Returns
    -------
    (n_rock, n_y, n_x) of the same float type, a new array.
    """
    filled = np.array(values, order="C")  # (n_rock, n_y, n_x), a copy
    unknown = fill_mask.copy() if excluded is None else fill_mask | excluded
    upper = float(values[~unknown].max()) if kind == "cubic" and not unknown.all() else np.inf
    targets = np.flatnonzero(fill_mask)  # (n_left,) flat indices of the voxels left to fill
    limit = 0
    while targets.size:
        runs = [Runs(unknown, targets, axis) for axis in range(unknown.ndim)]
        lengths = np.stack([run.usable_length for run in runs])  # (3, n_left)
        shortest = lengths.min(axis=0)  # (n_left,)
        if shortest.min() == UNUSABLE:
            break
        limit = max(2 * limit, 2 * int(shortest.min()))
        now = shortest <= min(limit, UNUSABLE - 1)  # (n_left,)
        total = np.zeros(targets.size)
        for run, length in zip(runs, lengths, strict=True):
            chosen = now & (length == shortest)
            total[chosen] += _interpolate(run, filled, unknown, chosen, kind)
        mean = total[now] / (lengths == shortest).sum(axis=0)[now]
        filled.flat[targets[now]] = np.minimum(mean, upper) if kind == "cubic" else mean
        unknown.flat[targets[now]] = False
        targets = targets[~now]
    if targets.size:
        left = np.zeros_like(unknown)
        left.flat[targets] = True
        filled[left] = nearest_known(filled, unknown, left)
    return filled


def _interpolate(
    runs: Runs, values: FloatArray, unknown: BoolArray, chosen: BoolArray, kind: Kind
) -> Float64Array:
    """Values at the chosen targets, (n_chosen,), from the known ends of their runs."""
    flat, flat_unknown = values.reshape(-1), unknown.reshape(-1)
    position, below, above = (a[chosen] for a in (runs.position, runs.below, runs.above))
    low, high = runs.ends(chosen)
    at_low, at_high = (flat[runs.flat(chosen, end)].astype(np.float64) for end in (low, high))
    fraction = (position - below) / (above - below)  # in (0, 1) across the run
    if kind == "nearest":
        fraction = 0.5 + 0.5 * np.sign(fraction - 0.5)
    result: Float64Array = at_low + fraction * (at_high - at_low)
    if kind == "cubic":
        inside = runs.has_two(chosen)
        before = runs.flat(chosen, np.where(inside, below - 1, low))
        after = runs.flat(chosen, np.where(inside, above + 1, high))
        four = inside & ~flat_unknown[before] & ~flat_unknown[after]
        nodes = np.stack([flat[before], at_low, at_high, flat[after]])[:, four]  # (4, n_four)
        result[four] = _cubic((position - below)[four], (above - below)[four], nodes)
        result = np.clip(result, 0, None)
    return result


def _cubic(x: FloatArray | IntArray, width: IntArray, nodes: FloatArray) -> Float64Array:
    """Lagrange polynomial through the (4, n) `nodes` at -1, 0, width, width + 1, taken at x."""
    before, low, high, after = nodes.astype(np.float64)
    w = width.astype(np.float64)
    result: Float64Array = (
        -before * x * (x - w) * (x - w - 1) / ((w + 1) * (w + 2))
        + low * (x + 1) * (x - w) * (x - w - 1) / (w * (w + 1))
        - high * (x + 1) * x * (x - w - 1) / (w * (w + 1))
        + after * (x + 1) * x * (x - w) / ((w + 1) * (w + 2))
    )
    return result


def _fill_in_log(
    counts: np.ndarray, gap_mask: BoolArray, bad_mask: BoolArray | None, kind: Kind
) -> Float32Array:
    """The counts with the gap interpolated in log(1 + counts)."""
    unknown = find_unknown(counts, gap_mask, bad_mask)
    filled = counts.astype(np.float32)  # (n_rock, n_y, n_x)
    log_counts = np.log1p(np.where(unknown, np.float32(0), filled))
    log_filled = fill_along_shortest(log_counts, gap_mask, kind, excluded=bad_mask)
    filled[gap_mask] = np.expm1(log_filled[gap_mask])
    return filled


def nearest_known(values: FloatArray, unknown: BoolArray, within: BoolArray) -> FloatArray:
    """Value of the known voxel nearest to each voxel of a mask.

    Parameters
    ----------
    values : (n_rock, n_y, n_x) float.
    unknown : (n_rock, n_y, n_x) bool.
    within : (n_rock, n_y, n_x) bool, the voxels to find a value for.

    Returns
    -------
    (n_within,) of the same float type; 0 where nothing at all is known.
    """
    if unknown.all():
        return np.zeros(int(within.sum()), dtype=values.dtype)
    indices = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    nearest_values: FloatArray = values[tuple(indices[:, within])]  # indices: (3, n_rock, n_y, n_x)
    return nearest_values
