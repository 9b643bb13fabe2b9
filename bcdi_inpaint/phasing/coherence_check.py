"""Whether the widths that were found of a beam's coherence are believed.

A start that has not converged is fitted better by any blur that fills its minima, also where the
beam is coherent. So the best start goes on for a while as if the beam were: where that fits nearly
as well, the widths are of the start and not of the beam. Where they were believed, they are checked
once more when nothing but the gap is hidden and other starts are there: the best of these has
converged where the first ones had not. On two coherent crystals whose widths were believed at first
its misfit was 1.07 and 1.09 of a coherent beam's then, on two partly coherent ones 0.15 and 0.54;
no committed command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from bcdi_inpaint.errors import memory_errors
from bcdi_inpaint.phasing.coherence import COHERENT, Coherence, CoherenceSearch
from bcdi_inpaint.phasing.computed_intensity import (
    ComputedStates,
    compute_states,
    continue_state,
    measured_misfit,
    seen_misfit,
)
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.torch_retrieval import Amplitudes
from bcdi_inpaint.phasing.torch_state import State


def compute_checked(
    task: RefinementTask,
    rng: np.random.Generator,
    starts: int,
    progress: Callable[[int, int], None] | None = None,
) -> ComputedStates:
    """What several starts come to, and a beam's coherence that is believed.

    Parameters
    ----------
    task, rng, starts, progress : see `compute_states`, also for what is raised.
    """
    computed = compute_states(task, rng, starts, progress)
    return replace(computed, near=check_coherence(task, computed.near, computed.search))


def check_coherence(
    task: RefinementTask, near: tuple[State, ...], search: CoherenceSearch
) -> tuple[State, ...]:
    """The states, or what they come to in a coherent beam where the widths are not believed.

    Then the search says so. An early end, or no memory, leaves the states and the widths.

    Parameters
    ----------
    task : what is phased.
    near : the states of several starts, the best first.
    search : what was found of the beam's coherence.
    """
    known = partial(task.amplitudes, task.blind_fill, task.hidden, task.background.level)
    return _check(task, near, search, known, seen_misfit)


def check_last(
    task: RefinementTask, states: tuple[State, ...], search: CoherenceSearch
) -> tuple[State, ...]:
    """The states with all measured, or what they come to where the widths are not believed now.

    Then the search says so. An early end, or no memory, leaves the states and the widths.

    Parameters
    ----------
    task : what is phased.
    states : of all starts, nothing but the gap hidden.
    search : what was found of the beam's coherence.
    """
    background = states[0].background if states else 0.0
    known = partial(task.amplitudes, task.fill, task.unknown, background)
    return _check(task, states, search, known, measured_misfit)


def _check(
    task: RefinementTask,
    states: tuple[State, ...],
    search: CoherenceSearch,
    known: Callable[[], Amplitudes],
    misfit: Callable[[RefinementTask, State], float],
) -> tuple[State, ...]:
    """The states, or in a coherent beam, by the best of them; as they are without time or memory.

    `known` makes what their Fourier amplitudes have to be, `misfit` says how well one fits.
    """
    checked = states
    with task.end.keeping():
        try:
            if search.best.coherent:
                checked = _made_coherent(task, states, known)
            else:
                checked = _judge(task, states, search, known, misfit)
        except MemoryError:
            return states
    return checked


@memory_errors()
def _made_coherent(
    task: RefinementTask, states: tuple[State, ...], known: Callable[[], Amplitudes]
) -> tuple[State, ...]:
    """What states come to in a coherent beam: the best start has no widths, others may have."""
    if all(state.coherence.coherent for state in states):
        return states
    amplitudes = known()
    return tuple(
        state if state.coherence.coherent else _go_on(task, state, COHERENT, amplitudes)
        for state in states
    )


def _go_on(
    task: RefinementTask, state: State, coherence: Coherence, amplitudes: Amplitudes
) -> State:
    turned = replace(state, coherence=coherence)
    continue_state(turned, amplitudes, task.settings.checked, task.cycled)
    return turned


@memory_errors()
def _judge(
    task: RefinementTask,
    states: tuple[State, ...],
    search: CoherenceSearch,
    known: Callable[[], Amplitudes],
    misfit: Callable[[RefinementTask, State], float],
) -> tuple[State, ...]:
    """The same where there are widths, and time and memory."""
    amplitudes = known()

    def go_on(state: State, coherence: Coherence) -> State:
        return _go_on(task, state, coherence, amplitudes)

    best = min(states, key=partial(misfit, task))
    blurred, coherent = go_on(best, search.best), go_on(best, COHERENT)  # for as many cycles
    share = misfit(task, blurred) / max(misfit(task, coherent), 1e-30)
    if share <= task.settings.coherence.believed:
        return states
    others = [go_on(state, COHERENT) for state in states if state is not best]
    search.disbelieve(share)
    return coherent, *others
