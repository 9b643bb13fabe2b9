"""What the network sees: the measurement itself, and of the unknown nothing but guesses."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.classical.interpolation import log_linear
from bcdi_inpaint.classical.kriging import krige
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.channels import CHANNEL_ORDER, Features, compute_features
from bcdi_inpaint.network.units import LOG_UNIT

CENTRE = (15, 17, 19)
SHAPE = (32, 34, 40)
ROWS = Gap(1, 21, 25)


def fringes(shape: tuple[int, ...], centre: tuple[int, ...]) -> np.ndarray:
    """The expected photons of an unstrained block: a product of sinc squares, symmetric."""
    axes = [np.arange(n) - c for n, c in zip(shape, centre, strict=True)]
    grids = np.meshgrid(*[np.sinc(axis / 6) ** 2 + 2e-3 for axis in axes], indexing="ij")
    return 1e6 * np.prod(grids, axis=0)


@pytest.fixture(scope="module")
def log_counts() -> np.ndarray:
    counts = np.random.default_rng(0).poisson(fringes(SHAPE, CENTRE))
    return np.log1p(counts).astype(np.float32)


@pytest.fixture(scope="module")
def unknown() -> np.ndarray:
    """A gap of four rows, and a bad pixel in every frame."""
    unknown = gap_mask([ROWS], SHAPE)
    unknown[:, 8, 9] = True
    return unknown


@pytest.fixture(scope="module")
def seen(log_counts: np.ndarray, unknown: np.ndarray) -> Features:
    return compute_features(log_counts, unknown, [ROWS])


def test_where_it_is_known_the_guess_is_the_measurement(
    seen: Features, log_counts: np.ndarray, unknown: np.ndarray
) -> None:
    np.testing.assert_array_equal(seen.guess[~unknown] * np.float32(LOG_UNIT), log_counts[~unknown])
    np.testing.assert_array_equal(seen.unknown, unknown)


def test_elsewhere_it_is_kriged_and_says_how_uncertain(
    seen: Features, log_counts: np.ndarray, unknown: np.ndarray
) -> None:
    kriged = krige(log_counts, unknown, [ROWS])
    np.testing.assert_allclose(seen.guess * LOG_UNIT, kriged.log_counts, rtol=1e-5)
    np.testing.assert_allclose(seen.guess_sigma * LOG_UNIT, kriged.sigma, rtol=1e-5)
    gap = gap_mask([ROWS], SHAPE)
    assert (seen.guess_sigma[:, 21:25, 15:24] > 0).all()
    np.testing.assert_array_equal(seen.guess_sigma[~gap], 0)


@pytest.mark.parametrize("hidden", [0.0, 1e6, np.nan])
def test_what_unknown_voxels_hold_has_no_influence(
    seen: Features, log_counts: np.ndarray, unknown: np.ndarray, hidden: float
) -> None:
    other = compute_features(np.where(unknown, np.float32(hidden), log_counts), unknown, [ROWS])
    for ours, theirs in zip(seen.channels(), other.channels(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_mate_of_an_unstrained_pattern_is_the_pattern(unknown: np.ndarray) -> None:
    """Friedel's law; without noise, also in the gap, where the other side is measured."""
    truth = np.log1p(fringes(SHAPE, CENTRE)).astype(np.float32)
    found = compute_features(truth, unknown, [ROWS])
    mated = found.mate_known
    np.testing.assert_allclose(found.mate[mated] * LOG_UNIT, truth[mated], atol=1e-3)
    assert mated[unknown].mean() > 0.8
    mirror = np.zeros_like(unknown)  # the gap's own mate is what the gap hides
    mirror[:31, 10:14, :39] = True
    assert not mated[mirror].any()


def test_the_mate_is_0_where_it_is_not_known(seen: Features) -> None:
    assert not seen.mate_known.all()
    np.testing.assert_array_equal(seen.mate[~seen.mate_known], 0)


def test_channels_are_in_the_order_that_weights_are_trained_with(seen: Features) -> None:
    assert CHANNEL_ORDER == ("guess", "unknown", "guess_sigma", "mate", "mate_known")
    expected = (seen.guess, seen.unknown, seen.guess_sigma, seen.mate, seen.mate_known)
    for channel, array in zip(seen.channels(), expected, strict=True):
        assert channel is array
        assert channel.shape == SHAPE
        assert channel.dtype in (np.float32, np.bool_)


def test_the_input_is_not_changed(log_counts: np.ndarray, unknown: np.ndarray) -> None:
    before = log_counts.copy(), unknown.copy()
    compute_features(log_counts, unknown, [ROWS])
    np.testing.assert_array_equal(log_counts, before[0])
    np.testing.assert_array_equal(unknown, before[1])


def test_a_dark_scan_gives_finite_features() -> None:
    dark, unknown = np.zeros(SHAPE, dtype=np.float32), gap_mask([ROWS], SHAPE)
    for channel in compute_features(dark, unknown, [ROWS]).channels():
        assert np.isfinite(channel).all()


def test_one_frame_alone() -> None:
    """In two dimensions a gap is a band, and everything holds as well."""
    truth = np.log1p(fringes((64, 72), (30, 33))).astype(np.float32)
    gap = Gap(0, 36, 40)
    unknown = np.zeros(truth.shape, dtype=bool)
    unknown[36:40] = True
    found = compute_features(truth, unknown, [gap])
    np.testing.assert_array_equal(found.guess[~unknown] * np.float32(LOG_UNIT), truth[~unknown])
    mated = found.mate_known
    np.testing.assert_allclose(found.mate[mated] * LOG_UNIT, truth[mated], atol=1e-3)
    assert mated[unknown].mean() > 0.8
    np.testing.assert_allclose(
        found.guess * LOG_UNIT, krige(truth, unknown, [gap]).log_counts, rtol=1e-5
    )


def test_a_linear_guess_is_not_kriged_and_knows_no_error(
    log_counts: np.ndarray, unknown: np.ndarray, seen: Features
) -> None:
    found = compute_features(log_counts, unknown, [ROWS], "linear")
    expected = log_linear(log_counts, unknown)
    np.testing.assert_allclose(found.guess * LOG_UNIT, expected, rtol=1e-5)
    assert not found.guess_sigma.any()
    np.testing.assert_array_equal(found.mate, seen.mate)
    assert (found.guess != seen.guess).any()
