"""The form of a beam's blur: from the true object, under blurs of three forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from block_state import CPU, SHAPE, state

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing import beam_form
from bcdi_inpaint.phasing.beam_form import NARROWER, TAILS, form_beam, form_last, tailed_psf
from bcdi_inpaint.phasing.coherence import COHERENT, Coherence, gaussian_transfer
from bcdi_inpaint.phasing.computed_intensity import unseen_misfit
from bcdi_inpaint.phasing.found_objects import collect_objects
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.running.early_end import EarlyEnd
from bcdi_inpaint.scan.boxes import whole

WIDTHS = (0.5, 0.5, 0.5)


def tailed() -> Coherence:
    """Of a core and wide tails, three tenths of it."""
    z, y, x = np.ogrid[-12:12, -12:12, -12:12]
    psf = sum(
        share * np.exp(-(z**2 + y**2 + x**2) / (2 * width**2)) / (width * np.sqrt(2 * np.pi)) ** 3
        for share, width in ((0.7, 0.45), (0.3, 1.6))
    )
    return Coherence(WIDTHS, (psf / psf.sum()).astype(np.float32))


def task(true: Coherence, end: EarlyEnd | None = None) -> RefinementTask:
    rng = np.random.default_rng(0)
    counts = rng.poisson(state(true).intensity()).astype(np.float32)
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, :, 15:18] = True
    islands = (rng.random(SHAPE) < 0.1) & ~gap
    fill = Fill(np.where(gap, 1, counts), gap, 1.0 * gap, Calibration(), "a", "b")
    settings = RefinementSettings(formed=Schedule(hio=0, raar=2, er=2))
    own = RefinementTask(counts, gap | islands, ~gap & False, fill, fill, CPU, settings)
    return replace(own, islands=islands, **({} if end is None else {"end": end}))


def test_a_form_that_is_no_gaussian_is_found_and_kept_with_the_objects() -> None:
    own = task(tailed())
    search = own.coherence_search()
    search.best = Coherence((0.7, 0.7, 0.7))  # as wide as a Gaussian has to be
    near = (state(search.best), state(search.best))
    formed = form_beam(own, near, search)
    assert len(formed) == 2
    psf = search.best.psf
    assert psf is not None
    assert psf.sum() == pytest.approx(1, abs=1e-4)
    middle = tailed().psf
    assert middle is not None
    assert psf[12, 12, 12] == pytest.approx(middle[12, 12, 12], rel=0.2)
    before, after = unseen_misfit(own, near[0]), unseen_misfit(own, formed[0])
    assert after < 1.3 < 1.6 < before
    assert near[0].coherence.psf is None  # what was given stays
    for found in collect_objects(own, formed, whole(SHAPE)):
        np.testing.assert_array_equal(found.psf, psf)
        assert found.psf is not None
        in_part = found.in_box((slice(2, 20),) * 3)
        np.testing.assert_array_equal(in_part.psf, psf)


def test_a_gaussian_stays_one() -> None:
    own = task(Coherence(WIDTHS))
    search = own.coherence_search()
    search.best = Coherence(WIDTHS)
    near = (state(search.best),)
    assert form_beam(own, near, search) is near
    assert search.best.psf is None


def test_form_and_gaussian_get_as_many_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cycles alone make a state fit better, under the very function that it had."""
    own, gone_on = task(tailed()), []
    search = own.coherence_search()
    search.best = Coherence((0.7, 0.7, 0.7))
    real = beam_form.continue_state

    def counted(state: State, *rest: object) -> None:
        gone_on.append(state.coherence.psf is None)
        real(state, *rest)

    monkeypatch.setattr(beam_form, "continue_state", counted)
    form_beam(own, (state(search.best),), search)
    assert gone_on.count(True) == gone_on.count(False) == own.settings.coherence.rounds


def test_with_all_measured_a_form_is_sharpened_once_more() -> None:
    """Or given up, where the beam is a Gaussian's and the form that of a worse object."""
    uneven = np.zeros(SHAPE, np.float32)
    uneven[12, 12, 10:15] = 0.2
    for true, is_gaussian in ((Coherence(WIDTHS), True), (tailed(), False)):
        own = task(true)
        search = own.coherence_search()
        search.best = Coherence((0.7, 0.7, 0.7), uneven)
        states = state(search.best), state(search.best)
        formed = form_last(own, states, search)
        assert len(formed) == 2
        assert all(one.coherence is search.best for one in formed)
        assert (search.best.psf is None) == is_gaussian
        assert unseen_misfit(own, formed[0]) < 1.3 < unseen_misfit(own, states[0])
        if is_gaussian:
            np.testing.assert_allclose(search.best.sigma, WIDTHS, atol=0.03)
    own = task(Coherence(WIDTHS))
    search = own.coherence_search()
    search.best = Coherence(WIDTHS)
    assert form_last(own, (), search) == ()


def test_where_no_start_has_found_the_crystal_a_gaussian_stays() -> None:
    """What is unseen fits less well than what is seen, by more than the settings allow."""
    own = task(tailed())
    own = replace(own, settings=replace(own.settings, found=0.5))
    search = own.coherence_search()
    search.best = Coherence((0.7, 0.7, 0.7))
    near = (state(search.best),)
    assert form_beam(own, near, search) is near
    assert search.best.psf is None


def test_where_the_beam_is_coherent_or_nothing_is_unseen_all_stays() -> None:
    own = task(tailed(), EarlyEnd(lambda: True))
    near = (state(COHERENT),)
    assert form_beam(own, near, own.coherence_search()) is near
    search = own.coherence_search()
    search.best = Coherence(WIDTHS)
    assert form_beam(replace(own, islands=None), near, search) is near
    assert not own.end.came


def test_an_early_end_or_no_memory_leaves_the_gaussian(monkeypatch: pytest.MonkeyPatch) -> None:
    own = task(tailed(), EarlyEnd(lambda: True))
    search = own.coherence_search()
    search.best = Coherence(WIDTHS)
    near = (state(search.best),)
    assert form_beam(own, near, search) is near
    assert own.end.came
    assert search.best.psf is None

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(beam_form, "sharpen_psf", full)
    assert form_beam(task(tailed()), near, search) is near
    assert search.best.psf is None


def test_it_begins_with_tails_and_a_narrower_core() -> None:
    like = torch.zeros((8, 8, 256))
    psf = tailed_psf(like, (1.0, 1.0, 1.0)).sum((0, 1))
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    wide = torch.fft.irfftn(gaussian_transfer(like, (1.0, 1.0, 1.0)), like.shape).sum((0, 1))
    assert psf[0] > wide[0]
    # What a Lorentzian has there whose half width is that of the core:
    half = NARROWER * np.sqrt(2 * np.log(2))
    for far in (8, 20):
        expected = TAILS * half / np.pi / (half**2 + far**2)
        assert psf[far] == pytest.approx(expected, rel=0.25)  # whole voxels ring
        assert wide[far] < expected / 100
