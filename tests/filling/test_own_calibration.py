"""A scan that calibrates itself: counts stay, sigma follows what is held out, at little cost."""

from dataclasses import replace

import numpy as np
import torch

from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.filling.own_calibration import (
    NO_PLANES,
    NO_ROOM,
    TOO_DARK,
    OwnCalibrationSettings,
    plan_rehearsals,
)
from bcdi_inpaint.filling.work import plan_work
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion, gap_mask
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.symmetry_step import SymmetryStep
from bcdi_inpaint.network.unet import GapUNet, NetworkConfig
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.scan.scan import Scan

SHAPE = (32, 48, 48)


def peak(fringes: float = 0.0, seed: int = 0) -> np.ndarray:
    """Counts of a peak in the middle, with fringes of a part of its height."""
    offsets = np.ix_(*[np.arange(n) - n // 2 for n in SHAPE])
    expected = 1e4 / (1 + 0.05 * sum(offset**2 for offset in offsets)) ** 2
    for offset in offsets:
        expected = expected * (1 + fringes * np.cos(2 * np.pi * offset / 5))
    return np.random.default_rng(seed).poisson(expected).astype(np.float32)


def kriging() -> Model:
    """An untrained network, which fills by kriging, and is as sure everywhere."""
    torch.manual_seed(0)
    network = GapUNet(NetworkConfig(channels=(8, 8), dilations=((1, 1), (1, 2)))).eval()
    return Model(network, "tiny", "0" * 64, Calibration())


GAP = gap_mask([Gap(1, 30, 34)], SHAPE)


def test_counts_stay_and_sigma_grows_where_the_scan_is_rough() -> None:
    model = kriging()
    smooth, rough = (inpaint(peak(f), GAP, model) for f in (0.0, 0.9))
    for counts, fill in ((peak(), smooth), (peak(0.9), rough)):
        before = inpaint(counts, GAP, model, calibrate=False)
        np.testing.assert_array_equal(fill.counts, before.counts)
        assert before.report.factors is None
        assert before.calibration == model.calibration
    assert smooth.report.factors is not None
    assert rough.report.factors is not None
    assert rough.report.factors.of_width(4)[4] > 1.2 * smooth.report.factors.of_width(4)[4]
    assert "hidden voxels of this scan" in rough.report.calibration


def test_what_the_gap_holds_plays_no_role_and_it_is_the_same_every_time() -> None:
    other = np.where(GAP, 1e6, peak()).astype(np.float32)
    first, second = (inpaint(counts, GAP, kriging()) for counts in (peak(), other))
    assert first.report.factors == second.report.factors
    np.testing.assert_array_equal(first.sigma, second.sigma)


def test_a_scan_that_shows_too_little_says_so() -> None:
    model = kriging()
    spot = np.zeros(SHAPE, dtype=np.float32)
    spot[18:21, 26:29, 26:29] = 500
    block = np.zeros(SHAPE, dtype=bool)
    block[10:20, 30:34, 20:30] = True
    wide = gap_mask([Gap(1, 2, 23), Gap(1, 27, 45), Gap(0, 2, 30), Gap(2, 3, 45)], SHAPE)
    for counts, gap, said in (
        (peak(), block, NO_PLANES),
        (peak(), wide, NO_ROOM),
        (spot, GAP, TOO_DARK),
    ):
        fill = inpaint(counts, gap, model)
        assert fill.report.calibration == said
        assert fill.calibration == model.calibration


def test_it_costs_less_than_the_fill() -> None:
    shape = (96, 96, 96)
    region = GapRegion(shape, (Gap(1, 60, 66),))
    counts = np.full(shape, 5, dtype=np.uint16)
    work = plan_work(Scan(counts, np.zeros(shape, dtype=bool)), region)
    planned = plan_rehearsals(work, region, np.array([48.0, 48.0, 48.0]))
    n_patches = sum(len(one.places) for one in planned)
    assert 0 < n_patches <= OwnCalibrationSettings().part * work.n_lit
    for one in planned:
        for place in one.places:
            middle = [start + 16 for start in place.start]
            assert all(abs(m - 48) <= 16 + 12 * (a != one.plane.axis) for a, m in enumerate(middle))


def test_hidden_voxels_are_filled_as_the_gap_is_with_a_last_step_too() -> None:
    step = SymmetryStep()
    step.layers[-1].bias.data = torch.tensor([0.0, 0.0, 3.0, 0.0])  # fills are off, and not sure
    own, off = (
        inpaint(peak(0.3), GAP, replace(kriging(), last_step=one)).report.factors
        for one in (None, step)
    )
    assert own is not None
    assert off is not None
    assert off.of_width(4)[4] > 1.2 * own.of_width(4)[4]
