"""How symmetric a scan is about its Bragg peak: the likeness of its fringes and their mates."""

from __future__ import annotations

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.peak.friedel import inversion_correlation

LOCAL_MEAN = 3.0
"""Voxels of the Gaussian whose mean is taken off, so that fringes are compared and not the peak's
decay. 2 and 4 do as well; no committed command."""
HALF_WINDOW = 32
"""Voxels from the peak, on each axis, within which fringes are compared."""


def measure_symmetry(log_counts: Float32Array, unknown: BoolArray, centre: Float64Array) -> float:
    """The correlation of a scan's fringes with their Friedel mates: about 1 without strain.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) log(1 + counts) around the peak; any number where unknown.
    unknown : the same shape, bool: gaps and bad voxels.
    centre : (3,) of the peak, in voxels of these arrays.

    Returns
    -------
    The correlation; nan where nothing is known on both sides of the peak.
    """
    return inversion_correlation(
        log_counts, ~unknown, centre, remove_local_mean=LOCAL_MEAN, half_window=HALF_WINDOW
    )
