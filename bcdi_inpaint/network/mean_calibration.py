"""Intervals for fills that say nothing of their error: from voxels that were hidden and filled."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, xlogy

from bcdi_inpaint.arrays import Float64Array, FloatArray
from bcdi_inpaint.network.calibration import CENTRES, EDGES, LEVELS, ONE_SIGMA, Calibration
from bcdi_inpaint.photons import mean_log_counts

UNKNOWN_SIGMA = 0.7
"""Standard deviation of log(1 + counts), a factor of two, where nothing could be hidden: it claims
little. No committed command."""
FEWEST = 100
"""Hidden voxels of a decade of counts below which it is like its neighbours."""
LEAST_SHARE = 0.3
"""Least part of an error that is the fill's own: of dark voxels nearly all is photon noise."""


def calibrate_mean(counts: FloatArray, expected: FloatArray) -> Calibration:
    """The calibration of a scale of 1 for fills of counts that were hidden.

    The error of a decade of expected counts is the 68.3 % quantile of abs(log(1 + n) - mean), less
    the photon noise of those counts; half widths are quantiles of the same ratio.

    Parameters
    ----------
    counts : (n,) measured counts of the hidden voxels.
    expected : (n,) what they were filled with.

    Returns
    -------
    The calibration; with too few voxels one that claims little.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> expected = np.full(5000, 1000.0)
    >>> counts = rng.poisson(expected * np.exp(0.3 * rng.standard_normal(5000)))
    >>> round(calibrate_mean(counts, expected).sigma_per_scale[0][0], 1)
    0.3
    """
    means: Float64Array = np.asarray(expected, dtype=np.float64)
    error = np.abs(np.log1p(counts) - mean_log_counts(means))
    decade = np.digitize(means, EDGES)
    found: list[tuple[float, float]] = []
    ratios: list[Float64Array] = []
    for number, centre in enumerate(CENTRES):
        own = decade == number
        if np.count_nonzero(own) < FEWEST:
            continue
        noise = log_variance(means[own])
        whole = np.quantile(error[own], ONE_SIGMA)
        least = LEAST_SHARE * max(whole, 1e-3)
        sigma = float(np.sqrt(max(whole**2 - noise.mean(), least**2)))
        found.append((centre, sigma))
        ratios.append(error[own] / np.sqrt(sigma**2 + noise))
    if not found:
        return Calibration(sigma_per_scale=((UNKNOWN_SIGMA,),))
    half = np.quantile(np.concatenate(ratios), LEVELS)
    half = np.maximum.accumulate(half + 1e-6 * np.arange(1, len(LEVELS) + 1))
    centres, sigmas = zip(*found, strict=True)
    row = tuple(map(float, half))
    return Calibration(
        counts=centres, sigma_per_scale=(tuple(sigmas),), half_widths=(row,) * len(centres)
    )


_GRID = np.linspace(0, 60**0.5, 200) ** 2


def log_variance(mean: Float64Array) -> Float64Array:
    """The variance of log(1 + counts) of Poisson counts of these means (n,).

    Examples
    --------
    >>> log_variance(np.array([0.0, 1.0, 1000.0])).round(3)
    array([0.   , 0.24 , 0.001])
    """
    n = np.arange(200)
    probability = np.exp(xlogy(n, _GRID[:, None]) - gammaln(n + 1) - _GRID[:, None])
    logs = np.log1p(n)
    dim = probability @ logs**2 - (probability @ logs) ** 2
    return np.where(mean < 60, np.interp(mean, _GRID, dim), mean / (1 + mean) ** 2)
