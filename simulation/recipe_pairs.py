"""Recipes of what a network learns from, and of what it is judged on."""

from __future__ import annotations

from bcdi_inpaint.errors import InputError
from simulation.recipe import Recipe, as_recipe


def recipes_apart(
    patterns: dict[str, object], held_out: dict[str, object], where: str
) -> dict[str, Recipe]:
    """The two recipes of a training, by name, which must not make the same patterns.

    Parameters
    ----------
    patterns : keys of the recipe of the patterns to train on.
    held_out : the same of those to validate, calibrate or judge on.
    where : what they are from, for messages.

    Raises
    ------
    InputError
        A recipe is wrong, or both draw from one seed: held-out patterns would be trained on.
    """
    both = {"patterns": patterns, "held_out": held_out}
    recipes = {name: as_recipe(values, f"{where}: {name}") for name, values in both.items()}
    seed = recipes["held_out"].seed
    if seed == recipes["patterns"].seed:
        raise InputError(
            f"{where}: held_out.seed is {seed}, as that of patterns, expected another one, since "
            "patterns of one seed are the same: give held_out a seed of its own"
        )
    return recipes
