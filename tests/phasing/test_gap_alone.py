"""Starts once more with the gap alone hidden, which are mixed into the fill."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.computed_intensity import measured_misfit
from bcdi_inpaint.phasing.gap_alone import (
    compute_again,
    mean_by_doubt,
    mixed_prior,
    start_again,
    with_all_measured,
)
from bcdi_inpaint.phasing.mixing import ClassRule, MixingSettings, Mixture
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_retrieval import CPU
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.phasing.trials import Trial
from bcdi_inpaint.running.early_end import EarlyEnd

SHAPE = (16, 16, 16)
FEW = Schedule(hio=0, raar=1, er=1)
SETTINGS = RefinementSettings(last=FEW, again=Schedule(hio=2, raar=2, er=1))


def crystal() -> State:
    """A block that fits what was measured exactly."""
    obj = np.zeros(SHAPE, dtype=np.complex64)
    obj[5:11, 5:11, 5:11] = 30
    shifted = torch.from_numpy(np.fft.ifftshift(obj))
    return State(shifted, shifted.abs() > 0)


def task_of(**changes: object) -> RefinementTask:
    """Rows 10 and 11 are the gap, columns 11 and 12 the pseudo-gap; the fills are right."""
    truth = crystal().intensity()
    gap, pseudo = np.zeros((2, *SHAPE), dtype=bool)
    gap[:, 10:12] = True
    pseudo[:, :, 11:13] = True
    pseudo &= ~gap
    counts = np.where(gap, 0, truth).astype(np.float32)
    first, second = (
        Fill(truth, hidden, np.where(hidden, 0.5, 0).astype(np.float32), Calibration(), "a", "b")
        for hidden in (gap | pseudo, gap)
    )
    task = RefinementTask(counts, gap, pseudo, first, second, CPU, SETTINGS)
    return replace(task, **changes)  # type: ignore[arg-type]


def trial_of(state: State, *, held: bool = True) -> Trial:
    nothing = np.zeros(SHAPE, dtype=np.float32)
    rule = ClassRule(np.ones(7), MixingSettings())
    return Trial((state,), held, Mixture(0.1, True, np.ones(7), nothing, rule), nothing)


def again(task: RefinementTask) -> tuple[np.ndarray, tuple[State, ...]]:
    search = task.coherence_search()
    return compute_again(task, trial_of(crystal()), np.random.default_rng(0), 2, search)


def test_other_starts_see_what_the_pseudo_gap_hid() -> None:
    task = task_of()
    brighter = replace(task, counts=np.where(task.pseudo, 4 * task.counts, task.counts))
    one, other = (
        start_again(each, trial_of(crystal()), each.fill, np.random.default_rng(0), 1)[0]
        for each in (task, brighter)
    )
    assert other.intensity()[task.pseudo].sum() > 1.5 * one.intensity()[task.pseudo].sum()


def test_starts_that_have_not_found_the_crystal_are_crossed() -> None:
    phases = np.random.default_rng(5).uniform(0, 2 * np.pi, SHAPE)
    lost = crystal().obj * torch.from_numpy(np.exp(1j * phases)).to(torch.complex64)
    trial = trial_of(replace(crystal(), obj=lost))
    islands = np.zeros(SHAPE, dtype=bool)
    islands[6:10, 6:10, 4:7] = True
    task = task_of(islands=islands)
    task = replace(task, unknown=task.unknown | islands)
    misfits = []
    for generations in (0, 3):
        again = Schedule(hio=4, raar=4, er=2)
        own = replace(task, settings=replace(SETTINGS, again=again, generations=generations))
        rng, search = np.random.default_rng(0), own.coherence_search()
        _, states = compute_again(own, trial, rng, 1, search)
        misfits.append(min(measured_misfit(own, state) for state in states))
    assert misfits[1] < 0.9 * misfits[0]


def test_a_start_that_fits_worse_hardly_counts() -> None:
    """Starts of five cycles, beside the crystal itself; the fill is off from all of them."""
    right = task_of()
    off = replace(right.fill, counts=2 * right.fill.counts)
    task, truth = replace(right, fill=off), np.log1p(crystal().intensity())
    found, states = again(task)
    assert len(states) == 3
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, truth, atol=0.02)


def test_of_states_that_fit_as_well_the_nearer_to_the_fill_counts_more() -> None:
    task = task_of()
    near, far = (replace(crystal(), obj=crystal().obj * factor) for factor in (1.1, 1 / 1.3))
    logs = [np.log1p(state.intensity())[task.unknown] for state in (near, far)]
    mean = mean_by_doubt(task, (near, far))[task.unknown]
    bright = logs[0] > 1
    assert (np.abs(mean - logs[0]) < 0.2 * np.abs(mean - logs[1]))[bright].all()


def test_their_prior_is_the_fill_with_the_intensity_mixed_in_and_surer() -> None:
    right = task_of()
    off = np.where(right.pseudo, 3 * right.blind_fill.counts, right.blind_fill.counts)
    task = replace(right, blind_fill=replace(right.blind_fill, counts=off))
    log_fill = np.log1p(task.fill.counts)
    found = np.log1p(2 * task.fill.counts)
    prior = mixed_prior(task, trial_of(crystal()), found)
    gap = task.unknown
    moved = 0.9 * (found - log_fill)[gap]  # all that is believed at most
    np.testing.assert_allclose((np.log1p(prior.counts) - log_fill)[gap], moved, atol=1e-3)
    np.testing.assert_array_equal(prior.counts[~gap], task.fill.counts[~gap])
    np.testing.assert_allclose(prior.sigma[gap], 0.35)


def test_starts_that_all_fail_leave_those_of_the_trial() -> None:
    lost = replace(SETTINGS.again, support_threshold=50.0)  # nothing is as large
    task = task_of(settings=replace(SETTINGS, again=lost))
    assert start_again(task, trial_of(crystal()), task.fill, np.random.default_rng(0), 2) == ()
    found, states = again(task)
    assert len(states) == 1
    np.testing.assert_allclose(found, np.log1p(crystal().intensity()), atol=1e-3)


def test_without_a_cycle_there_is_no_other_start() -> None:
    task = task_of(settings=replace(SETTINGS, again=Schedule(hio=0, raar=0, er=0)))
    assert start_again(task, trial_of(crystal()), task.fill, np.random.default_rng(0), 2) == ()


def test_an_early_end_leaves_the_starts_that_were_at_their_end() -> None:
    told: list[int] = []
    end = EarlyEnd(lambda: len(told) >= 7)  # in the second start
    task = task_of(report=lambda: told.append(1), end=end)
    rng = np.random.default_rng(0)
    assert len(start_again(task, trial_of(crystal()), task.fill, rng, 3)) == 1
    assert end.came


def test_no_memory_leaves_the_starts_before() -> None:
    told: list[int] = []

    def report() -> None:
        told.append(1)
        if len(told) == 7:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    task = task_of(report=report)
    rng = np.random.default_rng(0)
    assert len(start_again(task, trial_of(crystal()), task.fill, rng, 3)) == 1


def test_no_memory_leaves_the_states_of_the_trial_as_they_are() -> None:
    def report() -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    trial = trial_of(crystal())
    assert with_all_measured(task_of(report=report), trial) is trial.states
