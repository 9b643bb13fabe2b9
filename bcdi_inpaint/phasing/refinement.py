"""Refining a fill by physics: what could a crystal of finite size diffract into the gap?

A short phase retrieval, with the fill as its prior, computes the intensity in the gap.
How much of it to believe is decided where the truth is known: a pseudo-gap of the same shape, as
far from the Bragg peak, is hidden, filled and computed in the same way, and compared with what was
measured there. If the computed intensity does not predict it better, the fill stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.pseudo_gap import make_pseudo_gap
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.pynx_retrieval import crop_around_peak
from bcdi_inpaint.phasing.torch_retrieval import (
    Amplitudes,
    Schedule,
    State,
    amplitudes,
    cycle,
    prior_of,
    retrieve,
)
from bcdi_inpaint.photons import LEAST_COUNTS, photon_deviance, predicted_ranks

Box = tuple[slice, slice, slice]

LARGEST_BOX = 128
"""Voxels along each side of what is phased: the fringes that matter are near the peak."""
BLOCK = 8
"""Side in voxels of the blocks by which a pseudo-gap is halved to test what was fitted."""
NEAR = 1.5
"""Starts of up to this part more misfit than the best one are averaged with it."""
EDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Expected counts that divide voxels into classes, from faint to bright."""
LEAST_VOXELS = 64
"""Of a class whose share can be fitted."""
FACTORS = np.geomspace(1.2, 10, 12)
"""Factors by which the fill's standard deviation may grow or shrink, step by step."""
WANTED, TOLERANCE = 0.68, 0.02
"""What part of the pseudo-gap's counts is to lie inside its 68 % intervals, and how far above."""
CHAIN = Schedule(hio=100, raar=150, er=50, update_every=25)
"""HIO first, and the support renewed often: starts seldom stagnate then."""
RELEASED = Schedule(raar=80, er=40)
"""Without the prior, from where the one with it ended: an alternative for narrow gaps."""
LAST = Schedule(raar=80, er=40)
"""With the pseudo-gap measured again."""


@dataclass(frozen=True)
class Refinement:
    """A fill after refinement, and how that was decided.

    Attributes
    ----------
    fill : the refined one if `accepted`, else the one that was given.
    accepted : whether the computed intensity helped to predict what was measured.
    before, after : RMS error of log(1 + counts) in the pseudo-gap, of the network's fill and of
        the refined one; nan where neither was computed.
    shares : of the computed intensity in the classes of `EDGES`, from faint to bright.
    remark : one line on what was found.
    interrupted : whether Ctrl-C ended it.
    """

    fill: Fill
    accepted: bool
    before: float
    after: float
    shares: tuple[float, ...]
    remark: str
    interrupted: bool = False


def refine(
    counts: np.ndarray,
    gap_mask: BoolArray,
    bad_mask: BoolArray,
    fill: Fill,
    model: Model,
    rng: np.random.Generator,
    *,
    starts: int = 2,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Refinement:
    """Refine a fill by a phase retrieval around the Bragg peak, where that predicts better.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photon counts; not changed.
    gap_mask, bad_mask : (n_rock, n_y, n_x) bool, True = to fill, True = invalid.
    fill : what `inpaint` made of them with `model`, which fills the pseudo-gap too.
    starts : random starts; the one that fits the measured voxels best counts, or the mean of
        those that fit nearly as well.
    progress : called with (starts done, starts in all).

    Nothing is raised for a retrieval that fails, has no memory or is interrupted: the fill stays,
    and the remark says why.
    """
    interrupted = False
    try:
        box = _box(counts, gap_mask | bad_mask)
        task = _Task.prepared(counts, gap_mask, bad_mask, fill, model, box, device)
        return _refined(task, fill, box, rng, starts, progress)
    except InputError as error:
        why = str(error)
    except (MemoryError, torch.OutOfMemoryError):
        why = f"out of memory on the {choose_device(device).type}, expected room for the box"
    except KeyboardInterrupt:
        why, interrupted = "interrupted", True
    nan = float("nan")
    return Refinement(fill, False, nan, nan, (), f"not refined: {why}", interrupted)


def fill_and_refine(
    counts: np.ndarray, gap_mask: BoolArray, bad_mask: BoolArray, model: Model, device: str = "auto"
) -> Refinement:
    """Fill and refine in one, from seed 0; arguments and errors as for `inpaint` and `refine`."""
    fill = inpaint(counts, gap_mask, model, device, bad_mask=bad_mask)
    rng = np.random.default_rng(0)
    return refine(counts, gap_mask, bad_mask, fill, model, rng, device=device)


@dataclass(frozen=True)
class _Task:
    """A region around the peak; arrays (n_rock, n_y, n_x) of the box.

    `first` is the fill with the pseudo-gap hidden too, `second` the one that was given.
    """

    counts: Float32Array
    unknown: BoolArray
    pseudo: BoolArray
    first: Fill
    second: Fill
    device: torch.device

    @classmethod
    def prepared(
        cls,
        counts: np.ndarray,
        gap_mask: BoolArray,
        bad_mask: BoolArray,
        fill: Fill,
        model: Model,
        box: Box,
        device: str,
    ) -> _Task:
        gap, unknown = gap_mask[box], (gap_mask | bad_mask)[box]
        if not fill.filled[box].any():
            raise InputError("no filled voxel lies in the box around the peak, expected a gap")
        own = counts[box].astype(np.float32)
        pseudo = make_pseudo_gap(gap, unknown)
        first = inpaint(own, gap | pseudo, model, device, bad_mask=bad_mask[box] & ~pseudo)
        second = replace(
            fill, counts=fill.counts[box], filled=fill.filled[box], sigma=fill.sigma[box]
        )
        return cls(own, unknown, pseudo & first.filled, first, second, choose_device(device))


def _box(counts: np.ndarray, unknown: BoolArray) -> Box:
    """The largest box of up to `LARGEST_BOX` with the peak in its middle."""
    box = crop_around_peak(counts, unknown)
    rock, y, x = (
        slice(side.start + cut, side.stop - cut)
        for side, cut in ((side, max(side.stop - side.start - LARGEST_BOX, 0) // 2) for side in box)
    )
    return rock, y, x


def _refined(
    task: _Task,
    fill: Fill,
    box: Box,
    rng: np.random.Generator,
    starts: int,
    progress: Callable[[int, int], None] | None,
) -> Refinement:
    hidden = task.unknown | task.pseudo
    known, free = _known(task, task.first, hidden), _known(task, None, hidden)
    held: list[tuple[float, State]] = []  # with the misfit of each start
    failure = InputError(f"starts is {starts}, expected at least 1: give a positive number")
    for number in range(starts):
        try:
            state = retrieve(task.first.counts, known, rng, chain=CHAIN)
            misfit = photon_deviance(task.counts[~hidden], state.intensity()[~hidden])
            held.append((float(misfit.mean()), state))
        except InputError as error:  # another start may do better
            failure = error
        if progress is not None:
            progress(number + 1, starts)
    held = sorted((pair for pair in held if np.isfinite(pair[0])), key=lambda pair: pair[0])
    if not held:
        raise failure
    near = tuple(state for misfit, state in held if misfit <= NEAR * held[0][0])
    released = tuple(replace(state) for state in near)  # objects of their own, from the same place
    for state in released:
        cycle(state, free, "RAAR", RELEASED.raar)
        cycle(state, free, "ER", RELEASED.er)
    trials = [_trial(task, near[:1], True), _trial(task, released[:1], False)]
    if len(near) > 1:
        trials += [_trial(task, near, True), _trial(task, released, False)]
    return _judged(task, fill, box, min(trials, key=lambda trial: trial.error), rng)


def _log_intensity(states: Sequence[State]) -> Float32Array:
    """The mean over states of log(1 + intensity), (n_rock, n_y, n_x): what they agree in stays."""
    mean: Float32Array = np.mean([np.log1p(state.intensity()) for state in states], axis=0)
    return mean


def _known(task: _Task, fill: Fill | None, hidden: BoolArray) -> Amplitudes:
    """Measured amplitudes, a fill as the prior of what it filled; other hidden voxels are free."""
    lower = np.where(hidden, 0, task.counts)
    upper = np.where(hidden, np.inf, task.counts)
    free = amplitudes(lower, upper, task.device)
    if fill is None:
        return free
    prior = prior_of(fill.counts, fill.sigma, hidden & fill.filled, task.device)
    return replace(free, prior=prior)


@dataclass(frozen=True)
class _Trial:
    """What the computed intensity of one state, or the mean of several, makes of the pseudo-gap.

    `held`: with the prior to the end. `error` is the RMS error of log(1 + counts) of voxels whose
    share was fitted on others; `shares` (n_classes,) are fitted on all.
    """

    states: tuple[State, ...]
    held: bool
    error: float
    shares: Float64Array
    log_mixed: Float32Array


def _trial(task: _Task, states: tuple[State, ...], held: bool) -> _Trial:
    where = task.pseudo
    log_fill, log_found = np.log1p(task.first.counts), _log_intensity(states)
    log_counts = np.log1p(np.maximum(task.counts, 0))
    classes = np.digitize(task.first.counts, EDGES)  # (n_rock, n_y, n_x), 0 to len(EDGES)
    halves = _halves(where.shape)
    tested = np.empty(where.shape, dtype=np.float32)
    for half in (False, True):
        fitted = _shares(log_counts, log_fill, log_found, classes, where & (halves != half))
        tested[halves == half] = _mixed(log_fill, log_found, fitted[classes])[halves == half]
    shares = _shares(log_counts, log_fill, log_found, classes, where)
    for number in range(len(shares)):  # none where voxels that were not fitted gain nothing
        own = where & (classes == number)
        before, after = (
            np.square(log_counts[own] - expected[own]).sum() for expected in (log_fill, tested)
        )
        if not after < before:
            shares[number] = 0
            tested[own] = log_fill[own]
    mixed = _mixed(log_fill, log_found, shares[classes])
    return _Trial(states, held, _rms(log_counts[where] - tested[where]), shares, mixed)


def _judged(
    task: _Task, fill: Fill, box: Box, trial: _Trial, rng: np.random.Generator
) -> Refinement:
    """Believe the computed intensity as far as the pseudo-gap says."""
    before = _rms(np.log1p(task.counts[task.pseudo]) - np.log1p(task.first.counts[task.pseudo]))
    said = tuple(float(share) for share in trial.shares)
    if not trial.error < before:
        remark = (
            f"not refined: the computed intensity predicts measured voxels no better (RMS log "
            f"error {trial.error:.4g} against {before:.4g})"
        )
        return Refinement(fill, False, before, trial.error, said, remark)
    classes = np.digitize(task.first.counts, EDGES)
    factors = _factors(task, trial.log_mixed, classes, rng)
    fill_and_refine = _applied(task, fill, box, trial, factors)
    remark = f"refined: RMS log error of held-out voxels {before:.4g} to {trial.error:.4g}"
    return Refinement(fill_and_refine, True, before, trial.error, said, remark)


def _applied(task: _Task, fill: Fill, box: Box, trial: _Trial, factors: Float64Array) -> Fill:
    """The fill with the computed intensity mixed in, once more with all that was measured."""
    known = _known(task, task.second if trial.held else None, task.unknown)
    for state in trial.states:
        cycle(state, known, "RAAR", LAST.raar)
        cycle(state, known, "ER", LAST.er)
    classes = np.digitize(task.second.counts, EDGES)
    log_found = _log_intensity(trial.states)
    log_mixed = _mixed(np.log1p(task.second.counts), log_found, trial.shares[classes])
    counts, sigma = fill.counts.copy(), fill.sigma.copy()
    filled = fill.filled[box]
    counts[box][filled] = np.maximum(np.expm1(log_mixed[filled]), LEAST_COUNTS)
    scaled = sigma[box][filled] * factors[classes][filled]
    # Counts tell no error that is smaller than their own noise, which log(1 + counts) has as:
    noise = 1 / np.sqrt(1 + counts[box][filled])
    sigma[box][filled] = np.maximum(scaled, np.minimum(noise, sigma[box][filled]))
    return replace(fill, counts=counts, sigma=sigma)


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _mixed(log_fill: Float32Array, log_found: Float32Array, share: FloatArray) -> Float32Array:
    return ((1 - share) * log_fill + share * log_found).astype(np.float32)


def _halves(shape: tuple[int, ...]) -> BoolArray:
    """A chessboard of blocks: what is fitted on one colour is tested on the other."""
    index = sum(np.ix_(*[np.arange(n) // BLOCK for n in shape]))
    return np.asarray(index) % 2 == 1


def _shares(
    log_counts: Float32Array,
    log_fill: Float32Array,
    log_found: Float32Array,
    classes: NDArray[np.int64],
    where: BoolArray,
) -> Float64Array:
    """(n_classes,) share of the computed intensity of least squared error; 0 where few voxels are.

    Of logarithms: a few bright voxels would decide a deviance alone.
    """
    best = np.zeros(len(EDGES) + 1)
    for number in range(len(best)):
        own = where & (classes == number)
        if np.count_nonzero(own) < LEAST_VOXELS:
            continue
        apart = (log_found[own] - log_fill[own]).astype(np.float64)
        wanted = (log_counts[own] - log_fill[own]).astype(np.float64)
        best[number] = np.clip(wanted @ apart / max(apart @ apart, 1e-12), 0, 1)
    return best


def _factors(
    task: _Task, log_mixed: Float32Array, classes: NDArray[np.int64], rng: np.random.Generator
) -> Float64Array:
    """(n_classes,) factor on the standard deviation, the nearest to 1 whose 68 % intervals hold.

    Of measured counts, whose own noise is taken into account: where that is the larger one, every
    factor would do.
    """
    factors = np.ones(len(EDGES) + 1)
    expected = np.expm1(log_mixed)
    for number in range(len(factors)):
        own = task.pseudo & (classes == number)
        if np.count_nonzero(own) < BLOCK**2:
            continue
        inside = _inside(task, expected, own, 1.0, rng)
        rising = FACTORS if inside < WANTED - TOLERANCE else 1 / FACTORS
        for factor in rising:
            if abs(inside - WANTED) <= TOLERANCE or (inside > WANTED) == (factor > 1):
                break
            factors[number] = factor
            inside = _inside(task, expected, own, float(factor), rng)
    return factors


def _inside(
    task: _Task, expected: Float32Array, own: BoolArray, factor: float, rng: np.random.Generator
) -> float:
    """The part of the counts `own` in 68 % intervals of `factor` times the standard deviation."""
    sigma = task.first.sigma * np.float32(factor)
    trial = replace(task.first, counts=expected, filled=own, sigma=sigma)
    ranks = predicted_ranks(task.counts, trial.interval, own, rng)
    return float(np.mean(np.abs(2 * ranks - 1) <= WANTED))
