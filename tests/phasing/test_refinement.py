from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import torch
from some_objects import diffracted

from bcdi_inpaint import inpaint
from bcdi_inpaint import pynx_engine as engines
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.gaps.artificial import SETTINGS
from bcdi_inpaint.gaps.pseudo_gap import make_pseudo_gap
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.phasing import (
    computed_intensity,
    gap_alone,
    judged_states,
    refinement,
    refinement_task,
    trials,
)
from bcdi_inpaint.phasing.background import Background, BackgroundSettings
from bcdi_inpaint.phasing.beam_form import form_beam
from bcdi_inpaint.phasing.coherence import CoherenceSearch, CoherenceSettings
from bcdi_inpaint.phasing.coherence_check import check_last
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.free_voxels import islands_in, unseen_in
from bcdi_inpaint.phasing.gap_alone import mean_by_doubt
from bcdi_inpaint.phasing.judged_states import Refinement
from bcdi_inpaint.phasing.refinement import refine
from bcdi_inpaint.phasing.refinement_task import (
    RefinementSettings,
    RefinementTask,
    _with_background,
    prepare_task,
)
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_retrieval import Amplitudes
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.photons import photon_deviance
from bcdi_inpaint.scan.boxes import as_box, whole
from bcdi_inpaint.scan.found_object import FoundObject

SHAPE = (48, 48, 48)
_FEW = Schedule(hio=0, raar=4, er=2)
SHORT = RefinementSettings(
    schedule=Schedule(hio=5, raar=5, er=5),
    released=_FEW,
    last=_FEW,
    again=_FEW,
    strengths=(),
    coherence=CoherenceSettings(steps=0),
)
QUICK = RefinementSettings(
    schedule=Schedule(hio=30, raar=60, er=10, update_every=20, settled=0.7, widen=1),
    released=_FEW,
    last=_FEW,
    again=_FEW,
    strengths=(),
)


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model()


@pytest.fixture(scope="module")
def expectation() -> np.ndarray:
    """Of a block with a smooth phase, the Bragg peak in the middle of the array."""
    obj = np.zeros(SHAPE, dtype=np.complex128)
    obj[17:31, 18:30, 17:32] = 1
    z, y, _ = np.ogrid[:48, :48, :48]
    obj *= np.exp(0.006j * ((z - 24) ** 2 - (y - 24) ** 2))
    found = scipy.fft.fftshift(np.abs(scipy.fft.fftn(scipy.fft.ifftshift(obj))) ** 2)
    return np.asarray(1e6 * found / found.max())


@pytest.fixture(scope="module")
def gap() -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, :, 30:34] = True
    return mask


@pytest.fixture(scope="module")
def counts(expectation: np.ndarray, gap: np.ndarray) -> np.ndarray:
    drawn = np.random.default_rng(1).poisson(expectation).astype(np.float32)
    return np.where(gap, 0, drawn)


@pytest.fixture(scope="module")
def fill(counts: np.ndarray, gap: np.ndarray, model: Model) -> Fill:
    return inpaint(counts, gap, model)


def _ones(counts: np.ndarray, gap: np.ndarray, *_: object, **__: object) -> Fill:
    """A fill of one photon everywhere."""
    return Fill(np.where(gap, 1, counts), gap, 1.0 * gap, Calibration(), "a", "b")


def _lines(mask: np.ndarray, axis: int) -> np.ndarray:
    """The lines of one axis that a mask covers."""
    return np.flatnonzero(mask.mean(axis=tuple({0, 1, 2} - {axis})) > 0.5)


@pytest.mark.parametrize("gap_lines", [(30, 34), (10, 16)])
def test_a_pseudo_gap_lies_as_far_from_the_peak_across_another_axis(
    gap_lines: tuple[int, int],
) -> None:
    """There the Friedel mates of both are measured."""
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, slice(*gap_lines)] = True
    lines = _lines(make_pseudo_gap(gap, gap), 2)
    assert lines.size == gap_lines[1] - gap_lines[0]
    assert np.abs(lines - 24).min() == np.abs(np.arange(*gap_lines) - 24).min()


def test_where_the_other_axes_are_short_it_is_on_the_other_side() -> None:
    """The mirror image of rows 34 to 40 is 9 to 15, which a pseudo-gap may not touch."""
    gap = np.zeros((16, 48, 16), dtype=bool)
    gap[:, 34:40] = True
    lines = _lines(make_pseudo_gap(gap, gap), 1)
    assert lines.size == 6
    assert lines.max() < 24
    mates = 48 - np.arange(34, 40)
    hidden = np.isin(lines, mates)
    assert not hidden.any() or lines.max() < 16  # nearer to the peak there is no room beside them


def test_bad_lines_are_kept_clear_of() -> None:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 30:34] = True
    unknown = gap.copy()
    unknown[:, :, 12:19] = unknown[:, :, 30:34] = True
    found = make_pseudo_gap(gap, unknown)
    assert not (found & unknown).any()
    for axis in range(3):
        bad, lines = _lines(unknown, axis), _lines(found, axis)
        if lines.size and bad.size:
            assert np.abs(lines[:, None] - bad).min() > SETTINGS.known_beside_pseudo


def test_planes_that_cross_have_a_pseudo_gap_each() -> None:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 30:34] = gap[:, :, 12:18] = True
    found = make_pseudo_gap(gap, gap)
    assert not (found & gap).any()
    widths = sorted(lines.size for axis in range(3) if (lines := _lines(found | gap, axis)).size)
    assert sum(widths) == 2 * (4 + 6)


def test_without_room_there_is_no_pseudo_gap() -> None:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 26:46] = True
    with pytest.raises(InputError, match="of 20 lines has no room"):
        make_pseudo_gap(gap, gap)


def test_a_fill_that_is_far_off_is_refined_towards_the_truth(
    counts: np.ndarray, gap: np.ndarray, fill: Fill, model: Model, expectation: np.ndarray
) -> None:
    # As users run it but for the starts: with fewer cycles it is chance whether this gap gains.
    found = refine(counts, gap, fill, model=model, starts=1)
    assert found.accepted, found.remark
    assert found.after < found.before
    truth = expectation.astype(np.float32)
    assert pearson_log(truth, found.fill.counts, gap) > pearson_log(truth, fill.counts, gap)
    np.testing.assert_array_equal(found.fill.counts[~gap], counts[~gap])
    assert (found.fill.sigma[gap] > 0).all()
    assert not found.fill.sigma[~gap].any()
    _fits(found.fill.report.objects, counts, gap)
    lower, upper = found.fill.interval(0.95)
    inside = ((lower <= truth) & (truth <= upper))[gap].mean()
    assert inside > 0.8


def _fits(objects: tuple[FoundObject, ...], counts: np.ndarray, gap: np.ndarray) -> None:
    """The best of several objects diffracts what was measured, where it was measured."""
    assert len(objects) > 1
    assert objects[0].misfit == min(one.misfit for one in objects) < 2
    intensity = diffracted(objects[0].in_box(whole(SHAPE)))
    assert pearson_log(counts, intensity, ~gap & (counts > 20)) > 0.98
    for one in objects:
        assert not one.obj[~one.support].any()
        assert 0.5 < one.support.sum() / (14 * 12 * 15) < 2


def test_what_masked_voxels_hold_does_not_matter_and_stays(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bad ones, and those of the gap that are not filled."""
    monkeypatch.setattr(refinement_task, "inpaint", _ones)
    bad = (np.random.default_rng(0).random(SHAPE) < 5e-4) & ~gap
    left = gap.copy()
    left[4:] = False
    given = replace(fill, filled=gap & ~left, sigma=np.where(left, 0, fill.sigma))

    def refined(value: float) -> Refinement:
        stored = np.where(bad | left, np.float32(value), counts)
        own = given.over(stored)
        found = refine(stored, gap, own, bad_mask=bad, model=model, starts=1, settings=SHORT)
        kept = found.fill.counts[~own.filled], stored[~own.filled]
        assert kept[0].tobytes() == kept[1].tobytes()  # nan too
        return found

    of_zeros = refined(0)
    assert of_zeros.accepted, of_zeros.remark
    for value in (np.nan, -1, 2**32 - 1):
        found = refined(value)
        assert found.remark == of_zeros.remark
        filled = given.filled
        np.testing.assert_array_equal(found.fill.counts[filled], of_zeros.fill.counts[filled])
        np.testing.assert_array_equal(found.fill.sigma, of_zeros.fill.sigma)


def test_a_beam_that_is_partly_coherent_is_told_and_written(
    expectation: np.ndarray, gap: np.ndarray, fill: Fill, model: Model
) -> None:
    blurred = scipy.ndimage.gaussian_filter(expectation, (0.7, 0.6, 0.5))
    counts = np.where(gap, 0, np.random.default_rng(2).poisson(blurred)).astype(np.float32)
    found = refine(counts, gap, fill, model=model, starts=1, settings=QUICK)
    assert "coherence width" in found.remark
    sigma = np.array(found.fill.report.coherence_sigma)  # of few cycles, which find part of it
    assert ((sigma > 0.15) & (sigma < 0.8)).all()


def test_a_form_that_is_no_gaussian_is_told_and_goes_with_the_objects(
    expectation: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    core, tails = (scipy.ndimage.gaussian_filter(expectation, width) for width in (0.4, 1.6))
    blurred = 0.7 * core + 0.3 * tails
    counts = np.where(gap, 0, np.random.default_rng(2).poisson(blurred)).astype(np.float32)
    asked: list[bool] = []

    def form(task: RefinementTask, near: tuple[State, ...], search: CoherenceSearch) -> Any:
        formed = form_beam(task, near, search)
        asked.append(search.best.psf is not None)
        return formed

    monkeypatch.setattr(refinement, "form_beam", form)
    found = refine(counts, gap, fill, model=model, starts=1, settings=QUICK)
    assert asked == [True]
    assert "voxels (no Gaussian: objects/point_spread_function)" in found.remark
    for one in found.fill.report.objects:
        assert one.psf is not None
        assert one.psf.sum() == pytest.approx(1, abs=1e-3)


def test_a_background_is_told_and_written(
    expectation: np.ndarray, gap: np.ndarray, fill: Fill, model: Model
) -> None:
    drawn = np.random.default_rng(2).poisson(expectation + 4)
    counts = np.where(gap, 0, drawn).astype(np.float32)
    settings = replace(SHORT, heeded=_FEW)
    found = refine(counts, gap, fill, model=model, starts=1, settings=settings)
    assert "; background " in found.remark
    assert found.fill.report.background == 0 or "left out" not in found.remark
    assert found.fill.report.background == pytest.approx(4, rel=0.1) or "left out" in found.remark


def test_a_background_is_the_users_or_the_scans_or_cannot_be_told(
    counts: np.ndarray, gap: np.ndarray, fill: Fill, model: Model
) -> None:
    box, settings = whole(SHAPE), replace(SHORT, background=BackgroundSettings(fewest=100))

    without = prepare_task(counts, gap, gap, fill, model, box, "cpu", settings, 0.0)
    assert without.background.level == 0
    assert not without.no_background
    given, told = (_with_background(without, level) for level in (2.5, None))
    assert given.background.level == 2.5
    assert told.background.level == 0
    assert told.no_background.startswith("a background cannot be told: ")
    assert told.cycles == given.cycles
    found = replace(without, background=Background(2.5, 0.1, 2.5))
    assert told.cycles < found.cycles  # the ones without it are counted


def test_a_gap_that_the_box_cuts_is_filled_with_the_pseudo_gap_hidden_too(model: Model) -> None:
    """Columns 24 to 27, of which the box has two: its prior, and what is compared."""
    counts = np.random.default_rng(2).poisson(50, (16, 16, 32)).astype(np.float32)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, :, 24:27] = True
    counts[gap] = 0
    fill = inpaint(counts, gap, model, calibrate=False)
    box = as_box((slice(0, 16), slice(0, 16), slice(2, 26)))
    task = prepare_task(counts, gap, np.zeros_like(gap), fill, model, box, "cpu", SHORT, 0.0)
    assert task.unknown[:, :, 22:].all()
    assert (task.blind_fill.filled == (task.unknown | task.pseudo)).all()


def test_no_start_sees_the_islands_by_which_its_objects_are_judged(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever a cycle is of: with the pseudo-gap hidden, without the prior, with the gap alone."""
    free: dict[int, torch.Tensor] = {}
    own = Amplitudes.project

    def project(known: Amplitudes, *given: Any) -> torch.Tensor:
        free[id(known.free)] = known.free
        return own(known, *given)

    monkeypatch.setattr(Amplitudes, "project", project)
    settings = replace(SHORT, strengths=(0.1,), evened=_FEW)
    found = refine(counts, gap, fill, model=model, starts=2, settings=settings)
    objects = found.fill.report.objects
    islands = unseen_in(objects, whole(SHAPE))
    assert islands is not None
    assert 0.02 < islands.mean() < 0.06
    assert all((one.unseen == objects[0].unseen).all() for one in objects)
    assert len(free) >= 5
    assert {int(np.fft.fftshift(each.numpy())[~gap].sum()) for each in free.values()} > {
        int((islands & ~gap).sum())  # the last ones see all else
    }
    for each in free.values():
        assert np.fft.fftshift(each.numpy())[islands].all()


def test_islands_are_hidden_and_nothing_else_is_changed(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refinement_task, "inpaint", _ones)
    given = (counts, gap, np.zeros_like(gap), fill, model, whole(SHAPE), "cpu", SHORT)
    rng = np.random.default_rng(5)
    before = rng.bit_generator.state
    plain, task = prepare_task(*given, 0.0), prepare_task(*given, 0.0, rng)
    assert rng.bit_generator.state == before
    assert not len(plain.unseen)
    assert plain.islands is None
    np.testing.assert_array_equal(task.islands, task.unknown & ~gap)
    np.testing.assert_array_equal(plain.unknown, gap)
    np.testing.assert_array_equal(task.unknown, gap | islands_in(task.unseen, whole(SHAPE)))
    np.testing.assert_array_equal(task.pseudo, plain.pseudo)
    np.testing.assert_array_equal(task.blind_fill.counts, plain.blind_fill.counts)
    np.testing.assert_array_equal(task.blind_fill.filled, gap | task.pseudo)
    again, other = (prepare_task(*given, 0.0, np.random.default_rng(seed)) for seed in (5, 6))
    np.testing.assert_array_equal(again.unseen, task.unseen)
    assert not np.array_equal(other.unseen, task.unseen)


def test_counts_in_islands_change_no_figure_and_no_amplitude(
    counts: np.ndarray, gap: np.ndarray, fill: Fill, model: Model
) -> None:
    settings = replace(SHORT, coherence=CoherenceSettings(), checked=_FEW)
    given = (counts, gap, np.zeros_like(gap), fill, model, whole(SHAPE), "cpu", settings)
    task = prepare_task(*given, 0.0, np.random.default_rng(5))
    islands = task.unknown & ~gap
    other = replace(task, counts=np.where(islands, 1e3, task.counts))
    block = torch.zeros(SHAPE, dtype=torch.complex64)
    block[:14, :12, :15] = 40
    state = State(block, block.abs() > 0)
    for misfit in (computed_intensity.seen_misfit, computed_intensity.measured_misfit):
        assert misfit(task, state) == misfit(other, state)
    judging = islands & ~task.pseudo
    for each in (task, other):
        expected = photon_deviance(each.counts[judging], state.intensity()[judging]).mean()
        assert computed_intensity.unseen_misfit(each, state) == pytest.approx(float(expected))
    assert np.isnan(computed_intensity.unseen_misfit(replace(task, islands=None), state))
    pseudo = replace(task, counts=np.where(task.islands & task.pseudo, 1e9, task.counts))
    same = computed_intensity.unseen_misfit(pseudo, state)  # what is chosen by does not count
    assert same == computed_intensity.unseen_misfit(task, state)
    for hidden in (task.hidden, task.unknown):
        one, same = (each.amplitudes(each.fill, hidden, 0.0) for each in (task, other))
        assert torch.equal(one.measured, same.measured)
    states, searches = (state, replace(state, obj=0.8 * block)), []
    for each in (task, other):
        searches.append(each.coherence_search())
        searches[-1].follow(state.diffracted())
        searches[-1].end(1.0)
    assert searches[0].best == searches[1].best
    assert not searches[0].best.coherent
    one, same = (
        check_last(each, states, search)
        for each, search in zip((task, other), searches, strict=True)
    )
    assert all(torch.equal(a.obj, b.obj) for a, b in zip(one, same, strict=True))
    told, again = (_with_background(each, None) for each in (task, other))
    assert repr(told.background) == repr(again.background)
    np.testing.assert_array_equal(mean_by_doubt(task, states), mean_by_doubt(other, states))


def test_a_box_that_is_too_small_for_islands_has_none(model: Model) -> None:
    counts = np.random.default_rng(2).poisson(50, (11, 24, 32)).astype(np.float32)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, :, 24:26] = True
    counts[gap] = 0
    fill = inpaint(counts, gap, model, calibrate=False)
    given = (counts, gap, np.zeros_like(gap), fill, model, whole(counts.shape), "cpu", SHORT)
    task = prepare_task(*given, 0.0, np.random.default_rng(0))
    assert task.unseen.shape == (0, 3)
    np.testing.assert_array_equal(task.unknown, gap)


def test_islands_are_places_in_the_scan(
    counts: np.ndarray, gap: np.ndarray, fill: Fill, model: Model
) -> None:
    """Of a scan that is wider than what is refined, on one side."""
    wide = ((0, 0), (5, 0), (0, 0))
    scan, mask = np.pad(counts, wide), np.pad(gap, wide)
    filled = replace(
        fill,
        counts=np.pad(fill.counts, wide),
        filled=mask,
        sigma=np.pad(fill.sigma, wide),
    )
    box = as_box((slice(0, 48), slice(5, 53), slice(0, 48)))
    given = (scan, mask, np.zeros_like(mask), filled, model, box, "cpu", SHORT)
    task = prepare_task(*given, 0.0, np.random.default_rng(5))
    islands = islands_in(task.unseen, whole(scan.shape))
    assert islands is not None
    np.testing.assert_array_equal(islands[box], task.unknown & (islands[box] | ~gap))
    assert not islands[:, :5].any()


def test_a_generator_that_cannot_spawn_is_as_good(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refinement_task, "inpaint", _ones)
    rng = np.random.Generator(np.random.RandomState(3)._bit_generator)
    given = (counts, gap, np.zeros_like(gap), fill, model, whole(SHAPE), "cpu", SHORT)
    assert len(prepare_task(*given, 0.0, rng).unseen)


def test_noise_that_no_crystal_makes_leaves_the_fill_as_it_was(
    gap: np.ndarray, model: Model
) -> None:
    rng = np.random.default_rng(3)
    smooth = scipy.ndimage.gaussian_filter(rng.normal(size=SHAPE), 3)
    counts = np.where(gap, 0, rng.poisson(np.exp(3 + 30 * smooth))).astype(np.float32)
    fill = inpaint(counts, gap, model)
    found = refine(counts, gap, fill, model=model, rng=rng, starts=1, settings=QUICK)
    assert not found.accepted
    assert found.fill.counts is fill.counts
    assert found.remark.startswith("not refined: ")


def test_a_gap_far_from_the_peak_is_left(
    expectation: np.ndarray, model: Model, fill: Fill, gap: np.ndarray
) -> None:
    lonely = replace(fill, filled=np.zeros_like(gap))
    found = refine(expectation, gap, lonely, model=model)
    assert not found.accepted
    assert "no filled voxel lies in the box" in found.remark


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (InputError("the support has 3 voxels, expected 27"), "the support has 3 voxels"),
        (InputError("the object is not finite: the retrieval has diverged"), "diverged"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory on the "),
        (MemoryError(), "out of memory on the "),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory on the "),
        (KeyboardInterrupt(), "interrupted before a start had ended"),
    ],
)
def test_a_retrieval_that_fails_leaves_the_fill_and_says_why(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    fault: BaseException,
    said: str,
) -> None:
    def failing(*_: object, **__: object) -> State:
        raise fault

    monkeypatch.setattr(computed_intensity, "retrieve", failing)
    monkeypatch.setattr(refinement_task, "inpaint", _ones)
    found = refine(counts, gap, fill, model=model)
    assert found.fill.counts is fill.counts
    assert not found.accepted
    assert found.remark.startswith("not refined: ")
    assert said in found.remark
    assert len(found.remark.splitlines()) == 1
    assert found.fill.report.objects == ()
    assert found.interrupted is isinstance(fault, KeyboardInterrupt)


@pytest.mark.parametrize("given", [2.5, None])
def test_a_background_outlives_starts_that_all_fail(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    given: float | None,
) -> None:
    def failing(*_: object, **__: object) -> State:
        raise InputError("the support has 3 voxels, expected 27")

    shown = Background(0.7, 0.1, 0.7)
    monkeypatch.setattr(refinement_task, "find_background", lambda *_: shown)
    monkeypatch.setattr(computed_intensity, "retrieve", failing)
    monkeypatch.setattr(refinement_task, "inpaint", _ones)
    found = refine(counts, gap, fill, model=model, background=given)
    assert found.remark.startswith("not refined: ")
    assert found.fill.report.background == (given or 0.7)


@pytest.mark.parametrize("given", [2.5, None])
def test_a_background_that_is_given_outlives_a_gap_that_cannot_be_refined(
    expectation: np.ndarray, model: Model, fill: Fill, gap: np.ndarray, given: float | None
) -> None:
    lonely = replace(fill, filled=np.zeros_like(gap))
    found = refine(expectation, gap, lonely, model=model, background=given)
    assert found.fill.report.background == (given or 0)


@pytest.fixture
def found_at_once(expectation: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Starts that are at the truth after one cycle; gives the list of those that began."""
    began: list[int] = []

    def retrieve(*_: object, report: Callable[[], None], **__: object) -> State:
        began.append(len(began))
        report()
        wave = torch.from_numpy(np.fft.ifftshift(np.sqrt(expectation)).astype(np.complex64))
        obj = torch.fft.ifftn(wave, norm="ortho")
        return State(obj, torch.ones(SHAPE, dtype=torch.bool))

    monkeypatch.setattr(computed_intensity, "retrieve", retrieve)
    monkeypatch.setattr(refinement_task, "inpaint", _ones)
    return began


@pytest.mark.parametrize(
    ("last_cycle", "by_ctrl_c"), [(2, True), (2, False), (4, True), (9, False), (14, True)]
)
def test_an_early_end_keeps_the_best_so_far(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    found_at_once: list[int],
    last_cycle: int,
    by_ctrl_c: bool,
) -> None:
    """In the second start, in the cycles without the prior, with an even density and at the end."""
    told: list[int] = []

    def cycles(done: int, total: int) -> None:
        told.append(done)
        if by_ctrl_c and done == last_cycle:
            raise KeyboardInterrupt

    def stop() -> bool:
        return not by_ctrl_c and told[-1] >= last_cycle

    settings = replace(SHORT, strengths=(0.1,), evened=_FEW)
    found = refine(
        counts, gap, fill, model=model, starts=2, cycles=cycles, stop=stop, settings=settings
    )
    assert found.interrupted
    assert found.fill.report.interrupted
    assert found.accepted, found.remark
    assert f"interrupted after {1 if last_cycle == 2 else 2} starts" in found.remark
    assert len(found.remark.splitlines()) == 1
    assert len(found_at_once) == 2
    np.testing.assert_array_equal(found.fill.counts[~gap], counts[~gap])
    assert not np.array_equal(found.fill.counts, fill.counts)
    objects = found.fill.report.objects
    assert len(objects) >= 1
    assert all(one.obj.shape == SHAPE and np.isfinite(one.obj).all() for one in objects)
    assert len(told) <= last_cycle + 4  # a cycle at most of each part that follows, and the end


def _once(
    monkeypatch: pytest.MonkeyPatch, where: ModuleType, name: str, *faults: BaseException
) -> None:
    """The first calls of a function raise these; it is called as ever then."""
    own, left = getattr(where, name), list(faults)

    def call(*given: object, **options: object) -> object:
        if left:
            raise left.pop()
        return own(*given, **options)

    monkeypatch.setattr(where, name, call)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (judged_states, "disagreement"),
        (trials, "fit_mixture"),
        (gap_alone, "mean_by_doubt"),
        (judged_states, "mix_in_gap"),
    ],
)
def test_ctrl_c_between_cycles_leaves_what_the_starts_came_to(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    found_at_once: list[int],
    monkeypatch: pytest.MonkeyPatch,
    where: ModuleType,
    name: str,
) -> None:
    """It strikes while they are judged, where there is no cycle to end."""
    _once(monkeypatch, where, name, KeyboardInterrupt())
    found = refine(counts, gap, fill, model=model, starts=2, settings=SHORT)
    assert found.interrupted
    assert found.accepted, found.remark
    assert "interrupted after 2 starts, the best so far" in found.remark
    assert not np.array_equal(found.fill.counts, fill.counts)


def test_a_second_ctrl_c_leaves_the_fill_and_says_when(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    found_at_once: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _once(monkeypatch, trials, "fit_mixture", KeyboardInterrupt(), KeyboardInterrupt())
    found = refine(counts, gap, fill, model=model, starts=1, settings=SHORT)
    assert found.interrupted
    assert found.fill.counts is fill.counts
    assert found.remark == "not refined: interrupted before the starts were judged"


def test_no_memory_while_states_are_judged_leaves_the_fill(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    found_at_once: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = RuntimeError("DefaultCPUAllocator: can't allocate memory")
    _once(monkeypatch, gap_alone, "mean_by_doubt", full)
    found = refine(counts, gap, fill, model=model, starts=1, settings=SHORT)
    assert found.fill.counts is fill.counts
    assert found.remark.startswith("not refined: out of memory on the ")
    assert not found.interrupted


def test_a_start_without_memory_leaves_those_before_it(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    found_at_once: list[int],
) -> None:
    def cycles(done: int, total: int) -> None:
        if done == 2:  # the second start's only cycle
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    found = refine(counts, gap, fill, model=model, starts=3, cycles=cycles, settings=SHORT)
    assert not found.interrupted
    assert found.accepted, found.remark
    assert len(found_at_once) == 2


def test_starts_that_all_fail_are_one_line(
    counts: np.ndarray, gap: np.ndarray, fill: Fill, model: Model
) -> None:
    schedule = replace(SHORT.schedule, support_threshold=50.0)  # nothing is as large
    lost = replace(SHORT, schedule=replace(schedule, update_every=1))
    found = refine(counts, gap, fill, model=model, starts=2, settings=lost)
    assert found.fill.counts is fill.counts
    assert found.remark.startswith("not refined: 2 of 2 starts found no object: the support has 0")
    assert len(found.remark.splitlines()) == 1


def test_a_scan_with_nothing_to_hold_out_is_one_line(
    counts: np.ndarray, fill: Fill, model: Model
) -> None:
    wide = np.zeros(SHAPE, dtype=bool)
    wide[:, :, 26:46] = True
    found = refine(counts, wide, replace(fill, filled=wide), model=model)
    assert "of 20 lines has no room" in found.remark
    assert found.remark.startswith("not refined: ")


def test_a_peak_at_the_edge_is_one_line_without_an_option_that_predict_has_not(
    counts: np.ndarray, gap: np.ndarray, fill: Fill, model: Model
) -> None:
    found = refine(np.roll(counts, 20, 1), gap, fill, model=model)
    assert found.remark.startswith("not refined: the peak at (24, 44, 24) is too near the edge")
    assert "--crop" not in found.remark


def test_a_width_at_its_bound_and_a_support_without_interior_are_left_out(
    expectation: np.ndarray, gap: np.ndarray, fill: Fill, model: Model
) -> None:
    blurred = scipy.ndimage.gaussian_filter(expectation, 0.7)
    counts = np.where(gap, 0, np.random.default_rng(2).poisson(blurred)).astype(np.float32)
    settings = replace(
        SHORT,
        coherence=CoherenceSettings(largest=0.01),
        density=DensitySettings(margin=24),
        strengths=(0.1,),
    )
    found = refine(counts, gap, fill, model=model, starts=1, settings=settings)
    assert np.isfinite(found.after)
    assert "runs to its bound of 0.01 voxels" in found.remark
    assert "no even density: nothing of the support is 24 voxels from its edge" in found.remark
    assert len(found.remark.splitlines()) == 1


def test_one_start_that_fails_does_not_end_the_others(
    counts: np.ndarray,
    gap: np.ndarray,
    fill: Fill,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true_retrieve = computed_intensity.retrieve
    calls = []

    def sometimes(*arguments: object, **options: object) -> State:
        calls.append(1)
        if len(calls) == 1:
            raise InputError("the support was lost")
        return true_retrieve(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(computed_intensity, "retrieve", sometimes)
    found = refine(counts, gap, fill, model=model, starts=2, settings=SHORT)
    assert len(calls) == 2
    assert np.isfinite(found.before)


def test_it_needs_no_pynx_and_says_after_every_cycle_how_far_it_is(
    counts: np.ndarray, gap: np.ndarray, fill: Fill, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_pynx_folder", lambda: None)
    starts: list[tuple[int, int]] = []
    cycles: list[tuple[int, int]] = []

    def of_starts(done: int, total: int) -> None:
        starts.append((done, total))

    def of_cycles(done: int, total: int) -> None:
        cycles.append((done, total))

    found = refine(
        counts,
        gap,
        fill,
        model=model,
        settings=SHORT,
        starts=2,
        progress=of_starts,
        cycles=of_cycles,
    )
    total = 2 * (15 + 6 + 6 + 6)
    assert found.before > 0
    assert starts == [(1, 2), (2, 2)]
    assert cycles[:30] == [(done, total) for done in range(1, 31)]
    assert cycles == sorted(cycles)
    assert len(cycles) >= 30 + 6 + 1  # what was found is gone on with
    assert cycles[-1] == (total, total)


def test_every_start_has_a_tighter_support_in_hio_than_after_it() -> None:
    settings = RefinementSettings()
    for schedule in (settings.schedule, settings.again):
        assert schedule.threshold_in("HIO") > schedule.threshold_in("RAAR")
