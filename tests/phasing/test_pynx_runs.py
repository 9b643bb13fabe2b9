"""PyNX's own runner on a scan in memory: seeds, free voxels, failures, supports."""

from __future__ import annotations

import gc
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept_runs import Keeps
from scipy.ndimage import binary_dilation

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.phasing.constraints import IntervalConstraint, PriorConstraint
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.handover import HandOver
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.pynx_runs import run_preset

SHORT = Preset(hio=0, raar=8, er=4, runs=2)
pytestmark = pytest.mark.usefixtures("pynx")


MIDDLE = (slice(8, 40),) * 3


@pytest.fixture
def whole(counts: np.ndarray) -> HandOver:
    """A complete scan."""
    none = np.zeros(counts.shape, bool)
    return HandOver("mask", counts.astype(np.float32), none, none)


@pytest.fixture
def handed(whole: HandOver) -> HandOver:
    """Its middle, which is faster."""
    return whole.crop(MIDDLE)


@pytest.fixture
def gap() -> np.ndarray:
    mask = np.zeros((32, 32, 32), bool)
    mask[:, :, 20:24] = True
    return mask


def test_complete_data_give_the_particle_back(
    whole: HandOver, particle: tuple[np.ndarray, np.ndarray]
) -> None:
    truth, inside = particle
    seen: list[tuple[int, int]] = []
    (found,) = run_preset(
        whole, Preset(hio=0, raar=100, er=30, runs=1), progress=lambda *step: seen.append(step)
    )
    assert compare(found.obj, truth, inside).phase_rms_rad < 0.05
    assert not found.obj[~found.support].any()
    # As many photons in the object as in the measurement: PyNX's transform keeps the norm.
    assert np.sum(np.abs(found.obj) ** 2) == pytest.approx(whole.counts.sum(), rel=0.02)
    assert 0.2 <= found.threshold <= 0.3
    assert seen[-1] == (155, 155)
    assert seen == sorted(seen)
    chain = "RAAR 100, ER 30, with a support that stays RAAR 17, ER 8"
    assert found.log[0].startswith(f"{chain}: free log error ")


def test_a_seed_gives_the_same_objects_and_leaves_other_random_numbers(handed: HandOver) -> None:
    np.random.seed(5)
    random.seed(5)
    expected = np.random.random(), random.random()
    np.random.seed(5)
    random.seed(5)
    first = run_preset(handed, SHORT, seed=3)
    assert (np.random.random(), random.random()) == expected
    again, other = run_preset(handed, SHORT, seed=3), run_preset(handed, SHORT, seed=4)
    assert [found.run for found in first] == [1, 2]
    for one, same, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one.obj, same.obj)
        assert one.threshold == same.threshold
        assert (one.obj != different.obj).any()
        assert one.threshold != different.threshold
    assert first[0].threshold != first[1].threshold


def test_runs_that_are_done_leave_the_others_as_they_are(
    handed: HandOver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # PyNX links the latest result there
    preset = replace(SHORT, runs=3)
    extra = ["--algorithm", "er**2,beta=0.5,raar**3"]  # beta is changed for one run, not for all
    all_done = run_preset(handed, preset, extra=extra)
    told: list[int] = []
    rest = run_preset(
        handed,
        preset,
        extra=extra,
        keeper=Keeps({1: ("one.cxi", all_done[0]), 2: ("two.cxi", all_done[1])}),
        report=lambda number, outcome: told.append(number),
    )
    assert told == [1, 2, 3]
    np.testing.assert_array_equal(rest[0].obj, all_done[0].obj)
    np.testing.assert_array_equal(rest[2].obj, all_done[2].obj)
    assert rest[2].llk_free == all_done[2].llk_free


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The free voxels of every run, at its end."""
    from bcdi_inpaint.phasing import pynx_watched

    seen = []
    own = pynx_watched._Watched._outcome

    def outcome(watched: Any, number: int) -> Any:
        seen.append(np.fft.fftshift(watched.cdi.get_free_pixel_mask()))
        return own(watched, number)

    monkeypatch.setattr(pynx_watched._Watched, "_outcome", outcome)
    return seen


def test_free_voxels_are_measured_and_common_to_all(
    handed: HandOver, gap: np.ndarray, free: list[np.ndarray]
) -> None:
    run_preset(replace(handed, name="hard", filled=gap), SHORT)
    assert 0.01 < free[0].mean() < 0.1
    assert not free[0][gap].any()
    np.testing.assert_array_equal(free[0], free[1])


CHOSEN = np.zeros((32, 32, 32), bool)
CHOSEN[3:9, 5:27, 18:26] = True


def test_free_voxels_may_be_given(
    handed: HandOver, gap: np.ndarray, free: list[np.ndarray]
) -> None:
    """Whatever the seed and the start, less what was not measured, or cut with the data."""
    bad = np.zeros_like(gap)
    bad[:, 7] = True
    masked = replace(handed, name="hard", filled=gap, bad_mask=bad)
    found = run_preset(masked, SHORT, free=CHOSEN, seed=3)
    assert len(free) == 2
    for own in free:
        np.testing.assert_array_equal(own, CHOSEN & ~gap & ~bad)
    assert all(np.isfinite(one.llk_free) for one in found)
    run_preset(masked, SHORT, free=CHOSEN, seed=3, extra=["--roi", "0", "32", "4", "28", "2", "30"])
    np.testing.assert_array_equal(free[-1], (CHOSEN & ~gap & ~bad)[:, 4:28, 2:30])


def test_where_none_that_are_given_is_measured_free_voxels_are_drawn(
    handed: HandOver, gap: np.ndarray, free: list[np.ndarray]
) -> None:
    masked = replace(handed, bad_mask=handed.bad_mask | CHOSEN)
    found = run_preset(masked, replace(SHORT, runs=1), free=CHOSEN, seed=3)
    assert free[0].any()
    assert not free[0][CHOSEN].any()
    assert np.isfinite(found[0].llk_free)


def test_no_cycle_sees_the_counts_of_free_voxels_that_are_given(handed: HandOver) -> None:
    once = replace(SHORT, runs=1)
    other = replace(handed, counts=np.where(CHOSEN, 2 * handed.counts + 5, handed.counts))
    (one,), (same,) = (run_preset(each, once, free=CHOSEN) for each in (handed, other))
    np.testing.assert_allclose(np.abs(one.obj), np.abs(same.obj), rtol=1e-4, atol=1e-4)
    assert one.llk == pytest.approx(same.llk, rel=1e-5)
    assert same.llk_free != pytest.approx(one.llk_free, rel=0.01)


@pytest.mark.parametrize(
    "extra", [["--rebin", "1", "1", "2"], ["--roi", *["12", "32"] * 3]], ids=["binned", "cut off"]
)
def test_where_the_given_ones_are_of_no_use_they_are_drawn(
    handed: HandOver, free: list[np.ndarray], extra: list[str]
) -> None:
    plain = run_preset(handed, SHORT, extra=extra)
    drawn = free[-1]
    given = run_preset(handed, SHORT, extra=extra, free=CHOSEN)
    np.testing.assert_array_equal(free[-1], drawn)
    assert [one.llk_free for one in given] == [one.llk_free for one in plain]


def test_the_users_free_voxels_come_first(
    handed: HandOver, free: list[np.ndarray], tmp_path: Path
) -> None:
    own = np.zeros((32, 32, 32), bool)
    own[20:25, 4:9, 4:9] = True
    np.save(tmp_path / "free.npy", own)
    extra = ["--free_pixel_mask", str(tmp_path / "free.npy")]
    run_preset(handed, SHORT, extra=extra, free=CHOSEN)
    np.testing.assert_array_equal(free[-1], own)


def test_a_known_support_stays(handed: HandOver, particle: tuple[np.ndarray, np.ndarray]) -> None:
    support = binary_dilation(particle[1], iterations=2)[MIDDLE]
    found = run_preset(handed, SHORT, support=support, extra=["--support_update_period", "0"])
    for one in found:
        np.testing.assert_array_equal(one.support, support)
    with pytest.raises(InputError, match="the support is empty"):
        run_preset(handed, SHORT, support=support & False)


def test_what_is_known_of_the_gap_is_heeded(handed: HandOver, gap: np.ndarray) -> None:
    counts = handed.counts
    masked = replace(handed, bad_mask=gap, counts=np.where(gap, np.nan, handed.counts))
    sigma = np.where(gap, np.float32(0.01), np.float32(np.inf))
    low = np.where(gap, counts * 0.99, 0).astype(np.float32)
    high = np.where(gap, counts * 1.01, np.inf).astype(np.float32)
    held = {
        "prior": PriorConstraint(counts.astype(np.float32), sigma),
        "soft": IntervalConstraint(low, high),
        "mask": None,
    }
    misfit = {}
    for name, constraint in held.items():
        (found,) = run_preset(
            replace(masked, name=name, constraint=constraint), replace(SHORT, raar=20, runs=1)
        )
        calculated = found.intensity()[gap]
        misfit[name] = np.sum(np.abs(np.sqrt(calculated) - np.sqrt(counts[gap])))
    assert misfit["prior"] < misfit["mask"]
    assert misfit["soft"] < misfit["mask"]


def test_what_is_known_of_beam_and_crystal_is_heeded(handed: HandOver) -> None:
    once = Preset(hio=0, raar=8, er=4, runs=1)
    known = [
        Knowledge(),
        Knowledge(psf_sigma=(0.5, 0.5, 0.5)),
        Knowledge(density=DensitySettings(strength=0.3, margin=2)),
    ]
    plain, blurred, even = (run_preset(handed, once, knowledge=one)[0] for one in known)
    assert not np.allclose(blurred.obj, plain.obj, rtol=0.1)
    assert not np.allclose(even.obj, plain.obj, rtol=0.01)


def test_a_roi_and_bins_are_told(handed: HandOver) -> None:
    extra = ["--roi", "4", "28", "8", "32", "4", "28", "--rebin", "1", "2", "2"]
    (found,) = run_preset(handed, replace(SHORT, runs=1), extra=extra)
    assert found.box == (slice(4, 28), slice(8, 32), slice(4, 28))
    assert found.obj.shape == (24, 12, 12)
    assert found.handed is not None
    assert found.handed.counts.shape == found.obj.shape


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--support_threshold", "30", "--support_update_period", "4"], "support was lost 5 times"),
        (["--algorithm", "raar**5,upsample=2"], "upsample= changes the grid of the object"),
        (["--algorithm", "walk**5"], "PyNX stopped"),
    ],
)
def test_what_fails_is_one_line(handed: HandOver, extra: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        run_preset(handed, SHORT, extra=extra)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bad_mask": np.zeros((8, 8, 8), bool)}, r"mask has shape \(8, 8, 8\), expected"),
        ({"counts": np.zeros((32, 32, 32))}, "hold no signal outside the mask"),
        ({"counts": np.full((32, 32, 32), np.inf)}, "are not all finite"),
    ],
)
def test_arrays_that_cannot_be_phased_are_refused(
    handed: HandOver, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run_preset(replace(handed, **change), SHORT)


def test_free_voxels_of_another_shape_are_refused(handed: HandOver) -> None:
    with pytest.raises(
        InputError, match=r"free mask has shape \(16, 32, 32\), expected the counts"
    ):
        run_preset(handed, SHORT, free=CHOSEN[:16])


@pytest.mark.parametrize("before", [True, False])
def test_what_a_program_has_set_aside_from_its_garbage_stays_so(
    handed: HandOver, before: bool
) -> None:
    """Else it is sought through again for each run of PyNX's, and for good after the first."""
    gc.unfreeze()
    if before:
        gc.freeze()
    meanwhile: list[int] = []
    try:
        few = replace(SHORT, raar=2, er=1, runs=1)
        run_preset(handed, few, report=lambda *_: meanwhile.append(gc.get_freeze_count()))
        assert (gc.get_freeze_count() > 0) == before
        assert min(meanwhile) > 0
    finally:
        gc.freeze()
