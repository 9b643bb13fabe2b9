"""The colours of a phase follow the interior."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bcdi_inpaint.plots.phase_range import centred_phase, interior, widest_phase


@pytest.fixture
def inside() -> np.ndarray:
    mask = np.zeros((20, 20, 20), bool)
    mask[4:16, 4:16, 4:16] = True
    return mask


def test_the_rim_sets_neither_mean_nor_range(inside: np.ndarray, rng: np.random.Generator) -> None:
    strain = 0.6 * np.sin(np.arange(20) / 3)[:, None, None] * np.ones(inside.shape)
    strain -= strain[interior(inside)].mean()
    wild = np.where(interior(inside), strain, rng.uniform(-np.pi, np.pi, inside.shape))
    phase = centred_phase(np.exp(1j * (wild + 2.5)), inside)
    assert np.isnan(phase[~inside]).all()
    np.testing.assert_allclose(phase[interior(inside)], strain[interior(inside)], atol=0.05)
    assert widest_phase(phase, inside) < 0.8


def test_small_crystals_and_empty_ones_have_a_range(inside: np.ndarray) -> None:
    one = inside & False
    one[9, 9, 9] = True
    np.testing.assert_array_equal(interior(one), one)
    assert widest_phase(centred_phase(one.astype(complex), one), one) == 0.2
    assert widest_phase(np.full(inside.shape, np.nan), inside) == math.pi
