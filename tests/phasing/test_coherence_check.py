"""Whether widths of a beam's coherence are believed: from the true object, in either beam."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage
from block_state import CPU, SHAPE, state

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing import coherence_check
from bcdi_inpaint.phasing.coherence import COHERENT, Coherence
from bcdi_inpaint.phasing.coherence_check import check_coherence, check_last
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.running.early_end import EarlyEnd

WIDTHS = (0.6, 0.6, 0.6)


def task(counts: np.ndarray, end: EarlyEnd | None = None) -> RefinementTask:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, :, 15:18] = True
    fill = Fill(np.where(gap, 1, counts), gap, 1.0 * gap, Calibration(), "a", "b")
    settings = RefinementSettings(checked=Schedule(hio=0, raar=4, er=2))
    own = RefinementTask(counts, gap, gap.copy(), fill, fill, CPU, settings)
    return own if end is None else replace(own, end=end)


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(0).poisson(state(COHERENT).intensity()).astype(np.float32)


def test_widths_of_a_coherent_beam_are_not_believed(counts: np.ndarray) -> None:
    own = task(counts)
    search = own.coherence_search()
    search.best = Coherence(WIDTHS)
    near = (state(search.best), state(search.best))
    checked = check_coherence(own, near, search)
    assert all(one.coherence.coherent for one in checked)
    assert len(checked) == 2
    assert search.best.coherent
    assert search.failure.startswith("coherence width 0.6, 0.6, 0.6 voxels not believed")
    assert not near[0].coherence.coherent  # what was given stays


def test_widths_of_a_partly_coherent_beam_are_believed(counts: np.ndarray) -> None:
    blurred = scipy.ndimage.gaussian_filter(state(COHERENT).intensity(), WIDTHS, mode="wrap")
    own = task(np.random.default_rng(0).poisson(blurred).astype(np.float32))
    search = own.coherence_search()
    search.best = Coherence(WIDTHS)
    near = (state(search.best),)
    assert check_coherence(own, near, search) is near
    assert search.best.sigma == WIDTHS
    assert not search.failure


def test_where_the_best_start_has_no_widths_the_others_lose_theirs(counts: np.ndarray) -> None:
    """The file says of all objects alike what the beam is."""
    own = task(counts)
    near = (state(COHERENT), state(Coherence(WIDTHS)))
    first, second = check_coherence(own, near, own.coherence_search())
    assert first is near[0]
    assert second.coherence.coherent
    assert not near[1].coherence.coherent  # what was given stays


def test_where_there_are_none_or_no_time_all_stays(counts: np.ndarray) -> None:
    own = task(counts, EarlyEnd(lambda: True))
    search = own.coherence_search()
    near = (state(COHERENT),)
    assert check_coherence(own, near, search) is near
    assert not own.end.came
    search.best = Coherence(WIDTHS)
    blurred = (state(search.best),)
    assert check_coherence(own, blurred, search) is blurred
    assert own.end.came
    assert search.best.sigma == WIDTHS


def test_believed_widths_are_checked_once_more_by_the_best_of_all_starts(
    counts: np.ndarray,
) -> None:
    """The first state has not converged: its misfit tells nothing of the beam."""
    own = task(counts)
    search = own.coherence_search()
    search.best = Coherence(WIDTHS)
    bad = state(search.best)
    bad.obj = bad.obj.roll(3, 0) * bad.support
    states = (bad, state(search.best))
    checked = check_last(own, states, search)
    assert search.best.coherent
    assert search.failure.startswith("coherence width 0.6, 0.6, 0.6 voxels not believed")
    assert [one.coherence.coherent for one in checked] == [True, True]
    fits = [np.abs(one.intensity() - counts).mean() for one in checked]
    assert fits[0] < fits[1]  # the one that told comes first
    assert not states[1].coherence.coherent  # what was given stays


def test_the_last_check_leaves_a_partly_coherent_beam_as_it_is(counts: np.ndarray) -> None:
    blurred = scipy.ndimage.gaussian_filter(state(COHERENT).intensity(), WIDTHS, mode="wrap")
    own = task(np.random.default_rng(0).poisson(blurred).astype(np.float32))
    search = own.coherence_search()
    search.best = Coherence(WIDTHS)
    states = (state(search.best),)
    assert check_last(own, states, search) is states
    assert search.best.sigma == WIDTHS
    assert not search.failure
    coherent, alike = own.coherence_search(), (state(COHERENT),)
    assert check_last(own, alike, coherent) is alike  # nothing is to be checked


def test_an_early_end_or_no_memory_leaves_what_was_believed(
    counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = task(counts, EarlyEnd(lambda: True))
    search = ended.coherence_search()
    search.best = Coherence(WIDTHS)
    states = (state(search.best),)
    assert check_last(ended, states, search) is states
    assert ended.end.came

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(coherence_check, "continue_state", fail)
    assert check_last(task(counts), states, search) is states
    assert search.best.sigma == WIDTHS
