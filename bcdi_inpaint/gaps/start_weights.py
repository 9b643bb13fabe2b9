"""Where in a measured scan an artificial gap can start, and how much there is to learn from it."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.gaps.artificial import SETTINGS, GapKind, PlacementSettings
from bcdi_inpaint.scan.boxes import other_axes


def gap_start_weights(
    log_counts: Float32Array,
    unknown: BoolArray,
    kind: GapKind,
    settings: PlacementSettings = SETTINGS,
) -> Float32Array:
    """How much there is to learn from an artificial gap that starts at each line.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) log(1 + counts).
    unknown : (n_rock, n_y, n_x) bool, real gaps and bad voxels.
    kind : the axis across the gap, and its width.
    settings : of which `known_beside` matters: a gap leaves as many lines to those that are unknown
        whole, and to the array's edges.

    Returns
    -------
    (n_starts,) float32, the log counts that the gap would hide; the first belongs to the start at
    line `known_beside`. 0 where no gap may start.
    """
    axis, width = kind
    clear = settings.known_beside
    span = width + 2 * clear
    full = np.asarray(unknown.all(axis=other_axes(axis)), dtype=np.float64)
    signal = line_sums(np.where(unknown, 0, log_counts), axis)
    if len(full) < span:
        return np.zeros(0, dtype=np.float32)
    free = window_sums(full, span) < 0.5
    weights = np.where(free, window_sums(signal[clear : len(signal) - clear], width), 0)
    return np.clip(weights, 0, None).astype(np.float32)


def line_sums(volume: np.ndarray, axis: int) -> Float64Array:
    """Sums of a volume over the two other axes, (n_lines,)."""
    return np.asarray(volume.sum(axis=other_axes(axis), dtype=np.float64))


def window_sums(values: Float64Array, length: int) -> Float64Array:
    """Sums over each run of `length` of (n,) values, (n - length + 1,); none if it is longer."""
    total = np.concatenate([[0], np.cumsum(values)])
    return total[length:] - total[: max(len(total) - length, 0)]
