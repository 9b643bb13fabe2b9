"""Starts once more, with all that was measured: what a fill is mixed with in the end.

The pseudo-gap tells how far a computed intensity is believed, and costs something. With a second
gap of 24 lines of 64 hidden the network goes 0.42 of the way in the gap in place of 0.65, and an
object that is found then stays where it was when the pseudo-gap's counts come back. So once it is
known how far, the intensity is computed anew, from the start, with nothing hidden but the gap and
with what was mixed until then as its prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.errors import InputError, memory_errors
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.phasing.beam_form import form_last
from bcdi_inpaint.phasing.coherence import CoherenceSearch
from bcdi_inpaint.phasing.coherence_check import check_last
from bcdi_inpaint.phasing.computed_intensity import continue_state
from bcdi_inpaint.phasing.even_pulse import even_out_briefly
from bcdi_inpaint.phasing.generations import find_crystal
from bcdi_inpaint.phasing.last_start import start_with_gap_hidden
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.shares_in_gap import mix_in_gap
from bcdi_inpaint.phasing.starts import run_starts
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.phasing.trials import Trial
from bcdi_inpaint.photons import photon_deviance


def compute_again(
    task: RefinementTask,
    trial: Trial,
    rng: np.random.Generator,
    starts: int,
    search: CoherenceSearch,
    *,
    believed: bool = True,
) -> tuple[Float32Array, tuple[State, ...]]:
    """log(1 + intensity), the mean of the trial's states and of other starts, and all of these.

    Parameters
    ----------
    task : what is phased.
    trial : the one that predicts the pseudo-gap best. What it says of a background is kept.
    rng : source of the other starts.
    starts : how many.
    search : what was found of the beam's coherence, which is checked once more.
    believed : whether the trial's intensity is mixed into the prior of the other starts. Where it
        is not, they find objects all the same, with the fill as it was given.

    Returns
    -------
    (n_rock, n_y, n_x) float32, and the states.
    """
    states = with_all_measured(task, trial)
    prior = mixed_prior(task, trial, mean_by_doubt(task, states)) if believed else task.fill
    states = (*states, *start_again(task, trial, prior, rng, starts))
    states = find_crystal(task, check_last(task, states, search), prior)
    states = even_out_briefly(task, states)
    states = form_last(task, states, search)
    return mean_by_doubt(task, states), states


def with_all_measured(task: RefinementTask, trial: Trial) -> tuple[State, ...]:
    """The trial's states, gone on with what the pseudo-gap hid.

    An early end, or no memory, leaves them as they are.
    """
    prior = task.fill if trial.held else None
    kept, states = trial.states, tuple(replace(state) for state in trial.states)
    with task.end.keeping(), suppress(MemoryError), memory_errors():
        known = task.amplitudes(prior, task.unknown, trial.background)
        for state in states:
            continue_state(state, known, task.settings.last, task.cycled)
        kept = states
    return kept


def mean_by_doubt(task: RefinementTask, states: Sequence[State]) -> Float32Array:
    """The weighted mean of log(1 + intensity), (n_rock, n_y, n_x).

    A state counts less the worse it fits the measured voxels and the farther it is from the fill in
    the gap: its weight is the square of the inverse of misfit times mean squared distance. On nine
    scans, of seeds that nothing is reported on, that was as good at 12 lines as the mean of those
    that fit nearly best, and better at 24; no committed command.
    """
    seen, gap = ~task.unknown, task.unknown & task.fill.filled
    log_fill = np.log1p(task.fill.counts[gap])
    logs = [np.log1p(state.intensity()) for state in states]
    doubts = [
        float(photon_deviance(task.counts[seen], np.expm1(log[seen])).mean())
        * float(np.square(log[gap] - log_fill).mean())
        for log in logs
    ]
    weights = np.maximum(doubts, 1e-12) ** -2.0
    mean: Float32Array = np.average(logs, axis=0, weights=weights).astype(np.float32)
    return mean


def mixed_prior(task: RefinementTask, trial: Trial, found: Float32Array) -> Fill:
    """The fill with a computed intensity mixed in, and surer, as the prior of other starts.

    Parameters
    ----------
    task : what is phased.
    trial : whose rule mixes.
    found : (n_rock, n_y, n_x) log(1 + intensity).
    """
    fill, surer = task.fill, np.float32(task.settings.mixing.surer)
    counts = fill.counts.copy()
    counts[fill.filled] = np.expm1(mix_in_gap(task, trial, found))
    return replace(fill, counts=counts, sigma=fill.sigma * surer)


def start_again(
    task: RefinementTask, trial: Trial, prior: Fill, rng: np.random.Generator, starts: int
) -> tuple[State, ...]:
    """States of other starts, with the gap alone hidden.

    Starts that fail are left out; an early end, or no memory, leaves those before it. Where the
    schedule has no cycle there are none.

    Parameters
    ----------
    task, trial : see `compute_again`.
    prior : what is known of the gap.
    rng : source of the starts.
    starts : how many.
    """
    states: list[State] = []
    starts = starts if task.settings.again.cycles else 0

    def attempt(own: np.random.Generator) -> None:
        task.end.look()
        with memory_errors():
            found = start_with_gap_hidden(
                task,
                prior,
                own,
                coherence=trial.states[0].coherence,
                background=trial.background,
                report=task.cycled,
            )
        states.append(found)

    with task.end.keeping(), suppress(InputError, MemoryError):  # the trial's states are there
        run_starts(attempt, [rng] * starts)
    return tuple(states)
