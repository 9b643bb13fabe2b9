"""The intensity that a crystal of finite size could have in a gap and in its pseudo-gap.

A phase retrieval around the Bragg peak, with the fill as its prior, from several random starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError, memory_errors
from bcdi_inpaint.phasing.coherence import CoherenceSearch
from bcdi_inpaint.phasing.handover import prior_of
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule, Stage
from bcdi_inpaint.phasing.starts import run_starts
from bcdi_inpaint.phasing.torch_retrieval import Amplitudes, cycle, retrieve
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.photons import photon_deviance


@dataclass(frozen=True)
class ComputedStates:
    """What several starts came to.

    Attributes
    ----------
    near : the one that fits the measured voxels best, and those that fit nearly as well.
    ended : how many starts came to their end.
    search : what was found of the beam's coherence.
    """

    near: tuple[State, ...]
    ended: int
    search: CoherenceSearch

    @property
    def stagnated(self) -> int:
        """How many starts fit clearly worse, or failed."""
        return self.ended - len(self.near)


def compute_states(
    task: RefinementTask,
    rng: np.random.Generator,
    starts: int,
    progress: Callable[[int, int], None] | None,
) -> ComputedStates:
    """The start that fits the measured voxels best, and those that fit nearly as well.

    An early end, or memory that runs out, leaves the starts that had ended.

    Parameters
    ----------
    task : what is phased; the pseudo-gap is hidden.
    rng : source of the starts, which draw on from it one after another.
    starts : how many.
    progress : called with (starts done, starts in all).

    Returns
    -------
    The states, and what was found of the beam's coherence.

    Raises
    ------
    InputError
        `starts` is below 1, or every start failed.
    KeyboardInterrupt, MemoryError
        It ended before any start had.
    """
    if starts < 1:
        raise InputError(f"starts is {starts}, expected at least 1: give a positive number")
    search = task.coherence_search()
    outcomes: list[tuple[float, State] | InputError] = []

    def report_start(number: int, outcome: tuple[float, State] | InputError) -> None:
        outcomes.append(outcome)
        if progress is not None:
            progress(number + 1, starts)

    _run_starts(task, search, [rng] * starts, report_start)  # they draw on from one generator
    found = [outcome for outcome in outcomes if not isinstance(outcome, InputError)]
    if not found:
        task.end.look()
    finite = sorted((pair for pair in found if np.isfinite(pair[0])), key=lambda pair: pair[0])
    if not finite:
        raise InputError("the computed intensity is not finite, expected numbers")
    least = finite[0][0]
    near = tuple(state for misfit, state in finite if misfit <= task.settings.near * least)
    return ComputedStates(near, len(outcomes), search)


def _run_starts(
    task: RefinementTask,
    search: CoherenceSearch,
    generators: Sequence[np.random.Generator],
    report: Callable[[int, tuple[float, State] | InputError], None],
) -> None:
    """Run starts until the last, the early end, or the end of memory that comes after one."""
    n_found = 0

    def counted(rng: np.random.Generator) -> tuple[float, State]:
        nonlocal n_found
        with memory_errors():
            found = _run_start(task, search, rng)
        n_found += 1
        return found

    with task.end.keeping():
        try:
            run_starts(counted, generators, report)
        except MemoryError:
            if not n_found:
                raise
        except InputError as error:
            number = len(generators)
            raise InputError(f"{number} of {number} starts found no object: {error}") from error


def _run_start(
    task: RefinementTask, search: CoherenceSearch, rng: np.random.Generator
) -> tuple[float, State]:
    """Misfit and state of one start, which the beam's coherence is sought in."""

    def settle(state: State, stage: Stage) -> None:
        if stage.algorithm == "RAAR":
            state.coherence = search.follow(state.diffracted())
        if task.watch is not None:
            task.watch(state.intensity())

    state = retrieve(
        task.counts,
        task.hidden,
        rng,
        schedule=task.settings.schedule,
        constraint=prior_of(task.blind_fill),
        guess=task.blind_fill.counts,
        device=task.device,
        coherence=search.begin(),
        background=task.background.level,
        report=task.cycled,
        settle=settle,
    )
    misfit = seen_misfit(task, state)
    search.end(misfit)
    return misfit, state


def seen_misfit(task: RefinementTask, state: State) -> float:
    """Mean deviance of what the retrieval sees from what it calculates."""
    return _misfit(task, state, ~task.hidden)


def unseen_misfit(task: RefinementTask, state: State) -> float:
    """Mean deviance of what was measured of the islands that no start sees; nan without any."""
    unseen = None if task.islands is None else task.islands & ~task.pseudo
    return float("nan") if unseen is None or not unseen.any() else _misfit(task, state, unseen)


def measured_misfit(task: RefinementTask, state: State) -> float:
    """Mean deviance of all that was measured, the pseudo-gap too, from what is calculated."""
    return _misfit(task, state, ~task.unknown)


def _misfit(task: RefinementTask, state: State, seen: BoolArray) -> float:
    return float(photon_deviance(task.counts[seen], state.intensity()[seen]).mean())


@memory_errors()
def release_states(task: RefinementTask, states: Sequence[State]) -> tuple[State, ...]:
    """States that went on from the same places without the prior."""
    free = task.amplitudes(None, task.hidden, states[0].background)
    released = tuple(replace(state) for state in states)  # objects of their own
    for state in released:
        continue_state(state, free, task.settings.released, task.cycled)
    return released


@memory_errors()
def states_without_background(task: RefinementTask, states: Sequence[State]) -> tuple[State, ...]:
    """States that went on from the same places as if there were no background."""
    known = task.amplitudes(task.blind_fill, task.hidden, 0.0)
    without = tuple(replace(state, background=0.0) for state in states)
    for state in without:
        continue_state(state, known, task.settings.heeded, task.cycled)
    return without


def continue_state(
    state: State,
    known: Amplitudes,
    schedule: Schedule,
    report: Callable[[], None] = lambda: None,
) -> None:
    """Cycles of RAAR and ER with the support as it is, in place.

    Parameters
    ----------
    state : object and support.
    known : what the object's Fourier amplitudes have to be.
    schedule : how many cycles.
    report : called after each cycle.
    """
    cycle(state, known, "RAAR", schedule.raar, beta=schedule.beta, report=report)
    cycle(state, known, "ER", schedule.er, report=report)


def log_intensity(states: Sequence[State]) -> Float32Array:
    """The mean over states of log(1 + intensity), (n_rock, n_y, n_x): what they agree in stays."""
    mean: Float32Array = np.mean([np.log1p(state.intensity()) for state in states], axis=0)
    return mean


def spread_of(states: Sequence[State]) -> Float32Array:
    """The standard deviation over states of log(1 + intensity), (n_rock, n_y, n_x); 0 of one."""
    spread: Float32Array = np.std([np.log1p(state.intensity()) for state in states], axis=0)
    return spread
