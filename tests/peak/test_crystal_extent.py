"""The fringe period from the crystal's size: strain does not change it, a gap hardly."""

import numpy as np
import pytest

from bcdi_inpaint.peak.crystal_extent import ExtentSettings, extent_period, with_mates
from bcdi_inpaint.peak.fringes import fringe_period

N = 48
LENGTH = (10, 8, 12)
CENTRE = np.full(3, N / 2)


def pattern(strain_rad: float, flux: float = 1e7) -> np.ndarray:
    """Counts (48, 48, 48) of a box of `LENGTH` voxels, with a phase bent along each axis."""
    obj = np.zeros((N, N, N), dtype=complex)
    place = tuple(slice(N // 2 - n // 2, N // 2 - n // 2 + n) for n in LENGTH)
    bent = sum(np.ix_(*[np.linspace(-1, 1, n) ** 2 for n in LENGTH]))
    obj[place] = np.exp(1j * strain_rad * bent)
    wave = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(obj)))
    expected = np.abs(wave) ** 2
    return np.random.default_rng(0).poisson(expected * flux / expected.max()).astype(float)


@pytest.mark.parametrize("strain_rad", [0.0, 1.0, 2.0])
def test_the_size_is_found_however_strained_the_crystal_is(strain_rad: float) -> None:
    counts = pattern(strain_rad)
    np.testing.assert_allclose(extent_period(counts), N / np.array(LENGTH), rtol=0.03)
    if strain_rad == 2:
        fringes = fringe_period(counts, np.ones(counts.shape, dtype=bool))
        assert np.nanmax(np.abs(np.log(fringes * LENGTH / N))) > 0.08, "fringes do as well"


def test_a_gap_is_filled_by_friedel_mates_and_changes_little() -> None:
    counts = pattern(0.0)
    known = np.ones(counts.shape, dtype=bool)
    known[:, 29:35] = False
    whole = with_mates(np.where(known, counts, 0), known, CENTRE)
    np.testing.assert_array_equal(whole[known], counts[known])
    assert whole[10, 30, 20] == counts[N - 10, N - 30, N - 20]
    np.testing.assert_allclose(extent_period(whole), N / np.array(LENGTH), rtol=0.15)


def test_noise_alone_and_darkness_have_no_size() -> None:
    assert np.isnan(extent_period(np.zeros((20, 20)))).all()
    noise = np.random.default_rng(0).poisson(5.0, (32, 32)).astype(float)
    blunt = ExtentSettings(taper=0.01)
    assert not (extent_period(noise, settings=blunt) < 10).any()


def test_what_a_gap_is_filled_with_wrongly_is_not_the_crystal() -> None:
    """A dark sheet spreads over all lags along its normal."""
    counts = pattern(0.0)
    counts[:, 27:30] = 0
    np.testing.assert_allclose(extent_period(counts), N / np.array(LENGTH), rtol=0.03)
