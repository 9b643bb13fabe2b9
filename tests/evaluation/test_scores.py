"""Scores against values worked out by hand and against what they must not depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.scores import (
    accuracy,
    ceiling_share,
    mae_log,
    pearson_log,
    poisson_deviance,
    score,
)
from bcdi_inpaint.evaluation.similarity import ssim_gap
from bcdi_inpaint.photons import LEAST_COUNTS

E = math.e
SCORES = [pearson_log, mae_log, accuracy, ssim_gap, poisson_deviance]


def line(*values: float) -> np.ndarray:
    return np.array(values, dtype=float).reshape(1, 1, -1)


@pytest.fixture
def scan() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expectation, Poisson counts and a gap of 6 columns."""
    z, y, x = np.indices((16, 20, 24)) - np.array([8, 10, 12])[:, None, None, None]
    expectation = 200 * np.exp(-(z**2 + y**2 + x**2) / 80) * (1 + np.cos(x + 0.5 * y)) + 0.1
    counts = np.random.default_rng(0).poisson(expectation)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, :, 9:15] = True
    return expectation, counts, gap


def test_scores_by_hand() -> None:
    everywhere = np.ones((1, 1, 2), dtype=bool)
    truth, fill = line(E - 1, E**3 - 1), line(E**2 - 1, E**3 - 1)  # logs 1, 3 and 2, 3
    assert_allclose(mae_log(truth, fill, everywhere), 0.5)
    assert_allclose(pearson_log(truth, fill, everywhere), 1)
    assert_allclose(pearson_log(truth, fill[..., ::-1], everywhere), -1)
    assert_allclose(accuracy(line(10, 30), line(12, 26), everywhere), 1 - 6 / 40)
    expected = (0 + 2 * 0.5 + 2 * (4 * math.log(4 / 3) - 4 + 3)) / 3
    three = np.ones((1, 1, 3), dtype=bool)
    assert_allclose(poisson_deviance(line(2, 0, 4), line(2, 0.5, 3), three), expected)


def test_pearson_is_that_of_the_logarithms() -> None:
    rng = np.random.default_rng(1)
    logs = rng.normal(3, 1, (2, 4, 5, 6))
    logs -= logs.min()
    truth, fill = np.expm1(logs)
    expected = np.corrcoef(logs[0].ravel(), logs[1].ravel())[0, 1]
    assert_allclose(pearson_log(truth, fill, np.ones(truth.shape, dtype=bool)), expected)


def test_deviance_has_a_floor() -> None:
    one = np.ones((1, 1, 1), dtype=bool)
    expected = 2 * (math.log(1 / LEAST_COUNTS) - 1 + LEAST_COUNTS)
    assert_allclose(poisson_deviance(line(1), line(0), one), expected)
    assert_allclose(poisson_deviance(line(0), line(0), one), 2 * LEAST_COUNTS)


def test_deviance_of_bright_poisson_counts_is_one_for_the_expectation() -> None:
    expectation = np.full((30, 30, 30), 400.0)
    counts = np.random.default_rng(2).poisson(expectation)
    everywhere = np.ones(counts.shape, dtype=bool)
    assert_allclose(poisson_deviance(counts, expectation, everywhere), 1, atol=0.02)
    assert poisson_deviance(counts, 1.1 * expectation, everywhere) > 4


def test_a_perfect_fill_scores_best(scan: tuple[np.ndarray, ...]) -> None:
    _, counts, gap = scan
    best = score(counts, np.maximum(counts, LEAST_COUNTS), gap)
    assert_allclose([best.pearson_log, best.accuracy, best.ssim], 1, atol=1e-4)
    assert_allclose([best.mae_log, best.poisson_deviance], 0, atol=2.1e-3)
    assert best.n_voxels == 16 * 20 * 6
    assert best.ceiling is None


@pytest.mark.parametrize("f", SCORES)
def test_only_the_gap_counts(f, scan: tuple[np.ndarray, ...]) -> None:
    expectation, counts, gap = scan
    spoiled = np.where(gap, expectation, -999.0)
    spoiled[0, 0, 0] = np.nan
    assert f(counts, spoiled, gap) == f(counts, expectation, gap)
    worse = np.where(gap, 1.5 * expectation[:, :, ::-1] + 3, counts)
    assert f(counts, worse, gap) != f(counts, expectation, gap)


def test_ssim_sees_a_shift_and_a_blur(scan: tuple[np.ndarray, ...]) -> None:
    expectation, counts, gap = scan
    good = ssim_gap(counts, expectation, gap)
    shifted = ssim_gap(counts, np.roll(expectation, 3, axis=2), gap)
    flat = ssim_gap(counts, np.full(counts.shape, np.median(counts[gap])), gap)
    assert good > 0.5
    assert shifted < good - 0.1
    assert flat < good - 0.1


def test_ssim_equals_its_definition_where_windows_are_uniform() -> None:
    # Constant images have no variance, which leaves the luminance term of Wang et al. (2004).
    truth, fill = np.full((12, 12, 12), E - 1), np.full((12, 12, 12), math.sqrt(E) - 1)
    c1 = 0.01**2
    expected = (2 * 1 * 0.5 + c1) / (1 + 0.25 + c1)
    assert_allclose(ssim_gap(truth, fill, np.ones(truth.shape, dtype=bool)), expected, rtol=1e-5)


def test_ssim_of_a_single_frame_is_that_of_the_image(scan: tuple[np.ndarray, ...]) -> None:
    counts, expectation, gap = (array[:1] for array in scan[:3])
    alone = ssim_gap(counts[0], expectation[0], gap[0])
    assert ssim_gap(counts, expectation, gap) == alone


def test_ssim_equals_its_definition_voxel_by_voxel(scan: tuple[np.ndarray, ...]) -> None:
    # Wang et al. (2004), equation 13, with Gaussian moments over the whole array.
    expectation, counts, _ = scan
    gap = np.zeros(counts.shape, dtype=bool)
    gap[5:9, 7:12, 9:15] = True
    a = np.log1p(counts)
    b = np.where(gap, np.log1p(expectation), a)
    a, b = a / a.max(), b / a.max()

    def mean(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, 1.5, truncate=3.5)

    covariance = mean(a * b) - mean(a) * mean(b)
    variances = mean(a * a) - mean(a) ** 2 + mean(b * b) - mean(b) ** 2
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean(a) * mean(b) + c1) / (mean(a) ** 2 + mean(b) ** 2 + c1)
    ssim = luminance * (2 * covariance + c2) / (variances + c2)
    assert_allclose(ssim_gap(counts, expectation, gap), ssim[gap].mean(), rtol=1e-4)


def test_ssim_of_a_small_array() -> None:
    counts = np.random.default_rng(3).poisson(20, (2, 5, 30))
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 2] = True
    assert_allclose(ssim_gap(counts, counts, gap), 1, rtol=1e-5)


def test_the_ceiling_is_the_score_of_the_expectation(scan: tuple[np.ndarray, ...]) -> None:
    expectation, counts, gap = scan
    fill = np.roll(expectation, 1, axis=2)
    got = score(counts, fill, gap, expectation)
    assert got.ceiling == score(counts, expectation, gap)
    assert got.pearson_log < got.ceiling.pearson_log < 1
    assert got.poisson_deviance > got.ceiling.poisson_deviance


def test_ceiling_share() -> None:
    assert_allclose(ceiling_share(0.864, linear=0.804, ceiling=0.945), 0.06 / 0.141)
    assert ceiling_share(2.0, linear=2.0, ceiling=1.0) == 0
    assert ceiling_share(1.0, linear=2.0, ceiling=1.0) == 1
    assert math.isnan(ceiling_share(1.0, linear=2.0, ceiling=2.0))


@pytest.mark.parametrize("f", SCORES)
def test_what_is_undefined_is_nan(f) -> None:
    zeros, ramp = np.zeros((4, 5, 6)), np.arange(120.0).reshape(4, 5, 6)
    everywhere, nowhere = np.ones(zeros.shape, dtype=bool), np.zeros(zeros.shape, dtype=bool)
    assert math.isnan(f(ramp, ramp, nowhere))
    if f in (pearson_log, accuracy, ssim_gap):
        assert math.isnan(f(zeros, ramp, everywhere))
    assert math.isnan(pearson_log(ramp, zeros, everywhere))


@pytest.mark.parametrize("f", SCORES)
@pytest.mark.parametrize(
    ("truth", "fill", "message"),
    [
        (line(1, 2), line(1, 2, 3), "do not fit"),
        (line(1, 2), line(1, -2), "fill hold 1 negative"),
        (line(1, 2), line(1, math.nan), "fill hold 1 negative or non-finite"),
        (line(math.inf, 2), line(1, 2), "true counts hold 1"),
    ],
)
def test_bad_input_is_one_line(f, truth: np.ndarray, fill: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        f(truth, fill, np.ones(truth.shape, dtype=bool))
    assert "\n" not in str(error.value)
