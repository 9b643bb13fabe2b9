"""The ways that are tried to compute what is in a gap, and which of them is believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing import trials
from bcdi_inpaint.phasing.background import Background
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.mixing import MixingSettings
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_retrieval import CPU
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.phasing.trials import disagreement, find_best_trial

SHAPE = (24, 24, 24)
FEW = Schedule(hio=0, raar=2, er=1)
SETTINGS = RefinementSettings(
    released=FEW,
    evened=FEW,
    density=DensitySettings(margin=2),
    mixing=MixingSettings(rule="classes"),  # the other makes up for a ripple that is this simple
)


def state_of(obj: np.ndarray) -> State:
    shifted = torch.from_numpy(np.fft.ifftshift(obj).astype(np.complex64))
    return State(shifted, shifted.abs() > 0)


def crystal(ripple: float = 0.0) -> np.ndarray:
    """A block; the ripple in its density is one that a gap leaves open."""
    obj = np.zeros(SHAPE, dtype=np.complex64)
    obj[7:17, 7:17, 7:17] = 30
    along = np.arange(24)[None, None, :]
    return obj * (1 + ripple * np.exp(2j * np.pi * along * 8 / 24))


@pytest.fixture
def task() -> RefinementTask:
    """Rows 14 to 18 are the gap, columns 30 % off the peak the pseudo-gap; the fill is far off."""
    truth = state_of(crystal()).intensity()
    gap, pseudo = np.zeros((2, *SHAPE), dtype=bool)
    gap[:, 14:18] = True
    pseudo[:, :, 18:22] = True
    pseudo &= ~gap
    counts = np.where(gap, 0, truth).astype(np.float32)
    sigma = np.where(gap | pseudo, 1, 0).astype(np.float32)
    guess = np.where(gap | pseudo, 5, truth).astype(np.float32)
    fill = Fill(guess, gap | pseudo, sigma, Calibration(), "a", "b")
    return RefinementTask(counts, gap, pseudo, fill, fill, CPU, SETTINGS)


def test_an_even_density_is_believed_where_it_predicts_better(task: RefinementTask) -> None:
    trial, left_out = find_best_trial(task, (state_of(crystal(0.4)),))
    assert trial.strength > 0
    assert not left_out


def test_it_is_tried_more_strongly_only_as_long_as_it_helps(
    task: RefinementTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    true_evened = trials._evened

    def evened(*arguments: object) -> tuple[State, ...]:
        asked.append(arguments[-1])
        return true_evened(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(trials, "_evened", evened)
    find_best_trial(task, (state_of(crystal()),))  # nothing is left to gain
    assert asked == [0.1]


def test_a_support_without_an_interior_leaves_that_piece_out(task: RefinementTask) -> None:
    thin = replace(task, settings=replace(SETTINGS, density=DensitySettings(margin=6)))
    trial, left_out = find_best_trial(thin, (state_of(crystal(0.4)),))
    assert trial.strength == 0
    assert "nothing of the support is 6 voxels from its edge" in left_out
    assert len(left_out.splitlines()) == 1


def test_no_memory_for_that_piece_leaves_it_out(
    task: RefinementTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(trials, "_evened", failing)
    trial, left_out = find_best_trial(task, (state_of(crystal(0.4)),))
    assert trial.strength == 0
    assert left_out == "no even density: out of memory"


def test_starts_that_came_to_the_same_do_not_disagree(task: RefinementTask) -> None:
    same, other = state_of(crystal()), state_of(crystal(0.4))
    assert disagreement(task, (same,)) == 0
    assert disagreement(task, (same, same)) == 0
    assert disagreement(task, (same, other)) > 0.1


def test_an_end_amid_the_trials_keeps_the_best_so_far(task: RefinementTask) -> None:
    """Ctrl-C in the cycles without the prior: no other way is tried, and nothing is lost."""

    def pressed() -> None:
        raise KeyboardInterrupt

    near = (state_of(crystal(0.4)),)
    before = near[0].intensity()
    trial, left_out = find_best_trial(replace(task, report=pressed), near)
    assert trial.held
    assert trial.states == near
    np.testing.assert_array_equal(near[0].intensity(), before)
    assert not left_out


@pytest.mark.parametrize("level", [0.0, 20.0])
def test_a_background_stays_as_far_as_held_out_voxels_like_it(
    task: RefinementTask, level: float
) -> None:
    """20 counts are believed to lie under the crystal; truly they do, or there is none."""
    settings = replace(SETTINGS, heeded=Schedule(hio=0, raar=10, er=5), strengths=())
    counts = np.where(task.unknown, 0, task.counts + level).astype(np.float32)
    lifted = replace(task.blind_fill, counts=task.blind_fill.counts + np.float32(level))
    believed = replace(task, counts=counts, blind_fill=lifted, fill=lifted, settings=settings)
    state = replace(state_of(crystal()), background=20.0)
    trial, left_out = find_best_trial(believed, (state,))
    assert trial.background == level
    assert not left_out
    given = replace(believed, background=Background(20.0))
    trial, _ = find_best_trial(given, (state,))
    assert trial.background == 20
