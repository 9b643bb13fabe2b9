"""An even density for a while, from the true object with a ripple that the gap leaves open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from block_state import CPU

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing import even_pulse
from bcdi_inpaint.phasing.computed_intensity import measured_misfit
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.even_pulse import PulseSettings, even_out_briefly, fringes_across
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.running.early_end import EarlyEnd

SHAPE = (32, 32, 32)
SETTINGS = PulseSettings(
    density=DensitySettings(strength=0.1, margin=2),
    evened=Schedule(hio=0, raar=30, er=10),
    let_go=Schedule(hio=0, raar=5, er=5),
)


def block(ripple: float = 0.0) -> State:
    """A block of 16 x 16 x 16; the ripple is a wave on one side of the peak, 10 columns off."""
    obj = np.zeros(SHAPE, dtype=np.complex64)
    wave = np.exp(2j * np.pi * 10 * np.arange(16) / 32)
    obj[8:24, 8:24, 8:24] = 20 * (1 + ripple * wave)
    shifted = torch.from_numpy(np.fft.ifftshift(obj))
    return State(shifted, shifted.abs() > 0)


def task_of(width: int, end: EarlyEnd | None = None) -> RefinementTask:
    """A gap over the columns that the ripple diffracts to, of which nothing is known."""
    truth = block().intensity()
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, :, 26 - width // 2 : 26 + width // 2] = True
    sigma = np.where(gap, np.float32(20), np.float32(0))
    fill = Fill(np.where(gap, 1, truth), gap, sigma, Calibration(), "a", "b")
    own = RefinementTask(truth, gap, gap & False, fill, fill, CPU, RefinementSettings())
    return own if end is None else replace(own, end=end)


def error(state: State) -> float:
    """Of the modulus, relative, inside."""
    inside = block().obj.abs() > 0
    return float((state.obj.abs() / 20 - 1)[inside].square().mean().sqrt())


def test_a_ripple_that_a_wide_gap_leaves_open_goes() -> None:
    task, states = task_of(10), (block(0.3), block())
    kept = even_out_briefly(task, states, replace(SETTINGS, fringes=4.0))
    assert error(states[0]) > 0.15  # what was given stays
    assert error(kept[0]) < 0.75 * error(states[0])
    assert kept[0].density.strength == 0
    assert measured_misfit(task, kept[0]) < 0.1


def test_a_narrow_gap_leaves_nothing_open() -> None:
    task, states = task_of(6), (block(0.3),)
    assert fringes_across(task, states) == pytest.approx(3)  # 6 of 32 columns, 16 voxels
    however = replace(SETTINGS, worse=float("inf"))
    assert even_out_briefly(task, states, however) is states
    assert even_out_briefly(task, (), however) == ()
    padded = task.unknown.copy()
    padded[:, 20:] = True  # as beyond the detector's edge
    bordered = replace(task, unknown=padded)
    assert fringes_across(bordered, states) == pytest.approx(3)
    assert even_out_briefly(bordered, states, however) is states


def test_a_density_that_the_counts_show_to_be_uneven_stays() -> None:
    """It fits much worse with an even one, of which nothing is left then."""
    rough = 1 + 0.5 * torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))
    uneven = replace(block(), obj=block().obj * rough)
    task = replace(task_of(12), counts=uneven.intensity())
    assert even_out_briefly(task, (uneven,), SETTINGS)[0] is uneven


def test_without_an_inside_memory_or_time_the_states_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task, states = task_of(12), (block(0.3),)
    thick = replace(SETTINGS, density=DensitySettings(strength=0.1, margin=7))
    assert even_out_briefly(task, states, thick) is states
    ended = task_of(12, EarlyEnd(lambda: True))
    assert even_out_briefly(ended, states, SETTINGS) is states
    assert ended.end.came

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(even_pulse, "continue_state", full)
    assert even_out_briefly(task, states, SETTINGS) is states
