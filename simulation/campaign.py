"""A campaign: a whole set of patterns, made by many processes, kept in one file.

While it runs, each relaxed particle and each finished pattern is a small file of its own in
``patterns.h5.parts``, so that a campaign that is killed loses only what was in work. At the end
they are joined into ``patterns.h5``.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.pattern_writing import join_patterns
from bcdi_inpaint.running.executors import open_executor
from bcdi_inpaint.running.progress import count_progress
from simulation.campaign_parts import Stock, parts_folder, read_stock
from simulation.campaign_work import CampaignWork
from simulation.recipe import Recipe

LOG_INTERVAL_S = 30.0
"""Between two lines of progress where there is no terminal."""


@dataclass(frozen=True)
class CampaignOutcome:
    """What a campaign did: patterns made now and before, and a line for each failure."""

    made: int
    reused: int
    failures: tuple[str, ...]


def run(
    recipe: Recipe,
    path: Path,
    workers: int | None = None,
    quiet: bool = False,
    *,
    scheduler: str | None = None,
    force: bool = False,
) -> CampaignOutcome:
    """Make the recipe's patterns into an HDF5 file, going on where it was interrupted.

    The file holds the same patterns whatever the number of workers. Patterns that a finished file
    or its parts hold already are not made again, also where the recipe's count was raised since.

    Parameters
    ----------
    recipe : how many patterns, and how each is made.
    path : the file that is written.
    workers : local processes, one core each; all cores where not given.
    quiet : say nothing but what failed (on stderr).
    scheduler : address of a dask.distributed scheduler, whose workers do the work instead. They
        have to see the folder of `path`, and to run one thread each.
    force : replace what another recipe made, instead of refusing it.

    Returns
    -------
    How many patterns were made and how many were there. A pattern that fails alone is a line of
    its `failures`; the file then holds the others.

    Raises
    ------
    InputError
        For what ends the whole campaign: another recipe's file, a full disk, a missing engine.
        What is made is kept.
    """
    path = path.absolute()
    _check_path(path)
    stock = read_stock(recipe, path, force)
    if not stock.folder.exists() and len(stock.patterns) == recipe.count:
        _say(f"{path}: all {recipe.count} patterns are there", quiet)
        return CampaignOutcome(0, recipe.count, ())
    with parts_folder(recipe, stock.folder, force):
        stock = read_stock(recipe, path, force)
        have = _wanted(stock.patterns, recipe)
        if have:
            _say(f"{path}: {len(have)} of {recipe.count} patterns are there", quiet)
        missing = [index for index in range(recipe.count) if index not in have]
        made, failures = _make_missing(recipe, stock, missing, workers, scheduler, quiet)
        for line in failures:
            print(line, file=sys.stderr)
        complete = _wanted(stock.patterns, recipe)
        if complete:
            join_patterns(path, recipe.model_dump(mode="json"), complete, stock.particles)
            shutil.rmtree(stock.folder, ignore_errors=True)
    return CampaignOutcome(made, len(have), failures)


def _check_path(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder, expected a file: give a name in it")
    if not path.parent.is_dir():
        raise InputError(f"folder {path.parent} cannot be written, expected one: make it first")


def _wanted(patterns: dict[int, Path], recipe: Recipe) -> dict[int, Path]:
    return {index: path for index, path in patterns.items() if index < recipe.count}


def _say(line: str, quiet: bool) -> None:
    if not quiet:
        print(line, file=sys.stderr, flush=True)


def _make_missing(
    recipe: Recipe,
    stock: Stock,
    missing: list[int],
    workers: int | None,
    scheduler: str | None,
    quiet: bool,
) -> tuple[int, tuple[str, ...]]:
    """Make the parts of what is missing: how many were made, and a line for each failure."""
    if not missing:
        return 0, ()
    with (
        count_progress(
            "patterns",
            recipe.count,
            quiet,
            n_before=recipe.count - len(missing),
            interval_s=LOG_INTERVAL_S,
            says_time_left=True,
        ) as advance,
        open_executor(workers, scheduler, len(missing)) as executor,
    ):
        work = CampaignWork(recipe, stock, executor)
        work.run(missing, advance)
    return work.made, tuple(work.failures)
