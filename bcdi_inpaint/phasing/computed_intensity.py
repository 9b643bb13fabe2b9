"""The intensity that a crystal of finite size could have in a gap and in its pseudo-gap.

A phase retrieval around the Bragg peak, with the fill as its prior, from several random starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.pseudo_gap import make_pseudo_gap
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.coherence import CoherenceSearch, CoherenceSettings
from bcdi_inpaint.phasing.constraints import PriorConstraint
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.mixing import MixingSettings
from bcdi_inpaint.phasing.schedule import Schedule, Stage
from bcdi_inpaint.phasing.starts import run_starts
from bcdi_inpaint.phasing.torch_retrieval import (
    Amplitudes,
    State,
    amplitudes,
    cycle,
    retrieve,
    to_tensor,
)
from bcdi_inpaint.photons import photon_deviance
from bcdi_inpaint.scan.boxes import Box


@dataclass(frozen=True)
class RefinementSettings:
    """How a fill is refined. All were chosen on simulated crystals; no committed command.

    Attributes
    ----------
    largest_box : voxels along each side of what is phased: the fringes that matter are near the
        peak.
    near : starts of up to this part more misfit than the best one are averaged with it.
    schedule : of every start. HIO first, and the support renewed often: starts seldom stagnate
        then.
    released : cycles without the prior, from where the ones with it ended: an alternative for
        narrow gaps.
    last : cycles with the pseudo-gap measured again.
    coherence : how the beam's coherence is estimated.
    density : how an even density is made, as PyNX's cycles make it where the file says so.
    strengths : of the pull to an even density, tried one after another for as long as held-out
        voxels like it.
    evened : cycles with an even density, from where the ones with the prior ended.
    mixing : how the computed intensity is mixed into the fill.
    """

    largest_box: int = 128
    near: float = 1.5
    schedule: Schedule = Schedule(hio=100, raar=150, er=50, update_every=25, settled=0.8, widen=1)
    released: Schedule = Schedule(hio=0, raar=50, er=20)
    last: Schedule = Schedule(hio=0, raar=50, er=20)
    coherence: CoherenceSettings = CoherenceSettings()
    density: DensitySettings = DensitySettings()
    strengths: tuple[float, ...] = (0.1, 0.3)
    evened: Schedule = Schedule(hio=0, raar=30, er=15)
    mixing: MixingSettings = MixingSettings()

    @property
    def cycles(self) -> int:
        """Cycles that a start takes if it is gone on with to the end."""
        later = (self.released, self.last, *[self.evened] * len(self.strengths))
        return self.schedule.cycles + sum(schedule.raar + schedule.er for schedule in later)


@dataclass(frozen=True)
class RefinementTask:
    """A region around the peak; arrays (n_rock, n_y, n_x) of the box.

    `first` is the fill with the pseudo-gap hidden too, `second` the one that was given; `report`
    is called after each cycle.
    """

    counts: Float32Array
    unknown: BoolArray
    pseudo: BoolArray
    first: Fill
    second: Fill
    device: torch.device
    settings: RefinementSettings
    report: Callable[[], None] = lambda: None

    @property
    def hidden(self) -> BoolArray:
        """What was not measured, and the pseudo-gap."""
        return self.unknown | self.pseudo

    @property
    def log_counts(self) -> Float32Array:
        """log(1 + measured counts)."""
        logs: Float32Array = np.log1p(np.maximum(self.counts, 0))
        return logs

    def amplitudes(self, fill: Fill | None, hidden: BoolArray) -> Amplitudes:
        """Measured amplitudes, and a fill as the prior of what it filled of the hidden ones."""
        prior = None if fill is None else _prior(fill)
        return amplitudes(self.counts, hidden, prior, self.device)

    def coherence_search(self) -> CoherenceSearch:
        """A search for the beam's coherence in what is seen."""
        return CoherenceSearch(
            to_tensor(self.counts, self.device),
            to_tensor(~self.hidden, self.device),
            self.settings.coherence,
        )


@dataclass(frozen=True)
class ComputedStates:
    """What several starts came to.

    Attributes
    ----------
    near : the one that fits the measured voxels best, and those that fit nearly as well.
    stagnated : how many others there were.
    search : what was found of the beam's coherence.
    """

    near: tuple[State, ...]
    stagnated: int
    search: CoherenceSearch


def _prior(fill: Fill) -> PriorConstraint:
    return PriorConstraint(fill.counts, np.where(fill.filled, fill.sigma, np.float32(np.inf)))


def prepare_task(
    counts: np.ndarray,
    gap_mask: BoolArray,
    bad_mask: BoolArray,
    fill: Fill,
    model: Model,
    box: Box,
    device: str,
    settings: RefinementSettings,
) -> RefinementTask:
    """Cut the box and fill it with a pseudo-gap hidden too.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photon counts.
    gap_mask, bad_mask : (n_rock, n_y, n_x) bool, True = to fill, True = invalid.
    fill : what `inpaint` made of them.
    model : fills the pseudo-gap.
    box : the part around the peak.
    device : ``auto``, ``cpu`` or ``cuda``.
    settings : how a fill is refined.

    Raises
    ------
    InputError
        There is no fill in the box, or no room for a pseudo-gap.
    """
    gap, unknown = gap_mask[box], (gap_mask | bad_mask)[box]
    if not fill.filled[box].any():
        raise InputError("no filled voxel lies in the box around the peak, expected a gap")
    own = counts[box].astype(np.float32)
    pseudo = make_pseudo_gap(gap, unknown)
    alike = replace(model, calibration=fill.calibration)  # its sigma means what the fill's does
    bad = bad_mask[box] & ~pseudo
    first = inpaint(own, gap | pseudo, alike, device, bad_mask=bad, calibrate=False)
    where = pseudo & first.filled
    return RefinementTask(
        own, unknown, where, first, fill.part(box), choose_device(device), settings
    )


def compute_states(
    task: RefinementTask,
    rng: np.random.Generator,
    starts: int,
    progress: Callable[[int, int], None] | None,
) -> ComputedStates:
    """The start that fits the measured voxels best, and those that fit nearly as well.

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
    """
    if starts < 1:
        raise InputError(f"starts is {starts}, expected at least 1: give a positive number")
    search = task.coherence_search()

    def report_start(number: int, outcome: object) -> None:
        if progress is not None:
            progress(number + 1, starts)

    # The starts draw on from one generator.
    found = run_starts(partial(_run_start, task, search), [rng] * starts, report_start)
    finite = sorted((pair for pair in found if np.isfinite(pair[0])), key=lambda pair: pair[0])
    if not finite:
        raise InputError("the computed intensity is not finite, expected numbers")
    least = finite[0][0]
    near = tuple(state for misfit, state in finite if misfit <= task.settings.near * least)
    return ComputedStates(near, starts - len(near), search)


def _run_start(
    task: RefinementTask, search: CoherenceSearch, rng: np.random.Generator
) -> tuple[float, State]:
    """Misfit and state of one start, which the beam's coherence is sought in."""

    def settle(state: State, stage: Stage) -> None:
        if stage.algorithm == "RAAR":
            state.coherence = search.follow(state.diffracted())

    state = retrieve(
        task.counts,
        task.hidden,
        rng,
        schedule=task.settings.schedule,
        constraint=_prior(task.first),
        guess=task.first.counts,
        device=task.device,
        coherence=search.begin(),
        report=task.report,
        settle=settle,
    )
    seen = ~task.hidden
    misfit = float(photon_deviance(task.counts[seen], state.intensity()[seen]).mean())
    search.end(misfit)
    return misfit, state


def release_states(task: RefinementTask, states: Sequence[State]) -> tuple[State, ...]:
    """States that went on from the same places without the prior."""
    free = task.amplitudes(None, task.hidden)
    released = tuple(replace(state) for state in states)  # objects of their own
    for state in released:
        continue_state(state, free, task.settings.released, task.report)
    return released


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
