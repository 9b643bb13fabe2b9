"""The blur of a beam that is partly coherent, and its widths as the scan has them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import torch

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.coherence import (
    COHERENT,
    Coherence,
    CoherenceSearch,
    CoherenceSettings,
    fit_coherence,
)

SHAPE = (32, 30, 28)


def diffracted(photons: float = 1e6) -> torch.Tensor:
    """Of a block, coherently, the peak at index 0."""
    obj = torch.zeros(SHAPE, dtype=torch.complex64)
    obj[3:12, 4:12, 5:15] = 1
    found = torch.fft.fftn(obj).abs() ** 2
    return photons * found / found.max()


def drawn(expected: torch.Tensor) -> torch.Tensor:
    counts = np.random.default_rng(0).poisson(expected.numpy().astype(np.float64))
    return torch.from_numpy(counts.astype(np.float32))


EVERYWHERE = torch.ones(SHAPE, dtype=torch.bool)


def test_it_blurs_by_a_gaussian_along_each_axis() -> None:
    sigma = (0.7, 0.5, 1.1)
    blurred = Coherence(sigma).blur(diffracted())
    wanted = scipy.ndimage.gaussian_filter(
        diffracted().numpy().astype(float), sigma, mode="wrap", truncate=8
    )
    # The transform's Gaussian is the sampled one but for what a width of half a voxel aliases.
    np.testing.assert_allclose(blurred.numpy(), wanted, atol=1e-2 * wanted.max())
    assert blurred.sum() == pytest.approx(float(diffracted().sum()), rel=1e-4)


def test_a_coherent_beam_costs_nothing() -> None:
    intensity = diffracted()
    assert COHERENT.coherent
    assert COHERENT.blur(intensity) is intensity


def test_no_voxel_loses_more_than_a_blur_takes() -> None:
    """Rounding like the brightest voxel would leave less than nothing in the faint ones."""
    blurred = Coherence((0.4, 0.4, 0.4)).blur(diffracted(1e9))
    assert (blurred >= 0).all()
    assert (blurred[diffracted() > 0] > 0).all()


@pytest.mark.parametrize("sigma", [(0.7, 0.5, 0.9), (0.0, 0.6, 0.3)])
def test_the_widths_are_found_in_the_counts(sigma: tuple[float, float, float]) -> None:
    counts = drawn(Coherence(sigma).blur(diffracted()))
    seen = torch.from_numpy(np.random.default_rng(1).random(SHAPE) < 0.8)
    found = fit_coherence(diffracted(), counts, seen, COHERENT, CoherenceSettings(steps=12))
    np.testing.assert_allclose(found.sigma, sigma, atol=0.07)


def test_a_coherent_beam_has_no_widths() -> None:
    assert fit_coherence(diffracted(), drawn(diffracted()), EVERYWHERE).coherent


def test_a_width_at_its_bound_is_not_believed_and_told_in_one_line() -> None:
    counts = drawn(Coherence((3.0, 0.5, 0.5)).blur(diffracted()))
    settings = CoherenceSettings(steps=12)
    with pytest.raises(InputError, match="along the rocking axis runs to its bound of 2 voxels"):
        fit_coherence(diffracted(), counts, EVERYWHERE, COHERENT, settings)
    search = CoherenceSearch(counts, EVERYWHERE, settings)
    assert search.follow(diffracted()).coherent
    assert search.follow(diffracted()).coherent
    search.end(1.0)
    assert "runs to its bound" in search.failure


def test_it_is_fitted_on_the_middle_alone() -> None:
    """What is beyond the box does not matter, whatever is there."""
    sigma = (0.6, 0.6, 0.6)
    counts = drawn(Coherence(sigma).blur(diffracted()))
    counts[10:22, 10:20, 10:18] = 1e6
    settings = CoherenceSettings(box=16, steps=12)
    found = fit_coherence(diffracted(), counts, EVERYWHERE, COHERENT, settings)
    np.testing.assert_allclose(found.sigma, sigma, atol=0.15)


def test_a_start_that_stagnates_leads_none_astray() -> None:
    counts = drawn(Coherence((0.6, 0.6, 0.6)).blur(diffracted()))
    search = CoherenceSearch(counts, EVERYWHERE, CoherenceSettings(steps=12))
    assert search.begin().coherent
    good = search.follow(diffracted())
    search.end(1.0)
    assert search.begin() == good
    assert search.follow(Coherence((0.5, 0.5, 0.5)).blur(diffracted())) != good
    search.end(2.0)
    assert search.begin() == search.best == good
    sharper = torch.zeros_like(counts)
    sharper[0, 0, 0] = counts.sum()
    assert search.follow(sharper).coherent  # a width runs to its bound
    search.end(3.0)
    assert search.begin() == search.best == good
    assert not search.failure
