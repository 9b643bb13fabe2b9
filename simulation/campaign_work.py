"""The work of a campaign: what a worker makes, and in which order the work is given out."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.files.pattern_writing import write_patterns
from bcdi_inpaint.files.patterns import StoredParticle, StoredPattern, read_particle
from simulation.campaign_parts import Stock
from simulation.particles import Particle
from simulation.recipe import Pattern, Recipe, make_particle_of, make_pattern, particle_number
from simulation.relaxation import Relaxed

Advance = Callable[[int], None]
"""Called with how many more patterns are done; with 0 while waiting."""

# --- in a worker ---------------------------------------------------------------------------------


def _stored_particle(particle: Particle) -> StoredParticle:
    relaxed = particle.relaxed
    return StoredParticle(
        relaxed.reference_nm,
        relaxed.positions_nm,
        relaxed.tied,
        relaxed.max_force_ev_per_nm,
        particle.element,
        particle.parameters,
    )


@lru_cache(maxsize=2)
def _load_particle(path: Path, number: int) -> Particle:
    """A particle from a file; the next pattern of this worker mostly needs it again."""
    stored = read_particle(path, number)
    relaxed = Relaxed(
        stored.reference_nm, stored.positions_nm, stored.tied, stored.max_force_ev_per_nm
    )
    return Particle(relaxed, stored.element, stored.parameters)


def _stored_pattern(pattern: Pattern, index: int, number: int | None) -> StoredPattern:
    grid = pattern.grid
    return StoredPattern(
        index=index,
        expectation=pattern.expectation,
        counts=pattern.counts,
        bad=pattern.bad,
        parameters=pattern.parameters,
        particle=number,
        reflection_inv_nm=None if grid is None else grid.reflection_inv_nm,
        steps_inv_nm=None if grid is None else grid.steps_inv_nm,
        centre=None if grid is None else grid.centre,
    )


def _try_to_make(make: Callable[[], Any]) -> tuple[Any, str | None]:
    """What `make` returns, or one line that says why it failed: the campaign goes on then.

    A missing engine is raised: no other pattern could do without it either.
    """
    try:
        return make(), None
    except MissingEngineError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        return None, reason if isinstance(error, InputError) else f"{type(error).__name__} {reason}"


def relax_part(recipe: Recipe, number: int, path: Path) -> str | None:
    """Relax a particle and write it to its part.

    Parameters
    ----------
    recipe : the particle's.
    number : of the particle in the recipe.
    path : the part that is written.

    Returns
    -------
    None, or one line that says why it failed.
    """
    particle, failure = _try_to_make(lambda: _stored_particle(make_particle_of(recipe, number)))
    if failure is None:
        write_patterns(path, recipe.model_dump(mode="json"), (), {number: particle})
    return failure


def make_part(recipe: Recipe, index: int, particle: Path | None, path: Path) -> str | None:
    """Make a pattern and write it to its part.

    Parameters
    ----------
    recipe : the pattern's.
    index : of the pattern in the recipe.
    particle : the file that holds its particle; None for a continuous crystal.
    path : the part that is written.

    Returns
    -------
    None, or one line that says why it failed.
    """
    number = particle_number(recipe, index)

    def make() -> StoredPattern:
        body = None if particle is None or number is None else _load_particle(particle, number)
        return _stored_pattern(make_pattern(recipe, index, body), index, number)

    pattern, failure = _try_to_make(make)
    if failure is None:
        write_patterns(path, recipe.model_dump(mode="json"), [pattern])
    return failure


# --- beside the workers --------------------------------------------------------------------------


class CampaignWork:
    """The patterns still to make: particles first, and as soon as one is there, its patterns.

    Parameters
    ----------
    recipe : whose patterns are made.
    stock : what is there already; what is made is added to it.
    executor : runs the work.

    Attributes
    ----------
    made : how many patterns were made.
    failures : a line for each particle or pattern that failed.
    """

    def __init__(self, recipe: Recipe, stock: Stock, executor: Executor) -> None:
        self._recipe, self._stock, self._executor = recipe, stock, executor
        self._answers: queue.SimpleQueue[Future[str | None]] = queue.SimpleQueue()
        self._then: dict[Future[str | None], Callable[[str | None], None]] = {}
        self.failures: list[str] = []
        self.made = 0

    def run(self, missing: list[int], advance: Advance) -> None:
        """Make the missing patterns; `advance` is called for each, and once a second."""
        waiting = self._patterns_of_particles(missing)
        for number, indices in waiting.items():
            if number not in self._stock.particles:
                path = self._stock.particle_path(number)
                then = partial(self._particle_done, number, indices, advance)
                self._submit(then, relax_part, self._recipe, number, path)
        for index in missing:
            particle = particle_number(self._recipe, index)
            if particle is None or particle in self._stock.particles:
                self._make(index, particle, advance)
        while self._then:
            advance(0)
            with suppress(queue.Empty):
                future = self._answers.get(timeout=1.0)
                self._then.pop(future)(self._answer(future))

    def _patterns_of_particles(self, missing: list[int]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for index in missing:
            number = particle_number(self._recipe, index)
            if number is not None:
                found.setdefault(number, []).append(index)
        return found

    def _submit(self, then: Callable[[str | None], None], *task: Any) -> None:
        future = self._executor.submit(*task)
        self._then[future] = then
        future.add_done_callback(self._answers.put)

    def _answer(self, future: Future[str | None]) -> str | None:
        """The line of a failure or None; raises what ends the whole campaign."""
        try:
            return future.result()
        except InputError:
            raise
        except Exception as error:
            return " ".join(str(error).split()) or type(error).__name__

    def _make(self, index: int, number: int | None, advance: Advance) -> None:
        particle = None if number is None else self._stock.particles[number]
        path = self._stock.pattern_path(index)
        then = partial(self._pattern_done, index, path, advance)
        self._submit(then, make_part, self._recipe, index, particle, path)

    def _particle_done(
        self, number: int, indices: list[int], advance: Advance, failure: str | None
    ) -> None:
        if failure is not None:
            self.failures.append(f"particle {number} ({len(indices)} patterns): {failure}")
            return
        self._stock.particles[number] = self._stock.particle_path(number)
        for index in indices:
            self._make(index, number, advance)

    def _pattern_done(self, index: int, path: Path, advance: Advance, failure: str | None) -> None:
        if failure is not None:
            self.failures.append(f"pattern {index}: {failure}")
            return
        self._stock.patterns[index] = path
        self.made += 1
        advance(1)
