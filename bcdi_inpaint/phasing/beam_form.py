"""The form of a beam's blur, which is no Gaussian where a beam is measured.

Three widths of a Gaussian are found while an object is not. Measured peaks have tails that no
Gaussian has: of two measured scans, with the objects of their complete counts, the deviance fell
from 6.6 and 188 a voxel in a coherent beam to 5.1 and 33 under a Gaussian, and to 1.2 and 6.3 under
a function of any form, also in voxels that it was not fitted to; no committed command. So where a
beam is partly coherent, its point spread function is sharpened by Richardson and Lucy's steps once
the starts are there, and the objects follow it. It is taken where it fits better than a Gaussian
what the starts have seen and islands that none has. `phase` judges its ways by the same islands
later, so they are not quite blind to this form. Where no start has found the crystal a Gaussian
stays: a function of any form would make up for what the object lacks, and keep it from coming. On a
simulated crystal the free log-likelihood of runs that began there was 10 with one, 3.2 without.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError, memory_errors
from bcdi_inpaint.phasing.coherence import (
    Coherence,
    CoherenceSearch,
    CoherenceSettings,
    Widths,
    fit_coherence,
    gaussian_transfer,
)
from bcdi_inpaint.phasing.computed_intensity import (
    continue_state,
    measured_misfit,
    seen_misfit,
    unseen_misfit,
)
from bcdi_inpaint.phasing.point_spread import fit_psf, sharpen_psf
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.torch_retrieval import Amplitudes
from bcdi_inpaint.phasing.torch_state import State, to_tensor

NARROWER, TAILS = 0.6, 0.5
"""The function begins with the part `TAILS` of a Lorentzian, and with this part of the Gaussian's
widths: where it is zero it stays so, and a Gaussian that has to make up for tails is too wide."""


def form_beam(
    task: RefinementTask, near: tuple[State, ...], search: CoherenceSearch
) -> tuple[State, ...]:
    """The states under the form that fits them better, with the pseudo-gap hidden.

    Then the search has it too. An early end, or no memory, leaves the states and the form.

    Parameters
    ----------
    task : what is phased.
    near : the states of several starts.
    search : what was found of the beam's coherence.
    """
    known = partial(task.amplitudes, task.blind_fill, task.hidden, task.background.level)
    return _formed(task, near, search, _Seen(known, ~task.hidden, seen_misfit))


def form_last(
    task: RefinementTask, states: tuple[State, ...], search: CoherenceSearch
) -> tuple[State, ...]:
    """The same with nothing hidden but the gap: the objects are better then, and so is the form.

    Parameters
    ----------
    task : what is phased.
    states : of all starts.
    search : what was found of the beam's coherence.
    """
    background = states[0].background if states else 0.0
    known = partial(task.amplitudes, task.fill, task.unknown, background)
    return _formed(task, states, search, _Seen(known, ~task.unknown, measured_misfit))


@dataclass(frozen=True)
class _Seen:
    """What the Fourier amplitudes have to be, which voxels say so, and how well a state fits."""

    known: Callable[[], Amplitudes]
    where: BoolArray
    misfit: Callable[[RefinementTask, State], float]


def _formed(
    task: RefinementTask, states: tuple[State, ...], search: CoherenceSearch, seen: _Seen
) -> tuple[State, ...]:
    """As they are where the beam is coherent, or nothing is unseen, or time or memory is short."""
    formed, before = states, search.best
    if before.coherent or task.islands is None or not states:
        return states
    with task.end.keeping():
        try:
            formed = _form(task, states, search, seen)
        except MemoryError:
            search.best = before
            return states
    return formed


@memory_errors()
def _form(
    task: RefinementTask, states: tuple[State, ...], search: CoherenceSearch, seen: _Seen
) -> tuple[State, ...]:
    """The same where there are widths, and time and memory."""
    known, before = seen.known(), search.best

    def go_on(state: State, coherence: Coherence) -> State:
        turned = replace(state, coherence=coherence)
        continue_state(turned, known, task.settings.formed, task.cycled)
        return turned

    def doubt(state: State) -> float:
        """Unseen islands spare the middle of the peak, where a blur matters most."""
        return math.sqrt(seen.misfit(task, state) * unseen_misfit(task, state))

    best = min(states, key=partial(seen.misfit, task))
    counts, where = (to_tensor(each, task.device) for each in (task.counts, seen.where))
    formed = _sharpened(best, task.settings.coherence, counts, where, go_on)
    gaussian = best
    # For as many cycles: these alone make a state fit better.
    for _ in range(task.settings.coherence.rounds):
        gaussian = go_on(gaussian, _gaussian(gaussian, task.settings.coherence, counts, where))
    found = unseen_misfit(task, formed) <= task.settings.found * seen.misfit(task, formed)
    if found and doubt(formed) <= task.settings.coherence.believed * doubt(gaussian):
        taken = formed
    elif before.psf is None:
        return states
    else:
        taken = gaussian
    others = [go_on(other, taken.coherence) for other in states if other is not best]
    search.best = taken.coherence
    return taken, *others


def _sharpened(
    state: State,
    settings: CoherenceSettings,
    counts: Tensor,
    seen: Tensor,
    go_on: Callable[[State, Coherence], State],
) -> State:
    """A state and its point spread function, which follow one another."""
    sigma, own = state.coherence.sigma, state.coherence.psf
    psf = tailed_psf(counts, sigma)
    if own is not None:  # what is zero in it would stay so
        psf = (psf + to_tensor(fit_psf(own, counts.shape), counts.device)) / 2
    for _ in range(settings.rounds):
        diffracted = state.diffracted()
        psf = sharpen_psf(psf, diffracted, counts, seen, state.background, settings.sharpened)
        state = go_on(state, Coherence(sigma, _centred(psf)))
    return state


def _gaussian(state: State, settings: CoherenceSettings, counts: Tensor, seen: Tensor) -> Coherence:
    """The Gaussian that fits a state best; what its widths were where they run to a bound."""
    before = Coherence(state.coherence.sigma)
    try:
        found = fit_coherence(state.diffracted(), counts, seen, before, settings, state.background)
    except InputError:
        return before
    return before if found.coherent else found


def tailed_psf(like: Tensor, sigma: Widths) -> Tensor:
    """A pseudo-Voigt function that sharpening begins with, its sum 1, the centre at index 0.

    Parameters
    ----------
    like : (n_rock, n_y, n_x), whose shape and device it gets.
    sigma : widths in voxels of the Gaussian that was found.
    """
    first, second, third = (NARROWER * width for width in sigma)
    core = gaussian_transfer(like, (first, second, third))
    # A Gaussian's transform is exp(-e), e = 2 (pi sigma f)^2; exp(-2 pi hwhm f) is a Lorentzian's
    # whose projection on an axis has the same half width:
    tails = torch.exp(-torch.sqrt(4 * math.log(2) * (-core.log()).clip(0)))
    psf = torch.fft.irfftn((1 - TAILS) * core + TAILS * tails, like.shape).clip(0)
    return psf / psf.sum()


def _centred(psf: Tensor) -> Float32Array:
    centred: Float32Array = np.fft.fftshift(psf.cpu().numpy()).astype(np.float32)
    return centred
