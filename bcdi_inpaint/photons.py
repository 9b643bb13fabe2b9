"""Where measured counts fall in what is predicted for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import pdtr

from bcdi_inpaint.arrays import BoolArray, Float64Array

_QUANTILES = 32
"""Into how many parts a fill's distribution is divided to predict counts from it."""
_MOST_PREDICTED = 20_000
"""Voxels whose counts are predicted; of more, as many are drawn."""


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
    counts : (n_rock, n_y, n_x) measured.
    interval : bounds of the expected counts at a level, two such arrays.
    where : (n_rock, n_y, n_x) bool, True = asked for; of many voxels those of `some_of`.

    Returns
    -------
    (n,) float64, in the order of the voxels in the array.
    """
    voxels = np.flatnonzero(some_of(where, rng))
    n = counts.ravel()[voxels].astype(np.float64)
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
