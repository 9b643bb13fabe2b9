"""The Friedel mate of a Bragg peak and how alike the two are, against patterns made so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.peak.friedel import friedel_mate, inversion_correlation, local_mean


def peak(
    shape: tuple[int, ...], centre: tuple[float, ...], period: tuple[float, ...], flux: float
) -> Float64Array:
    """Photons of an unstrained block: sinc^2 along each axis, symmetric about `centre`."""
    axes = [
        np.sinc((np.arange(n) - c) / p) ** 2 for n, c, p in zip(shape, centre, period, strict=True)
    ]
    return flux * np.prod(np.meshgrid(*axes, indexing="ij"), axis=0)


def strained(shape: tuple[int, ...], strain_rad: float) -> Float64Array:
    """Photons of a block of 12 x 10 x 11 voxels with a quadratic phase, which breaks symmetry."""
    axes = [np.linspace(-1, 1, n) for n in (12, 10, 11)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    crystal = np.exp(1j * strain_rad * (x**2 + 0.5 * y**2 - 0.7 * x * y**2 + 0.5 * z**3 * x**2))
    intensity = np.abs(np.fft.fftshift(np.fft.fftn(crystal, shape, axes=(0, 1, 2)))) ** 2
    return 1e6 * intensity / intensity.max()


def test_the_mate_of_a_picture() -> None:
    values = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]])
    known = np.ones(values.shape, dtype=bool)
    known[1, 3] = False
    mate, mate_known = friedel_mate(values, known, (1.0, 2.0))  # n -> 2 - n, 4 - n
    expected = np.array([[0, 12, 11, 10], [0, 0, 7, 6], [0, 4, 3, 2]])
    np.testing.assert_array_equal(mate, expected)
    np.testing.assert_array_equal(mate_known, expected != 0)
    mate, _ = friedel_mate(values, known, (0.5, 1.5))  # n -> 1 - n, 3 - n
    np.testing.assert_array_equal(mate, [[0, 7, 6, 5], [4, 3, 2, 1], [0, 0, 0, 0]])


def test_a_centre_far_off_leaves_nothing_known() -> None:
    mate, mate_known = friedel_mate(np.ones((5, 6)), np.ones((5, 6), dtype=bool), (2.0, 12.0))
    assert not mate_known.any()
    assert not mate.any()


def test_the_mate_of_the_mate_is_the_pattern(rng: np.random.Generator) -> None:
    values = rng.normal(size=(6, 7, 8)).astype(np.float32)
    known = rng.random(values.shape) < 0.7
    mate, mate_known = friedel_mate(values, known, (2.5, 3.0, 4.5))
    back, back_known = friedel_mate(mate, mate_known, (2.5, 3.0, 4.5))
    assert back.dtype == np.float32
    assert 100 < np.count_nonzero(back_known) < known.sum()
    assert (known | ~back_known).all()
    np.testing.assert_array_equal(back[back_known], values[back_known])


def test_an_unstrained_pattern_correlates_fully_and_strain_lowers_that() -> None:
    shape = (48, 48, 48)
    known, centre = np.ones(shape, dtype=bool), (24.0, 24.0, 24.0)
    found = []
    for strain_rad in (0.0, 1.0, 3.0):
        log_counts = np.log1p(strained(shape, strain_rad))
        whole = inversion_correlation(log_counts, known, centre)
        fringes = inversion_correlation(log_counts, known, centre, 2.0)
        found.append((whole, fringes))
    assert found[0] == pytest.approx((1.0, 1.0))
    assert found[0] > found[1] > found[2]
    assert all(fringes < whole for whole, fringes in found[1:])


def test_the_correlation_is_that_of_the_mate(rng: np.random.Generator) -> None:
    log_counts = rng.uniform(1, 3, (20, 21))  # counts everywhere
    known = rng.random(log_counts.shape) < 0.6
    for centre in ((9.5, 10.0), (4.0, 15.5)):
        mate, mate_known = friedel_mate(log_counts, known, centre)
        both = known & mate_known
        expected = np.corrcoef(log_counts[both], mate[both])[0, 1]
        assert inversion_correlation(log_counts, known, centre) == pytest.approx(expected)


def test_only_what_is_known_near_the_centre_counts(rng: np.random.Generator) -> None:
    log_counts = np.log1p(peak((50, 50), (25.0, 25.0), (5.0, 4.0), 1e5) + 1)
    known = np.ones(log_counts.shape, dtype=bool)
    spoilt, good = log_counts.copy(), known.copy()
    spoilt[30:33, 20:24], good[30:33, 20:24] = 50, False
    spoilt[:8] = rng.uniform(0, 9, (8, 50))  # further off than the window reaches
    assert inversion_correlation(spoilt, good, (25.0, 25.0), half_window=15) == pytest.approx(1)
    assert inversion_correlation(spoilt, known, (25.0, 25.0), half_window=15) < 0.8


def test_voxels_without_counts_on_both_sides_do_not_count() -> None:
    log_counts = np.zeros((60, 60))
    known = np.ones(log_counts.shape, dtype=bool)
    assert math.isnan(inversion_correlation(log_counts, known, (30.0, 30.0)))
    log_counts[20:30, 25:35] = 3.0  # on one side alone: the empty other side counts too
    assert inversion_correlation(log_counts, known, (30.0, 30.0)) < -0.3


def test_the_local_mean_leaves_out_what_is_not_known() -> None:
    values = np.full((12, 14), 5.0)
    known = np.ones(values.shape, dtype=bool)
    values[4:6], known[4:6] = 1e6, False
    np.testing.assert_allclose(local_mean(values, known, 2.0), 5.0)
    assert not local_mean(values, np.zeros_like(known), 2.0).any()


def bad_inputs() -> list[tuple[str, Float64Array, BoolArray]]:
    ones, known = np.ones((5, 6)), np.ones((5, 6), dtype=bool)
    infinite = ones.copy()
    infinite[2, 2] = np.inf
    return [
        ("shape", ones, known[:4]),
        ("known", ones, ~known),
        ("finite", infinite, known),
    ]


@pytest.mark.parametrize(("word", "values", "known"), bad_inputs())
def test_bad_input_is_told_on_one_line(word: str, values: Float64Array, known: BoolArray) -> None:
    for call in (
        lambda: find_centre(values, known),
        lambda: friedel_mate(values, known, (2.0, 2.5)),
        lambda: inversion_correlation(values, known, (2.0, 2.5)),
    ):
        with pytest.raises(InputError, match=word) as told:
            call()
        assert "\n" not in str(told.value)


def test_a_centre_between_halves_and_a_width_of_0_are_refused() -> None:
    ones, known = np.ones((5, 6)), np.ones((5, 6), dtype=bool)
    with pytest.raises(InputError, match=r"centre is \[2.0, 2.3\], expected 2 multiples"):
        friedel_mate(ones, known, (2.0, 2.3))
    with pytest.raises(InputError, match="centre is"):
        friedel_mate(ones, known, (2.0, 2.0, 1.0))
    with pytest.raises(InputError, match="remove_local_mean is 0"):
        inversion_correlation(ones, known, (2.0, 2.0), 0.0)
