import numpy as np
import pytest
import scipy.fft

from simulation.crystals import CrystalConfig, draw_crystals

SMALL = CrystalConfig(count=2, atomistic=1, size=32, flux=(1e5, 1e6), oversampling=(2.5, 3.0))


@pytest.fixture(scope="module")
def made() -> list:
    config = SMALL.model_copy(
        update={"particle": SMALL.particle.model_copy(update={"n_atoms": (2000, 2500)})}
    )
    return list(draw_crystals(config, 4))


def test_the_expectation_is_the_truths_transform(made: list) -> None:
    for crystal in made:
        amplitude = scipy.fft.fftn(scipy.fft.ifftshift(crystal.truth), norm="ortho")
        found = scipy.fft.fftshift(np.abs(amplitude) ** 2)
        np.testing.assert_allclose(found, crystal.expectation, rtol=1e-2, atol=1e-2)


def test_the_flux_is_that_of_the_brightest_voxel(made: list) -> None:
    for crystal in made:
        assert crystal.expectation.max() == pytest.approx(crystal.parameters["flux"], rel=1e-3)
        assert crystal.counts.sum() == pytest.approx(crystal.expectation.sum(), rel=0.02)


def test_the_object_is_compact_and_in_the_middle(made: list) -> None:
    for crystal in made:
        weight = np.abs(crystal.truth) ** 2
        middle = weight[6:26, 6:26, 6:26].sum() / weight.sum()
        assert middle > 0.9


def test_the_same_seed_makes_the_same_crystals() -> None:
    config = CrystalConfig(count=2, atomistic=0, size=32)
    first, again, other = (list(draw_crystals(config, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[1].counts, again[1].counts)
    assert not np.array_equal(first[1].counts, other[1].counts)
    assert not np.array_equal(first[0].counts, first[1].counts)
