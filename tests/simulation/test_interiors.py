import numpy as np
import pytest
from pydantic import ValidationError

from simulation.continuum import ContinuumConfig, convex_hull, make_crystal
from simulation.interiors import InteriorConfig, bending, vary_inside

BOX = {2: (36, 30), 3: (24, 20, 28)}


def body(n_dim: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    even = ContinuumConfig(modulus_noise=(0, 0))
    return make_crystal(even, convex_hull(n_dim, rng), BOX[n_dim], rng, 0.0)


def inside(crystal: np.ndarray) -> np.ndarray:
    return np.abs(crystal) > 0.95


def test_by_default_nothing_varies_and_nothing_is_drawn(rng: np.random.Generator) -> None:
    before = rng.bit_generator.state
    crystal, drawn = vary_inside(body(3), InteriorConfig(), rng)
    np.testing.assert_array_equal(crystal, body(3))
    assert drawn == {}
    assert rng.bit_generator.state == before


@pytest.mark.parametrize("n_dim", [2, 3])
def test_the_density_varies_as_much_as_was_drawn(n_dim: int, rng: np.random.Generator) -> None:
    config = InteriorConfig(varying_share=1, density_spread=(0.2, 0.2), density_length=(0.1, 0.1))
    crystal, drawn = vary_inside(body(n_dim), config, rng)
    modulus = np.abs(crystal)[inside(body(n_dim))]
    assert modulus.std() / modulus.mean() == pytest.approx(0.2, rel=0.15)
    assert drawn == {"density_spread": pytest.approx(0.2), "density_length": pytest.approx(0.1)}
    assert np.ptp(np.angle(crystal)) == 0, "the density alone"


def test_a_longer_length_varies_more_slowly() -> None:
    def roughness(part: float) -> float:
        config = InteriorConfig(varying_share=1, density_length=(part, part))
        crystal, _ = vary_inside(body(3), config, np.random.default_rng(1))
        modulus = np.where(inside(body(3)), np.abs(crystal), np.nan)
        return float(np.nanstd(np.diff(modulus, axis=0)) / np.nanstd(modulus))

    assert roughness(0.4) < 0.7 * roughness(0.1)


@pytest.mark.parametrize("n_dim", [2, 3])
def test_bending_has_its_range_and_leaves_the_density(n_dim: int, rng: np.random.Generator) -> None:
    config = InteriorConfig(bent_share=1, bend_rad=(3.0, 3.0))
    crystal, drawn = vary_inside(body(n_dim), config, rng)
    np.testing.assert_allclose(np.abs(crystal), np.abs(body(n_dim)), rtol=1e-5)
    assert drawn == {"bend_rad": pytest.approx(3.0)}
    phase = bending(body(n_dim), 3.0, rng)
    assert np.ptp(phase[np.abs(body(n_dim)) > 0.5]) == pytest.approx(3.0, rel=0.1)


def test_bending_is_a_quadratic_form_about_the_middle(rng: np.random.Generator) -> None:
    phase = bending(np.ones((21, 21, 21), np.complex64), 2.0, rng)
    np.testing.assert_allclose(phase, phase[::-1, ::-1, ::-1], atol=1e-12)
    assert phase[10, 10, 10] == 0
    np.testing.assert_allclose(np.diff(phase, 3, axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(phase[20, 10, 10], 4 * phase[15, 10, 10], rtol=1e-9)


def test_shares_are_how_often(rng: np.random.Generator) -> None:
    config = InteriorConfig(varying_share=0.5, bent_share=0.25)
    drawn = [vary_inside(body(2), config, rng)[1] for _ in range(80)]
    assert 27 < sum("density_spread" in each for each in drawn) < 53
    assert 9 < sum("bend_rad" in each for each in drawn) < 31


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"density_spread": (0.3, 0.1)}, "density_spread"),
        ({"density_spread": (0.3, 1.2)}, "at most 1"),
        ({"density_length": (0, 0.3)}, "density_length"),
        ({"bend_rad": (1, np.inf)}, "bend_rad"),
        ({"bent_share": 2}, "bent_share"),
        ({"colour": 1}, "colour"),
    ],
)
def test_impossible_values_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        InteriorConfig.model_validate(values)
