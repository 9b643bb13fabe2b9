"""What is made of a fill once intensities are computed: which are believed, and how far.

That is decided in the pseudo-gap: the computed intensity that predicts it best is mixed into the
fill, if the mixture predicts better than the fill alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bcdi_inpaint.arrays import Float32Array, Float64Array, rms
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.phasing.computed_intensity import (
    ComputedStates,
    measured_misfit,
    unseen_misfit,
)
from bcdi_inpaint.phasing.found_objects import collect_objects
from bcdi_inpaint.phasing.gap_alone import compute_again
from bcdi_inpaint.phasing.mixed_sigma import sigma_factors
from bcdi_inpaint.phasing.mixing import brightness_classes
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.shares_in_gap import mix_in_gap
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.phasing.trials import Trial, disagreement, find_best_trial
from bcdi_inpaint.photons import LEAST_COUNTS
from bcdi_inpaint.scan.boxes import Box


@dataclass(frozen=True)
class Refinement:
    """A fill after refinement, and how that was decided.

    Attributes
    ----------
    fill : the refined one if `accepted`, else the one that was given.
    accepted : whether the computed intensity helped to predict what was measured.
    before, after : RMS error of log(1 + counts) in the pseudo-gap, of the network's fill and of
        the refined one; nan where neither was computed.
    shares : of the computed intensity in the classes of `MixingSettings.edges`, from faint to
        bright.
    remark : one line on what was found.
    interrupted : whether Ctrl-C or `stop` ended it early; the fill is the best until then.
    """

    fill: Fill
    accepted: bool
    before: float
    after: float
    shares: tuple[float, ...]
    remark: str
    interrupted: bool = False

    def __repr__(self) -> str:
        return self.remark


def judge_states(
    task: RefinementTask,
    computed: ComputedStates,
    fill: Fill,
    box: Box,
    rng: np.random.Generator,
) -> Refinement:
    """Compute the intensity in several ways and believe the one that predicts best.

    Parameters
    ----------
    task : what is phased.
    computed : what its starts came to; the states stay as they are.
    fill : of the whole scan.
    box : of the task in it.
    rng : source of the ranks of counts in their intervals.
    """
    insisting = task.end.insisting  # the first Ctrl-C is not to lose what the starts came to
    # While these are as the pseudo-gap left them:
    apart = insisting(partial(disagreement, task, computed.near))
    trial, left_out = insisting(partial(find_best_trial, task, computed.near))
    again = partial(compute_again, task, trial, rng, computed.ended, computed.search)
    judged = insisting(partial(_judge, task, fill, box, trial, again, rng))
    refinement = replace(judged, interrupted=task.end.came)
    said = (
        *_background(task, trial),
        *_findings(computed, apart, refinement, trial, left_out),
    )
    report = replace(
        refinement.fill.report,
        coherence_sigma=computed.search.best.sigma,
        density_strength=trial.strength if refinement.accepted else 0.0,
        background=trial.background,
    )
    return replace(
        refinement,
        remark="; ".join((refinement.remark, *said)),
        fill=replace(refinement.fill, report=report),
    )


def _background(task: RefinementTask, trial: Trial) -> Iterator[str]:
    """What was found of a background, in a few words."""
    if task.no_background:
        yield task.no_background
    elif trial.background:
        yield str(task.background)
    elif task.background.level:
        yield f"{task.background} left out, held-out voxels are predicted better without"


def _findings(
    computed: ComputedStates, apart: float, refinement: Refinement, trial: Trial, left_out: str
) -> Iterator[str]:
    """What was found beside, each in a few words."""
    search = computed.search
    if refinement.interrupted:
        yield f"interrupted after {computed.ended} starts, the best so far"
    if search.failure:
        yield search.failure
    elif not search.best.coherent:
        tails = "" if search.best.psf is None else " (no Gaussian: objects/point_spread_function)"
        yield "coherence width {:.2g}, {:.2g}, {:.2g} voxels".format(*search.best.sigma) + tails
    if refinement.accepted and trial.strength:
        yield f"density evened out by {trial.strength:g}"
    if left_out:
        yield left_out
    if computed.stagnated:
        yield f"{computed.stagnated} of {computed.ended} starts stagnated"
    if apart > refinement.before:
        yield f"starts disagree (by {apart:.2g} in log counts)"


def _lost(task: RefinementTask, states: Sequence[State]) -> str:
    """What is said where the best state does not fit what none has seen nearly as well."""
    best = min(states, key=partial(measured_misfit, task))
    seen, unseen = measured_misfit(task, best), unseen_misfit(task, best)
    if not unseen > task.settings.found * seen:  # nan where all was seen
        return ""
    misfits = f"misfit {seen:.2g}, of voxels that none has seen {unseen:.2g}"
    return f"; no start has found the crystal ({misfits})"


def _judge(
    task: RefinementTask,
    fill: Fill,
    box: Box,
    trial: Trial,
    again: Callable[..., tuple[Float32Array, tuple[State, ...]]],
    rng: np.random.Generator,
) -> Refinement:
    """Believe the computed intensity as far as the pseudo-gap says; `again` computes the gap's."""
    pseudo, mixture = task.pseudo, trial.mixture
    before = rms(task.log_counts[pseudo] - np.log1p(task.blind_fill.counts[pseudo]))
    shares = tuple(float(share) for share in mixture.shares)
    if not mixture.helps:
        remark = (
            f"not refined: the computed intensity predicts measured voxels no better, or not "
            f"surely so (RMS log error {mixture.error:.4g} against {before:.4g})"
        )
        _, states = again(believed=False)
        fill = _with_objects(fill, task, states, box)
        remark += _lost(task, states)
        return Refinement(fill, False, before, mixture.error, shares, remark)
    mixing = task.settings.mixing
    classes = brightness_classes(task.blind_fill.counts, mixing)
    mixed = replace(task.blind_fill, counts=np.expm1(mixture.log_counts), filled=pseudo)
    factors = sigma_factors(task.counts, mixed, classes, rng, mixing)
    found, states = again()
    refined = _with_objects(_apply(task, fill, box, trial, found, factors), task, states, box)
    remark = f"refined: RMS log error of held-out voxels {before:.4g} to {mixture.error:.4g}"
    remark += _lost(task, states)
    return Refinement(refined, True, before, mixture.error, shares, remark)


def _with_objects(fill: Fill, task: RefinementTask, states: Sequence[State], box: Box) -> Fill:
    """The fill, whose report has what states hold."""
    objects = collect_objects(task, states, box)
    return replace(fill, report=replace(fill.report, objects=objects))


def _apply(
    task: RefinementTask,
    fill: Fill,
    box: Box,
    trial: Trial,
    found: Float32Array,
    factors: Float64Array,
) -> Fill:
    """The fill with a computed intensity mixed in, of which `found` is log(1 + counts)."""
    classes = brightness_classes(task.fill.counts, task.settings.mixing)
    counts, sigma = fill.counts.copy(), fill.sigma.copy()
    filled = fill.filled[box]
    log_mixed = mix_in_gap(task, trial, found)
    counts[box][filled] = np.maximum(np.expm1(log_mixed), LEAST_COUNTS)
    scaled = sigma[box][filled] * factors[classes][filled]
    # Counts tell no error that is smaller than their own noise, which log(1 + counts) has as:
    noise = 1 / np.sqrt(1 + counts[box][filled])
    sigma[box][filled] = np.maximum(scaled, np.minimum(noise, sigma[box][filled]))
    return replace(fill, counts=counts, sigma=sigma)
