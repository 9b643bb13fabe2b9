"""Phase retrieval of a known object."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from bcdi_inpaint import pynx_engine as engines
from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.phasing import pynx_retrieval as retrieval
from bcdi_inpaint.phasing import pynx_stages
from bcdi_inpaint.phasing.constraints import IntervalConstraint, PriorConstraint
from bcdi_inpaint.phasing.free_voxels import draw_islands
from bcdi_inpaint.phasing.pynx_retrieval import retrieve
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.schedule import HALF_WAY, Schedule

SHORT = Schedule(hio=20, raar=100, er=30, update_every=20)
KNOWN = Schedule(hio=10, raar=30, er=10)
"""Enough where the support is known."""
EMPTY = np.zeros((8, 8, 8))


@pytest.fixture
def nothing_bad() -> np.ndarray:
    return np.zeros((48, 48, 48), dtype=bool)


# --- retrieval ------------------------------------------------------------------------------------


@pytest.mark.parametrize("support_is_known", [True, False])
def test_complete_data_give_the_particle_back(
    pynx: str,
    particle: tuple[np.ndarray, np.ndarray],
    counts: np.ndarray,
    nothing_bad: np.ndarray,
    support_is_known: bool,
) -> None:
    truth, inside = particle
    support = binary_dilation(inside, iterations=2) if support_is_known else None
    schedule = KNOWN if support_is_known else SHORT
    rng = np.random.default_rng(0)
    found = retrieve(counts, nothing_bad, rng, support=support, schedule=schedule)
    assert compare(found.obj, truth, inside).phase_rms_rad < 0.03
    assert np.all(found.obj[~found.support] == 0)
    if support_is_known:
        np.testing.assert_array_equal(found.support, support)
    else:
        assert 0.8 < found.support.sum() / inside.sum() < 1.6
    # As many photons in the object as in the measurement: PyNX's transform keeps the norm.
    assert np.sum(np.abs(found.obj) ** 2) == pytest.approx(counts.sum(), rel=0.01)
    assert 0 < found.llk_free < 20
    assert found.log[-1].startswith(f"ER**{schedule.er}: support")


def test_masked_voxels_are_free(
    pynx: str, particle: tuple[np.ndarray, np.ndarray], counts: np.ndarray
) -> None:
    truth, inside = particle
    support = binary_dilation(inside, iterations=2)
    bad = np.zeros(counts.shape, bool)
    bad[:, :, 27:30] = True
    absurd = np.where(bad, -1e9, counts.astype(float))
    absurd[:, :, 28] = np.nan
    kept = absurd.copy()

    def phase(values: np.ndarray, mask: np.ndarray) -> Reconstruction:
        rng = np.random.default_rng(0)
        return retrieve(values, mask, rng, support=support, schedule=KNOWN)

    masked = phase(absurd, bad)
    # What stands in a masked voxel does not matter, and the input stays as it was.
    np.testing.assert_array_equal(masked.obj, phase(counts, bad).obj)
    np.testing.assert_array_equal(absurd, kept)
    # Zeros taken for measured do harm that the mask avoids.
    as_zeros = phase(np.where(bad, 0, counts), np.zeros_like(bad))
    error = compare(masked.obj, truth, inside).phase_rms_rad
    assert error < 0.1
    assert compare(as_zeros.obj, truth, inside).phase_rms_rad > 3 * error


def test_sides_may_differ(pynx: str, counts: np.ndarray) -> None:
    box = counts[4:44, :, 8:40]
    schedule = Schedule(hio=0, raar=5, er=0)
    found = retrieve(box, np.zeros(box.shape, bool), np.random.default_rng(0), schedule=schedule)
    assert found.obj.shape == box.shape
    assert found.llk_free > 0


def test_without_free_voxels_there_is_no_free_likelihood(
    pynx: str, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    schedule = Schedule(hio=0, raar=5, er=0, free_fraction=0)
    found = retrieve(counts, nothing_bad, np.random.default_rng(0), schedule=schedule)
    assert np.isnan(found.llk_free)
    assert found.llk > 0
    assert [line.split(":")[0] for line in found.log] == ["SupportUpdate*RAAR**5"]


def test_a_lost_support_is_one_line(pynx: str, counts: np.ndarray, nothing_bad: np.ndarray) -> None:
    schedule = Schedule(hio=0, raar=10, er=0, support_threshold=100.0)
    with pytest.raises(InputError, match=r"support was lost .*support_threshold") as caught:
        retrieve(counts, nothing_bad, np.random.default_rng(0), schedule=schedule)
    assert "\n" not in str(caught.value)


# --- bounds ---------------------------------------------------------------------------------------


def test_tight_bounds_help_where_a_gap_swallows_the_peak(
    pynx: str, particle: tuple[np.ndarray, np.ndarray], counts: np.ndarray
) -> None:
    truth, inside = particle
    support = binary_dilation(inside, iterations=2)
    gap = np.zeros(counts.shape, bool)
    gap[:, :, 20:32] = True
    amplitude = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(truth)))
    expected = np.abs(amplitude) ** 2 * 1e6 / np.max(np.abs(amplitude) ** 2)
    bounds = IntervalConstraint(0.8 * expected, 1.2 * expected)

    def error(**options: Any) -> float:
        rng = np.random.default_rng(0)
        found = retrieve(counts, gap, rng, support=support, schedule=KNOWN, **options)
        return compare(found.obj, truth, inside).phase_rms_rad

    masked = error()
    assert error(constraint=bounds) < 0.5 * masked
    assert error(constraint=bounds, release_after=0.0) == masked
    prior = PriorConstraint(1.2 * expected, np.full(gap.shape, 0.2))
    assert error(constraint=prior) < 0.5 * masked
    # With a prior PyNX is called for fewer cycles at a time, and rounds at other places.
    assert error(constraint=prior, release_after=0.0) == pytest.approx(masked, rel=0.05)


def test_bounds_hold_until_they_are_released(pynx: str, counts: np.ndarray) -> None:
    gap = np.zeros(counts.shape, bool)
    gap[:, :, 30:33] = True
    bounds = IntervalConstraint(np.zeros(gap.shape), np.ones(gap.shape))
    schedule = Schedule(hio=4, raar=6, er=2, update_every=4)

    def stages(release_after: float | None) -> list[str]:
        done: list[int] = []
        rng = np.random.default_rng(0)
        options = {"constraint": bounds, "release_after": release_after, "progress": done.append}
        found = retrieve(counts, gap, rng, schedule=schedule, **options)
        assert done == [4, 4, 2, 2]
        return [line.split(":")[0] for line in found.log]

    assert stages(0.5) == [
        "SupportUpdate*BoundedHIO**4",
        "SupportUpdate*RAAR**2*BoundedRAAR**2",
        "SupportUpdate*RAAR**2",
        "ER**2",
    ]
    assert stages(None)[2:] == ["SupportUpdate*BoundedRAAR**2", "BoundedER**2"]


def test_a_prior_pulls_less_and_less(
    pynx: str, counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    gap = np.zeros(counts.shape, bool)
    gap[:, :, 30:33] = True
    used: list[float] = []
    own = pynx_stages.constrained_cycle

    def cycle(algorithm: str, known: Any, half_way: float, **options: Any) -> Any:
        used.append(half_way)
        return own(algorithm, known, half_way, **options)

    monkeypatch.setattr(pynx_stages, "constrained_cycle", cycle)
    prior = PriorConstraint(np.ones(gap.shape), np.full(gap.shape, 0.5))
    schedule = Schedule(hio=4, raar=4, er=2, update_every=4)
    retrieve(counts, gap, np.random.default_rng(0), schedule=schedule, constraint=prior)
    first, last = HALF_WAY
    np.testing.assert_allclose(used, [first, (first * last) ** 0.5, last])


def test_filled_voxels_are_never_free(
    pynx: str, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    schedule = Schedule(hio=0, raar=5, er=0)
    some = np.zeros(counts.shape, bool)
    some[:, :, 30:36] = True

    def llk_free(filled: np.ndarray | None) -> float:
        rng = np.random.default_rng(0)
        return retrieve(counts, nothing_bad, rng, schedule=schedule, filled=filled).llk_free

    free = [llk_free(filled) for filled in (None, some, ~nothing_bad)]
    assert free[0] != free[1]
    assert np.isnan(free[2])


def test_bounds_of_another_shape_are_refused(
    pynx: str, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"bounds have shapes \(8, 8, 8\) and \(8, 8, 8\)"):
        retrieve(counts, nothing_bad, rng, constraint=IntervalConstraint(EMPTY, EMPTY))
    with pytest.raises(InputError, match=r"prior's arrays have shapes \(8, 8, 8\) and"):
        retrieve(counts, nothing_bad, rng, constraint=PriorConstraint(EMPTY, EMPTY))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"bad_mask": np.zeros((4, 4, 4), bool)}, r"mask has shape \(4, 4, 4\)"),
        ({"support": np.ones((4, 4, 4), bool)}, r"support has shape \(4, 4, 4\)"),
        ({"support": np.zeros((8, 8, 8), bool)}, "support is empty"),
        ({"bad_mask": np.ones((8, 8, 8), bool)}, "no signal outside the mask"),
        ({"counts": np.full((8, 8, 8), np.inf)}, "not all finite"),
        ({"filled": np.ones((4, 4, 4), bool)}, r"filled mask has shape \(4, 4, 4\)"),
        ({"release_after": 0.5}, "release_after is 0.5 without bounds"),
        (
            {"release_after": 2.0, "constraint": IntervalConstraint(EMPTY, EMPTY)},
            "release_after is 2.0, expected a frac",
        ),
    ],
)
def test_bad_input_is_one_line(fault: dict[str, Any], message: str) -> None:
    arrays: dict[str, Any] = {
        "counts": np.ones((8, 8, 8)),
        "bad_mask": np.zeros((8, 8, 8), bool),
        **fault,
    }
    counts, bad_mask = arrays.pop("counts"), arrays.pop("bad_mask")
    with pytest.raises(InputError, match=message):
        retrieve(counts, bad_mask, np.random.default_rng(0), **arrays)


def test_without_pynx_it_says_how_to_get_it(
    counts: np.ndarray, nothing_bad: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_pynx_folder", lambda: None)
    with pytest.raises(MissingEngineError, match="make setup"):
        retrieve(counts, nothing_bad, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["MemoryError", "OutOfMemoryError"])
def test_too_little_memory_is_one_line(
    pynx: str,
    counts: np.ndarray,
    nothing_bad: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """PyCUDA and PyOpenCL raise errors of these names, which are no MemoryError of Python's."""
    fault = type(name, (RuntimeError,), {})

    def full(*_: object) -> None:
        raise fault("device")

    monkeypatch.setattr(retrieval, "_start", full)
    with pytest.raises(InputError, match="out of memory while phasing"):
        retrieve(counts, nothing_bad, np.random.default_rng(0))


def test_other_errors_of_the_engine_are_not_hidden(
    pynx: str, counts: np.ndarray, nothing_bad: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(retrieval, "_start", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        retrieve(counts, nothing_bad, np.random.default_rng(0))


def test_a_start_is_the_same_however_many_there_are(
    pynx: str, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    schedule = Schedule(hio=2, raar=4, er=2)
    found: dict[int, list[Reconstruction]] = {1: [], 3: []}
    for runs, own in found.items():
        retrieval.retrieve_best(
            counts,
            nothing_bad,
            np.random.default_rng(5),
            runs=runs,
            schedule=schedule,
            report=lambda number, outcome, own=own: own.append(outcome),  # type: ignore[misc]
        )
    np.testing.assert_array_equal(found[1][0].obj, found[3][0].obj)
    free, own = np.random.default_rng(5).spawn(2)
    islands = draw_islands(counts.shape, schedule.free_fraction, free)
    first = retrieve(counts, nothing_bad, own, schedule=schedule, islands=islands)
    np.testing.assert_array_equal(found[1][0].obj, first.obj)
    assert (found[3][0].obj != found[3][1].obj).any()


# --- several starts -------------------------------------------------------------------------------


def test_the_best_start_by_free_likelihood_is_kept(
    monkeypatch: pytest.MonkeyPatch, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    blank = Reconstruction(np.zeros(1), np.zeros(1, bool), llk=1.0, llk_free=0.0, log=())
    answers = iter([3.0, None, 2.0, 5.0])

    def one_start(*args: object, **kwargs: object) -> Reconstruction:
        llk_free = next(answers)
        if llk_free is None:
            raise InputError("the support was lost")
        return replace(blank, llk_free=llk_free)

    monkeypatch.setattr(retrieval, "retrieve", one_start)
    rng = np.random.default_rng(0)
    assert retrieval.retrieve_best(counts, nothing_bad, rng, runs=4).llk_free == 2.0


def test_if_every_start_fails_the_reason_is_given(
    monkeypatch: pytest.MonkeyPatch, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    def one_start(*args: object, **kwargs: object) -> Reconstruction:
        raise InputError("the support was lost")

    monkeypatch.setattr(retrieval, "retrieve", one_start)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="support was lost"):
        retrieval.retrieve_best(counts, nothing_bad, rng, runs=2)
    with pytest.raises(InputError, match="runs is 0, expected at least 1"):
        retrieval.retrieve_best(counts, nothing_bad, rng, runs=0)
