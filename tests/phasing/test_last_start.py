"""A last start sees what the pseudo-gap hid, draws its object or begins at one, and is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from block_state import CPU, SHAPE, state

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.coherence import COHERENT
from bcdi_inpaint.phasing.last_start import start_with_gap_hidden
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_state import State

SETTINGS = RefinementSettings(again=Schedule(hio=0, raar=6, er=3, update_every=3))


def task_of(counts: np.ndarray) -> RefinementTask:
    gap, pseudo = np.zeros((2, *SHAPE), dtype=bool)
    gap[:, :, 15:18], pseudo[:, 6:9] = True, True
    fill = Fill(np.where(gap, counts, 0), gap, 0.1 * gap, Calibration(), "a", "b")
    return RefinementTask(counts, gap, pseudo & ~gap, fill, fill, CPU, SETTINGS)


def start(task: RefinementTask, seed: int, begin: State | None = None) -> State:
    return start_with_gap_hidden(
        task,
        task.fill,
        np.random.default_rng(seed) if begin is None else None,
        coherence=COHERENT,
        background=0.0,
        report=task.cycled,
        begin=begin,
    )


def test_it_draws_an_object_or_begins_at_one_and_each_stage_is_shown() -> None:
    there = state(COHERENT)
    truth = there.intensity().astype(np.float32)
    shown: list[Float32Array] = []
    cycles: list[int] = []
    task = replace(task_of(truth), watch=shown.append, report=lambda: cycles.append(1))
    one, again, other = (start(task, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.intensity(), again.intensity())
    assert not np.array_equal(one.intensity(), other.intensity())
    assert len(cycles) == 3 * SETTINGS.again.cycles
    assert len(shown) == 9  # two stages of RAAR and one of ER, three times
    begun = start(task, 0, there)
    own = there.centred()[0]
    overlaps = [abs(np.vdot(own, each.centred()[0])) for each in (begun, one)]
    assert overlaps[0] > 0.9 * np.linalg.norm(own) ** 2 > 1.2 * overlaps[1]


def test_it_sees_what_the_pseudo_gap_hid_and_not_the_gap() -> None:
    truth = state(COHERENT).intensity().astype(np.float32)
    task = task_of(truth)
    hidden = replace(task, counts=np.where(task.unknown, 0, truth))
    np.testing.assert_array_equal(start(hidden, 0).intensity(), start(task, 0).intensity())
    brighter = replace(task, counts=np.where(task.pseudo, 4 * truth, truth))
    assert start(brighter, 0).intensity()[task.pseudo].sum() > (
        1.5 * start(task, 0).intensity()[task.pseudo].sum()
    )
