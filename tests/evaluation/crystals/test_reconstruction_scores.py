"""How good a reconstruction is, whose object is known."""

import numpy as np
import pytest

from bcdi_inpaint.evaluation.crystals.reconstruction_scores import gradient_rms


def test_a_turned_phase_is_told_by_its_gradient(rng: np.random.Generator) -> None:
    """A ramp of 0.1 rad a voxel along y has that gradient, one along x none."""
    truth = np.ones((12, 12, 12), dtype=np.complex128)
    inside = np.zeros((12, 12, 12), dtype=bool)
    inside[3:9, 3:9, 3:9] = True
    _, y, x = np.ogrid[:12, :12, :12]
    assert gradient_rms(truth * np.exp(0.1j * y), truth, inside) == pytest.approx(0.1)
    assert gradient_rms(truth * np.exp(0.1j * x), truth, inside) < 1e-9
