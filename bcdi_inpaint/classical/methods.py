"""Fills that need no training: what a network is judged against.

Every method is ``f(counts, unknown, gap_mask)`` and returns the counts (n_rock, n_y, n_x) as
float32, with the gap filled by expected counts and every other voxel equal to
``counts.astype(float32)`` bit for bit. `unknown` marks the gap and the bad voxels: nothing is read
from them. All work on log(1 + counts), but for `inverse_distance`. They are listed in `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from skimage.restoration import inpaint_biharmonic

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical import interpolation
from bcdi_inpaint.classical.kriging import krige
from bcdi_inpaint.gaps.masks import find_planes
from bcdi_inpaint.peak.friedel import find_centre, friedel_mate

Method = Callable[[np.ndarray, BoolArray, BoolArray], Float32Array]

IDW_MARGIN = 48  # voxels: what `inverse_distance` looks at, 16, or 38 across the widest gap
BIHARMONIC_MARGIN = 8  # voxels: the equation looks at two; its result stays within their range
TV_MARGIN = 2  # voxels: total variation looks at the next one only
TV_ITERATIONS = 400  # enough for 24 voxels: the log counts are then within 0.04 of the limit
TV_CHECKED = 25  # iterations between two looks at how much changes
TV_TOLERANCE = 1e-3  # largest change of log counts in one iteration, when it ends


def nearest(counts: np.ndarray, unknown: BoolArray, gap_mask: BoolArray) -> Float32Array:
    """The known voxel nearest along the gap's normal; see `interpolation.nearest`."""
    return interpolation.nearest(counts, gap_mask, unknown & ~gap_mask)


def linear(counts: np.ndarray, unknown: BoolArray, gap_mask: BoolArray) -> Float32Array:
    """Linear interpolation along the gap's normal; see `interpolation.linear`."""
    return interpolation.linear(counts, gap_mask, unknown & ~gap_mask)


def cubic(counts: np.ndarray, unknown: BoolArray, gap_mask: BoolArray) -> Float32Array:
    """Cubic interpolation along the gap's normal; see `interpolation.cubic`."""
    return interpolation.cubic(counts, gap_mask, unknown & ~gap_mask)


def inverse_distance(counts: np.ndarray, unknown: BoolArray, gap_mask: BoolArray) -> Float32Array:
    """Mean of the known counts around, by inverse squared distance, as PyNX's ``InterpIobsMask``.

    See `interpolation.inverse_distance`; here it looks no farther than `IDW_MARGIN` voxels.
    """
    box = _box(gap_mask, IDW_MARGIN)
    bad = unknown & ~gap_mask
    part = interpolation.inverse_distance(counts[box], gap_mask[box], bad[box])
    return _with_gap(counts, gap_mask, box, part)


def biharmonic(counts: np.ndarray, unknown: BoolArray, gap_mask: BoolArray) -> Float32Array:
    """The biharmonic equation in the gap (scikit-image), in slices: a 3D system is too large.

    The slices lie across an axis along which the gap does not change: frames, for a gap of rows,
    columns or both. All are solved at once, since they have one matrix. Bad voxels are filled
    linearly beforehand. What a slice says is kept within the range of its known values.

    Chui and Mhaskar, Applied and Computational Harmonic Analysis 28, 104 (2010).
    """
    box = _box(gap_mask, BIHARMONIC_MARGIN)
    gap = gap_mask[box]
    log_counts = interpolation.log_linear(_log(counts[box], unknown[box]), unknown[box])
    axis = next((axis for axis in range(3) if _is_constant(gap, axis)), None)
    last = 0 if axis is None else axis
    slices = np.moveaxis(log_counts, last, -1).astype(np.float64)  # (n, m, n_slices), a copy
    masks = np.moveaxis(gap, last, -1)
    # One matrix serves all slices, or there is one for each.
    groups = [slice(None)] if axis is not None else [slice(i, i + 1) for i in range(gap.shape[0])]
    for group in groups:
        mask = masks[..., group][..., 0]  # (n, m)
        if mask.any() and not mask.all():
            slices[..., group] = inpaint_biharmonic(slices[..., group], mask, channel_axis=-1)
    return _with_gap(counts, gap_mask, box, np.expm1(np.moveaxis(slices, -1, last)))


def total_variation(counts: np.ndarray, unknown: BoolArray, gap_mask: BoolArray) -> Float32Array:
    """The fill of least total variation, in 3D, the known voxels being fixed.

    It minimises the sum of |grad u| over u = log(1 + counts), from the linear fill on, by the
    primal-dual iteration of Chambolle and Pock, J. Math. Imaging Vis. 40, 120 (2011), algorithm 1.
    Bad voxels beside the gap are filled along with it.
    """
    box = _box(gap_mask, TV_MARGIN)
    start = interpolation.log_linear(_log(counts[box], unknown[box]), unknown[box])
    values = least_variation(start, unknown[box])
    return _with_gap(counts, gap_mask, box, np.expm1(values))


def least_variation(values: Float32Array, free: BoolArray) -> Float32Array:
    """The array of least isotropic total variation that equals `values` where not `free`.

    Parameters
    ----------
    values : any shape; where free, the first guess.
    free : bool of that shape, True = to be found.

    Returns
    -------
    Float32 of the same shape, a new array.
    """
    found = values.astype(np.float32)
    ahead = found.copy()  # the extrapolated iterate of the algorithm
    dual = np.zeros((values.ndim, *values.shape), dtype=np.float32)
    step = np.float32(0.5 / np.sqrt(values.ndim))  # step**2 * |gradient|**2 <= 1
    moving = free.astype(np.float32) * step
    for iteration in range(TV_ITERATIONS):
        _ascend(dual, ahead, step)
        change = _divergence(dual)  # (*shape)
        change *= moving
        found += change
        np.add(found, change, out=ahead)
        if iteration % TV_CHECKED == 0 and np.abs(change).max() < TV_TOLERANCE:
            break
    return found


def _ascend(dual: Float32Array, values: Float32Array, step: np.float32) -> None:
    """Add the gradient to the dual field (n_dim, *shape), in place, and keep it within length 1."""
    for axis, component in enumerate(dual):
        inner = np.moveaxis(component, axis, 0)[:-1]  # a view; past the edge the gradient is 0
        inner += step * np.moveaxis(np.diff(values, axis=axis), axis, 0)
    length = np.sqrt(np.einsum("i...,i...->...", dual, dual))  # (*shape)
    dual /= np.maximum(length, 1, out=length)


def _divergence(dual: Float32Array) -> Float32Array:
    """Divergence (*shape) of a field (n_dim, *shape): minus the adjoint of the gradient."""
    total = dual.sum(axis=0)
    for axis, component in enumerate(dual):
        np.moveaxis(total, axis, 0)[1:] -= np.moveaxis(component, axis, 0)[:-1]
    return total


def friedel(counts: np.ndarray, unknown: BoolArray, gap_mask: BoolArray) -> Float32Array:
    """The Friedel mate: what was measured at -q, seen from the Bragg peak.

    It is exact for a crystal without strain. Linear where the mate is unknown too.
    """
    log_counts, known = _log(counts, unknown), ~unknown
    mate, mate_known = friedel_mate(log_counts, known, find_centre(log_counts, known))
    filled = linear(counts, unknown, gap_mask)
    chosen = gap_mask & mate_known
    filled[chosen] = np.clip(np.expm1(mate[chosen]), 0, None)
    return filled


def kriging(counts: np.ndarray, unknown: BoolArray, gap_mask: BoolArray) -> Float32Array:
    """Plane gaps by kriging with the scan's own correlation (see `bcdi_inpaint.classical.kriging`).

    Gap voxels in no plane are filled linearly.
    """
    kriged = krige(_log(counts, unknown), unknown, find_planes(unknown))
    return _with_gap(counts, gap_mask, (slice(None),) * counts.ndim, np.expm1(kriged.log_counts))


METHODS: dict[str, Method] = {
    "nearest": nearest,
    "linear": linear,
    "cubic": cubic,
    "inverse_distance": inverse_distance,
    "biharmonic": biharmonic,
    "total_variation": total_variation,
    "friedel": friedel,
    "kriging": kriging,
}


def _log(counts: np.ndarray, unknown: BoolArray) -> Float32Array:
    """log(1 + counts), 0 where unknown."""
    return np.log1p(np.where(unknown, 0, counts)).astype(np.float32)


def _is_constant(mask: BoolArray, axis: int) -> bool:
    return bool((mask == mask.take([0], axis=axis)).all())


def _box(gap_mask: BoolArray, margin: int) -> tuple[slice, ...]:
    """The part of the array within `margin` of the gap; all of it where there is no gap."""
    box = []
    for axis in range(gap_mask.ndim):
        others = tuple(other for other in range(gap_mask.ndim) if other != axis)
        lines = np.flatnonzero(gap_mask.any(axis=others))
        if lines.size:
            box.append(slice(max(0, int(lines[0]) - margin), int(lines[-1]) + 1 + margin))
        else:
            box.append(slice(None))
    return tuple(box)


def _with_gap(
    counts: np.ndarray, gap_mask: BoolArray, box: tuple[slice, ...], part: np.ndarray
) -> Float32Array:
    """The counts with the gap taken from a fill of the box."""
    filled = counts.astype(np.float32)  # a copy
    inside = gap_mask[box]
    filled[box][inside] = np.clip(part[inside], 0, None)
    return filled
