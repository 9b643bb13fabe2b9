"""What is made of a fill once intensities are computed, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing import gap_alone
from bcdi_inpaint.phasing.background import Background
from bcdi_inpaint.phasing.coherence import Coherence, CoherenceSearch, CoherenceSettings
from bcdi_inpaint.phasing.computed_intensity import ComputedStates
from bcdi_inpaint.phasing.judged_states import Refinement, judge_states
from bcdi_inpaint.phasing.mixing import MixingSettings
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_retrieval import CPU
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.photons import log_noise_bias
from bcdi_inpaint.scan.boxes import whole

SHAPE = (24, 24, 24)
FEW = Schedule(hio=0, raar=1, er=1)
SETTINGS = RefinementSettings(
    released=FEW,
    last=FEW,
    again=FEW,
    heeded=FEW,
    strengths=(),
    coherence=CoherenceSettings(believed=float("inf")),
    checked=FEW,
    mixing=MixingSettings(rule="voxels"),
)
LEVEL = 5.0


def crystal() -> State:
    """A block, and a background of `LEVEL` counts."""
    obj = np.zeros(SHAPE, dtype=np.complex64)
    obj[7:17, 7:17, 7:17] = 30
    shifted = torch.from_numpy(np.fft.ifftshift(obj))
    return replace(State(shifted, shifted.abs() > 0), background=LEVEL)


def fill_of(counts: np.ndarray, hidden: np.ndarray, off: float) -> Fill:
    """A fill whose logarithm is off by so much."""
    guess = np.where(hidden, np.expm1(np.log1p(counts) * (1 + off)), counts)
    sigma = np.where(hidden, 0.5, 0).astype(np.float32)
    return Fill(guess.astype(np.float32), hidden, sigma, Calibration(), "a", "b")


def task_of(off: float) -> RefinementTask:
    """Rows 14 to 18 are the gap, columns 18 to 22 the pseudo-gap."""
    truth = crystal().intensity()
    gap, pseudo = np.zeros((2, *SHAPE), dtype=bool)
    gap[:, 14:18] = True
    pseudo[:, :, 18:22] = True
    pseudo &= ~gap
    first, second = fill_of(truth, gap | pseudo, off), fill_of(truth, gap, off)
    bias = pseudo * log_noise_bias(first.counts)  # no noise, but what it does to the mean
    counts = np.where(gap, 0, np.expm1(np.log1p(truth) - bias)).astype(np.float32)
    task = RefinementTask(counts, gap, pseudo, first, second, CPU, SETTINGS)
    return replace(task, background=Background(LEVEL, 0.2))


def judged(
    task: RefinementTask,
    *states: State,
    ended: int = 1,
    **found: object,
) -> Refinement:
    search = CoherenceSearch(torch.zeros(SHAPE), torch.ones(SHAPE), CoherenceSettings())
    for name, value in found.items():
        setattr(search, name, value)
    computed = ComputedStates(states or (crystal(),), ended, search)
    rng = np.random.default_rng(0)
    return judge_states(task, computed, task.fill, whole(SHAPE), rng)


@pytest.fixture(scope="module")
def refined() -> Refinement:
    """What the true crystal makes of a fill that is far off."""
    return judged(task_of(0.3), ended=3, best=Coherence((0.5, 0.25, 0.0)))


def test_a_fill_that_is_off_is_mended_in_the_gap_alone(refined: Refinement) -> None:
    task, truth = task_of(0.3), crystal().intensity()
    assert refined.accepted
    assert refined.after < 0.2 * refined.before
    gap = task.unknown
    off = [
        np.abs(np.log1p(f.counts) - np.log1p(truth))[gap].mean() for f in (refined.fill, task.fill)
    ]
    assert off[0] < 0.25 * off[1]
    np.testing.assert_array_equal(refined.fill.counts[~gap], task.fill.counts[~gap])
    np.testing.assert_array_equal(refined.fill.sigma[~gap], 0)
    assert (refined.fill.sigma[gap] <= 0.5).all()  # it is surer now


def test_a_fill_that_is_better_than_in_the_pseudo_gap_is_mixed_less(refined: Refinement) -> None:
    worse, log_fill = task_of(0.3), np.log1p(task_of(0.2).fill.counts)
    task = replace(worse, fill=task_of(0.2).fill)
    moved = np.abs(np.log1p(judged(task).fill.counts) - log_fill)[task.unknown].mean()
    full = np.abs(np.log1p(refined.fill.counts) - np.log1p(worse.fill.counts))[task.unknown]
    assert 0 < moved < full.mean()


def test_what_was_found_is_told_and_reported(refined: Refinement) -> None:
    said = refined.remark.split("; ")
    assert said[0].startswith("refined: RMS log error of held-out voxels ")
    assert said[1:] == [
        "background 5 +- 0.2 counts a voxel",
        "coherence width 0.5, 0.25, 0 voxels",
        "2 of 3 starts stagnated",
    ]
    report = refined.fill.report
    assert (report.background, report.coherence_sigma) == (LEVEL, (0.5, 0.25, 0.0))
    assert repr(refined) == refined.remark


def test_widths_that_the_last_starts_do_not_bear_out_are_not_reported() -> None:
    """The counts are a coherent beam's."""
    task = replace(task_of(0.3), settings=replace(SETTINGS, coherence=CoherenceSettings()))
    found = judged(task, best=Coherence((0.5, 0.25, 0.0)))
    assert found.fill.report.coherence_sigma == (0.0, 0.0, 0.0)
    assert "; coherence width 0.5, 0.25, 0 voxels not believed: its misfit is" in found.remark


def test_where_the_fill_stays_too_a_crystal_is_looked_for() -> None:
    phases = np.random.default_rng(5).uniform(0, 2 * np.pi, SHAPE)
    lost = crystal().obj * torch.from_numpy(np.exp(1j * phases)).to(torch.complex64)
    task = task_of(0.0)
    islands = np.zeros(SHAPE, dtype=bool)
    islands[10:14, 11:14, 10:14] = True  # the middle, which random phases leave dark
    task = replace(task, unknown=task.unknown | islands, islands=islands)
    misfits = []
    for generations in (0, 3):
        again = Schedule(hio=10, raar=5, er=2, update_every=5)
        own = replace(task, settings=replace(SETTINGS, again=again, generations=generations))
        found = judged(own, replace(crystal(), obj=lost))
        assert not found.accepted
        misfits.append(found.fill.report.objects[0].misfit)
    assert misfits[1] < 0.9 * misfits[0]


@pytest.mark.parametrize("off", [0.3, 0.0])
def test_other_starts_have_what_was_believed_as_their_prior(
    off: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that is nothing, the fill as it was given; and all are evened out in a wide gap."""
    priors, evened = [], []

    def started(*given: object) -> tuple[State, ...]:
        priors.append(given[2])
        return ()

    def seen(_: RefinementTask, states: tuple[State, ...]) -> tuple[State, ...]:
        evened.append(states)
        return states

    monkeypatch.setattr(gap_alone, "start_again", started)
    monkeypatch.setattr(gap_alone, "even_out_briefly", seen)
    task = task_of(off)
    found = judged(task, crystal() if off else replace(crystal(), obj=crystal().obj * 0.9))
    assert found.accepted == (off > 0)
    assert (priors[0] is task.fill) == (off == 0)
    assert len(evened) == 1


@pytest.mark.parametrize("off", [0.3, 0.0])
def test_the_form_of_the_blur_is_of_all_that_was_measured(off: float) -> None:
    """Whether the fill is refined or not, a form of before is not kept as it was."""
    uneven = np.full(SHAPE, 1e-4, np.float32)
    uneven[8, 8, 6:11] = 0.2
    best = Coherence((0.5, 0.25, 0.0), uneven)
    task = task_of(off)
    islands = (np.random.default_rng(0).random(SHAPE) < 0.1) & ~task.hidden
    task = replace(task, unknown=task.unknown | islands, islands=islands)
    found = judged(task, replace(crystal(), coherence=best), best=best)
    assert found.accepted == (off > 0)
    assert found.fill.report.objects
    for one in found.fill.report.objects:
        assert one.psf is None or not np.allclose(one.psf, uneven, atol=1e-3)


def test_the_report_has_what_all_starts_came_to_the_best_fit_first(refined: Refinement) -> None:
    """The crystal itself, gone on with, and what did not fail of starts of two cycles each."""
    objects, truth = refined.fill.report.objects, crystal()
    assert 1 < len(objects) <= 1 + 3
    assert [one.misfit for one in objects] == sorted(one.misfit for one in objects)
    best = objects[0]
    assert best.misfit < 0.1 * objects[1].misfit
    assert best.box == whole(SHAPE)
    inside = np.fft.fftshift(truth.support.numpy())
    np.testing.assert_array_equal(best.support, inside)
    np.testing.assert_allclose(best.obj, 30 * inside, atol=1)
    assert "objects" not in repr(refined.fill.report)


def test_a_fill_that_is_right_stays_as_it_is() -> None:
    """Log counts about the truth, which the fill is, and a crystal that is another one's."""
    rng, task = np.random.default_rng(1), task_of(0.0)
    noisy = np.log1p(task.counts) + 0.3 * rng.normal(size=SHAPE)
    drawn = np.expm1(np.maximum(noisy, 0)).astype(np.float32)
    by_class = replace(SETTINGS, mixing=MixingSettings(rule="classes"))
    other = replace(
        crystal(), obj=30 * torch.from_numpy(rng.normal(size=SHAPE)).to(torch.complex64)
    )
    kept = judged(
        replace(task, counts=drawn, settings=by_class), other, failure="a width runs to its bound"
    )
    assert not kept.accepted
    assert kept.fill.counts is task.fill.counts
    # The given one and another start's: they may be right of the crystal all the same.
    assert len(kept.fill.report.objects) == 2
    assert kept.remark.startswith("not refined: the computed intensity predicts")
    assert kept.remark.endswith("a width runs to its bound")
    assert len(kept.remark.splitlines()) == 1


def test_a_background_that_cannot_be_told_is_said() -> None:
    task = replace(
        task_of(0.3), background=Background(), no_background="a background cannot be told"
    )
    assert "; a background cannot be told" in judged(task).remark


@pytest.mark.parametrize("off", [0.3, 0.0])
def test_states_that_do_not_fit_what_they_have_not_seen_are_told(
    refined: Refinement, off: float
) -> None:
    """What is said is of the last states, whether the fill is refined or not."""
    assert "no start" not in refined.remark
    task = task_of(off)
    islands = np.zeros(SHAPE, dtype=bool)
    islands[2:5, 2:5, 2:5] = True
    far = np.where(islands, 50 * task.counts + 500, task.counts)
    few = replace(SETTINGS, generations=0)
    changes = {"unknown": task.unknown | islands, "islands": islands, "settings": few}
    there = crystal() if off else replace(crystal(), obj=crystal().obj * 0.9)
    assert "no start" not in judged(replace(task, **changes), there).remark
    found = judged(replace(task, counts=far, **changes), there)
    assert found.accepted == (off > 0)
    assert "; no start has found the crystal (misfit " in found.remark
