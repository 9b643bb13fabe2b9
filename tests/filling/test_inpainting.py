"""The main call: what it must never change, and what it must get right."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from bcdi_inpaint import inpaint
from bcdi_inpaint.classical.interpolation import linear
from bcdi_inpaint.classical.kriging import krige
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.light_map import LightSettings
from bcdi_inpaint.filling.stitching import window
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.network import devices
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.kinds import make_network
from bcdi_inpaint.network.published.chavez import TuNetConfig
from bcdi_inpaint.network.symmetry_step import INPUTS, SymmetryStep
from bcdi_inpaint.network.unet import FIRST_SCALE, GapUNet, NetworkConfig
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.network.weights import Model, load_model, save_weights
from bcdi_inpaint.photons import LEAST_COUNTS
from simulation.recipe import Recipe, make_pattern

TINY = NetworkConfig(channels=(8, 8), dilations=((1, 1), (1, 2)))


def tiny(*, trained: bool) -> Model:
    torch.manual_seed(0)
    network = GapUNet(TINY).eval()
    if trained:
        torch.nn.init.normal_(network.head.weight, std=0.05)
    return Model(network, "tiny", "0" * 64)


GUESS, NOISY = tiny(trained=False), tiny(trained=True)


@pytest.fixture
def counts() -> np.ndarray:
    """A peak of some 1e4 photons in (16, 64, 48), with noise."""
    grids = np.meshgrid(*[np.arange(n) - n / 2 for n in (16, 64, 48)], indexing="ij")
    expected = 1e4 / (1 + 0.05 * sum(g**2 for g in grids)) ** 2
    return np.random.default_rng(0).poisson(expected).astype(np.float32)


def rows(shape: tuple[int, int, int]) -> np.ndarray:
    gap = np.zeros(shape, dtype=bool)
    gap[:, 40:46] = True
    return gap


def cross(shape: tuple[int, int, int]) -> np.ndarray:
    gap = np.zeros(shape, dtype=bool)
    gap[:, 40:46] = gap[:, :, 20:24] = True
    return gap


def test_outside_the_gap_every_bit_is_the_measurements(counts: np.ndarray) -> None:
    gap, bad = cross(counts.shape), np.zeros(counts.shape, dtype=bool)
    marks = np.array([np.nan, -3.0, np.inf, -np.inf], dtype=np.float32)
    marks[:1].view(np.uint32)[:] |= 0x1234  # a NaN with a payload of its own
    counts[0, 0, :4] = marks
    bad[0, 0, :4] = True
    bad[3, 39, 30] = True  # a hot pixel that touches the gap
    counts[gap] = np.nan
    before = counts.copy()
    fill = inpaint(counts, gap, NOISY, bad_mask=bad)
    same = fill.counts.view(np.uint32) == before.view(np.uint32)
    assert same[~gap].all()
    np.testing.assert_array_equal(fill.filled, gap)
    assert np.isfinite(fill.counts[gap]).all()
    assert (fill.counts[gap] >= LEAST_COUNTS).all()
    assert (counts.view(np.uint32) == before.view(np.uint32)).all(), "the input was changed"


def test_every_number_type_gives_the_same_fill(counts: np.ndarray) -> None:
    gap = rows(counts.shape)
    expected = inpaint(counts, gap, NOISY, calibrate=False)
    for dtype in (np.uint16, np.int32, np.uint32, np.int64, np.float64):
        fill = inpaint(counts.astype(dtype), gap, NOISY, calibrate=False)
        assert fill.counts.dtype == fill.sigma.dtype == np.float32
        np.testing.assert_array_equal(fill.counts, expected.counts)
        np.testing.assert_array_equal(fill.sigma, expected.sigma)


def test_what_the_gap_and_bad_voxels_hold_has_no_influence(counts: np.ndarray) -> None:
    gap, bad = rows(counts.shape), np.zeros(counts.shape, dtype=bool)
    bad[:, 30:36, 50:] = True
    other = np.where(gap | bad, 1e6, counts).astype(np.float32)
    first, second = (inpaint(c, gap, NOISY, bad_mask=bad) for c in (counts, other))
    np.testing.assert_array_equal(first.counts[gap], second.counts[gap])


def test_an_untrained_network_fills_by_kriging(counts: np.ndarray) -> None:
    gap = rows(counts.shape)
    fill = inpaint(counts, gap, GUESS)
    kriged = krige(np.log1p(np.where(gap, 0, counts)), gap, [Gap(1, 40, 46)])
    expected = np.maximum(np.expm1(kriged.log_counts[gap]), LEAST_COUNTS)
    np.testing.assert_allclose(fill.counts[gap], expected, rtol=1e-4, atol=1e-5)


def test_a_constant_is_filled_with_itself() -> None:
    counts = np.full((33, 50, 70), 37, dtype=np.uint16)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 10:16] = gap[:, :, 30:42] = gap[20:23] = True
    gap[5:9, 25:29, 60:64] = True  # and a block in no plane
    np.testing.assert_allclose(inpaint(counts, gap, GUESS).counts, 37, rtol=1e-3)


@pytest.mark.parametrize(
    ("start", "width"),
    [(20, 17), (20, 38), (24, 39), (24, 40), (20, 41), (22, 41), (24, 41), (24, 42), (31, 42)],
)
def test_a_wide_gap_is_filled_all_the_way(start: int, width: int) -> None:
    """Also in its middle, where no patch that is centred on it sees a known voxel."""
    counts = np.full((3, 100, 20), 37, dtype=np.uint16)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, start : start + width] = True
    fill = inpaint(np.where(gap, 0, counts), gap, GUESS)
    assert fill.report.warnings == ()
    assert fill.report.n_unlit == 0
    np.testing.assert_array_equal(fill.filled, gap)
    np.testing.assert_allclose(fill.counts, 37, rtol=1e-3)
    assert (fill.sigma[gap] > 0).all()


def test_where_wide_gaps_cross_and_beside_bad_rows_it_is_not_dark_either() -> None:
    """There a patch lies in unknown voxels alone, and no other covers all of it."""
    counts = np.full((3, 112, 112), 37, dtype=np.uint16)
    crossing, beside = np.zeros((2, *counts.shape), dtype=bool)
    crossing[:, 36:74] = crossing[:, :, 36:74] = True
    beside[:, 40:72] = True
    bad = np.zeros_like(beside)
    bad[:, 30:40] = True
    for gap, invalid in ((crossing, None), (beside, bad)):
        fill = inpaint(np.where(gap, 0, counts), gap, GUESS, bad_mask=invalid)
        np.testing.assert_allclose(fill.counts, 37, rtol=1e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_exponential_is_restored_along_any_axis(axis: int) -> None:
    index = np.arange(40).reshape([-1 if a == axis else 1 for a in range(3)])
    truth = np.broadcast_to(np.expm1(0.2 * index + 1), (40, 40, 40)).astype(np.float32)
    gap = np.zeros(truth.shape, dtype=bool)
    np.moveaxis(gap, axis, 0)[17:23] = True
    fill = inpaint(np.where(gap, 0, truth), gap, GUESS)
    # It triples within the gap; and it is no peak, as whose flank it is filled.
    np.testing.assert_allclose(fill.counts, truth, rtol=0.15)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_peak_falls_off_in_the_gap_as_beside_it(axis: int) -> None:
    squared = sum(np.ix_(*[(np.arange(40.0) - c) ** 2 for c in (18, 21, 20)]))
    truth = np.expm1(10 - 0.25 * np.sqrt(squared)).astype(np.float32)
    gap = np.zeros(truth.shape, dtype=bool)
    np.moveaxis(gap, axis, 0)[25:33] = True
    fill = inpaint(np.where(gap, 0, truth), gap, GUESS)
    off, straight = (
        np.abs(np.log1p(filled[gap]) - np.log1p(truth[gap])).mean()
        for filled in (fill.counts, linear(np.where(gap, 0, truth), gap))
    )
    assert off < 0.05
    assert off < 0.5 * straight


def test_turning_the_scan_turns_the_fill(counts: np.ndarray) -> None:
    gap = rows(counts.shape)
    upright = inpaint(counts, gap, GUESS).counts
    turned = inpaint(np.transpose(counts, (2, 0, 1)), np.transpose(gap, (2, 0, 1)), GUESS).counts
    mirrored = inpaint(counts[:, ::-1], gap[:, ::-1], GUESS).counts
    np.testing.assert_allclose(np.transpose(turned, (1, 2, 0)), upright, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(mirrored[:, ::-1], upright, rtol=1e-2, atol=1e-3)


# --- how uncertain it is -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def uncertain() -> Fill:
    """A filled block of rows beside masked voxels, by a network with a scale of its own."""
    generator = np.random.default_rng(1)
    counts = generator.poisson(30, (8, 48, 40)).astype(np.float32)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 20:26] = True
    counts[gap] = 0
    bad = np.zeros_like(gap)
    bad[2, 3, 4] = True
    counts[2, 3, 4] = np.nan
    return inpaint(counts, gap, NOISY, bad_mask=bad)


def test_sigma_is_positive_in_the_gap_and_0_elsewhere(uncertain: Fill) -> None:
    gap = uncertain.filled
    assert gap.sum() == 8 * 6 * 40
    assert (uncertain.sigma[gap] > 0).all()
    assert np.isfinite(uncertain.sigma).all()
    np.testing.assert_array_equal(uncertain.sigma[~gap], 0)


def test_intervals_hold_the_counts_and_wider_ones_the_narrower(uncertain: Fill) -> None:
    gap = uncertain.filled
    low_95, high_95 = uncertain.interval(0.95)
    low_68, high_68 = uncertain.interval(0.68)
    filled = uncertain.counts[gap]
    assert (low_95[gap] >= 0).all()
    assert (low_95[gap] <= low_68[gap]).all()
    assert (low_68[gap] <= filled * (1 + 1e-5)).all()
    assert (filled <= high_68[gap] * (1 + 1e-5)).all()
    assert (high_68[gap] < high_95[gap]).all()
    assert np.isfinite(high_95[gap]).all()


def test_outside_the_gap_both_bounds_are_the_measurement(uncertain: Fill) -> None:
    gap, bits = uncertain.filled, uncertain.counts.view(np.uint32)
    for bound in uncertain.interval(0.9):
        assert (bound.view(np.uint32) == bits)[~gap].all()


def test_sigma_and_intervals_are_the_calibrated_ones() -> None:
    """An untrained network's scale is `FIRST_SCALE` in each voxel that sees light."""
    counts = np.full((4, 40, 40), 50, dtype=np.float32)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 20:24] = True
    calibration = Calibration(
        levels=(0.5, 0.9), half_widths=((1.0, 3.0),), sigma_per_scale=((2.0,),)
    )
    model = Model(GUESS.network, "tiny", "0" * 64, calibration)
    fill = inpaint(counts, gap, model, calibrate=False)
    scale = FIRST_SCALE * LOG_UNIT
    np.testing.assert_allclose(fill.sigma[gap], 2 * scale, rtol=1e-4)
    low, high = fill.interval(0.9)
    np.testing.assert_allclose(np.log1p(high[gap]), np.log(51) + 6 * scale, rtol=1e-3)
    np.testing.assert_allclose(np.log1p(low[gap]), np.log(51) - 6 * scale, rtol=1e-3)


# --- the rest ------------------------------------------------------------------------------------


def test_a_mask_of_one_frame_serves_all(counts: np.ndarray) -> None:
    gap = rows(counts.shape)
    np.testing.assert_array_equal(
        inpaint(counts, gap[0], GUESS).counts, inpaint(counts, gap, GUESS).counts
    )


def test_where_no_photon_is_in_sight_almost_nothing_is_expected(counts: np.ndarray) -> None:
    counts = np.zeros((8, 150, 40), dtype=np.float32)
    counts[:, 120:, :] = 9
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 40:44] = True
    counts[gap] = 1e6  # what the gap itself holds is no photon in sight
    fill = inpaint(counts, gap, NOISY)
    assert fill.report.n_patches == 0
    expected = LightSettings.dark_scale * fill.calibration.sigma_per_scale[0][0]
    np.testing.assert_allclose(fill.sigma[gap], expected, rtol=1e-4)
    np.testing.assert_array_equal(fill.counts[gap], np.float32(LEAST_COUNTS))


def test_what_cannot_be_filled_is_left_and_said(counts: np.ndarray) -> None:
    gap = rows(counts.shape)
    gap[:, :3] = True
    before = counts.copy()
    fill = inpaint(counts, gap, GUESS)
    assert not fill.filled[:, :3].any()
    np.testing.assert_array_equal(fill.counts[:, :3], before[:, :3])
    assert len(fill.report.warnings) == 1


def test_progress_counts_up_to_all_patches(counts: np.ndarray) -> None:
    seen: list[tuple[int, int]] = []
    fill = inpaint(counts, rows(counts.shape), GUESS, progress=lambda *n: seen.append(n))
    done = [n for n, _ in seen]
    assert done == sorted(done)
    assert seen[-1][0] == seen[-1][1] >= fill.report.n_patches


def _edge(gap: np.ndarray) -> None:
    gap[...] = False
    gap[:, :4] = True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c, g: g.fill(False), "gap_mask is empty"),
        (lambda c, g: g.fill(True), "all .* masked or in a gap"),
        (lambda c, g: _edge(g), "edge"),
        (lambda c, g: c.fill(0), "zero"),
        (lambda c, g: c.__setitem__((0, 0, 0), np.nan), "no valid count"),
        (lambda c, g: c.__setitem__((0, 0, 0), -1), "no valid count"),
    ],
)
def test_bad_input_is_refused_in_one_line(counts: np.ndarray, change, said: str) -> None:
    gap = cross(counts.shape)
    change(counts, gap)
    with pytest.raises(InputError, match=said) as error:
        inpaint(counts, gap, GUESS)
    assert "\n" not in str(error.value)


def test_shapes_models_and_devices_that_are_not_there(counts: np.ndarray) -> None:
    gap = cross(counts.shape)
    with pytest.raises(InputError, match="shape"):
        inpaint(counts, gap[:, :-1], GUESS)
    with pytest.raises(InputError, match="3 "):
        inpaint(counts[0], gap[0], GUESS)
    with pytest.raises(InputError, match="not there"):
        inpaint(counts, gap, "absent.safetensors")
    with pytest.raises(InputError, match="tpu"):
        inpaint(counts, gap, GUESS, device="tpu")


def test_the_packages_own_weights_beat_linear_interpolation_on_unseen_crystals() -> None:
    recipe = Recipe.model_validate(
        {
            "count": 3,
            "seed": 99,
            "shape": (48, 48, 48),
            "atomistic_share": 0,
            "realism": {"flux": (1e6, 1e7)},
            "peak_outside": 0,
        }
    )
    ours, theirs = 0.0, 0.0
    for index in range(recipe.count):
        expected = make_pattern(recipe, index, None).expectation
        counts = np.random.default_rng(index).poisson(expected).astype(np.float32)
        start = min(int(np.unravel_index(expected.argmax(), expected.shape)[1]) + 5, 36)
        gap = np.zeros(counts.shape, dtype=bool)
        gap[:, start : start + 6] = True
        truth, fill = np.log1p(expected[gap]), inpaint(counts, gap, calibrate=False).counts
        ours += np.mean((np.log1p(fill[gap]) - truth) ** 2)
        theirs += np.mean((np.log1p(linear(np.where(gap, 0, counts), gap)[gap]) - truth) ** 2)
    assert ours < 0.9 * theirs


@pytest.mark.parametrize("start", [8, 13, 20])
def test_a_wide_block_in_no_plane_is_filled_from_both_sides(start: int) -> None:
    counts = np.full((50, 60, 70), 37, dtype=np.uint16)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[start : start + 24, 15:45, start : start + 24] = True
    fill = inpaint(counts, gap, GUESS)
    np.testing.assert_array_equal(fill.filled, gap)
    np.testing.assert_allclose(fill.counts, 37, rtol=1e-3)


def test_a_gap_beside_a_masked_border_is_not_made_up(counts: np.ndarray) -> None:
    gap, bad = np.zeros(counts.shape, dtype=bool), np.zeros(counts.shape, dtype=bool)
    gap[:, 5:11] = bad[:, :5] = True
    with pytest.raises(InputError, match="masked border"):
        inpaint(counts, gap, GUESS, bad_mask=bad)


def test_a_dark_patch_does_not_outweigh_one_that_sees_light() -> None:
    counts = np.zeros((32, 100, 48), dtype=np.float32)
    counts[:, :, :1] = 9  # the patch that begins at column 16 sees none of it
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 30:78] = True  # too wide: its rims are known from one side only
    model = tiny(trained=False)
    torch.nn.init.constant_(model.network.head.bias, 0.5)
    rim = inpaint(counts, gap, model, "cpu").counts[0, 30, 16:32]
    near, far = window((32,))[16:], window((32,))[:16]
    expected = np.expm1(0.5 * LOG_UNIT * near / (near + far))
    np.testing.assert_allclose(rim, np.maximum(expected, LEAST_COUNTS), rtol=1e-3)


def test_an_axis_of_one_frame_and_weights_given_as_a_path(
    counts: np.ndarray, tmp_path: Path
) -> None:
    frame, gap = counts[8:9], cross((1, *counts.shape[1:]))
    path = tmp_path / "tiny.safetensors"
    save_weights(path, NOISY.network, {})
    fill = inpaint(frame, gap, path, device="cpu")
    np.testing.assert_array_equal(fill.counts, inpaint(frame, gap, NOISY).counts)
    np.testing.assert_array_equal(fill.counts[~gap], frame[~gap])
    assert fill.model == str(path)
    assert fill.model_sha256 == sha256(path.read_bytes()).hexdigest()
    assert fill.report.device == "cpu"


@pytest.mark.parametrize("stride", [1, 32])
def test_any_stride_fills_a_constant_with_itself(stride: int) -> None:
    counts = np.full((3, 40, 70), 5, dtype=np.int16)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 10:16] = True
    fill = inpaint(counts, gap, GUESS, stride=stride)
    np.testing.assert_allclose(fill.counts, 5, rtol=1e-3)


@pytest.mark.parametrize("stride", [0, -1, 33])
def test_a_stride_that_leaves_holes_is_refused(counts: np.ndarray, stride: int) -> None:
    with pytest.raises(InputError, match=f"stride is {stride}"):
        inpaint(counts, cross(counts.shape), GUESS, stride=stride)


@pytest.mark.parametrize("dtype", [bool, complex, "U3"])
def test_what_are_no_numbers_are_no_counts(counts: np.ndarray, dtype: object) -> None:
    with pytest.raises(InputError, match="expected whole or real numbers"):
        inpaint(counts.astype(dtype), cross(counts.shape), GUESS)


@pytest.mark.parametrize("bias", [(np.nan, 0.0), (100.0, 0.0), (0.0, np.nan)])
def test_weights_of_a_failed_training_write_nothing(bias: tuple[float, float]) -> None:
    """Neither counts nor their uncertainty may be made up of what is no number."""
    counts = np.full((3, 40, 40), 5, dtype=np.int16)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 10:16] = True
    model = tiny(trained=False)
    model.network.head.bias.data[:] = torch.tensor(bias)
    with pytest.raises(InputError, match="model tiny expects counts that are not finite"):
        inpaint(counts, gap, model)


@pytest.mark.parametrize("is_fast", [True, False])
def test_bfloat16_where_it_is_fast_rounds_the_correction_alone(
    counts: np.ndarray, monkeypatch: pytest.MonkeyPatch, is_fast: bool
) -> None:
    used: list[torch.dtype] = []
    model = tiny(trained=True)
    model.network.head.register_forward_hook(lambda *told: used.append(told[2].dtype))
    gap = rows(counts.shape)
    monkeypatch.setattr(devices, "fast_bfloat16", lambda device: False)
    exact = inpaint(counts, gap, model, calibrate=False)
    monkeypatch.setattr(devices, "fast_bfloat16", lambda device: is_fast)
    used.clear()
    fill = inpaint(counts, gap, model, calibrate=False)
    assert set(used) == {torch.bfloat16 if is_fast else torch.float32}
    np.testing.assert_array_equal(fill.counts[~gap], counts[~gap])
    logs, exact_logs = np.log1p(fill.counts[gap]), np.log1p(exact.counts[gap])
    correction = np.abs(
        exact_logs - np.log1p(inpaint(counts, gap, GUESS, calibrate=False).counts[gap])
    ).max()
    np.testing.assert_allclose(logs, exact_logs, atol=0.03 * correction)
    assert np.array_equal(fill.counts, exact.counts) is not is_fast
    np.testing.assert_allclose(fill.sigma[gap], exact.sigma[gap], rtol=0.02)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"n_dim": 2}, "has 2 dimensions, expected 3 for a scan"),
        ({"channels": (8,) * 7, "dilations": ((1, 1),) * 7}, "multiple of 64 voxels, expected"),
    ],
)
def test_a_model_that_takes_no_patch_of_a_scan_is_refused(
    values: dict[str, Any], said: str
) -> None:
    with torch.device("meta"):
        network = GapUNet(TINY.model_copy(update=values))
    gap = np.zeros((8, 24, 24), dtype=bool)
    gap[:, 10:14] = True
    with pytest.raises(InputError, match=said):
        inpaint(np.ones(gap.shape), gap, Model(network, "tiny", ""), "cpu")


@pytest.mark.parametrize("inputs", ["published", "ours"])
def test_a_published_network_fills_a_scan_and_is_as_sure_as_its_calibration(inputs: str) -> None:
    """Its mean has no sigma of its own: the width and the counts give one."""
    torch.manual_seed(0)
    config = TuNetConfig(base=4, depth=2, inputs=inputs)
    calibration = Calibration(sigma_per_scale=((3.0,),))
    model = Model(make_network(config).eval(), "tunet", "", calibration)
    counts = np.random.default_rng(0).poisson(30, (8, 32, 32))
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 10:14] = True
    fill = inpaint(counts, gap, model, "cpu", calibrate=False)
    assert_array_equal(fill.counts[~gap], counts[~gap])
    assert np.isfinite(fill.counts).all()
    assert (fill.counts[gap] > 0).all()
    assert_allclose(fill.sigma[gap], 3 * 0.2, rtol=1e-5)


def test_a_network_as_published_says_nothing_of_gaps_that_its_patches_do_not_see() -> None:
    """With the bias of a half it fills a flat scan with half its range, where it sees any."""
    network = make_network(TuNetConfig(base=2, depth=2)).eval()
    head = network.body.head
    last = [layer for layer in head.modules() if isinstance(layer, torch.nn.Conv3d)][-1]
    torch.nn.init.zeros_(last.weight)
    assert last.bias is not None
    torch.nn.init.constant_(last.bias, 0.5)
    counts = np.full((16, 96, 32), 2, dtype=np.uint16)
    for side, width, is_whole in ((32, 42, True), (16, 24, True), (16, 26, False)):
        gap = np.zeros(counts.shape, dtype=bool)
        gap[:, 25 : 25 + width] = True
        model = Model(network, "tunet", "", patch=side)
        fill = inpaint(counts, gap, model, "cpu", calibrate=False)
        found = np.log1p(fill.counts[fill.filled])
        assert np.ptp(found) < 1e-3  # no patch within the gap, which would say something else
        assert (fill.filled == gap).all() == is_whole
        if not is_whole:
            assert "26 wide, expected at most 24 for patches of 16" in fill.report.warnings[0]


def last_step(*bias: float) -> SymmetryStep:
    """A step that takes these weights everywhere."""
    step = SymmetryStep()
    step.layers[-1].bias.data = torch.tensor(bias)
    return step


def test_a_last_step_follows_the_network_in_every_voxel_that_it_fills(counts: np.ndarray) -> None:
    gap = cross(counts.shape)
    whole = inpaint(counts, gap, NOISY)
    same = inpaint(counts, gap, replace(NOISY, last_step=last_step(0.0, 0.0, 0.0, 0.0)))
    assert_allclose(same.counts[gap], whole.counts[gap], rtol=1e-5)
    assert_allclose(same.sigma[gap], whole.sigma[gap], rtol=1e-5)
    none = inpaint(counts, gap, replace(NOISY, last_step=last_step(-1.0, 0.0, 0.0, 0.0)))
    guess = inpaint(counts, gap, GUESS)
    assert np.abs(np.log1p(whole.counts) - np.log1p(guess.counts))[gap].max() > 0.05
    assert_allclose(np.log1p(none.counts[gap]), np.log1p(guess.counts[gap]), atol=2e-3)
    assert_array_equal(none.counts[~gap], counts[~gap])


def test_a_last_step_knows_how_symmetric_the_scan_is(counts: np.ndarray) -> None:
    gap = rows(counts.shape)
    step = last_step(0.0, 0.0, 0.0, 0.0)
    first, second, third = step.layers[0], step.layers[2], step.layers[4]
    for layer in (first, second, third):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    first.weight.data[0, INPUTS.index("symmetry")] = second.weight.data[0, 0] = 1.0
    third.weight.data[2, 0] = 1.0  # what is added grows with the symmetry
    model = replace(GUESS, last_step=step)
    away = np.arange(counts.shape[2]) - 24.0
    added = []
    for beyond in (1.0, 2.3):  # fringes as fine on both sides, or finer on one
        fringes = np.cos(np.where(away > 0, beyond, 1) * away)
        scan = np.round(200 * counts * (1 + 0.9 * fringes))  # hardly any noise
        fills = [np.log1p(inpaint(scan, gap, one).counts[gap]) for one in (model, GUESS)]
        added.append(float(np.median(fills[0] - fills[1])))
    assert added[0] > added[1] + 0.02


def test_a_last_step_is_not_taken_where_there_is_no_light() -> None:
    counts = np.zeros((32, 96, 160), dtype=np.float32)
    counts[12:20, 40:60, 12:20] = 500  # one end of a long gap is dark
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 50:56] = True
    added = inpaint(counts, gap, replace(GUESS, last_step=last_step(0.0, 0.0, 3.0, 0.0)))
    fill = inpaint(counts, gap, GUESS)
    assert fill.report.n_unlit > 0
    change = np.log1p(added.counts[gap]) - np.log1p(fill.counts[gap])
    column = np.argwhere(gap)[:, 2]
    in_light, dark = column < 48, column > 56  # up to column 71 patches of one region lie there
    assert np.abs(change[dark]).max() < 1e-6
    assert np.median(change[in_light]) > 0.25


def test_a_network_as_published_sees_patches_of_the_size_it_was_trained_on(
    counts: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "x.safetensors"
    network = make_network(TuNetConfig(depth=2, base=2)).eval()
    save_weights(path, network, {"plan": {"patches": {"size": 48}}})
    shown = []
    model = load_model(path)
    model.network.register_forward_pre_hook(lambda _, given: shown.append(given[0].shape[2:]))
    inpaint(counts, rows(counts.shape), model, "cpu", calibrate=False)
    assert {*shown} == {(48, 48, 48)}
