"""How much of a computed intensity to mix into a fill, as a pseudo-gap says.

There the truth was measured. A rule is fitted on half of it, in blocks, and judged on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray, IntArray
from bcdi_inpaint.phasing.evidence import Evidence
from bcdi_inpaint.phasing.voxel_rule import VoxelSettings, fit_weights, regressors


@dataclass(frozen=True)
class MixingSettings:
    """How a mixture is fitted. All were chosen on simulated crystals; no committed command.

    Attributes
    ----------
    rule : ``classes``: one share for each class of brightness, or ``voxels``, see `voxel_rule`.
        Voxels were better in ten of twelve gaps that they were chosen on. In those of
        `benchmarks.refine_pieces` they are even or, in wide gaps, worse.
    voxels : how voxels are told apart.
    edges : expected counts that divide voxels into classes, from faint to bright.
    believed : part of the shares that is believed in the gap. The pseudo-gap is one place of many,
        and a share that is too large does more harm than one that is too small does.
    surer : factor on the fill's standard deviation where what is mixed is a prior: of 0.7 and 1 the
        better one.
    least_voxels : fewest voxels of a class whose share or factor can be fitted.
    block : side in voxels of the blocks by which a pseudo-gap is halved to test what was fitted.
    largest_factor : the most by which the fill's standard deviation may grow or shrink.
    smallest_factor : the least by which it may, if it does.
    n_factors : steps from the smallest to the largest factor, geometric.
    wanted : part of the pseudo-gap's counts that is to lie inside its intervals of this
        probability: one standard deviation.
    tolerance : how far above or below `wanted` is as good.
    """

    rule: Literal["voxels", "classes"] = "classes"
    voxels: VoxelSettings = VoxelSettings()
    edges: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    believed: float = 0.9
    surer: float = 0.7
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


class Rule(Protocol):
    """A rule that mixes a computed intensity into a fill."""

    def mix(self, evidence: Evidence, chosen: BoolArray) -> FloatArray:
        """(n_chosen,) log(1 + counts) of the mixture in chosen voxels (n_rock, n_y, n_x) bool."""

    def for_a_better_fill(self, part: float) -> Rule:
        """The rule where the fill's squared error is only this part of what it was fitted with."""


@dataclass(frozen=True)
class VoxelRule:
    """The fill and a weighted sum of `voxel_rule.regressors`; `weights` (n_regressors,)."""

    weights: Float64Array
    settings: VoxelSettings

    def mix(self, evidence: Evidence, chosen: BoolArray) -> FloatArray:
        """(n_chosen,) log(1 + counts) of the mixture; none is below zero counts."""
        added = regressors(evidence, chosen, self.settings) @ self.weights
        mixed: FloatArray = np.maximum(evidence.log_fill[chosen] + added, 0)
        return mixed

    def for_a_better_fill(self, part: float) -> VoxelRule:
        """What it adds is less in proportion."""
        return replace(self, weights=part * self.weights)


@dataclass(frozen=True)
class ClassRule:
    """One share (n_classes,) of the computed intensity in each class of brightness."""

    shares: Float64Array
    settings: MixingSettings

    def mix(self, evidence: Evidence, chosen: BoolArray) -> FloatArray:
        """(n_chosen,) log(1 + counts) of the mixture."""
        fill, found = evidence.log_fill[chosen], evidence.log_found[chosen]
        return mix(fill, found, self.shares[brightness_classes(np.expm1(fill), self.settings)])

    def for_a_better_fill(self, part: float) -> ClassRule:
        """Every share is less in proportion.

        Examples
        --------
        >>> rule = ClassRule(np.array([0.0, 0.5, 1.0]), MixingSettings())
        >>> rule.for_a_better_fill(0.5).shares
        array([0.  , 0.25, 0.5 ])
        """
        return replace(self, shares=part * self.shares)


@dataclass(frozen=True)
class Mixture:
    """A computed intensity mixed into a fill, and how well that predicts a pseudo-gap.

    Attributes
    ----------
    error : RMS error of log(1 + counts) in the pseudo-gap, of voxels that the rule was not fitted
        on.
    shares : (n_classes,) share of the computed intensity in each class of brightness, as the rule
        makes it.
    log_counts : (n_rock, n_y, n_x) float32, log(1 + counts) of the mixture in the pseudo-gap, of
        the fill elsewhere.
    rule : fitted on all of the pseudo-gap.
    """

    error: float
    shares: Float64Array
    log_counts: Float32Array
    rule: Rule


def brightness_classes(expected: FloatArray, settings: MixingSettings) -> IntArray:
    """The class of each voxel, 0 to len(edges), of the array's shape.

    Examples
    --------
    >>> brightness_classes(np.array([0.1, 5.0, 1e4]), MixingSettings())
    array([0, 3, 6])
    """
    return np.digitize(expected, settings.edges)


def mix(log_fill: FloatArray, log_found: FloatArray, share: FloatArray) -> Float32Array:
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
    evidence: Evidence, pseudo: BoolArray, settings: MixingSettings = MixingSettings()
) -> Mixture:
    """Fit a rule in a pseudo-gap, and judge it on voxels that it was not fitted on.

    Parameters
    ----------
    evidence : of the fill and the computed intensity; its counts are known in the pseudo-gap too.
    pseudo : (n_rock, n_y, n_x) bool, True = in the pseudo-gap, which was hidden from both.
    settings : of the rule, its classes and blocks.
    """
    fit = _fit_by_voxel if settings.rule == "voxels" else _fit_by_class
    rule, tested = fit(evidence, pseudo, settings)
    error = rms(evidence.log_counts[pseudo] - tested)
    log_counts = evidence.log_fill.copy()
    log_counts[pseudo] = rule.mix(evidence, pseudo)
    return Mixture(error, _shares_of(evidence, log_counts, pseudo, settings), log_counts, rule)


def _fit_by_voxel(
    evidence: Evidence, pseudo: BoolArray, settings: MixingSettings
) -> tuple[VoxelRule, FloatArray]:
    """The rule, and (n_pseudo,) log(1 + counts) of rules that were fitted on other blocks."""
    columns = regressors(evidence, pseudo, settings.voxels)
    fill = evidence.log_fill[pseudo]
    wanted = (evidence.log_counts[pseudo] - fill).astype(np.float64)
    ridge = settings.voxels.ridge

    def predict(others: BoolArray, own: BoolArray) -> FloatArray:
        weights = fit_weights(columns[others], wanted[others], ridge)
        return np.maximum(fill[own] + columns[own] @ weights, 0)

    tested = _cross_validate(_chessboard(pseudo.shape, settings.block)[pseudo], predict)
    return VoxelRule(fit_weights(columns, wanted, ridge), settings.voxels), tested


def _cross_validate(
    half: BoolArray, predict: Callable[[BoolArray, BoolArray], FloatArray]
) -> FloatArray:
    """(n,) predictions of the voxels of each half, from those of the other one."""
    tested = np.empty(len(half), dtype=np.float32)
    for own in (half, ~half):
        tested[own] = predict(~own, own)
    return tested


def _fit_by_class(
    evidence: Evidence, pseudo: BoolArray, settings: MixingSettings
) -> tuple[ClassRule, FloatArray]:
    """The rule, and (n_pseudo,) log(1 + counts) of rules that were fitted on other blocks.

    A class gets the share 0 where the voxels that were not fitted gain nothing.
    """
    counts, fill, found = (
        values[pseudo] for values in (evidence.log_counts, evidence.log_fill, evidence.log_found)
    )
    classes = brightness_classes(np.expm1(fill), settings)

    def predict(others: BoolArray, own: BoolArray) -> FloatArray:
        shares = fit_shares(counts, fill, found, classes, others, settings)
        return mix(fill[own], found[own], shares[classes[own]])

    tested = _cross_validate(_chessboard(pseudo.shape, settings.block)[pseudo], predict)
    shares = fit_shares(counts, fill, found, classes, np.ones_like(classes, bool), settings)
    for number in range(len(shares)):
        own = classes == number
        if not np.square(counts - tested)[own].sum() < np.square(counts - fill)[own].sum():
            shares[number], tested[own] = 0, fill[own]
    return ClassRule(shares, settings), tested


def _shares_of(
    evidence: Evidence, log_mixed: Float32Array, pseudo: BoolArray, settings: MixingSettings
) -> Float64Array:
    """The share that a mixture has of the computed intensity in each class."""
    classes = brightness_classes(np.expm1(evidence.log_fill), settings)
    return fit_shares(log_mixed, evidence.log_fill, evidence.log_found, classes, pseudo, settings)


def fit_shares(
    log_counts: FloatArray,
    log_fill: FloatArray,
    log_found: FloatArray,
    classes: IntArray,
    chosen: BoolArray,
    settings: MixingSettings = MixingSettings(),
) -> Float64Array:
    """The share of the computed intensity that has the least squared error, in each class.

    The error is of logarithms: a few bright voxels would decide a deviance alone.

    Parameters
    ----------
    log_counts : log(1 + measured counts), of any shape.
    log_fill, log_found : of the fill and the computed intensity, of the same shape.
    classes : int, see `brightness_classes`.
    chosen : bool, voxels to fit on.
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
