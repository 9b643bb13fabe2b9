"""Every method by name: the same promises outside the gap, and a sigma inside."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from bcdi_inpaint.classical.methods import METHODS as CLASSICAL
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling import methods
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.learned_fill import (
    LEARNING,
    Box3D,
    Learned,
    LearningOptions,
    learn,
    slicing_axis,
)
from bcdi_inpaint.filling.methods import METHODS, NO_PSEUDO_GAP, check_method, fill_by_method
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import as_region
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.selftaught.adversaries import GanSettings
from bcdi_inpaint.selftaught.budget import Budget
from bcdi_inpaint.selftaught.deep_image_prior import DipSettings, deep_image_prior
from bcdi_inpaint.selftaught.smooth_fit import smooth_fit

QUICK = LearningOptions(
    dip_steps=2,
    gan_steps=2,
    dip=DipSettings(channels=(4,), inputs=2, skip=4),
    gan=GanSettings(
        seed=2,
        generator=(4, 4, 4),
        critic=(2, 2, 2),
        batch=1,
        critic_steps=1,
        regions=1,
        patch=16,
        frame=8,
    ),
)
GAP = Gap(1, 34, 38)


def scan_with_bad_voxels() -> Scan:
    """A fringed peak in the middle of (20, 64, 40), some voxels bad."""
    z, y, x = np.meshgrid(*[np.arange(n) - n // 2 for n in (20, 64, 40)], indexing="ij")
    peak = 3000 / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    rng = np.random.default_rng(0)
    counts = rng.poisson(peak * (1.2 + np.cos(0.9 * (y + x - z)))).astype(np.int32)
    counts[:, GAP.start : GAP.stop] = -7  # whatever the gap holds
    bad = rng.random(counts.shape) < 0.001
    return Scan(counts, bad)


SCAN = scan_with_bad_voxels()
POSITIVE = Scan(np.maximum(SCAN.counts, 0), SCAN.bad_mask)
"""It with counts that may be looked at everywhere."""


def filled(method: str, options: LearningOptions = QUICK) -> Fill:
    region = as_region([GAP], SCAN.shape)
    return fill_by_method(SCAN, region, method, "cpu", options=options).whole


@pytest.mark.parametrize("method", ["linear", "kriging", "friedel", *LEARNING])
def test_only_the_gap_changes_and_how_sure_it_is_is_said(method: str) -> None:
    fill = filled(method)
    gap = as_region([GAP], SCAN.shape).part(whole(SCAN.shape))
    assert_array_equal(fill.filled, gap)
    assert_array_equal(fill.counts[~gap], SCAN.counts[~gap].astype(np.float32))
    assert np.isfinite(fill.counts[gap]).all()
    assert (fill.counts[gap] > 0).all()
    assert (fill.sigma[gap] > 0).all()
    assert np.isfinite(fill.sigma[gap]).all()
    assert not fill.sigma[~gap].any()
    assert fill.model == method
    assert f"{method}: RMS log error" in fill.report.remark


def test_a_classical_method_gives_what_it_always_gave() -> None:
    gap = as_region([GAP], SCAN.shape).part(whole(SCAN.shape))
    expected = CLASSICAL["linear"](np.where(gap, 0, SCAN.counts), gap, bad_mask=SCAN.bad_mask)
    found = filled("linear").counts[gap]
    np.testing.assert_allclose(found, np.maximum(expected[gap], 1e-3), rtol=1e-6)


@pytest.mark.parametrize("method", ["dip", "gan-g"])
def test_what_learns_says_how_and_repeats_itself(method: str) -> None:
    first, same = filled(method), filled(method)
    assert_array_equal(first.counts, same.counts)
    assert "4 steps in 2 runs, spread between runs" in first.report.remark


def test_ctrl_c_gives_the_best_so_far() -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    region = as_region([GAP], SCAN.shape)
    fill = fill_by_method(SCAN, region, "dip", "cpu", options=QUICK, progress=interrupt)
    assert fill.report.interrupted
    assert "1 step in one run, interrupted, which tells no spread" in fill.report.remark
    assert fill.n_filled == GAP.width * 20 * 40


def test_a_gap_without_room_for_a_pseudo_gap_is_filled_and_claims_little() -> None:
    counts = np.random.default_rng(0).poisson(20, (6, 20, 6))
    fill = fill_by_method(
        Scan(counts, counts < 0), as_region([Gap(1, 8, 11)], counts.shape), "cubic"
    )
    assert NO_PSEUDO_GAP in fill.report.remark
    assert (fill.sigma[fill.filled] > 0.5).all()


def test_an_unknown_method_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(
        InputError, match="method is 'magic', expected one of network, nearest"
    ) as e:
        check_method("magic")
    assert all(name in str(e.value) for name in METHODS)


def test_bad_voxels_in_the_pseudo_gap_leave_it_hidden_from_what_learns() -> None:
    """A fill that had seen them would seem to be without error."""
    fill = filled("gan-g")
    error = float(fill.report.remark.split("RMS log error ")[1].split()[0])
    assert error > 0.1


def test_slices_are_cut_where_no_gap_lies_across() -> None:
    rows, columns, frames = Gap(1, 3, 5), Gap(2, 3, 5), Gap(0, 3, 5)
    assert slicing_axis([rows], []) == 0
    assert slicing_axis([rows], [frames]) == 2
    assert slicing_axis([frames], []) == 1
    assert slicing_axis([rows, columns], [frames]) == 0
    with pytest.raises(InputError, match="across all three axes, expected an axis without"):
        slicing_axis([rows, columns, frames], [])


@pytest.mark.parametrize("method", LEARNING)
def test_a_gap_beyond_the_box_that_is_learned_is_refused(method: str) -> None:
    options, far = replace(QUICK, largest=(16, 16, 40)), as_region([Gap(1, 55, 58)], SCAN.shape)
    with pytest.raises(InputError, match="lies beyond the box of 16 x 16 x 40 voxels around the"):
        fill_by_method(POSITIVE, far, method, "cpu", options=options)


def test_the_box_that_is_learned_moves_to_both_sides_of_a_gap() -> None:
    options = replace(QUICK, largest=(16, 36, 40))  # about the peak at row 32 it would end at 50
    fill = fill_by_method(
        POSITIVE, as_region([Gap(1, 36, 52)], SCAN.shape), "dip", "cpu", options=options
    ).whole
    straight = CLASSICAL["linear"](
        np.where(fill.filled, 0, POSITIVE.counts), fill.filled, bad_mask=POSITIVE.bad_mask
    )
    inner = fill.filled & (fill.counts != np.maximum(straight, 1e-3).astype(np.float32))
    assert inner[10, 36:52, 20].all()
    assert "which they cut" not in fill.report.remark


def test_a_gap_that_the_box_has_to_cut_is_linear_and_said_so() -> None:
    options = replace(QUICK, largest=(16, 30, 40))
    gaps = [Gap(1, 36, 52), Gap(2, 22, 25)]
    fill = fill_by_method(POSITIVE, as_region(gaps, SCAN.shape), "dip", "cpu", options=options)
    assert "around the peak and in rows 36:52, which they cut" in fill.report.remark
    with pytest.raises(InputError, match=r"or is cut by it, expected one there with both"):
        fill_by_method(POSITIVE, as_region(gaps[:1], SCAN.shape), "dip", "cpu", options=options)


def test_voxels_in_no_plane_are_linear_where_planes_alone_are_learned() -> None:
    gap = np.zeros(SCAN.shape, dtype=bool)
    gap[:, GAP.start : GAP.stop] = True
    gap[10, 1, 37] = True
    fill = fill_by_method(POSITIVE, as_region(gap, SCAN.shape), "gan-g", "cpu", options=QUICK)
    assert "and in 1 voxel there that no whole frame, row or column has" in fill.report.remark


def test_slices_need_whole_planes_and_the_prior_none() -> None:
    slanted = np.zeros(SCAN.shape, dtype=bool)
    for row in range(64):
        slanted[:, row, row // 4 + 12 : row // 4 + 15] = True
    region = as_region(slanted, SCAN.shape)
    for method in ("gan-g", "gan-z"):
        with pytest.raises(
            InputError, match=f"no whole frame.*{method} learns.*--method dip, network"
        ):
            fill_by_method(POSITIVE, region, method, "cpu", options=QUICK)
    found = fill_by_method(POSITIVE, region, "dip", "cpu", options=QUICK).whole
    assert_array_equal(found.filled, slanted)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("seed", -1, "seed is -1, expected a whole number of at least 0"),
        ("seed", 1.5, "seed is 1.5, expected a whole number"),
        ("minutes", "5", "minutes is '5', expected a number, or None"),
    ],
)
def test_options_that_are_none_are_refused(key: str, value: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        LearningOptions(**{key: value})  # type: ignore[arg-type]
    assert LearningOptions(seed=np.int64(3), minutes=np.float32(2)).seed == 3  # type: ignore[arg-type]


def test_of_a_single_frame_the_prior_learns_an_image() -> None:
    """Through three dimensions it would learn as many frames more as its network halves."""
    counts = SCAN.counts[10:11]
    unknown = np.zeros(counts.shape, dtype=bool)
    unknown[:, GAP.start : GAP.stop] = True
    logs = np.log1p(np.where(unknown, 0, counts)).astype(np.float32)
    box = Box3D(logs, unknown, unknown, ~unknown & False)
    learned = learn("dip", box, Budget(4), torch.device("cpu"), QUICK)
    best = deep_image_prior(
        logs[0],
        unknown[0],
        box.hidden[0],
        np.random.default_rng(QUICK.seed).spawn(QUICK.runs)[0],
        Budget(2),
        settings=QUICK.dip,
    )
    assert learned.log_counts.shape == counts.shape
    plain = replace(QUICK, runs=1, start="published")
    once = learn("dip", box, Budget(2), torch.device("cpu"), plain)
    assert best.log_counts is not None
    assert_array_equal(once.log_counts[0], np.clip(best.log_counts, 0, None))


def squared_error(logs: np.ndarray, where: np.ndarray) -> float:
    return float(((logs - np.log1p(POSITIVE.counts))[where] ** 2).mean())


def box_with_hidden() -> Box3D:
    """The scan's gap, and a strip that is hidden."""
    unknown = as_region([GAP], SCAN.shape).part(whole(SCAN.shape))
    hidden = np.roll(unknown, -10, axis=1)
    logs = np.log1p(np.where(unknown, 0, POSITIVE.counts)).astype(np.float32)
    return Box3D(logs, unknown, unknown, hidden)


@pytest.mark.parametrize("method", LEARNING)
def test_few_steps_are_no_worse_than_the_smooth_fit_where_voxels_are_hidden(method: str) -> None:
    box = box_with_hidden()
    fit = smooth_fit(box.log_counts, ~(box.unknown | box.hidden))
    learned = learn(method, box, Budget(4), torch.device("cpu"), QUICK)
    after, before = (squared_error(logs, box.hidden) for logs in (learned.log_counts, fit))
    assert after <= before * (1 + 1e-6)
    assert learned.at_fit == 2
    np.testing.assert_allclose(learned.log_counts[box.to_fill], fit[box.to_fill], atol=1e-5)
    plain = replace(QUICK, start="published")
    assert learn(method, box, Budget(4), torch.device("cpu"), plain).at_fit == 0


def test_a_run_that_has_no_time_loses_none_that_is_finished() -> None:
    """Two steps of a second each; then the first of the second run takes minutes."""
    ticks = iter([0, 1, 2, 2, 200])
    budget = Budget(4, 1.0, clock=lambda: next(ticks))
    learned = learn("dip", box_with_hidden(), budget, torch.device("cpu"), QUICK)
    assert (learned.runs, learned.steps, learned.cut_short) == (1, 2, True)
    assert not learned.interrupted
    ticks = iter([0, 200])
    with pytest.raises(InputError, match="minutes is 1, expected more than"):
        learn("dip", box_with_hidden(), budget, torch.device("cpu"), QUICK)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"runs": 1, "cut_short": True}, "one run, cut short as time was up, which tells no"),
        ({"at_fit": 2}, "; no step was better than the smooth fit that it began at, which was"),
        ({"at_fit": 1}, "; in 1 of 2 runs no step was better than the smooth fit that it"),
        ({}, "; 4 steps in 2 runs, spread between runs 0 of log counts; linear beyond the"),
    ],
)
def test_what_came_of_the_time_is_said(
    how: dict[str, int], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"spread": 0.0, "steps": 4, "runs": 2, "interrupted": False} | how
    found = Learned(np.zeros(SCAN.shape, np.float32), **values)  # type: ignore[arg-type]
    monkeypatch.setattr(methods, "learn", lambda *_: found)
    assert said in filled("dip").report.remark


def test_from_a_smooth_fit_few_steps_are_near_it_and_never_negative() -> None:
    """Learning the scan itself, the first steps give about its mean everywhere."""
    counts = SCAN.counts[10:11]
    unknown = np.zeros(counts.shape, dtype=bool)
    unknown[:, GAP.start : GAP.stop] = True
    logs = np.log1p(np.where(unknown, 0, counts)).astype(np.float32)
    box = Box3D(logs, unknown, unknown, ~unknown & False)
    near = learn("dip", box, Budget(4), torch.device("cpu"), QUICK).log_counts
    plain = replace(QUICK, start="published")
    far = learn("dip", box, Budget(4), torch.device("cpu"), plain).log_counts
    errors = [np.abs(found - logs)[~unknown].mean() for found in (near, far)]
    assert errors[0] < 0.7 * errors[1]
    assert near.min() >= 0
