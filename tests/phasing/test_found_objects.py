"""What the starts of a refinement came to, as objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from some_objects import diffracted

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.found_objects import collect_objects
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.torch_retrieval import CPU
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.scan.boxes import as_box

SHAPE = (16, 15, 14)
BOX = as_box((slice(2, 18), slice(0, 15), slice(30, 44)))


def state_of(scale: float = 1.0) -> State:
    """A block that leans to one side; what is outside its support is no part of it."""
    obj = np.zeros(SHAPE, dtype=np.complex64)
    obj[5:11, 4:9, 6:10] = 30 * np.exp(0.2j * np.arange(4)) * scale
    shifted = torch.from_numpy(np.fft.ifftshift(obj))
    return State(shifted + 0.5 * scale, shifted.abs() > 0)


def task_of(counts: np.ndarray) -> RefinementTask:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 9:11] = True
    fill = Fill(counts, gap, 0.5 * gap.astype(np.float32), Calibration(), "a", "b")
    measured = np.where(gap, 0, counts).astype(np.float32)
    return RefinementTask(measured, gap, gap & False, fill, fill, CPU, RefinementSettings())


def within(state: State) -> State:
    return replace(state, obj=state.obj * state.support)


def test_an_object_is_centred_and_diffracts_what_its_state_does() -> None:
    state = state_of()
    (found,) = collect_objects(task_of(within(state).intensity()), [state], BOX)
    np.testing.assert_allclose(diffracted(found), within(state).intensity(), atol=0.05)
    assert found.box == BOX
    assert found.obj.dtype == np.complex64
    np.testing.assert_array_equal(found.obj != 0, found.support)
    assert found.support[5:11, 4:9, 6:10].all()
    assert found.support.sum() == 6 * 5 * 4


def test_what_fits_the_measured_voxels_best_is_first() -> None:
    """In the gap, where nothing was measured, it may be as far off as it likes."""
    task = task_of(within(state_of()).intensity())
    states = [within(state_of(scale)) for scale in (1.3, 1.0, 0.9)]
    found = collect_objects(task, states, BOX)
    peaks = [float(np.abs(one.obj).max()) for one in found]
    np.testing.assert_allclose(peaks, [30.5, 27.45, 39.65], rtol=1e-5)
    assert found[0].misfit < 1e-3 < found[1].misfit < found[2].misfit
    wrong_in_gap = replace(task, counts=np.where(task.unknown, 1e6, task.counts))
    assert [one.misfit for one in collect_objects(wrong_in_gap, states, BOX)] == [
        one.misfit for one in found
    ]


def test_of_no_state_there_is_none() -> None:
    assert collect_objects(task_of(state_of().intensity()), (), BOX) == ()
