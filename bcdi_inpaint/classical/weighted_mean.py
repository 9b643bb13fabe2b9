"""A fill by the mean of the known counts around, weighted by their distance."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.classical.inputs import find_unknown, lay_into_gap
from bcdi_inpaint.classical.interpolation import nearest_known
from bcdi_inpaint.scan.boxes import bounding_box

REACH = 3
"""Half widths around the gap that are looked at, for voxels out of reach of every known one."""


def inverse_distance(
    counts: np.ndarray,
    gap_mask: BoolArray,
    *,
    bad_mask: BoolArray | None = None,
    half_width: int = 16,
    power: int = 2,
) -> Float32Array:
    """Mean of the known counts around each voxel, weighted by 1 / distance**power.

    As PyNX's ``InterpIobsMask(half_width, power)`` (``--mask_interp 16 2``): counts, not their
    logarithm, from the cube of ``2 half_width + 1`` voxels around the voxel. Two differences: PyNX
    wraps around the array's edges, here nothing lies beyond them; and voxels out of reach of every
    known one take the nearest known voxel, where PyNX leaves them masked.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; the values in the gap and in bad voxels are unused.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid: left as it is, and not interpolated from.
    half_width : voxels to each side that a voxel is interpolated from.
    power : of the distance.

    Returns
    -------
    (n_rock, n_y, n_x) float32.

    Raises
    ------
    InputError
        For masks of another shape or type, or negative or non-finite known counts.
    """
    unknown = find_unknown(counts, gap_mask, bad_mask)
    box = bounding_box(gap_mask, REACH * half_width)
    if box is None:
        return counts.astype(np.float32)
    weights = _weights(half_width, power)  # (2k + 1, 2k + 1, 2k + 1)
    fill = _weighted_mean(counts[box], gap_mask[box], unknown[box], weights)
    return lay_into_gap(counts, gap_mask, fill, box)


def _weighted_mean(
    counts: np.ndarray, gap_mask: BoolArray, unknown: BoolArray, weights: Float64Array
) -> Float64Array:
    """Weighted means of the known counts around, in the gap; 0 elsewhere."""
    from scipy.signal import fftconvolve  # a second to import, which no other method needs

    known_counts = np.where(unknown, 0, counts).astype(np.float64)
    total = fftconvolve(known_counts, weights, mode="same")[gap_mask]  # (n_gap,)
    weight = fftconvolve((~unknown).astype(np.float64), weights, mode="same")[gap_mask]
    # Below half the weight of one far voxel there is only the rounding of the transform.
    reached = weight > 0.5 * weights[weights > 0].min()
    values = np.divide(total, weight, out=np.zeros_like(total), where=reached)
    if not reached.all():
        values[~reached] = nearest_known(known_counts, unknown, gap_mask)[~reached]
    mean = np.zeros(counts.shape)
    mean[gap_mask] = values
    return mean


def _weights(half_width: int, power: int) -> Float64Array:
    """1 / distance**power to the centre of a cube of 2 half_width + 1 voxels, 0 at the centre."""
    offsets = np.arange(-half_width, half_width + 1, dtype=np.float64) ** 2
    squared = offsets[:, None, None] + offsets[:, None] + offsets  # (2k + 1, 2k + 1, 2k + 1)
    centre = squared == 0
    weights = np.where(centre, 1, squared) ** (-power / 2)
    weights[centre] = 0
    return weights
