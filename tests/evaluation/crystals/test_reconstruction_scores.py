"""How good a reconstruction is, whose object is known."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.evaluation.crystals.known_crystal import KnownCrystal
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.evaluation.crystals.reconstruction_scores import gradient_rms, score_spread
from bcdi_inpaint.phasing.reconstruction import Reconstruction


def test_a_turned_phase_is_told_by_its_gradient(rng: np.random.Generator) -> None:
    """A ramp of 0.1 rad a voxel along y has that gradient, one along x none."""
    truth = np.ones((12, 12, 12), dtype=np.complex128)
    inside = np.zeros((12, 12, 12), dtype=bool)
    inside[3:9, 3:9, 3:9] = True
    _, y, x = np.ogrid[:12, :12, :12]
    assert gradient_rms(truth * np.exp(0.1j * y), truth, inside) == pytest.approx(0.1)
    assert gradient_rms(truth * np.exp(0.1j * x), truth, inside) < 1e-9


def _twin(obj: np.ndarray) -> np.ndarray:
    return np.roll(np.conj(np.flip(obj)), [1 - n % 2 for n in obj.shape], axis=(0, 1, 2))


def _moved(obj: np.ndarray) -> np.ndarray:
    return np.roll(obj, (3, 2, 3), axis=(0, 1, 2))


@pytest.mark.parametrize("put", [np.copy, _moved, _twin, lambda obj: _twin(_moved(obj))])
def test_starts_are_as_far_apart_wherever_they_lie(
    put: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator
) -> None:
    """Phase retrieval puts an object anywhere, and finds its twin as well as itself."""
    truth = np.zeros((24, 24, 24), dtype=np.complex64)
    truth[7:17, 8:15, 6:19] = 1
    truth[7:10, 8:10] = 0  # so that it differs from its twin
    error = gaussian_filter(rng.standard_normal(truth.shape), 1.5)
    error *= 0.3 / error[truth != 0].std()
    crystal = KnownCrystal("one", truth, np.abs(truth), np.abs(truth))
    best, other = (put(obj) for obj in (truth, truth * np.exp(1j * error)))
    kept = [Reconstruction(obj, obj != 0, 1.0, 1.0, ()) for obj in (best, other)]
    found = score_spread(kept, crystal)
    assert found["worst_rad"] == pytest.approx(
        compare(truth * np.exp(1j * error), truth).phase_rms_rad, abs=1e-3
    )
    assert found["apart_rad"] == pytest.approx(found["worst_rad"], abs=1e-3)
