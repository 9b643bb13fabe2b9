"""Comparison of a reconstruction with the known object."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from scipy.ndimage import fourier_shift

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.object_error import compare

N = 48


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(
    ("shift", "periods"),
    [((0, 0, 0), (0, 0, 0)), ((3, -5, 2), (2, -1, 4)), ((0.4, -1.3, 2.7), (0.3, -1.6, 2.2))],
)
def test_what_the_intensity_leaves_open_does_not_count(
    particle: tuple[np.ndarray, np.ndarray],
    inverted: bool,
    shift: tuple[float, ...],
    periods: tuple[float, ...],
) -> None:
    truth, inside = particle
    copy = np.conj(np.flip(truth)) if inverted else truth
    copy = scipy.fft.ifftn(fourier_shift(scipy.fft.fftn(copy), shift))
    turns = sum(p * a / N for p, a in zip(periods, np.ogrid[:N, :N, :N], strict=True))
    copy = 7.0 * copy * np.exp(2j * np.pi * turns + 1.1j)
    result = compare(copy, truth, inside)
    assert result.inverted == inverted
    assert result.phase_rms_rad < 3e-3
    assert result.modulus_rms < 1e-2


def test_a_known_phase_error_is_measured(particle: tuple[np.ndarray, np.ndarray]) -> None:
    truth, inside = particle
    signs = np.random.default_rng(3).choice([-1.0, 1.0], truth.shape)  # no ramp, no mean
    result = compare(truth * np.exp(0.3j * signs), truth, inside)
    assert not result.inverted
    assert result.phase_rms_rad == pytest.approx(0.3, rel=0.02)
    assert result.modulus_rms == pytest.approx(0, abs=1e-2)


def test_a_known_modulus_error_is_measured(particle: tuple[np.ndarray, np.ndarray]) -> None:
    truth, _ = particle
    core = np.abs(truth) > 0.99
    signs = np.random.default_rng(3).choice([-1.0, 1.0], truth.shape)
    result = compare(truth * (1 + 0.1 * signs), truth, core)
    assert result.modulus_rms == pytest.approx(0.1, rel=0.05)


def test_the_particle_is_found_where_it_is_not_given(
    particle: tuple[np.ndarray, np.ndarray],
) -> None:
    truth, _ = particle
    noisy = truth * np.exp(0.2j * np.random.default_rng(3).standard_normal(truth.shape))
    half = compare(noisy, truth, np.abs(truth) > 0.5 * np.abs(truth).max())
    assert compare(noisy, truth).phase_rms_rad == half.phase_rms_rad


def test_shapes_must_match(particle: tuple[np.ndarray, np.ndarray]) -> None:
    truth, _ = particle
    with pytest.raises(InputError, match=r"\(47, 48, 48\), expected the truth's \(48, 48, 48\)"):
        compare(truth[1:], truth)
    with pytest.raises(InputError, match="zero everywhere"):
        compare(np.zeros_like(truth), truth)
