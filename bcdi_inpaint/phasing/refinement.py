"""Refining a fill by physics: what could a crystal of finite size diffract into the gap?

A short phase retrieval, with the fill as its prior, computes the intensity in the gap.
How much of it to believe is decided where the truth is known: a pseudo-gap of the same shape, as
far from the Bragg peak, is hidden, filled and computed in the same way, and compared with what was
measured there. If the computed intensity does not predict it better, the fill stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.phasing.computed_intensity import (
    ComputedStates,
    compute_states,
    continue_state,
    log_intensity,
)
from bcdi_inpaint.phasing.mixing import (
    brightness_classes,
    mix,
    rms,
    sigma_factors,
)
from bcdi_inpaint.phasing.peak_box import crop_around_peak, shrink_box
from bcdi_inpaint.phasing.refinement_task import (
    RefinementSettings,
    RefinementTask,
    prepare_task,
)
from bcdi_inpaint.phasing.torch_retrieval import State
from bcdi_inpaint.phasing.trials import Trial, disagreement, find_best_trial
from bcdi_inpaint.photons import LEAST_COUNTS
from bcdi_inpaint.running.early_end import EarlyEnd
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


def refine(
    counts: np.ndarray,
    gap_mask: BoolArray,
    fill: Fill,
    *,
    bad_mask: BoolArray | None = None,
    model: str | Path | Model = "default",
    seed: int = 0,
    rng: np.random.Generator | None = None,
    starts: int = 3,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    cycles: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
    watch: Callable[[Box, np.ndarray], None] | None = None,
    settings: RefinementSettings = RefinementSettings(),
) -> Refinement:
    """Refine a fill by a phase retrieval around the Bragg peak, where that predicts better.

    Nothing is raised for a retrieval that fails or has no memory: the fill stays, and the remark
    says why. Ctrl-C, and `stop` where it returns True, end it after the cycle at hand: of what was
    computed until then the best goes into the fill, if held-out voxels like it, and the fill stays
    where no start has ended yet. A second Ctrl-C leaves the fill at once.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photon counts; not changed.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    fill : what `inpaint` made of them.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid.
    model : ``default``, a weights file, or a loaded `Model`; the one that made the fill, which
        fills the pseudo-gap too.
    seed : of the random starts.
    rng : source of the random starts, in place of the seed.
    starts : random starts; the one that fits the measured voxels best counts, or the mean of
        those that fit nearly as well.
    device : ``auto``, ``cpu`` or ``cuda``.
    progress : called with (starts done, starts in all).
    cycles : called after each cycle with (cycles done, cycles in all); where not every start is
        gone on with, there are fewer, and the last call is ahead of the count.
    stop : asked after each cycle whether to end with the best so far, as Ctrl-C does: True from a
        button that was pressed, for example. It may be asked again after that.
    watch : called after each stage of a start with the box that is phased and the intensity that
        is calculated there so far.
    settings : how it is done.

    Returns
    -------
    The refinement: `fill` is the better fill, `remark` says what was found.

    Raises
    ------
    InputError
        A model that does not load.
    """
    model = model if isinstance(model, Model) else load_model(model)
    rng = np.random.default_rng(seed) if rng is None else rng
    bad_mask = np.zeros(counts.shape, dtype=bool) if bad_mask is None else bad_mask
    end = EarlyEnd(stop)
    try:
        crop = crop_around_peak(counts, gap_mask | bad_mask)
        box = shrink_box(crop, settings.largest_box)
        task = prepare_task(counts, gap_mask, bad_mask, fill, model, box, device, settings)
        total = starts * settings.cycles
        seen = None if watch is None else partial(watch, box)
        task = replace(task, report=_counter(cycles, total), end=end, watch=seen)
        found = _refine(task, fill, box, rng, starts, progress)
        cycles(total, total)
        return _with_report(found)
    except InputError as error:
        why = str(error)
    except MemoryError:
        why = f"out of memory on the {choose_device(device).type}, expected room for the box"
    except KeyboardInterrupt:
        why, end.came = "interrupted before a start had ended", True
    nan = float("nan")
    return _with_report(Refinement(fill, False, nan, nan, (), f"not refined: {why}", end.came))


def _counter(cycles: Callable[[int, int], None], total: int) -> Callable[[], None]:
    """Counts its own calls, and tells `cycles` of each."""
    done = count(1)
    return lambda: cycles(next(done), total)


def _with_report(refinement: Refinement) -> Refinement:
    """The refinement, whose fill says in its report what was decided."""
    fill = refinement.fill
    report = replace(
        fill.report,
        refined=refinement.accepted,
        remark=refinement.remark,
        interrupted=refinement.interrupted or fill.report.interrupted,
    )
    return replace(refinement, fill=replace(fill, report=report))


def fill_and_refine(
    counts: np.ndarray, gap_mask: BoolArray, bad_mask: BoolArray, model: Model, device: str = "auto"
) -> Refinement:
    """Fill and refine in one, from seed 0.

    Parameters
    ----------
    counts, gap_mask, bad_mask : see `refine`.
    model : fills the gap and the pseudo-gap.
    device : ``auto``, ``cpu`` or ``cuda``.

    Returns
    -------
    The refinement.

    Raises
    ------
    InputError
        As `inpaint`.
    """
    fill = inpaint(counts, gap_mask, model, device, bad_mask=bad_mask)
    return refine(counts, gap_mask, fill, bad_mask=bad_mask, model=model, device=device)


def _refine(
    task: RefinementTask,
    fill: Fill,
    box: Box,
    rng: np.random.Generator,
    starts: int,
    progress: Callable[[int, int], None] | None,
) -> Refinement:
    """Compute the intensity in several ways and believe the one that predicts best."""
    computed = compute_states(task, rng, starts, progress)
    # While these are as the pseudo-gap left them:
    apart = disagreement(task, computed.near)
    trial, left_out = find_best_trial(task, computed.near)
    refinement = replace(_judge(task, fill, box, trial, rng), interrupted=task.end.came)
    said = _findings(computed, apart, refinement, trial, left_out)
    report = replace(
        refinement.fill.report,
        coherence_sigma=computed.search.best.sigma,
        density_strength=trial.strength if refinement.accepted else 0.0,
    )
    return replace(
        refinement,
        remark="; ".join((refinement.remark, *said)),
        fill=replace(refinement.fill, report=report),
    )


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
        yield "coherence width {:.2g}, {:.2g}, {:.2g} voxels".format(*search.best.sigma)
    if refinement.accepted and trial.strength:
        yield f"density evened out by {trial.strength:g}"
    if left_out:
        yield left_out
    if computed.stagnated:
        yield f"{computed.stagnated} of {computed.ended} starts stagnated"
    if apart > refinement.before:
        yield f"starts disagree (by {apart:.2g} in log counts)"


def _judge(
    task: RefinementTask, fill: Fill, box: Box, trial: Trial, rng: np.random.Generator
) -> Refinement:
    """Believe the computed intensity as far as the pseudo-gap says."""
    pseudo, mixture = task.pseudo, trial.mixture
    before = rms(np.log1p(task.counts[pseudo]) - np.log1p(task.first.counts[pseudo]))
    shares = tuple(float(share) for share in mixture.shares)
    if not mixture.error < before:
        remark = (
            f"not refined: the computed intensity predicts measured voxels no better (RMS log "
            f"error {mixture.error:.4g} against {before:.4g})"
        )
        return Refinement(fill, False, before, mixture.error, shares, remark)
    mixing = task.settings.mixing
    classes = brightness_classes(task.first.counts, mixing)
    mixed = replace(task.first, counts=np.expm1(mixture.log_counts), filled=pseudo)
    factors = sigma_factors(task.counts, mixed, classes, rng, mixing)
    refined = _apply(task, fill, box, trial, factors)
    remark = f"refined: RMS log error of held-out voxels {before:.4g} to {mixture.error:.4g}"
    return Refinement(refined, True, before, mixture.error, shares, remark)


def _apply(task: RefinementTask, fill: Fill, box: Box, trial: Trial, factors: Float64Array) -> Fill:
    """The fill with the computed intensity mixed in, once more with all that was measured."""
    classes = brightness_classes(task.second.counts, task.settings.mixing)
    shares = trial.mixture.shares[classes]
    found = log_intensity(_with_all_measured(task, trial))
    log_mixed = mix(np.log1p(task.second.counts), found, shares)
    counts, sigma = fill.counts.copy(), fill.sigma.copy()
    filled = fill.filled[box]
    counts[box][filled] = np.maximum(np.expm1(log_mixed[filled]), LEAST_COUNTS)
    scaled = sigma[box][filled] * factors[classes][filled]
    # Counts tell no error that is smaller than their own noise, which log(1 + counts) has as:
    noise = 1 / np.sqrt(1 + counts[box][filled])
    sigma[box][filled] = np.maximum(scaled, np.minimum(noise, sigma[box][filled]))
    return replace(fill, counts=counts, sigma=sigma)


def _with_all_measured(task: RefinementTask, trial: Trial) -> tuple[State, ...]:
    """The trial's states, gone on with what the pseudo-gap hid; as they are after an early end."""
    known = task.amplitudes(task.second if trial.held else None, task.unknown)
    kept, states = trial.states, tuple(replace(state) for state in trial.states)
    with task.end.keeping():
        for state in states:
            continue_state(state, known, task.settings.last, task.cycled)
        kept = states
    return kept
