"""What shares that a pseudo-gap tells are worth in the gap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.mixing import ClassRule, MixingSettings, Mixture
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.shares_in_gap import error_left, nearness, part_believed
from bcdi_inpaint.phasing.torch_retrieval import CPU
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.phasing.trials import Trial
from bcdi_inpaint.photons import log_noise_bias

SHAPE = (16, 16, 16)
NOTHING = np.zeros(SHAPE, dtype=np.float32)


def crystal() -> State:
    obj = np.zeros(SHAPE, dtype=np.complex64)
    obj[5:11, 5:11, 5:11] = 30
    shifted = torch.from_numpy(np.fft.ifftshift(obj))
    return State(shifted, shifted.abs() > 0)


def fill_of(hidden: np.ndarray, off: float) -> Fill:
    """The truth where it is seen; its logarithm off by so much elsewhere."""
    log_truth = np.log1p(crystal().intensity())
    guess = np.expm1(log_truth + off * hidden).astype(np.float32)
    return Fill(guess, hidden, 0.5 * hidden.astype(np.float32), Calibration(), "a", "b")


def task_of(first: float, second: float) -> RefinementTask:
    """Rows 10 and 11 are the gap, columns 11 and 12 the pseudo-gap; both fills are off."""
    truth = crystal().intensity()
    gap, pseudo = np.zeros((2, *SHAPE), dtype=bool)
    gap[:, 10:12] = True
    pseudo[:, :, 11:13] = True
    pseudo &= ~gap
    fills = fill_of(gap | pseudo, first), fill_of(gap, second)
    bias = pseudo * log_noise_bias(fills[0].counts)  # no noise, but what it does to the mean
    counts = np.expm1(np.log1p(truth) - bias).astype(np.float32)
    return RefinementTask(counts, gap, pseudo, *fills, CPU, RefinementSettings())


def trial() -> Trial:
    """Of the crystal as it is."""
    mixture = Mixture(0.1, True, np.ones(7), NOTHING, ClassRule(np.ones(7), MixingSettings()))
    return Trial((crystal(),), True, mixture, NOTHING)


def test_what_a_second_gap_adds_to_the_error_counts_less() -> None:
    assert error_left(task_of(0.3, 0.3)) == 1
    assert error_left(task_of(0.3, 0.2)) == pytest.approx(1 - (0.1 / 0.3) ** 2, abs=0.02)
    assert error_left(task_of(0.3, 2.0)) == 0


def test_an_intensity_that_is_farther_off_than_in_the_pseudo_gap_counts_less() -> None:
    task, truth = task_of(0.3, 0.2), np.log1p(crystal().intensity())
    assert nearness(task, trial(), truth) == 1  # it is nearer, which is no reason to believe more
    farther = truth + np.where(task.unknown, np.float32(0.8), np.float32(0))
    assert nearness(task, trial(), farther) == pytest.approx((0.3 / 0.6) ** 2, abs=0.01)


def test_what_is_believed_is_less_for_all_of_them() -> None:
    task, truth = task_of(0.3, 0.2), np.log1p(crystal().intensity())
    farther = truth + np.where(task.unknown, np.float32(0.8), np.float32(0))
    wanted = 0.9 * (1 - 1 / 9) / 4
    assert part_believed(task, trial(), farther) == pytest.approx(wanted, abs=0.01)
    doubted = replace(task.settings, mixing=MixingSettings(believed=0.45))
    half = part_believed(replace(task, settings=doubted), trial(), farther)
    assert half == pytest.approx(wanted / 2, abs=0.01)
