"""A calibration for fills that say nothing of their error: hidden voxels of the scan tell all."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import FloatArray
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.scan_calibration import (
    HeldOut,
    ScanCalibrationSettings,
    calibrate_on_scan,
    widen,
)
from bcdi_inpaint.network.width_rule import ALL

UNKNOWN_SIGMA = 0.7
"""Standard deviation of log(1 + counts), a factor of two, of a fill that says nothing of its error
where nothing could be hidden: it claims little. No committed command."""
OF_MEANS = ScanCalibrationSettings(
    factors=(0.05, 10.0, 60),
    expected=0.0,
    of_sigma=ALL,
    of_tail=ALL,
    spread=1.5,
    spread_of_class=0.8,
    tail=0.6,
    tail_of_class=0.4,
)
"""For fills without a sigma of their own: anything may be true of them. Chosen on drawn errors; no
committed command."""


def calibrate_mean(counts: FloatArray, expected: FloatArray) -> Calibration:
    """The calibration of a scale of 1 for fills that say nothing of their error.

    Parameters
    ----------
    counts : (n,) measured counts of voxels that were hidden.
    expected : (n,) what they were filled with.

    Returns
    -------
    The calibration; with too few voxels or photons one that claims little.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> expected = np.full(5000, 1000.0)
    >>> counts = rng.poisson(expected * np.exp(0.3 * rng.standard_normal(5000)))
    >>> found = calibrate_mean(counts, expected)
    >>> print(found.sigma(np.ones(1), np.ones(1), expected[:1]).round(1))
    [0.3]
    """
    unknown = Calibration(sigma_per_scale=((UNKNOWN_SIGMA,),))
    sigma = np.full(np.shape(counts), UNKNOWN_SIGMA, dtype=np.float32)
    hidden = HeldOut(counts, expected, sigma, np.ones(np.shape(counts)))
    factors = calibrate_on_scan(unknown, hidden, OF_MEANS)
    return unknown if factors is None else widen(unknown, factors)
