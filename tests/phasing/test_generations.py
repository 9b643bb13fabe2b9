"""States that have not found the crystal are crossed with the best, and go on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from block_state import CPU, SHAPE, state

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing import generations
from bcdi_inpaint.phasing.coherence import COHERENT
from bcdi_inpaint.phasing.computed_intensity import measured_misfit
from bcdi_inpaint.phasing.generations import agreement, cross, find_crystal, has_found
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.running.early_end import EarlyEnd

SETTINGS = RefinementSettings(
    again=Schedule(hio=20, raar=10, er=5, update_every=5, smooth_width=(1.0, 0.5))
)


def crystal() -> State:
    """The block, bent so that it is no twin of itself."""
    block = state(COHERENT)
    bend = torch.linspace(0, 6, SHAPE[0])[:, None, None] ** 2 / 8
    return replace(block, obj=block.obj * torch.exp(1j * bend))


def lost(seed: int) -> State:
    """The block with random phases."""
    block = state(COHERENT)
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, SHAPE)
    return replace(block, obj=block.obj * torch.from_numpy(np.exp(1j * phases)).to(torch.complex64))


@pytest.fixture
def task() -> RefinementTask:
    """What is measured of the crystal, but for a gap and for islands that no start sees."""
    counts = np.random.default_rng(1).poisson(crystal().intensity()).astype(np.float32)
    gap, islands, pseudo = np.zeros((3, *SHAPE), dtype=bool)
    gap[:, :, 15:18], islands[10:14, 10:14, 4:9], pseudo[:, :, 6:8] = True, True, True
    fill = Fill(np.where(gap, counts, 0), gap, 1.0 * gap, Calibration(), "a", "b")
    return RefinementTask(counts, gap | islands, pseudo, fill, fill, CPU, SETTINGS, islands=islands)


def turned(one: State) -> State:
    """The twin of a state, elsewhere and with another phase: diffraction cannot tell them apart."""
    return replace(
        one,
        obj=1j * one.obj.conj().flip(0, 1, 2).roll((3, 2, 0), (0, 1, 2)),
        support=one.support.flip(0, 1, 2).roll((3, 2, 0), (0, 1, 2)),
    )


def test_a_twin_that_is_moved_agrees_and_random_phases_do_not() -> None:
    assert agreement(crystal(), turned(crystal())) == pytest.approx(1, abs=1e-4)
    assert agreement(crystal(), lost(0)) < 0.5


def test_crossing_brings_the_second_to_the_first() -> None:
    one = crystal()
    crossed = cross(one.obj * one.support, 4 * turned(one).obj)
    torch.testing.assert_close(crossed, 2 * one.obj * one.support, atol=0.1, rtol=1e-3)


def test_phases_are_halfway_between_those_of_both() -> None:
    block = crystal().obj
    inside = block.abs() > 0
    drawn = np.random.default_rng(0).uniform(-0.6, 0.6, SHAPE).astype(np.float32)
    bend = torch.from_numpy(drawn) * inside
    bend = (bend - bend[inside].mean()) * inside
    crossed = cross(block, block * torch.exp(1j * bend))
    moved = torch.angle(crossed * block.conj())
    torch.testing.assert_close(moved[inside], bend[inside] / 2, atol=0.02, rtol=0)


def test_a_crystal_is_found_where_unseen_voxels_fit_and_another_state_agrees(
    task: RefinementTask,
) -> None:
    assert has_found(task, [crystal()])
    assert has_found(task, [lost(0), turned(crystal()), crystal()])
    assert not has_found(task, [crystal(), lost(0)])
    far = replace(task, counts=np.where(task.islands, 50 * task.counts + 50, task.counts))
    assert not has_found(far, [crystal(), turned(crystal())])


def test_where_the_crystal_is_found_all_stays(task: RefinementTask) -> None:
    states = (crystal(), turned(crystal()))
    assert find_crystal(task, states, task.fill) is states
    blind = replace(task, islands=None)
    states = (lost(0), lost(1))
    assert find_crystal(blind, states, task.fill) is states
    assert find_crystal(task, (), task.fill) == ()
    no_cycle = Schedule(hio=0, raar=0, er=0)
    for changes in ({"generations": 0}, {"again": no_cycle}):
        own = replace(task, settings=replace(SETTINGS, **changes))
        assert find_crystal(own, states, task.fill) is states


def test_generations_bring_lost_states_to_a_better_fit(task: RefinementTask) -> None:
    near = crystal()
    near = replace(near, obj=near.obj + 0.6 * lost(3).obj)
    states = tuple(replace(one, background=0.01) for one in (lost(0), near, lost(1)))
    found = find_crystal(task, states, task.fill)
    assert len(found) == 3
    assert {one.background for one in found} == {0.01}
    misfits = [measured_misfit(task, one) for one in found]
    assert misfits == sorted(misfits)
    assert misfits[0] < 0.7 * measured_misfit(task, near)
    assert agreement(found[0], crystal()) > agreement(near, crystal())


def test_one_generation_follows_another_only_where_it_fits_better(
    task: RefinementTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def stay(task: RefinementTask, states: tuple[State, ...], prior: Fill) -> tuple[State, ...]:
        made.append(1)
        return states

    monkeypatch.setattr(generations, "_next_generation", stay)
    find_crystal(task, (lost(0), lost(1)), task.fill)
    assert len(made) == 1


def test_children_that_are_lost_are_left_out_and_no_memory_or_time_leaves_the_states(
    task: RefinementTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = (lost(0), lost(1))
    late = replace(task, end=EarlyEnd(lambda: True))
    assert find_crystal(late, states, task.fill) is states
    assert late.end.came

    def fail(*_: object, **__: object) -> State:
        raise errors.pop()

    monkeypatch.setattr(generations, "start_with_gap_hidden", fail)
    errors: list[Exception] = [InputError("the support was lost")] * 2
    assert set(map(id, find_crystal(task, states, task.fill))) == set(map(id, states))
    errors = [MemoryError()]
    assert find_crystal(task, states, task.fill) is states
