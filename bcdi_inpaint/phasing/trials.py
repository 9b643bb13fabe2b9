"""Ways to compute the intensity in a gap, and the one that predicts a pseudo-gap best.

With the prior to the end or released from it, one start or the mean of several, with an even
density inside or without: what a scan likes is decided where its counts are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bcdi_inpaint.arrays import Float32Array, FloatArray, rms
from bcdi_inpaint.errors import InputError, memory_errors
from bcdi_inpaint.phasing.computed_intensity import (
    continue_state,
    log_intensity,
    release_states,
    spread_of,
    states_without_background,
)
from bcdi_inpaint.phasing.evidence import Evidence
from bcdi_inpaint.phasing.mixing import Mixture, fit_mixture
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.torch_state import State


@dataclass(frozen=True)
class Trial:
    """What the computed intensity of one state, or the mean of several, makes of the pseudo-gap.

    Attributes
    ----------
    states : the one, or those that are averaged.
    held : with the prior to the end.
    mixture : of the computed intensity and the fill.
    spread : (n_rock, n_y, n_x) of all starts that went this way, see `Evidence`.
    """

    states: tuple[State, ...]
    held: bool
    mixture: Mixture
    spread: Float32Array

    @property
    def strength(self) -> float:
        """How strongly the density inside was evened out."""
        return self.states[0].density.strength

    @property
    def background(self) -> float:
        """Counts in every voxel that were taken off."""
        return self.states[0].background


def find_best_trial(task: RefinementTask, near: tuple[State, ...]) -> tuple[Trial, str]:
    """The trial that predicts best, of the starts `near` the best one; and what was left out.

    Where a background was found, cycles without it are tried; one that was given stays. Then come
    cycles without the prior, and an even density, more and more strongly for as long as that
    predicts better. Where a piece fails, has no memory or is ended early, the best so far stays.
    """
    best = _best_of_leading(task, near, held=True)
    piece = "cycles without the background"
    with task.end.keeping():
        try:
            if best.background and not task.background.is_given:
                near, best = _as_held_out_voxels_like(task, near, best)
            piece = "cycles without the prior"
            released = release_states(task, near)
            best = _better(best, _best_of_leading(task, released, held=False))
            piece = "even density"
            for strength in task.settings.strengths:
                even = _best_of_leading(task, _evened(task, near, strength), held=True)
                if _better(best, even) is best:
                    break
                best = even
        except InputError as error:
            return best, f"no {piece}: {error}"
        except MemoryError:
            return best, f"no {piece}: out of memory"
    return best, ""


def _as_held_out_voxels_like(
    task: RefinementTask, near: tuple[State, ...], heeding: Trial
) -> tuple[tuple[State, ...], Trial]:
    """The states to go on with, and their trial: those that heed the background, or others."""
    without = states_without_background(task, near)
    other = _best_of_leading(task, without, held=True)
    return (near, heeding) if _better(heeding, other) is heeding else (without, other)


def disagreement(task: RefinementTask, states: Sequence[State]) -> float:
    """How far starts are apart in the pseudo-gap: RMS deviation of log(1 + intensity) from theirs.

    0 for one start.
    """
    logs: FloatArray = np.stack([np.log1p(state.intensity()[task.pseudo]) for state in states])
    return rms(logs - logs.mean(axis=0))


@memory_errors()
def _best_of_leading(task: RefinementTask, states: tuple[State, ...], *, held: bool) -> Trial:
    """The first state, the mean of the first two, and so on: the one that predicts best."""
    leading = (states[:number] for number in range(1, len(states) + 1))
    spread = spread_of(states)
    trials = (_try(task, few, held, spread) for few in leading)
    return min(trials, key=lambda trial: trial.mixture.error)


def _better(one: Trial, other: Trial) -> Trial:
    """The trial that predicts better, in doubt the first."""
    return other if other.mixture.error < one.mixture.error else one


def _try(
    task: RefinementTask, states: tuple[State, ...], held: bool, spread: Float32Array
) -> Trial:
    evidence = Evidence(
        task.log_counts,
        ~task.hidden,
        np.log1p(task.blind_fill.counts),
        log_intensity(states),
        spread,
    )
    mixture = fit_mixture(evidence, task.pseudo, task.settings.mixing)
    return Trial(states, held, mixture, spread)


@memory_errors()
def _evened(task: RefinementTask, near: tuple[State, ...], strength: float) -> tuple[State, ...]:
    """States that went on from the same places with an even density."""
    density = replace(task.settings.density, strength=strength)
    evened = tuple(replace(state, density=density) for state in near)
    known = task.amplitudes(task.blind_fill, task.hidden, near[0].background)
    for state in evened:
        if state.interior() is None:
            raise InputError(
                f"nothing of the support is {density.margin} voxels from its edge, expected some"
            )
        continue_state(state, known, task.settings.evened, task.cycled)
    return evened
