import pytest

from bcdi_inpaint.errors import InputError
from simulation.recipe_pairs import recipes_apart


def test_held_out_patterns_are_no_patterns_of_the_training() -> None:
    recipes = recipes_apart({"seed": 3, "count": 5}, {"seed": 4, "count": 2}, "plan.yaml")
    assert (recipes["patterns"].seed, recipes["held_out"].count) == (3, 2)
    with pytest.raises(InputError, match=r"plan.yaml: held_out.seed is 3.*give held_out a seed"):
        recipes_apart({"seed": 3, "count": 5}, {"seed": 3, "count": 2}, "plan.yaml")
