"""How sure a mixture of fill and computed intensity is, as a pseudo-gap says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bcdi_inpaint.arrays import Float32Array, Float64Array, IntArray
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.phasing.mixing import MixingSettings
from bcdi_inpaint.photons import predicted_ranks


def sigma_factors(
    counts: Float32Array,
    mixed: Fill,
    classes: IntArray,
    rng: np.random.Generator,
    settings: MixingSettings = MixingSettings(),
) -> Float64Array:
    """Factor by which to rescale sigma in each brightness class.

    It is the one closest to 1 for which 68 % +- 2 % of the pseudo-gap's counts fall inside their
    68 % predictive interval. Where photon noise dominates, any factor passes and 1 is kept.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts.
    mixed : the mixture, `filled` where the pseudo-gap is, with the fill's sigma.
    classes : (n_rock, n_y, n_x) int, see `brightness_classes`.
    rng : source of the ranks' randomness.
    settings : of the factors.

    Returns
    -------
    (n_classes,) factors.
    """
    factors = np.ones(len(settings.edges) + 1)
    for number in range(len(factors)):
        own = mixed.filled & (classes == number)
        if np.count_nonzero(own) >= settings.least_voxels:
            factors[number] = _factor(counts, replace(mixed, filled=own), rng, settings)
    return factors


def _factor(
    counts: Float32Array, mixed: Fill, rng: np.random.Generator, settings: MixingSettings
) -> float:
    """The factor of one class, which `mixed.filled` are the voxels of."""
    wanted, tolerance = settings.wanted, settings.tolerance
    chosen = 1.0
    inside = _share_inside(counts, mixed, 1.0, rng, wanted)
    rising = settings.factors if inside < wanted - tolerance else 1 / settings.factors
    for factor in rising:
        if abs(inside - wanted) <= tolerance or (inside > wanted) == (factor > 1):
            break
        chosen = float(factor)
        inside = _share_inside(counts, mixed, chosen, rng, wanted)
    return chosen


def _share_inside(
    counts: Float32Array, mixed: Fill, factor: float, rng: np.random.Generator, level: float
) -> float:
    """The part of the counts inside intervals of `factor` times the standard deviation."""
    trial = replace(mixed, sigma=mixed.sigma * np.float32(factor))
    ranks = predicted_ranks(counts, trial.interval, mixed.filled, rng)
    return float(np.mean(np.abs(2 * ranks - 1) <= level))
