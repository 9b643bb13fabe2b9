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
from bcdi_inpaint.phasing.constraints import HALF_WAY
from bcdi_inpaint.phasing.pynx_retrieval import Reconstruction, Schedule, crop_around_peak, retrieve

SHORT = Schedule(hio=50, raar=250, er=100)
EMPTY = np.zeros((8, 8, 8))


@pytest.fixture
def nothing_bad() -> np.ndarray:
    return np.zeros((48, 48, 48), dtype=bool)


# --- cropping -------------------------------------------------------------------------------------


def test_the_crop_is_centred_on_the_peak() -> None:
    counts = np.zeros((20, 30, 40))
    counts[9, 12, 25] = 100
    counts[2, 28, 3] = 1e6  # a hot pixel
    bad = counts == 1e6
    box = crop_around_peak(counts, bad, (8, 10, 12))
    assert box == (slice(5, 13), slice(7, 17), slice(19, 31))
    assert counts[box][4, 5, 6] == 100


def test_the_crop_stays_inside() -> None:
    counts = np.zeros((20, 30, 40))
    counts[1, 29, 20] = 100
    box = crop_around_peak(counts, np.zeros(counts.shape, bool), (8, 10, 40))
    assert box == (slice(0, 8), slice(20, 30), slice(0, 40))


def test_impossible_crops_are_refused() -> None:
    counts = np.ones((20, 30, 40))
    nothing = np.zeros(counts.shape, bool)
    with pytest.raises(InputError, match=r"\(8, 31, 8\) is larger than the counts"):
        crop_around_peak(counts, nothing, (8, 31, 8))
    with pytest.raises(InputError, match="no valid voxel has counts"):
        crop_around_peak(counts, ~nothing, (8, 8, 8))


@pytest.mark.parametrize(
    ("peak", "box"),
    [
        ((20, 24, 32), (slice(0, 40), slice(0, 48), slice(0, 64))),
        ((17, 24, 40), (slice(1, 33), slice(0, 48), slice(16, 64))),  # 17 and 34 are slow: 32
    ],
)
def test_by_default_the_box_is_the_largest_with_the_peak_in_its_middle(
    peak: tuple[int, int, int], box: tuple[slice, slice, slice]
) -> None:
    counts = np.zeros((40, 48, 64))
    counts[peak] = 100
    assert crop_around_peak(counts, np.zeros(counts.shape, bool)) == box


def test_a_peak_at_the_edge_needs_a_crop() -> None:
    counts = np.zeros((40, 48, 64))
    counts[20, 4, 30] = 100
    with pytest.raises(InputError, match=r"peak at \(20, 4, 30\) is too near the edge .*--crop"):
        crop_around_peak(counts, np.zeros(counts.shape, bool))


@pytest.mark.parametrize("pixel", [(10, 12), (50, 20), (33, 50)])
def test_a_hot_pixel_that_the_mask_does_not_know_leaves_the_box(pixel: tuple[int, int]) -> None:
    rock, y, x = (np.sinc((np.arange(64) - c) / 4.3) ** 2 for c in (32, 30, 33))
    expected_counts = 36_000 * rock[:, None, None] * y[:, None] * x
    counts = np.random.default_rng(0).poisson(expected_counts).astype(np.float32)
    nothing = np.zeros(counts.shape, bool)
    expected = crop_around_peak(counts, nothing)
    counts[:, pixel[0], pixel[1]] = 2_000_000
    assert crop_around_peak(counts, nothing) == expected


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
    found = retrieve(counts, nothing_bad, np.random.default_rng(0), support=support, chain=SHORT)
    assert compare(found.obj, truth, inside).phase_rms_rad < 0.03
    assert np.all(found.obj[~found.support] == 0)
    if support_is_known:
        np.testing.assert_array_equal(found.support, support)
    else:
        assert 0.8 < found.support.sum() / inside.sum() < 1.6
    # As many photons in the object as in the measurement: PyNX's transform keeps the norm.
    assert np.sum(np.abs(found.obj) ** 2) == pytest.approx(counts.sum(), rel=0.01)
    assert 0 < found.llk_free < 20
    assert found.log[-1].startswith("ER**100: support")


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
        return retrieve(values, mask, rng, support=support, chain=SHORT)

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
    chain = Schedule(hio=0, raar=5, er=0)
    found = retrieve(box, np.zeros(box.shape, bool), np.random.default_rng(0), chain=chain)
    assert found.obj.shape == box.shape
    assert found.llk_free > 0


def test_without_free_voxels_there_is_no_free_likelihood(
    pynx: str, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    chain = Schedule(hio=0, raar=5, er=0, free_fraction=0)
    found = retrieve(counts, nothing_bad, np.random.default_rng(0), chain=chain)
    assert np.isnan(found.llk_free)
    assert found.llk > 0
    assert [line.split(":")[0] for line in found.log] == ["SupportUpdate*RAAR**5"]


def test_a_lost_support_is_one_line(pynx: str, counts: np.ndarray, nothing_bad: np.ndarray) -> None:
    chain = Schedule(hio=0, raar=10, er=0, support_threshold=100.0)
    with pytest.raises(InputError, match=r"support was lost .*support_threshold") as caught:
        retrieve(counts, nothing_bad, np.random.default_rng(0), chain=chain)
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
    bounds = (0.8 * expected, 1.2 * expected)

    def error(**options: Any) -> float:
        rng = np.random.default_rng(0)
        found = retrieve(counts, gap, rng, support=support, chain=SHORT, **options)
        return compare(found.obj, truth, inside).phase_rms_rad

    masked = error()
    assert error(bounds=bounds) < 0.5 * masked
    assert error(bounds=bounds, release_after=0.0) == masked
    prior = (1.2 * expected, np.full(gap.shape, 0.2))
    assert error(prior=prior) < 0.5 * masked
    # With a prior PyNX is called for fewer cycles at a time, and rounds at other places.
    assert error(prior=prior, release_after=0.0) == pytest.approx(masked, rel=0.05)
    assert error(prior=(expected, np.full(gap.shape, np.inf))) == pytest.approx(masked, rel=0.05)


def test_bounds_hold_until_they_are_released(pynx: str, counts: np.ndarray) -> None:
    gap = np.zeros(counts.shape, bool)
    gap[:, :, 30:33] = True
    bounds = (np.zeros(gap.shape), np.ones(gap.shape))
    chain = Schedule(hio=4, raar=6, er=2, update_every=4)

    def stages(release_after: float | None) -> list[str]:
        done: list[int] = []
        rng = np.random.default_rng(0)
        options = {"bounds": bounds, "release_after": release_after, "progress": done.append}
        found = retrieve(counts, gap, rng, chain=chain, **options)
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
    own = retrieval.bounded

    def bounded(algorithm: str, known: Any) -> Any:
        used.append(known.half_way)
        return own(algorithm, known)

    monkeypatch.setattr(retrieval, "bounded", bounded)
    prior = (np.ones(gap.shape), np.full(gap.shape, 0.5))
    chain = Schedule(hio=4, raar=4, er=2, update_every=4)
    retrieve(counts, gap, np.random.default_rng(0), chain=chain, prior=prior)
    first, last = HALF_WAY
    np.testing.assert_allclose(used, [first, (first * last) ** 0.5, last])


def test_filled_voxels_are_never_free(
    pynx: str, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    chain = Schedule(hio=0, raar=5, er=0)
    some = np.zeros(counts.shape, bool)
    some[:, :, 30:36] = True
    free = [
        retrieve(counts, nothing_bad, np.random.default_rng(0), chain=chain, filled=f).llk_free
        for f in (None, some, ~nothing_bad)
    ]
    assert free[0] != free[1]
    assert np.isnan(free[2])


def test_bounds_of_another_shape_are_refused(
    pynx: str, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"bounds have shapes \(8, 8, 8\) and \(8, 8, 8\)"):
        retrieve(counts, nothing_bad, rng, bounds=(EMPTY, EMPTY))
    with pytest.raises(InputError, match=r"prior's arrays have shapes \(8, 8, 8\) and"):
        retrieve(counts, nothing_bad, rng, prior=(EMPTY, EMPTY))


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
        ({"bounds": (EMPTY, EMPTY), "prior": (EMPTY, EMPTY)}, "both bounds and a prior"),
        ({"release_after": 2.0, "bounds": (EMPTY, EMPTY)}, "release_after is 2.0, expected a frac"),
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
    assert retrieval.retrieve_best(counts, nothing_bad, rng, starts=4).llk_free == 2.0


def test_if_every_start_fails_the_reason_is_given(
    monkeypatch: pytest.MonkeyPatch, counts: np.ndarray, nothing_bad: np.ndarray
) -> None:
    def one_start(*args: object, **kwargs: object) -> Reconstruction:
        raise InputError("the support was lost")

    monkeypatch.setattr(retrieval, "retrieve", one_start)
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="support was lost"):
        retrieval.retrieve_best(counts, nothing_bad, rng, starts=2)
    with pytest.raises(InputError, match="starts is 0, expected at least 1"):
        retrieval.retrieve_best(counts, nothing_bad, rng, starts=0)
