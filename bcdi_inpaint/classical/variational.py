"""Fills that solve an equation in the gap: the biharmonic one, and least total variation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.restoration import inpaint_biharmonic

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.inputs import find_unknown, lay_into_gap, log_of_known
from bcdi_inpaint.classical.interpolation import log_linear
from bcdi_inpaint.scan.boxes import bounding_box

BIHARMONIC_MARGIN = 8
"""Voxels around the gap that are looked at: the equation reaches two, its bounds are of all."""
VARIATION_MARGIN = 2
"""Voxels around the gap that are looked at: total variation reaches one."""


@dataclass(frozen=True)
class VariationSettings:
    """How long the search for the least total variation goes on.

    Chosen so that a gap of 24 voxels is within 0.04 of the limit in log counts; no committed
    command.

    Attributes
    ----------
    iterations : at most so many.
    check_every : iterations between two looks at how much still changes.
    tolerance : largest change of log counts in one iteration at which the search ends.
    """

    iterations: int = 400
    check_every: int = 25
    tolerance: float = 1e-3


def biharmonic(
    counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray | None = None
) -> Float32Array:
    """Solve the biharmonic equation for log(1 + counts) in the gap, slice by slice.

    The slices lie across an axis along which the gap does not change: frames, for a gap of rows,
    columns or both; a 3D system would be too large. All slices have one matrix and are solved at
    once, by scikit-image. Bad voxels are filled linearly beforehand. The fill of a slice is kept
    within the range of its known values.

    Chui and Mhaskar, Applied and Computational Harmonic Analysis 28, 104 (2010).

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; the values in the gap and in bad voxels are unused.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid: left as it is, and not learned from.

    Returns
    -------
    (n_rock, n_y, n_x) float32.

    Raises
    ------
    InputError
        For masks of another shape or type, or negative or non-finite known counts.
    """
    unknown = find_unknown(counts, gap_mask, bad_mask)
    box = bounding_box(gap_mask, BIHARMONIC_MARGIN)
    if box is None:
        return counts.astype(np.float32)
    gap = gap_mask[box]
    log_counts = log_linear(log_of_known(counts[box], unknown[box]), unknown[box])
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
    return lay_into_gap(counts, gap_mask, np.expm1(np.moveaxis(slices, -1, last)), box)


def total_variation(
    counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray | None = None
) -> Float32Array:
    """Find the fill of least total variation, in 3D, with the known voxels fixed.

    It minimises the sum of |grad u| over u = log(1 + counts), from the linear fill on. Bad voxels
    beside the gap are filled along with it, and then left as they were. Parameters, result and
    errors are those of `biharmonic`.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; the values in the gap and in bad voxels are unused.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid.

    Returns
    -------
    (n_rock, n_y, n_x) float32.
    """
    unknown = find_unknown(counts, gap_mask, bad_mask)
    box = bounding_box(gap_mask, VARIATION_MARGIN)
    if box is None:
        return counts.astype(np.float32)
    start = log_linear(log_of_known(counts[box], unknown[box]), unknown[box])
    values = least_variation(start, unknown[box])
    return lay_into_gap(counts, gap_mask, np.expm1(values), box)


def least_variation(
    values: Float32Array, free: BoolArray, *, settings: VariationSettings = VariationSettings()
) -> Float32Array:
    """The array of least isotropic total variation that equals `values` where it is not free.

    By the primal-dual iteration of Chambolle and Pock, J. Math. Imaging Vis. 40, 120 (2011),
    algorithm 1.

    Parameters
    ----------
    values : any shape; where free, the first guess.
    free : bool of that shape, True = to be found.
    settings : when the iteration ends.

    Returns
    -------
    Float32 of the same shape, a new array.
    """
    found = values.astype(np.float32)
    ahead = found.copy()  # the extrapolated iterate of the algorithm
    dual = np.zeros((values.ndim, *values.shape), dtype=np.float32)
    step = np.float32(0.5 / np.sqrt(values.ndim))  # step**2 * |gradient|**2 <= 1
    moving = free.astype(np.float32) * step
    for iteration in range(settings.iterations):
        _ascend(dual, ahead, step)
        change = _divergence(dual)  # (*shape)
        change *= moving
        found += change
        np.add(found, change, out=ahead)
        is_due = iteration % settings.check_every == 0
        if is_due and np.abs(change).max() < settings.tolerance:
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


def _is_constant(mask: BoolArray, axis: int) -> bool:
    """Whether a mask is the same along an axis."""
    return bool((mask == mask.take([0], axis=axis)).all())
