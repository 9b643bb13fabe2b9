from itertools import permutations

import numpy as np
import pytest
import torch

from bcdi_inpaint.dataset import PatchConfig, PatchDataset, draw_bad, draw_gap, draw_patch
from bcdi_inpaint.scaling import LOG_UNIT

CONFIG = PatchConfig()


@pytest.fixture
def patterns() -> np.ndarray:
    """Two patterns whose every voxel is different, (2, 40, 40, 40) log expectations."""
    rng = np.random.default_rng(5)
    return rng.uniform(0, 6, (2, 40, 40, 40)).astype(np.float16)


def test_an_item_depends_on_seed_and_number_alone(patterns: np.ndarray) -> None:
    first, second = (PatchDataset(patterns, CONFIG, 4, (1, 2)) for _ in range(2))
    other = PatchDataset(patterns, CONFIG, 4, (1, 3))
    second[0]
    for a, b in zip(first[3], second[3], strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first[3][0], other[3][0])
    assert not torch.equal(first[3][0], first[2][0])


def test_the_gap_is_unknown_and_the_rest_mostly_known(patterns: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        patch = draw_patch(patterns, CONFIG, rng)
        assert (patch.unknown | ~patch.gap).all()
        assert 0 < patch.gap.mean() < 1


def test_widths_are_the_configured_ones() -> None:
    config = PatchConfig(widths=((2, 3), (20, 20)), second_gap=0)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        gap = draw_gap(config, 3, rng)
        planes = [gap.all(axis=others) for others in ((1, 2), (0, 2), (0, 1))]
        widths = [int(plane.sum()) for plane in planes if plane.any()]
        assert len(widths) == 1
        assert gap.sum() == widths[0] * 32 * 32
        seen.add(widths[0])
    assert seen == {2, 3, 20}


def test_a_second_gap_crosses_the_first() -> None:
    rng = np.random.default_rng(0)
    gap = draw_gap(PatchConfig(second_gap=1), 3, rng)
    assert sum(gap.all(axis=others).any() for others in ((1, 2), (0, 2), (0, 1))) == 2


def test_two_dimensions() -> None:
    rng = np.random.default_rng(0)
    gap = draw_gap(PatchConfig(second_gap=0), 2, rng)
    assert gap.shape == (32, 32)
    assert gap.all(axis=0).any() != gap.all(axis=1).any()


def test_a_hot_pixel_is_hot_along_a_whole_line() -> None:
    bad = draw_bad(PatchConfig(bad_pixels=1, aliens=0), 3, np.random.default_rng(3))
    assert bad.any()
    assert any(np.array_equal(bad.any(axis=axis), bad.all(axis=axis)) for axis in range(3))


def test_counts_are_poisson_about_the_expectation() -> None:
    patterns = np.full((1, 32, 32, 32), np.log1p(50), dtype=np.float16)
    config = PatchConfig(flux_factor=(2.0, 2.0))
    patch = draw_patch(patterns, config, np.random.default_rng(0))
    expected = 2 * float(np.expm1(np.float32(np.float16(np.log1p(50)))))
    np.testing.assert_allclose(patch.expectation, expected, rtol=1e-6)
    n = patch.counts.size
    assert patch.counts.mean() == pytest.approx(expected, abs=5 * np.sqrt(expected / n))
    assert patch.counts.var() == pytest.approx(expected, rel=0.05)


def test_a_patch_is_a_turned_piece_of_a_pattern(patterns: np.ndarray) -> None:
    config = PatchConfig(flux_factor=(1.0, 1.0))
    patch = draw_patch(patterns, config, np.random.default_rng(2))
    turned = [
        np.expm1(np.flip(pattern.transpose(order), axes).astype(np.float32))
        for pattern in patterns
        for order in permutations(range(3))
        for axes in ([], [0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2])
    ]
    size = config.size
    corner = patch.expectation[0, 0, 0]
    found = [
        np.allclose(pattern[z : z + size, y : y + size, x : x + size], patch.expectation)
        for pattern in turned
        for z, y, x in np.argwhere(pattern[:9, :9, :9] == corner)
    ]
    assert any(found)


def test_faint_patches_are_drawn_again(patterns: np.ndarray) -> None:
    dark_and_lit = np.stack([np.zeros((32, 32, 32)), np.full((32, 32, 32), 3.0)]).astype(np.float16)
    config = PatchConfig(faint=0)
    rng = np.random.default_rng(0)
    assert all(draw_patch(dark_and_lit, config, rng).expectation.mean() > 0 for _ in range(10))


def test_the_target_is_the_noise_free_truth(patterns: np.ndarray) -> None:
    dataset = PatchDataset(patterns, CONFIG, 1, (4,))
    _, _, truth, _ = dataset[0]
    patch = draw_patch(patterns, CONFIG, np.random.default_rng([4, 0]))
    np.testing.assert_allclose(truth[0], np.log1p(patch.expectation) / LOG_UNIT, rtol=1e-6)


def test_the_flux_changes_on_a_logarithmic_scale() -> None:
    patterns = np.full((1, 32, 32, 32), np.log1p(50), dtype=np.float16)
    config = PatchConfig(flux_factor=(0.25, 4.0))
    rng = np.random.default_rng(0)
    factors = [draw_patch(patterns, config, rng).expectation[0, 0, 0] / 50 for _ in range(60)]
    assert 0.24 < min(factors) < 0.5
    assert 2 < max(factors) < 4.1
    assert 0.3 < np.mean(np.array(factors) < 1) < 0.7


def test_drawing_changes_no_pattern(patterns: np.ndarray) -> None:
    before = patterns.copy()
    PatchDataset(patterns, CONFIG, 3, (1,))[2]
    np.testing.assert_array_equal(patterns, before)
