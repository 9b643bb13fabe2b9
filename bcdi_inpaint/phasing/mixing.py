"""How much of a computed intensity to mix into a fill, as a pseudo-gap says.

There the truth was measured. A rule is fitted on half of it, in blocks, and judged on the other,
which has no part in the choice of its classes either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray, IntArray, rms
from bcdi_inpaint.phasing.evidence import Evidence
from bcdi_inpaint.phasing.held_out_blocks import blocks_of, chessboard, cross_validate, gains_surely
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
    helps : whether it errs less there than the fill by more than chance from block to block allows:
        an intensity that knows nothing comes out ahead of the fill in half of all cases.
    shares : (n_classes,) share of the computed intensity in each class of brightness, as the rule
        makes it.
    log_counts : (n_rock, n_y, n_x) float32, log(1 + counts) of the mixture in the pseudo-gap, of
        the fill elsewhere.
    rule : fitted on all of the pseudo-gap.
    """

    error: float
    helps: bool
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
    shares = _shares_of(evidence, log_counts, pseudo, settings)
    counts, fill = evidence.log_counts[pseudo], evidence.log_fill[pseudo]
    helps = gains_surely(counts, fill, tested, blocks_of(pseudo, settings.block))
    return Mixture(error, helps, shares, log_counts, rule)


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

    tested = cross_validate(chessboard(pseudo.shape, settings.block)[pseudo], predict)
    return VoxelRule(fit_weights(columns, wanted, ridge), settings.voxels), tested


def _fit_by_class(
    evidence: Evidence, pseudo: BoolArray, settings: MixingSettings
) -> tuple[ClassRule, FloatArray]:
    """The rule, and (n_pseudo,) log(1 + counts) of rules that were fitted on other blocks."""
    counts, fill, found = (
        values[pseudo] for values in (evidence.log_counts, evidence.log_fill, evidence.log_found)
    )
    classes = brightness_classes(np.expm1(fill), settings)
    half, quarter = (chessboard(pseudo.shape, settings.block, width)[pseudo] for width in (1, 2))

    def shares_of(chosen: BoolArray, parts: BoolArray) -> Float64Array:
        """0 of a class where the voxels of one part gain nothing by what the other one says."""
        shares = fit_shares(counts, fill, found, classes, chosen, settings)
        gained = np.zeros(len(shares))
        for own, others in ((chosen & parts, chosen & ~parts), (chosen & ~parts, chosen & parts)):
            by_others = fit_shares(counts, fill, found, classes, others, settings)[classes[own]]
            left = np.square(counts[own] - mix(fill[own], found[own], by_others))
            gain = np.square(counts[own] - fill[own]) - left
            gained += np.bincount(classes[own], gain, minlength=len(shares))
        return np.where(gained > 0, shares, 0)

    def predict(others: BoolArray, own: BoolArray) -> FloatArray:
        return mix(fill[own], found[own], shares_of(others, quarter)[classes[own]])

    tested = cross_validate(half, predict)
    return ClassRule(shares_of(np.ones_like(half), half), settings), tested


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
