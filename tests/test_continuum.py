import numpy as np
import pytest

from simulation.continuum import CrystalMaker, bragg_intensity
from simulation.shapes import SHAPES


def test_a_boxs_fringes_are_a_product_of_dirichlet_kernels() -> None:
    box, shape = (8, 6, 4), (32, 30, 28)
    found = bragg_intensity(np.ones(box, np.complex64), shape, np.zeros(3))
    expected = np.ones(shape)
    for axis, (n, total) in enumerate(zip(box, shape, strict=True)):
        turns = (np.arange(total) - total // 2) / total
        with np.errstate(invalid="ignore"):
            kernel = np.where(turns == 0, n, np.sin(np.pi * n * turns) / np.sin(np.pi * turns))
        expected = expected * (kernel**2).reshape([-1 if a == axis else 1 for a in range(3)])
    np.testing.assert_allclose(found, expected, atol=1e-3 * expected.max() * 1e-2)


def test_the_peak_is_where_the_offset_puts_it() -> None:
    offset = np.array([3.0, -5.0, 2.0])
    intensity = bragg_intensity(np.ones((8, 8, 8), np.complex64), (32, 32, 32), offset)
    assert np.unravel_index(int(intensity.argmax()), intensity.shape) == (19, 11, 18)


def test_a_fractional_offset_shifts_the_fringes_between_voxels() -> None:
    n, total, offset = 6, 30, 2.25
    found = bragg_intensity(
        np.ones((n, 1, 1), np.complex64), (total, 1, 1), np.array([offset, 0, 0])
    )
    turns = (np.arange(total) - total // 2 - offset) / total
    expected = (np.sin(np.pi * n * turns) / np.sin(np.pi * turns)) ** 2
    np.testing.assert_allclose(found[:, 0, 0], expected, atol=1e-5 * n**2)


def test_parseval(rng: np.random.Generator) -> None:
    crystal = (rng.normal(size=(7, 8, 9)) + 1j * rng.normal(size=(7, 8, 9))).astype(np.complex64)
    intensity = bragg_intensity(crystal, (20, 21, 22), np.array([0.4, 0, 1]))
    total = (np.abs(crystal) ** 2).sum() * intensity.size
    assert intensity.sum(dtype=float) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize("name", SHAPES)
def test_a_crystal_fills_its_box_and_keeps_its_margin(name: str, rng: np.random.Generator) -> None:
    maker = CrystalMaker(modulus_noise=(0, 0), phase_range_rad=(0, 0))
    crystal = maker.crystal(SHAPES[name](rng), (30, 40, 24), rng)
    modulus = np.abs(crystal)
    assert modulus.max() == pytest.approx(1, abs=0.05)
    for axis in range(3):
        profile = modulus.max(axis=tuple(a for a in range(3) if a != axis))
        assert profile[0] < 0.05
        assert profile[-1] < 0.05
        assert max(profile[3], profile[-4]) > 0.05  # it reaches one of the sides at least
    np.testing.assert_allclose(np.angle(crystal), 0, atol=1e-6)


def test_the_phase_has_its_range_and_the_modulus_its_noise(rng: np.random.Generator) -> None:
    maker = CrystalMaker(modulus_noise=(0.1, 0.1), phase_range_rad=(2.0, 2.0))
    crystal = maker.crystal(SHAPES["cube"](rng), (24, 24, 24), rng)
    inside = np.abs(crystal) > 0.8
    assert 0.5 < np.ptp(np.angle(crystal[inside])) <= 2.001
    assert 0.005 < np.abs(crystal[inside]).std() < 0.1
