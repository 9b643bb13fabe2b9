from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from simulation.particles import Particle
from simulation.recipe import (
    Pattern,
    Recipe,
    as_recipe,
    is_atomistic,
    make_particle_of,
    make_pattern,
    particle_number,
)

PERFECT = {"dislocation": 0, "twin": 0, "vacancies": 0}
SMALL = Recipe.model_validate(
    {
        "count": 10,
        "seed": 5,
        "shape": (32, 30, 34),
        "atomistic_share": 0.5,
        "particles": 3,
        "particle": {"n_atoms": (600, 900), **PERFECT},
    }
)
FLAT = Recipe(count=4, seed=1, shape=(48, 40), atomistic_share=0)


@pytest.fixture(scope="module")
def particle() -> Particle:
    return make_particle_of(SMALL, 0)


def peak_of(pattern: Pattern) -> tuple[int, ...]:
    return tuple(
        int(p) for p in np.unravel_index(int(pattern.expectation.argmax()), pattern.counts.shape)
    )


@pytest.mark.parametrize("recipe", [SMALL, FLAT])
def test_a_pattern_depends_on_recipe_and_index_alone(recipe: Recipe) -> None:
    first, again, other = (make_pattern(recipe, index, None) for index in (3, 3, 2))
    np.testing.assert_array_equal(first.expectation, again.expectation)
    np.testing.assert_array_equal(first.counts, again.counts)
    assert first.parameters == again.parameters
    assert not np.array_equal(first.expectation, other.expectation)
    assert first.counts.shape == first.bad.shape == first.expectation.shape == recipe.shape


def test_more_patterns_begin_with_the_same_ones() -> None:
    more = SMALL.model_copy(update={"count": 50})
    for index in range(4):
        assert particle_number(more, index) == particle_number(SMALL, index)
    np.testing.assert_array_equal(
        make_pattern(more, 2, None).counts, make_pattern(SMALL, 2, None).counts
    )


def test_the_share_of_atomistic_patterns_is_spread_evenly() -> None:
    kinds = [is_atomistic(SMALL, index) for index in range(10)]
    assert sum(kinds) == 5
    assert not any(a and b for a, b in pairwise(kinds))
    numbers = [particle_number(SMALL, index) for index in range(10)]
    assert [number is not None for number in numbers] == kinds
    assert [n for n in numbers if n is not None] == [0, 1, 2, 0, 1]
    assert particle_number(FLAT, 0) is None


def test_a_particle_serves_several_patterns(particle: Particle) -> None:
    first, second = (make_pattern(SMALL, index, particle) for index in (0, 1))
    assert first.parameters["kind"] == second.parameters["kind"] == "atomistic"
    assert first.parameters["particle"] == particle.parameters
    assert first.grid is not None
    assert second.grid is not None
    assert not np.array_equal(first.grid.steps_inv_nm, second.grid.steps_inv_nm)
    turns = particle.relaxed.positions_nm @ first.grid.steps_inv_nm
    np.testing.assert_allclose(1 / np.ptp(turns, axis=0), first.parameters["oversampling"])


@pytest.mark.parametrize("index", range(4))
def test_photons_are_as_drawn(index: int) -> None:
    pattern = make_pattern(SMALL, index, None)
    flux = pattern.parameters["flux"]
    assert isinstance(flux, float)
    assert 0.8 * flux < pattern.expectation.max() < 1.3 * flux + 400
    assert (pattern.expectation > 0).all()
    good = ~pattern.bad
    expected, counted = pattern.expectation[good].sum(), pattern.counts[good].sum()
    assert abs(counted - expected) < 6 * np.sqrt(expected)


@pytest.mark.parametrize("kind", ["continuous", "atomistic", "2D"])
def test_the_peak_of_an_unstrained_crystal_is_where_it_says(kind: str, particle: Particle) -> None:
    recipe = FLAT if kind == "2D" else SMALL
    recipe = recipe.model_copy(
        update={"strain_rad": (0.0, 0.0), "peak_outside": 0.0, "oversampling": (4.0, 6.0)}
    )
    used = None
    if kind == "atomistic":  # not relaxed: contracting by itself moves the peak
        relaxed = replace(particle.relaxed, positions_nm=particle.relaxed.reference_nm)
        used = replace(particle, relaxed=relaxed)
    for index in range(4):
        pattern = make_pattern(recipe, index, used)
        np.testing.assert_allclose(peak_of(pattern), pattern.parameters["peak"], atol=1.01)


def test_a_peak_may_lie_outside_the_array() -> None:
    recipe = SMALL.model_copy(update={"peak_outside": 1.0})
    for index in range(3):
        pattern = make_pattern(recipe, index, None)
        peak = np.array(pattern.parameters["peak"])
        assert ((peak < 0) | (peak > np.array(recipe.shape) - 1)).sum() == 1


def test_the_next_bragg_peak_stays_out_of_view(particle: Particle) -> None:
    """Its neighbours are brighter than any fringe so far out."""
    recipe = SMALL.model_copy(update={"oversampling": (2.0, 2.0), "strain_rad": (0.0, 0.0)})
    for index in range(3):
        pattern = make_pattern(recipe, index, particle)
        assert pattern.grid is not None
        indices = np.stack(np.meshgrid(*map(np.arange, recipe.shape), indexing="ij"), axis=-1)
        away = (indices - pattern.grid.centre) @ pattern.grid.steps_inv_nm.T
        next_peak = np.sqrt(3) / 0.408
        far = np.linalg.norm(away, axis=-1) > 0.6 * next_peak
        assert np.linalg.norm(away, axis=-1).max() <= 0.86 * next_peak
        assert pattern.expectation[far].max() < 0.05 * pattern.expectation.max()


def test_a_crystal_in_few_frames_tells_the_oversampling_that_it_has() -> None:
    """No body is drawn with fewer than six voxels, so in 16 frames none is oversampled more."""
    recipe = Recipe(
        count=1, seed=2, shape=(16, 32, 32), atomistic_share=0, oversampling=(9, 10), peak_outside=0
    )
    told = make_pattern(recipe, 0, None).parameters["oversampling"]
    assert isinstance(told, list)
    assert told[0] == 3  # a period of 18 frames, since the peak is off the middle, over 6 voxels


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oversampling": [0.5, 2]}, "oversampling is 0.5, 2"),
        ({"oversampling": [4, 2]}, "oversampling is 4, 2"),
        ({"particle": {"n_atoms": [0, 10]}}, "n_atoms is 0, 10"),
        ({"particle": {"elements": ["Xx"]}}, "'Xx'"),
        ({"shape": [4, 32, 32]}, "shape is"),
        ({"shape": [32, 32]}, "atomistic_share is 0.4 in 2D"),
        ({"realism": {"flux": [1e6, 1e4]}}, "flux is"),
        ({"realism": {"fluxx": [1e6, 1e4]}}, "fluxx"),
        ({"reflections": [[0, 0, 0]]}, "reflections is"),
        (
            {"reflections": [[2, 1, 0]]},
            r"reflections has \(2, 1, 0\), expected .*all even or all odd",
        ),
        ({"count": 0}, "count is 0"),
        ({"engine": "fft"}, "engine"),
        ({"colour": 1}, "colour is 1"),
    ],
)
def test_impossible_recipes_are_refused_in_one_line(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        as_recipe({"count": 1, "seed": 0} | change, "plan.yaml: patterns")
    assert str(error.value).startswith("plan.yaml: patterns: ")
    assert "\n" not in str(error.value)


def test_what_varies_inside_is_written_down_and_left_out_where_nothing_does() -> None:
    """Sets of patterns that were made before such crystals were keep the hash of their recipe."""
    plain = SMALL.model_dump(mode="json")
    assert "interior" not in plain
    assert "coherent_share" not in plain["realism"]
    varied = as_recipe(
        plain
        | {
            "atomistic_share": 0,
            "interior": {"varying_share": 1, "bent_share": 1},
            "realism": {"coherent_share": 1},
        },
        "here",
    )
    stored = varied.model_dump(mode="json")
    assert stored["interior"]["bent_share"] == stored["realism"]["coherent_share"] == 1
    drawn = make_pattern(varied, 0, None).parameters
    assert {"density_spread", "density_length", "bend_rad"} <= set(drawn)
    assert "blur_voxel" not in drawn
