"""Kriging against fields whose structure is known."""

import numpy as np
import pytest

from bcdi_inpaint.classical.interpolation import log_linear
from bcdi_inpaint.classical.kriging import krige
from bcdi_inpaint.classical.kriging_settings import KrigingSettings
from bcdi_inpaint.evaluation.scores import poisson_deviance
from bcdi_inpaint.gaps.gap import Gap

SHAPE = (56, 60, 64)


def gap_of(gaps: list[Gap], shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    unknown = np.zeros(shape, dtype=bool)
    for gap in gaps:
        np.moveaxis(unknown, gap.axis, 0)[gap.start : gap.stop] = True
    return unknown


def fringes(period: float = 7.0) -> np.ndarray:
    """Fringes askew of all axes, (56, 60, 64) log counts."""
    z, y, x = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    wave = np.cos(2 * np.pi * (y + 0.3 * z - 0.4 * x) / period)
    return (5 + wave).astype(np.float32)


def smooth_noise(rng: np.random.Generator, sigma: float = 2.0) -> np.ndarray:
    """A stationary Gaussian field of mean 5 and standard deviation 1."""
    spectrum = np.fft.rfftn(rng.standard_normal(SHAPE))
    for axis, n in enumerate(SHAPE):
        frequency = np.fft.rfftfreq(n) if axis == 2 else np.fft.fftfreq(n)
        decay = np.exp(-((2 * np.pi * sigma * frequency) ** 2) / 2)
        spectrum *= decay.reshape([-1 if a == axis else 1 for a in range(3)])
    field = np.fft.irfftn(spectrum, s=SHAPE, axes=(0, 1, 2))
    return (5 + (field - field.mean()) / field.std()).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_fringes_go_on_through_the_gap(axis: int) -> None:
    truth, gap = fringes(), Gap(axis, 25, 31)
    unknown = gap_of([gap])
    found = krige(truth, unknown, [gap]).log_counts
    error = np.abs(found - truth)[unknown]
    linear = np.abs(log_linear(np.where(unknown, 0, truth), unknown) - truth)[unknown]
    assert error.mean() < 0.2 * linear.mean()
    np.testing.assert_array_equal(found[~unknown], truth[~unknown])


def test_what_is_hidden_has_no_influence_and_stays_where_it_is() -> None:
    truth, gap = fringes(), Gap(1, 25, 31)
    unknown = gap_of([gap])
    unknown[10:14, :, 50:55] = True  # a masked region, filled linearly
    hidden = np.where(unknown, np.nan, truth)
    first, second = krige(truth, unknown, [gap]), krige(hidden, unknown, [gap])
    np.testing.assert_array_equal(first.log_counts, second.log_counts)
    np.testing.assert_array_equal(first.sigma, second.sigma)
    assert np.isnan(hidden[unknown]).all(), "the input was changed"


def test_its_error_is_what_it_says(rng: np.random.Generator) -> None:
    """On a stationary field, line by line, the error it makes is its sigma."""
    gap = Gap(0, 24, 31)
    unknown = gap_of([gap])
    squares, sigmas = [], []
    for _ in range(4):
        truth = smooth_noise(rng)
        found = krige(truth, unknown, [gap])
        squares.append(((found.log_counts - truth)[24:31] ** 2).mean(axis=(1, 2)))
        sigmas.append(found.sigma[24:31].mean(axis=(1, 2)))
        spread = np.ptp(found.sigma[24:31], axis=(1, 2))
        assert (spread < 0.2 * sigmas[-1]).all(), "along a line only brightness changes it"
        assert not found.sigma[~unknown].any()
    made, said = np.sqrt(np.mean(squares, axis=0)), np.mean(sigmas, axis=0)
    np.testing.assert_allclose(said, made, rtol=0.4)
    assert said[3] > 1.5 * said[0], "least is known in the middle"


def test_it_beats_linear_interpolation_in_noise(rng: np.random.Generator) -> None:
    truth, gap = smooth_noise(rng), Gap(2, 30, 36)
    unknown = gap_of([gap])
    noisy = truth + rng.normal(0, 0.3, SHAPE).astype(np.float32)
    kriged = krige(noisy, unknown, [gap]).log_counts
    linear = log_linear(np.where(unknown, 0, noisy), unknown)
    error, theirs = (np.sqrt(((f - truth)[unknown] ** 2).mean()) for f in (kriged, linear))
    assert error < 0.8 * theirs


def peak(seed: int = 2) -> np.ndarray:
    """Speckle on a power law about the middle of the array, SHAPE log counts."""
    z, y, x = (np.arange(n) - n // 2 for n in SHAPE)
    squared = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2
    falling = 14 - 2 * np.log(3**2 + squared)
    speckle = smooth_noise(np.random.default_rng(seed)) - 5
    return np.maximum(falling + 0.5 * speckle, 0).astype(np.float32)


@pytest.mark.parametrize("start", [12, 20, 30])
def test_a_wide_gap_follows_the_peaks_falling_off(start: int) -> None:
    """Through the peak, where a straight line cuts it off, and through its flank."""
    truth, gap = peak(), Gap(1, start, start + 20)
    unknown = gap_of([gap])
    kriged = krige(truth, unknown, [gap], [n // 2 for n in SHAPE]).log_counts
    settings = KrigingSettings(over_shells=False)
    straight = krige(truth, unknown, [gap], settings=settings).log_counts
    error, theirs = (((f - truth)[unknown] ** 2).mean() for f in (kriged, straight))
    assert error < 0.95 * theirs


def test_a_part_of_a_scan_is_told_where_the_peak_is() -> None:
    """It lies outside this one, and where it is said to be changes the fill for the better."""
    truth, gap = peak(), Gap(1, 18, 42)
    part = (slice(None), slice(None), slice(40, None))
    unknown = gap_of([gap])[part]
    right, wrong = ([28, 30, 32 - 40], [28, 10, 32 + 40])
    errors = [
        ((krige(truth[part], unknown, [gap], c).log_counts - truth[part])[unknown] ** 2).mean()
        for c in (right, wrong)
    ]
    assert errors[0] < 0.9 * errors[1]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_was_measured_stays_bit_for_bit_and_nothing_is_below_zero(axis: int) -> None:
    """Also where a masked region in the dark is filled from shells that are brighter elsewhere."""
    truth, gap = peak(), Gap(axis, 25, 31)
    truth[:20, :20, :20] = 0
    unknown = gap_of([gap])
    unknown[4:12, 5:15, 6:16] = True
    found = krige(truth, unknown, [gap]).log_counts
    np.testing.assert_array_equal(found[~unknown], truth[~unknown])
    assert found.min() == 0


def test_of_few_voxels_kriging_trusts_the_correlation_less() -> None:
    """The error of a covariance goes as the root of the voxels it is measured on."""
    settings = KrigingSettings()
    many, few = settings.nugget(56**3), settings.nugget(25 * 28**2)
    assert few > 2 * many > settings.least_nugget
    assert few == pytest.approx(settings.nugget_of_one / np.sqrt(25 * 28**2))
    assert settings.nugget(10**9) == settings.least_nugget


def test_square_roots_fill_a_bright_peak_better_than_logarithms(
    particle: tuple[np.ndarray, np.ndarray],
) -> None:
    amplitude = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(particle[0]))))
    photons = 1e6 * amplitude**2 / amplitude.max() ** 2
    truth = np.log1p(photons).astype(np.float32)
    deviances, logarithms_alone = [], KrigingSettings(root_from=np.inf)
    for axis in range(3):
        gap = Gap(axis, 21, 24)
        unknown = gap_of([gap], truth.shape)
        fills = (
            krige(truth, unknown, [gap]).log_counts,
            krige(truth, unknown, [gap], settings=logarithms_alone).log_counts,
        )
        deviances.append([poisson_deviance(photons, np.expm1(f), unknown) for f in fills])
    both, logarithms = np.sum(deviances, axis=0)
    assert both < 0.75 * logarithms


def test_mirrors_and_turns_commute_with_it() -> None:
    truth, gap = fringes(), Gap(1, 20, 26)
    unknown = gap_of([gap])
    centre = np.array([27.0, 30.5, 20.0])
    upright = krige(truth, unknown, [gap], centre).log_counts
    other_side = centre * [1, -1, 1] + [0, SHAPE[1] - 1, 0]
    mirrored = krige(truth[:, ::-1], unknown[:, ::-1], [Gap(1, 34, 40)], other_side).log_counts
    turned = krige(
        truth.transpose(1, 2, 0),
        unknown.transpose(1, 2, 0),
        [Gap(0, 20, 26)],
        centre[[1, 2, 0]],
    )
    np.testing.assert_allclose(mirrored[:, ::-1], upright, atol=2e-3)
    np.testing.assert_allclose(turned.log_counts.transpose(2, 0, 1), upright, atol=2e-3)


def test_crossing_gaps_are_filled_with_each_others_help() -> None:
    truth, gaps = fringes(9.0), [Gap(1, 28, 32), Gap(2, 30, 34)]
    unknown = gap_of(gaps)
    found = krige(truth, unknown, gaps).log_counts
    linear = log_linear(np.where(unknown, 0, truth), unknown)
    corner = gap_of(gaps[:1]) & gap_of(gaps[1:])
    for where in (unknown, corner):
        assert np.abs(found - truth)[where].mean() < 0.6 * np.abs(linear - truth)[where].mean()


def test_two_dimensions() -> None:
    image = fringes()[0]
    unknown = np.zeros(image.shape, dtype=bool)
    unknown[26:30] = True
    image = np.tile(image, (2, 2))
    unknown = np.tile(unknown, (2, 2))
    unknown[60:] = False
    found = krige(image, unknown, [Gap(0, 26, 30)])
    linear = log_linear(np.where(unknown, 0, image), unknown)
    error, theirs = (np.abs(f - image)[unknown].mean() for f in (found.log_counts, linear))
    assert error < 0.5 * theirs


@pytest.mark.parametrize("value", [0.0, 0.02, 3.0])
def test_where_there_is_nothing_to_learn_from_it_is_linear(value: float) -> None:
    flat, gap = np.full(SHAPE, value, dtype=np.float32), Gap(0, 20, 24)
    found = krige(flat, gap_of([gap]), [gap])
    np.testing.assert_allclose(found.log_counts, value, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "width"),
    [
        ((32, 32, 32), 3.0),
        ((32, 32), 3.0),
        ((16, 32, 64), 3.0),
        ((64, 64, 64), 4.0),
        ((96, 128, 512), 4.0),
    ],
)
def test_the_trend_is_narrower_in_small_arrays(shape: tuple[int, ...], width: float) -> None:
    assert KrigingSettings().trend_width(shape) == pytest.approx(width)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_small_array_is_filled_better_for_it(axis: int) -> None:
    """Against the truth, and against a trend as wide as that of large arrays."""
    truth, gap = peak()[12:44, 14:46, 16:48], Gap(axis, 13, 19)
    unknown = gap_of([gap], truth.shape)
    narrower = np.abs(krige(truth, unknown, [gap]).log_counts - truth)[unknown].mean()
    settings = KrigingSettings(narrowest_trend=KrigingSettings.widest_trend)
    wide = krige(truth, unknown, [gap], settings=settings)
    as_wide = np.abs(wide.log_counts - truth)[unknown].mean()
    assert narrower < 0.95 * as_wide
