"""A campaign: a whole set of patterns, made by several processes, kept in one file."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tqdm import tqdm

from bcdi_inpaint.pattern_file import PatternFile
from simulation.recipe import Pattern, Recipe, is_atomistic, make_pattern, relaxed_particle
from simulation.relaxation import Relaxed


@lru_cache(maxsize=2)
def _particle(recipe: Recipe, index: int) -> Relaxed:
    return relaxed_particle(recipe, index)


def _make_for_particle(task: tuple[Recipe, int | None, list[int]]) -> list[tuple[int, Pattern]]:
    recipe, particle_index, indices = task
    particle = None if particle_index is None else _particle(recipe, particle_index)
    return [(index, make_pattern(recipe, index, particle)) for index in indices]


def _tasks(recipe: Recipe, missing: list[int]) -> Iterator[tuple[Recipe, int | None, list[int]]]:
    """Patterns grouped so that each particle is relaxed once."""
    of_particle: dict[int, list[int]] = {}
    for index in missing:
        if is_atomistic(recipe, index):
            number = int(index * recipe.atomistic_share) % recipe.particles
            of_particle.setdefault(number, []).append(index)
        else:
            yield recipe, None, [index]
    yield from ((recipe, number, indices) for number, indices in of_particle.items())


def run(recipe: Recipe, path: Path, workers: int | None = None, quiet: bool = False) -> None:
    """Make the recipe's patterns into the HDF5 file `path`, going on where it was interrupted.

    The file is the same whatever the number of `workers` (default: the machine's cores).
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core a worker: they are the parallelism
    with PatternFile.open(path, recipe.model_dump(mode="json")) as file:
        missing = file.missing
        if not missing:
            return
        context = multiprocessing.get_context("spawn")
        # Ctrl-C reaches every process: the parent alone answers it, and ends the workers.
        ignore = (signal.SIGINT, signal.SIG_IGN)
        with context.Pool(workers or os.cpu_count(), signal.signal, ignore) as pool:
            made = pool.imap_unordered(_make_for_particle, _tasks(recipe, missing))
            with tqdm(total=len(missing), desc="patterns", disable=quiet, mininterval=5) as bar:
                for group in made:
                    for index, pattern in group:
                        file.write(index, pattern.expectation, pattern.parameters)
                        bar.update()
