"""The modulus inside a crystal is evened out, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import torch

from bcdi_inpaint.phasing.density import DensitySettings, find_interior, pull_factor

SETTINGS = DensitySettings(strength=0.3, margin=2)


def block(shift: int = 0) -> np.ndarray:
    support = np.zeros((24, 26, 28), dtype=bool)
    support[5:16, 6:18, 7:20] = True
    return np.roll(support, (shift, shift, shift), axis=(0, 1, 2))


def drawn(rng: np.random.Generator) -> np.ndarray:
    parts = rng.normal(size=(2, 24, 26, 28))
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def test_the_local_mean_is_that_of_a_gaussian_over_the_interior(rng: np.random.Generator) -> None:
    support, modulus = block(), np.abs(drawn(rng)).astype(np.float32)
    interior = find_interior(support, SETTINGS)
    assert interior is not None
    inner = scipy.ndimage.binary_erosion(support, iterations=SETTINGS.margin)

    def smooth(values: np.ndarray) -> np.ndarray:
        return scipy.ndimage.gaussian_filter(
            values.astype(float), SETTINGS.width, mode="constant", truncate=12
        )

    wanted = smooth(modulus * inner) / smooth(inner)
    found = interior.local_mean(modulus[interior.box])
    np.testing.assert_allclose(found[inner[interior.box]], wanted[inner], rtol=1e-4)


@pytest.mark.parametrize("shift", [0, 12])
def test_the_edge_the_outside_and_the_phases_stay(rng: np.random.Generator, shift: int) -> None:
    support, obj = block(shift), drawn(rng)
    interior = find_interior(support, SETTINGS)
    assert interior is not None
    inner = np.roll(scipy.ndimage.binary_erosion(block(), iterations=2), (shift,) * 3, (0, 1, 2))
    evened = interior.even_out(obj.copy(), SETTINGS.strength)
    np.testing.assert_array_equal(evened[~inner], obj[~inner])
    np.testing.assert_allclose(np.angle(evened[inner] / obj[inner]), 0, atol=1e-5)
    assert np.std(np.abs(evened[inner])) < 0.8 * np.std(np.abs(obj[inner]))


def test_both_kinds_of_arrays_give_the_same(rng: np.random.Generator) -> None:
    interior, obj = find_interior(block(12), SETTINGS), drawn(rng)
    assert interior is not None
    evened = interior.convert(torch.from_numpy).even_out(torch.from_numpy(obj.copy()), 0.3)
    np.testing.assert_allclose(evened.numpy(), interior.even_out(obj, 0.3), rtol=1e-5, atol=1e-6)


def test_an_even_crystal_stays_as_it_is() -> None:
    support = block(12)
    interior = find_interior(support, SETTINGS)
    assert interior is not None
    even = support.astype(np.complex64)
    np.testing.assert_allclose(interior.even_out(even.copy(), 1.0), even, rtol=1e-5)


@pytest.mark.parametrize("size", [0, 1, 6])
def test_a_support_without_an_interior_has_none(size: int) -> None:
    support = np.zeros((16, 16, 16), dtype=bool)
    support[:size, :size, :size] = True
    assert find_interior(support, SETTINGS) is None


def test_a_modulus_of_zero_stays_zero() -> None:
    assert 0 * pull_factor(np.zeros(1), np.ones(1), 0.5)[0] == 0
