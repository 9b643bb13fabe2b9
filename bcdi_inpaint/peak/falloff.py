"""How a Bragg peak falls off: the mean of its log counts on shells about its centre."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array


@dataclass(frozen=True)
class FalloffSettings:
    """How the means of shells are made. Chosen on training patterns; no committed command.

    Attributes
    ----------
    fewest_known : known voxels from which on a shell has a mean of its own; the mean of another
        shell lies between its neighbours'.
    smoothing : standard deviation, in shells of one voxel, of the Gaussian that smooths the means.
    """

    fewest_known: int = 4
    smoothing: float = 1.0


def shell_means(
    log_counts: Float32Array,
    known: BoolArray,
    centre: Sequence[float] | Float64Array,
    *,
    settings: FalloffSettings = FalloffSettings(),
) -> Float32Array:
    """In every voxel the mean of the known log counts at its distance from the centre.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) or (n_y, n_x), log(1 + counts); any number where not known.
    known : the same shape, bool.
    centre : (n_dim,) of the peak in voxels; it may lie outside the array.
    settings : how the means are made.

    Returns
    -------
    The same shape, float32: linear between shells a voxel apart; 0 if nothing is known.

    Examples
    --------
    >>> import numpy as np
    >>> row, column = np.indices((21, 21)) - 10
    >>> distance = np.hypot(row, column)
    >>> means = shell_means(10 - distance, row < 4, (10, 10))
    >>> means[[10, 16], 10].round(1)  # at the centre; 6 voxels off, where nothing is known
    array([8.4, 4.2], dtype=float32)
    """
    away = [(np.arange(n) - c) ** 2 for n, c in zip(known.shape, centre, strict=True)]
    across = sum(np.ix_(*away[1:]))  # of a plane: an array of the scan's size may be too large
    n_shells = 1 + math.floor(math.sqrt(sum(float(squared.max()) for squared in away)))
    voxels, total = np.zeros(n_shells), np.zeros(n_shells)
    for squared, values, valid in zip(away[0], log_counts, known, strict=True):
        shell = np.sqrt(squared + across)[valid].astype(np.int32)
        voxels += np.bincount(shell, minlength=n_shells)
        total += np.bincount(shell, weights=values[valid], minlength=n_shells)
    if not voxels.any():
        return np.zeros(known.shape, dtype=np.float32)
    filled = np.flatnonzero(voxels >= min(settings.fewest_known, voxels.max()))
    shells = np.arange(filled[0], filled[-1] + 1)
    means = np.interp(shells, filled, total[filled] / voxels[filled])
    smooth = gaussian_filter1d(means, settings.smoothing, mode="nearest")
    found = np.empty(known.shape, dtype=np.float32)
    for squared, plane in zip(away[0], found, strict=True):
        plane[...] = np.interp(np.sqrt(squared + across), shells + 0.5, smooth)
    return found
