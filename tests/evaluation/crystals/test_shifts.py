"""Shifts to fractions of a voxel."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
from scipy.ndimage import fourier_shift, gaussian_filter
from skimage.registration import phase_cross_correlation

from bcdi_inpaint.evaluation.crystals.shifts import shift_between


@pytest.mark.parametrize("shape", [(16, 16, 16), (15, 18, 20)])
def test_a_shift_is_found_to_a_hundredth_as_by_the_long_way(
    rng: np.random.Generator, shape: tuple[int, ...]
) -> None:
    fixed = gaussian_filter((rng.random(shape) > 0.9).astype(float), 1.2)
    for _ in range(3):
        shift = rng.uniform(-6, 6, 3)
        moving = scipy.fft.ifftn(fourier_shift(scipy.fft.fftn(fixed), -shift))
        moving = np.abs(moving + 0.01 * rng.standard_normal(shape))
        found = shift_between(fixed, moving)
        assert np.allclose(found, shift, atol=0.05)
        there, _, _ = phase_cross_correlation(
            fixed, moving, upsample_factor=100, normalization=None
        )
        np.testing.assert_allclose(found, there, atol=1e-9)
