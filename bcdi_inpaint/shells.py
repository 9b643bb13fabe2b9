"""How a Bragg peak falls off: the mean of its log counts on shells about its centre."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

FEWEST_KNOWN = 4
"""Known voxels from which on a shell has a mean of its own; others lie between their neighbours."""
SMOOTHING = 1.0
"""Standard deviation, in shells, of the Gaussian that smooths the means."""


def shell_means(
    log_counts: FloatArray, known: BoolArray, centre: Sequence[float] | NDArray[np.float64]
) -> FloatArray:
    """In every voxel the mean of the known log counts at its distance from the centre.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) or (n_y, n_x), log(1 + counts); any number where not known.
    known : the same shape, bool.
    centre : (n_dim,) of the peak in voxels; it may lie outside the array.

    Returns
    -------
    The same shape, float32: linear between shells a voxel apart; 0 if nothing is known.
    """
    away = [np.arange(n, dtype=np.float32) - c for n, c in zip(known.shape, centre, strict=True)]
    squared = sum(np.ix_(*[(a * a).astype(np.float32) for a in away]))
    distance: FloatArray = np.sqrt(squared)
    nearest = np.floor(distance[known]).astype(np.int32)  # the shell that each voxel is in
    voxels = np.bincount(nearest)
    filled = np.flatnonzero(voxels >= min(FEWEST_KNOWN, voxels.max(initial=0)))
    if not filled.size or not voxels.any():
        return np.zeros_like(distance)
    total = np.bincount(nearest, weights=log_counts[known])
    first, last = int(filled[0]), int(filled[-1])
    shells = np.arange(first, last + 1)
    means = np.interp(shells, filled, total[filled] / voxels[filled])
    smooth = gaussian_filter1d(means, SMOOTHING, mode="nearest")
    return np.interp(distance, shells + 0.5, smooth).astype(np.float32)
