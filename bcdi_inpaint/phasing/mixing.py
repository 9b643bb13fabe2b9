"""How much of a computed intensity to mix into a fill, and how sure the mixture is.

Both are decided in a pseudo-gap, where the truth was measured, separately in classes of brightness.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray, IntArray
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.photons import predicted_ranks


@dataclass(frozen=True)
class MixingSettings:
    """How a mixture is fitted. All were chosen on simulated crystals; no committed command.

    Attributes
    ----------
    edges : expected counts that divide voxels into classes, from faint to bright.
    least_voxels : fewest voxels of a class whose share or factor can be fitted.
    block : side in voxels of the blocks by which a pseudo-gap is halved to test what was fitted.
    largest_factor : the most by which the fill's standard deviation may grow or shrink.
    smallest_factor : the least by which it may, if it does.
    n_factors : steps from the smallest to the largest factor, geometric.
    wanted : part of the pseudo-gap's counts that is to lie inside its intervals of this
        probability: one standard deviation.
    tolerance : how far above or below `wanted` is as good.
    """

    edges: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    least_voxels: int = 64
    block: int = 8
    largest_factor: float = 10.0
    smallest_factor: float = 1.2
    n_factors: int = 12
    wanted: float = 0.68
    tolerance: float = 0.02

    @property
    def factors(self) -> Float64Array:
        """(n_factors,) factors on the standard deviation that are tried, one after another."""
        return np.geomspace(self.smallest_factor, self.largest_factor, self.n_factors)


@dataclass(frozen=True)
class Mixture:
    """A computed intensity mixed into a fill, and how well that predicts a pseudo-gap.

    Attributes
    ----------
    error : RMS error of log(1 + counts) in the pseudo-gap, of voxels whose share was fitted on
        others.
    shares : (n_classes,) share of the computed intensity in each class, fitted on all voxels.
    log_counts : (n_rock, n_y, n_x) float32, log(1 + counts) of the mixture.
    """

    error: float
    shares: Float64Array
    log_counts: Float32Array


def brightness_classes(expected: FloatArray, settings: MixingSettings) -> IntArray:
    """The class of each voxel, 0 to len(edges), of the array's shape.

    Examples
    --------
    >>> brightness_classes(np.array([0.1, 5.0, 1e4]), MixingSettings())
    array([0, 3, 6])
    """
    return np.digitize(expected, settings.edges)


def mix(log_fill: Float32Array, log_found: Float32Array, share: FloatArray) -> Float32Array:
    """Mix two logarithms of counts, voxel by voxel.

    Parameters
    ----------
    log_fill : log(1 + counts) of the fill.
    log_found : log(1 + counts) of the computed intensity, of the same shape.
    share : of the computed intensity, 0 to 1, of the same shape.

    Returns
    -------
    float32 of the same shape.
    """
    return ((1 - share) * log_fill + share * log_found).astype(np.float32)


def fit_mixture(
    log_counts: Float32Array,
    log_fill: Float32Array,
    log_found: Float32Array,
    classes: IntArray,
    pseudo: BoolArray,
    settings: MixingSettings = MixingSettings(),
) -> Mixture:
    """Fit shares in a pseudo-gap, and judge them on voxels that they were not fitted on.

    A class gets the share 0 where the voxels that were not fitted gain nothing.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) log(1 + measured counts).
    log_fill : (n_rock, n_y, n_x) log(1 + counts) of the fill.
    log_found : (n_rock, n_y, n_x) log(1 + counts) of the computed intensity.
    classes : (n_rock, n_y, n_x) int, see `brightness_classes`.
    pseudo : (n_rock, n_y, n_x) bool, True = in the pseudo-gap.
    settings : of classes and blocks.
    """
    tested = _cross_validate(log_counts, log_fill, log_found, classes, pseudo, settings)
    shares = fit_shares(log_counts, log_fill, log_found, classes, pseudo, settings)
    for number in range(len(shares)):
        own = pseudo & (classes == number)
        before, after = (
            np.square(log_counts[own] - expected[own]).sum() for expected in (log_fill, tested)
        )
        if not after < before:
            shares[number] = 0
            tested[own] = log_fill[own]
    mixed = mix(log_fill, log_found, shares[classes])
    return Mixture(rms(log_counts[pseudo] - tested[pseudo]), shares, mixed)


def _cross_validate(
    log_counts: Float32Array,
    log_fill: Float32Array,
    log_found: Float32Array,
    classes: IntArray,
    pseudo: BoolArray,
    settings: MixingSettings,
) -> Float32Array:
    """(n_rock, n_y, n_x) mixture whose shares were fitted on the blocks of the other colour."""
    halves = _chessboard(pseudo.shape, settings.block)
    tested = np.empty(pseudo.shape, dtype=np.float32)
    for half in (False, True):
        others = pseudo & (halves != half)
        fitted = fit_shares(log_counts, log_fill, log_found, classes, others, settings)
        tested[halves == half] = mix(log_fill, log_found, fitted[classes])[halves == half]
    return tested


def fit_shares(
    log_counts: Float32Array,
    log_fill: Float32Array,
    log_found: Float32Array,
    classes: IntArray,
    chosen: BoolArray,
    settings: MixingSettings = MixingSettings(),
) -> Float64Array:
    """The share of the computed intensity that has the least squared error, in each class.

    The error is of logarithms: a few bright voxels would decide a deviance alone.

    Parameters
    ----------
    log_counts, log_fill, log_found, classes : see `fit_mixture`.
    chosen : (n_rock, n_y, n_x) bool, voxels to fit on.
    settings : of the classes.

    Returns
    -------
    (n_classes,) shares, 0 to 1; 0 where a class has few voxels.
    """
    best = np.zeros(len(settings.edges) + 1)
    for number in range(len(best)):
        own = chosen & (classes == number)
        if np.count_nonzero(own) < settings.least_voxels:
            continue
        apart = (log_found[own] - log_fill[own]).astype(np.float64)
        wanted = (log_counts[own] - log_fill[own]).astype(np.float64)
        best[number] = np.clip(wanted @ apart / max(apart @ apart, 1e-12), 0, 1)
    return best


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


def rms(values: FloatArray) -> float:
    """The root of the mean square.

    >>> rms(np.array([3.0, -3.0]))
    3.0
    """
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _chessboard(shape: tuple[int, ...], block: int) -> BoolArray:
    """A chessboard of blocks: what is fitted on one colour is tested on the other."""
    index = sum(np.ix_(*[np.arange(n) // block for n in shape]))
    return np.asarray(index) % 2 == 1
