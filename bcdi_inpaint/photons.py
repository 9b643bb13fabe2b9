"""Statistics of photon counts: deviance, mean logarithm, and ranks among what is predicted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, kl_div, pdtr, xlogy

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray

LEAST_COUNTS = 1e-3
"""Fewest expected counts of a voxel: of a filled one, and in a deviance.

PyNX's defaults at some beamlines mask what is not above 0, and in a deviance one count where 0 are
expected would cost infinitely much."""

_BRIGHT = 50
"""Mean counts from which on the mean logarithm is its series' first two terms."""
_DIM = 1.0
"""Largest rate that `rate_of_mean_log` gives back."""
_QUANTILES = 32
"""Into how many parts a fill's distribution is divided to predict counts from it."""
_MOST_PREDICTED = 20_000
"""Voxels whose counts are predicted; of more, as many are drawn."""


def photon_deviance(counts: np.ndarray, expected: FloatArray) -> Float64Array:
    """Poisson deviance 2 (n log(n / mu) - n + mu) of each count n given its expectation mu.

    mu is at least `LEAST_COUNTS`. The mean over voxels is about 1 where mu is right and bright.

    Examples
    --------
    >>> import numpy as np
    >>> photon_deviance(np.array([0, 3, 8]), np.array([0.5, 3.0, 4.0])).round(3)
    array([1.  , 0.  , 3.09])
    """
    return 2 * kl_div(counts, np.clip(np.asarray(expected, dtype=np.float64), LEAST_COUNTS, None))


def mean_log_counts(mean: Float64Array) -> Float64Array:
    """The mean of log(1 + counts) of Poisson counts of these means (n,), to about 1e-4.

    It lies below log(1 + mean), as the logarithm is concave.

    Examples
    --------
    >>> import numpy as np
    >>> mean_log_counts(np.array([0.0, 1.0, 1000.0])).round(3)
    array([0.   , 0.573, 6.908])
    >>> np.log1p([0.0, 1.0, 1000.0]).round(3)
    array([0.   , 0.693, 6.909])
    """
    grid = np.linspace(0, _BRIGHT**0.5, 400) ** 2
    dim = np.interp(mean, grid, _mean_logs(grid, 4 * _BRIGHT))
    return np.where(mean < _BRIGHT, dim, np.log1p(mean) - mean / (2 * (1 + mean) ** 2))


def log_noise_bias(mean: FloatArray) -> Float32Array:
    """By how much noise lowers the mean of log(1 + counts) of Poisson counts of these means (n,).

    Measured counts whose logarithms are raised by it lie about log(1 + mean); as they are, an
    estimate that is too low by it would fit them best.

    Examples
    --------
    >>> import numpy as np
    >>> log_noise_bias(np.array([0.0, 1.0, 10.0])).round(3)
    array([0.   , 0.12 , 0.044], dtype=float32)
    """
    means = np.asarray(mean, dtype=np.float64)
    bias: Float32Array = (np.log1p(means) - mean_log_counts(means)).astype(np.float32)
    return bias


def rate_of_mean_log(mean_log: FloatArray) -> Float64Array:
    """The Poisson rate, 0 to 1, of dim voxels whose log(1 + counts) has this mean.

    The inverse of `mean_log_counts`. The mean logarithm is used because a single hot pixel barely
    changes it.

    Examples
    --------
    >>> import numpy as np
    >>> rate_of_mean_log(np.array([0.0, 0.0682, 0.574, 2.0])).round(2)
    array([0. , 0.1, 1. , 1. ])
    """
    rates = np.linspace(0, _DIM, 101)
    return np.interp(mean_log, _mean_logs(rates, 20), rates)


def _mean_logs(rates: Float64Array, n_counts: int) -> Float64Array:
    """(n_rates,) mean of log(1 + n) over Poisson counts n below `n_counts`."""
    n = np.arange(n_counts)
    probability = np.exp(xlogy(n, rates[:, None]) - gammaln(n + 1) - rates[:, None])
    return probability @ np.log1p(n)


def predicted_ranks(
    counts: np.ndarray,
    interval: Callable[[float], tuple[np.ndarray, np.ndarray]],
    where: BoolArray,
    rng: np.random.Generator,
) -> Float64Array:
    """The place of measured counts in what is predicted for them, in 0..1.

    Counts n vary as Poisson's about an expectation that is itself uncertain, as the intervals say:
    P(n) is the mean over its quantiles. The rank is P(less than n) + u P(n) with a uniform u, so
    that ranks are uniform where intervals and noise are right, however few the counts.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured, taken to the nearest whole number: a monitor makes 0.99 of
        one photon.
    interval : bounds of the expected counts at a level, two such arrays.
    where : (n_rock, n_y, n_x) bool, True = asked for; of many voxels those of `some_of`.
    rng : source of the draws.

    Returns
    -------
    (n,) float64, in the order of the voxels in the array.
    """
    voxels = np.flatnonzero(some_of(where, rng))
    n = np.rint(counts.ravel()[voxels].astype(np.float64))  # `pdtr` takes 0.99 for none
    less, up_to = np.zeros(n.size), np.zeros(n.size)  # P(less than n), P(at most n)
    for part in range(_QUANTILES // 2):
        for bound in interval(1 - 2 * (part + 0.5) / _QUANTILES):
            expected = bound.ravel()[voxels].astype(np.float64)
            less += np.where(n > 0, pdtr(np.maximum(n - 1, 0), expected), 0) / _QUANTILES
            up_to += pdtr(n, expected) / _QUANTILES
    return less + rng.random(n.size) * (up_to - less)


def some_of(where: BoolArray, rng: np.random.Generator) -> BoolArray:
    """The True voxels of a mask, or 20 000 drawn from more."""
    voxels = np.flatnonzero(where)
    if voxels.size <= _MOST_PREDICTED:
        return where
    drawn = np.zeros(where.size, dtype=bool)
    drawn[rng.choice(voxels, _MOST_PREDICTED, replace=False)] = True
    return drawn.reshape(where.shape)
