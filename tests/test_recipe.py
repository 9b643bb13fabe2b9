from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from simulation.recipe import Recipe, as_recipe, is_atomistic, make_pattern, relaxed_particle

SMALL = Recipe(count=10, seed=5, shape=(32, 32, 32), n_atoms=(300, 500), atomistic_share=0.5)


def test_a_pattern_depends_on_recipe_and_index_alone() -> None:
    first, again, other = (make_pattern(SMALL, index, None) for index in (3, 3, 4))
    np.testing.assert_array_equal(first.expectation, again.expectation)
    assert first.parameters == again.parameters
    assert not np.array_equal(first.expectation, other.expectation)


def test_the_share_of_atomistic_patterns_is_spread_evenly() -> None:
    kinds = [is_atomistic(SMALL, index) for index in range(10)]
    assert sum(kinds) == 5
    assert not any(a and b for a, b in pairwise(kinds))
    assert not any(
        is_atomistic(SMALL.model_copy(update={"atomistic_share": 0}), i) for i in range(9)
    )


def test_a_particle_serves_several_patterns() -> None:
    particle = relaxed_particle(SMALL, 0)
    first, second = (make_pattern(SMALL, index, particle) for index in (0, 1))
    assert first.parameters["kind"] == second.parameters["kind"] == "atomistic"
    assert first.parameters["n_atoms"] == len(particle.positions_nm)
    assert not np.array_equal(first.expectation, second.expectation)


@pytest.mark.parametrize("index", range(4))
def test_photons_and_peak_are_as_drawn(index: int) -> None:
    pattern = make_pattern(SMALL, index, None)
    low, high = SMALL.flux
    assert 0.8 * low < pattern.expectation.max() < 1.3 * high
    assert (pattern.expectation > 0).all()


@pytest.mark.parametrize("kind", ["continuous", "atomistic"])
def test_the_peak_of_an_unstrained_crystal_is_where_its_offset_says(kind: str) -> None:
    recipe = SMALL.model_copy(update={"phase_range_rad": (0.0, 0.0)})
    particle = None
    if kind == "atomistic":  # not relaxed: contracting by itself moves the peak
        relaxed = relaxed_particle(recipe, 0)
        particle = replace(relaxed, positions_nm=relaxed.reference_nm)
    for index in range(4):
        pattern = make_pattern(recipe, index, particle)
        assert pattern.parameters["kind"] == kind
        peak = np.unravel_index(int(pattern.expectation.argmax()), recipe.shape)
        expected = np.array(recipe.shape) // 2 + np.array(pattern.parameters["offset"])
        np.testing.assert_allclose(peak, expected, atol=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oversampling": [0.5, 2]}, "oversampling is"),
        ({"n_atoms": [0, 10]}, "n_atoms is"),
        ({"element": "Xx"}, "'Xx'"),
        ({"shape": [4, 32, 32]}, "shape is"),
        ({"flux": [1e6, 1e4]}, "flux is"),
        ({"count": 0}, "count is 0"),
        ({"colour": 1}, "colour is 1"),
    ],
)
def test_impossible_recipes_are_refused_in_one_line(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        as_recipe({"count": 1, "seed": 0} | change, "plan.yaml: patterns")
    assert str(error.value).startswith("plan.yaml: patterns: ")
    assert "\n" not in str(error.value)
