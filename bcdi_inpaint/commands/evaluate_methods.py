"""`bcdi-inpaint evaluate` on a study of methods: its patterns, then the study."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.tables import number_of

if TYPE_CHECKING:
    from simulation.campaign import CampaignOutcome


def is_study(values: Any) -> bool:
    """Whether the values of a configuration are of a study of methods."""
    return isinstance(values, dict) and "study" in values


def evaluate_methods(
    path: Path, values: dict[str, Any], folder: Path | None, *, check: bool, **options: Any
) -> None:
    """Compare methods as a configuration says.

    Parameters
    ----------
    path : of the configuration, for messages.
    values : what it holds.
    folder : of tables and pictures; None for ``runs/NAME``.
    check : check the configuration, and do nothing else.
    **options : ``device``, ``workers``, ``force`` and ``quiet``, of the command line.

    Raises
    ------
    InputError
        The configuration is wrong, or results exist.
    """
    from bcdi_inpaint.studies.config import as_study
    from simulation.recipe_pairs import recipes_apart

    study = as_study(values, str(path))
    recipes = recipes_apart(study.patterns, study.held_out, str(path))
    if check:
        click.echo(f"{path}: a valid study of methods")
        return
    from bcdi_inpaint.jobs.compare_methods import compare_methods
    from bcdi_inpaint.jobs.comparison import prepare_comparison
    from simulation.campaign import run as simulate

    workers = options["workers"] or len(os.sched_getaffinity(0))
    comparison = prepare_comparison(
        study,
        str(path),
        folder or Path("runs") / study.name,
        device=options["device"],
        force=options["force"],
        quiet=options["quiet"],
        workers=workers,
    )
    failed: list[str] = []
    for name, recipe in recipes.items():
        outcome = simulate(recipe, comparison.patterns[name], workers, options["quiet"])
        failed += say_failures(name, outcome)
    table = compare_methods(comparison, failed)
    if not options["quiet"]:
        click.echo(table, nl=False)
        click.echo(f"tables and pictures: {comparison.folder}")


def say_failures(name: str, outcome: CampaignOutcome) -> list[str]:
    """A line for the report where patterns could not be made; none where all are there.

    Parameters
    ----------
    name : of their recipe.
    outcome : of the campaign.
    """
    failures = outcome.failures
    if not failures:
        return []
    more = f"; and {len(failures) - 1} more" if len(failures) > 1 else ""
    there = number_of(outcome.made + outcome.reused, "pattern")
    return [
        f"{name}: only {there} could be made; others failed "
        f"({failures[0]}{more}): the same command with --force tries them again"
    ]


def refuse(given: dict[str, Any], path: Path) -> None:
    """InputError for options that a study of methods does not take.

    Parameters
    ----------
    given : values of the options by name; those that are None or False were not given.
    path : of the configuration.
    """
    for name, value in given.items():
        if value not in (None, False, "gaps"):
            raise InputError(
                f"--{name} is {value}, but {path} is a study of methods: set it there, or leave "
                "it out"
            )
