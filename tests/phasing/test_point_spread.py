"""A point spread function of any form: laid into arrays, and found by its steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bcdi_inpaint.phasing.point_spread import fit_psf, sharpen_psf
from bcdi_inpaint.photons import photon_deviance

SHAPE = (20, 24, 22)


def odd_psf(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """No Gaussian, and not the same on both sides; centred."""
    psf = np.zeros(shape, np.float32)
    z, y, x = (n // 2 for n in shape)
    psf[z, y, x] = 0.6
    psf[z, y + 1, x], psf[z, y - 1, x], psf[z, y + 2, x] = 0.15, 0.05, 0.05
    psf[z - 1, y, x + 3] = 0.15
    return psf


def diffracted() -> torch.Tensor:
    """Of a block, coherently, the peak at index 0."""
    obj = torch.zeros(SHAPE, dtype=torch.complex64)
    obj[3:9, 4:10, 5:12] = 1
    found = torch.fft.fftn(obj).abs() ** 2
    return 1e6 * found / found.max()


def blurred(psf: torch.Tensor) -> torch.Tensor:
    transform = torch.fft.rfftn(diffracted()) * torch.fft.rfftn(psf)
    return torch.fft.irfftn(transform, SHAPE).clip(0)


@pytest.mark.parametrize("shape", [(10, 9, 16), (31, 24, 22), (20, 48, 7), SHAPE])
def test_in_another_array_its_middle_stays_the_middle(shape: tuple[int, int, int]) -> None:
    laid = fit_psf(odd_psf(), shape)
    assert laid.shape == shape
    assert laid.dtype == np.float32
    np.testing.assert_allclose(laid, odd_psf(shape), atol=1e-6)


def test_what_is_cut_off_is_made_up_for() -> None:
    laid = fit_psf(odd_psf(), (1, 3, 1))
    np.testing.assert_allclose(laid[0, :, 0], np.array([0.05, 0.6, 0.15]) / 0.8, rtol=1e-6)


def test_steps_find_the_function_of_the_counts() -> None:
    true = torch.from_numpy(np.fft.ifftshift(odd_psf()))
    rng = np.random.default_rng(0)
    counts = torch.from_numpy(rng.poisson(blurred(true).double().numpy() + 0.5).astype(np.float32))
    seen = torch.from_numpy(rng.random(SHAPE) < 0.9)
    hidden = torch.where(seen, counts, torch.tensor(1e5))  # what is not seen does not matter
    flat = torch.full(SHAPE, 1 / counts.numel())
    found = sharpen_psf(flat, diffracted(), hidden, seen, 0.5, 400)
    assert found.sum() == pytest.approx(1, abs=1e-4)
    assert found.min() >= 0
    for place in np.argwhere(np.fft.ifftshift(odd_psf()) > 0):
        assert found[tuple(place)] == pytest.approx(float(true[tuple(place)]), abs=0.03)
    unseen = ~seen.numpy()
    expected = blurred(found).numpy()[unseen] + 0.5
    assert photon_deviance(counts.numpy()[unseen], expected).mean() < 1.3


def test_more_steps_are_as_many_once_more() -> None:
    psf = torch.full(SHAPE, 1 / np.prod(SHAPE))
    counts, seen = blurred(torch.from_numpy(np.fft.ifftshift(odd_psf()))), torch.ones(SHAPE) > 0
    both = sharpen_psf(psf, diffracted(), counts, seen, 0.0, 5)
    first = sharpen_psf(psf, diffracted(), counts, seen, 0.0, 2)
    torch.testing.assert_close(sharpen_psf(first, diffracted(), counts, seen, 0.0, 3), both)
