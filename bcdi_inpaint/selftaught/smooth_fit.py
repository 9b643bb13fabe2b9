"""A smooth fit of a pattern, which leaves its fringes to what learns.

From the peak to the dark a pattern goes through decades, in which its fringes are small: a network
begins with the decades, and has no steps left for fringes. What a smooth fit lacks is alike
everywhere. With few steps what learns it is no better than the fit alone.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray

SIGMAS = (2.0, 6.0, 18.0)
"""Of the windows, in voxels; a wider one where the narrower sees no known voxel. From a look at
fringes of 4 to 8 voxels; no committed command."""
LEAST_WEIGHT = 1e-2
"""Share of a window's weight that known voxels need."""


def smooth_fit(log_counts: FloatArray, known: BoolArray) -> Float32Array:
    """The mean of known voxels in a Gaussian window, everywhere.

    Parameters
    ----------
    log_counts : log(1 + counts) of any number of dimensions; any number where not known.
    known : of the same shape, bool; along an axis of one voxel there is no window.

    Returns
    -------
    (*shape) float32.

    Examples
    --------
    >>> known = np.ones((1, 9, 9), dtype=bool)
    >>> known[:, :, 4] = False
    >>> fit = smooth_fit(np.where(known, 3.0, np.nan), known)
    >>> float(fit.min()), float(fit.max())
    (3.0, 3.0)
    """
    values = np.where(known, log_counts, 0).astype(np.float64)
    fit = np.full(values.shape, values[known].mean() if known.any() else 0.0)
    for sigma in reversed(SIGMAS):
        widths = [sigma if n > 1 else 0.0 for n in values.shape]
        weight = gaussian_filter(known.astype(np.float64), widths, mode="constant")
        seen = weight > LEAST_WEIGHT
        smoothed = gaussian_filter(values, widths, mode="constant")
        fit[seen] = smoothed[seen] / weight[seen]
    return fit.astype(np.float32)
