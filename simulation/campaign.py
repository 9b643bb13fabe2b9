"""A campaign: a whole set of patterns, made by many processes, kept in one file.

While it runs, each relaxed particle and each finished pattern is a small file of its own in
``patterns.h5.parts``, so that a campaign that is killed loses only what was in work. At the end
they are joined into ``patterns.h5``.
"""

from __future__ import annotations

import queue
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.files import lock
from bcdi_inpaint.files.patterns import (
    Contents,
    StoredParticle,
    StoredPattern,
    join,
    read_contents,
    read_particle,
    recipe_sha256,
    write_patterns,
)
from bcdi_inpaint.running.executors import open_executor
from simulation.particles import Particle
from simulation.recipe import Pattern, Recipe, make_particle_of, make_pattern, particle_number
from simulation.relaxation import Relaxed

LOG_INTERVAL_S = 30.0
"""Between two lines of progress where there is no terminal."""


@dataclass(frozen=True)
class Outcome:
    """What a campaign did: patterns made now and before, and a line for each failure."""

    made: int
    reused: int
    failures: tuple[str, ...]


# --- what a worker does --------------------------------------------------------------------------


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
def _particle(path: Path, number: int) -> Particle:
    """A particle from a file; the next pattern of this worker is mostly of the same."""
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


def _failure(make: Callable[[], Any]) -> tuple[Any, str | None]:
    """What `make` gives, or one line of why it gives nothing: the campaign goes on then.

    What no other pattern could do without either is raised: an engine, for example.
    """
    try:
        return make(), None
    except MissingEngineError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        return None, reason if isinstance(error, InputError) else f"{type(error).__name__} {reason}"


def _relax_part(recipe: Recipe, number: int, path: Path) -> str | None:
    """Write particle `number` to its part; a line if it fails."""
    particle, failure = _failure(lambda: _stored_particle(make_particle_of(recipe, number)))
    if failure is None:
        write_patterns(path, recipe.model_dump(mode="json"), (), {number: particle})
    return failure


def _make_part(recipe: Recipe, index: int, particle: Path | None, path: Path) -> str | None:
    """Write pattern `index` to its part; a line if it fails. `particle` holds its particle."""
    number = particle_number(recipe, index)

    def make() -> StoredPattern:
        body = None if particle is None or number is None else _particle(particle, number)
        return _stored_pattern(make_pattern(recipe, index, body), index, number)

    pattern, failure = _failure(make)
    if failure is None:
        write_patterns(path, recipe.model_dump(mode="json"), [pattern])
    return failure


# --- the parts -----------------------------------------------------------------------------------


@dataclass
class _Stock:
    """Where the patterns and particles of a recipe lie that are made already."""

    folder: Path
    patterns: dict[int, Path] = field(default_factory=dict)
    particles: dict[int, Path] = field(default_factory=dict)

    def pattern_path(self, index: int) -> Path:
        return self.folder / f"pattern-{index:07d}.h5"

    def particle_path(self, number: int) -> Path:
        return self.folder / f"particle-{number:05d}.h5"

    def add(self, path: Path, contents: Contents) -> None:
        self.patterns |= dict.fromkeys(contents.row_of, path)
        self.particles |= dict.fromkeys(contents.particles, path)


def _read_stock(recipe: Recipe, path: Path, force: bool) -> _Stock:
    """What an earlier run left in `path` and its parts; InputError if `path` is another recipe's.

    With `force` such a file is passed over.
    """
    sha256 = recipe_sha256(recipe.model_dump(mode="json"))
    stock = _Stock(path.with_name(f"{path.name}.parts"))
    with suppress(InputError) if force else nullcontext():
        if path.exists():
            _add_finished(stock, path, sha256, recipe.count, force)
    for part in sorted(stock.folder.glob("*.h5")):
        with suppress(InputError):  # one that is damaged is made again
            contents = read_contents(part)
            if contents.recipe_sha256 == sha256:
                stock.add(part, contents)
    return stock


def _add_finished(stock: _Stock, path: Path, sha256: str, count: int, force: bool) -> None:
    contents = read_contents(path)
    if contents.recipe_sha256 != sha256:
        raise InputError(
            f"{path} was made by another recipe, expected this one: give another path, or "
            "replace it with --force"
        )
    if max(contents.row_of, default=0) >= count and not force:
        raise InputError(
            f"{path} holds {len(contents.row_of)} patterns, expected at most the count of "
            f"{count}: give another path, or cut it with --force"
        )
    stock.add(path, contents)


@contextmanager
def _parts_folder(recipe: Recipe, folder: Path, force: bool) -> Iterator[None]:
    """The folder of parts, ours alone meanwhile; InputError if it is another recipe's."""
    told = folder / "recipe.json"
    sha256 = recipe_sha256(recipe.model_dump(mode="json"))
    try:
        folder.mkdir(exist_ok=True)
        if not told.exists() and any(folder.glob("*")):
            raise InputError(
                f"{folder} holds other files, expected the parts of a campaign: give another path"
            )
        with open(told, "a+") as stream:
            _lock(stream.fileno(), folder)
            stream.seek(0)
            if stream.read().strip() not in ("", sha256):
                if not force:
                    raise InputError(
                        f"{folder} holds the parts of another recipe, expected this one's: give "
                        "another path, or replace them with --force"
                    )
                for part in folder.glob("*.h5"):
                    part.unlink()
            unfinished = f".{folder.name.removesuffix('.parts')}-*.tmp"
            for rest in (*folder.glob(".*.tmp"), *folder.parent.glob(unfinished)):
                rest.unlink(missing_ok=True)  # of processes that were killed
            stream.truncate(0)
            stream.write(sha256)
            stream.flush()
            yield
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror or error}), expected space and "
            "permission: make room or give another path"
        ) from error


def _lock(descriptor: int, folder: Path) -> None:
    """Keep a second campaign off."""
    try:
        lock(descriptor, wait=False)
    except BlockingIOError:
        raise InputError(
            f"another process is making {folder.name.removesuffix('.parts')}, expected none: "
            "wait for it, or give another path"
        ) from None


# --- the work ------------------------------------------------------------------------------------


class _Progress:
    """A bar on a terminal; elsewhere a line from time to time."""

    def __init__(self, total: int, reused: int, quiet: bool) -> None:
        terminal = sys.stderr.isatty()
        self._lines = not quiet and not terminal
        self._bar = tqdm(
            total=total, initial=reused, desc="patterns", disable=quiet or not terminal, leave=False
        )
        self._done, self._total, self._reused = reused, total, reused
        self._started = self._said = time.monotonic()

    def update(self) -> None:
        self._bar.update()
        self._done += 1

    def look(self) -> None:
        """Say a line if it is time for one."""
        now = time.monotonic()
        if not self._lines or now - self._said < LOG_INTERVAL_S:
            return
        self._said = now
        line = f"patterns: {self._done} of {self._total}"
        made = self._done - self._reused
        if made:
            left_min = (now - self._started) / made * (self._total - self._done) / 60
            line += f", {left_min:.0f} min left"
        print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        self._bar.close()


class _Work:
    """The patterns still to make: particles first, then what waits for each."""

    def __init__(self, recipe: Recipe, stock: _Stock, open_executor: Executor) -> None:
        self._recipe, self._stock, self._executor = recipe, stock, open_executor
        self._answers: queue.SimpleQueue[Future[str | None]] = queue.SimpleQueue()
        self._then: dict[Future[str | None], Callable[[str | None], None]] = {}
        self.failures: list[str] = []
        self.made = 0

    def run(self, missing: list[int], progress: _Progress) -> None:
        """Make the missing patterns; what fails becomes a line of `failures`."""
        of_particle: dict[int, list[int]] = {}
        for index in missing:
            number = particle_number(self._recipe, index)
            if number is not None:
                of_particle.setdefault(number, []).append(index)
        for number, indices in of_particle.items():
            if number not in self._stock.particles:
                path = self._stock.particle_path(number)
                then = partial(self._particle_done, number, indices, progress)
                self._submit(then, _relax_part, self._recipe, number, path)
        for index in missing:
            number = particle_number(self._recipe, index)
            if number is None or number in self._stock.particles:
                self._make(index, number, progress)
        while self._then:
            progress.look()
            with suppress(queue.Empty):
                future = self._answers.get(timeout=1.0)
                self._then.pop(future)(self._answer(future))

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

    def _make(self, index: int, number: int | None, progress: _Progress) -> None:
        particle = None if number is None else self._stock.particles[number]
        path = self._stock.pattern_path(index)
        then = partial(self._pattern_done, index, path, progress)
        self._submit(then, _make_part, self._recipe, index, particle, path)

    def _particle_done(
        self, number: int, indices: list[int], progress: _Progress, failure: str | None
    ) -> None:
        if failure is not None:
            self.failures.append(f"particle {number} ({len(indices)} patterns): {failure}")
            return
        self._stock.particles[number] = self._stock.particle_path(number)
        for index in indices:
            self._make(index, number, progress)

    def _pattern_done(
        self, index: int, path: Path, progress: _Progress, failure: str | None
    ) -> None:
        if failure is not None:
            self.failures.append(f"pattern {index}: {failure}")
            return
        self._stock.patterns[index] = path
        self.made += 1
        progress.update()


def run(
    recipe: Recipe,
    path: Path,
    workers: int | None = None,
    quiet: bool = False,
    *,
    scheduler: str | None = None,
    force: bool = False,
) -> Outcome:
    """Make the recipe's patterns into the HDF5 file `path`, going on where it was interrupted.

    The file holds the same patterns whatever the number of `workers`; those a finished file or
    its parts hold already are not made again, also where the recipe's count was raised since.

    Parameters
    ----------
    workers : local processes, one core each; all cores where not given.
    quiet : say nothing but what failed (on stderr).
    scheduler : address of a dask.distributed scheduler, whose workers do the work instead. They
        have to see the folder of `path`, and to run one thread each.
    force : replace what another recipe made, instead of refusing it.

    Raises
    ------
    InputError
        For what ends the whole campaign: another recipe's file, a full disk, a missing engine.
        What is made is kept. A pattern that fails alone is a line of `Outcome.failures`; the file
        then holds the others.
    """
    path = path.absolute()
    _check_path(path)
    stock = _read_stock(recipe, path, force)
    if not stock.folder.exists() and len(stock.patterns) == recipe.count:
        _say(f"{path}: all {recipe.count} patterns are there", quiet)
        return Outcome(0, recipe.count, ())
    with _parts_folder(recipe, stock.folder, force):
        stock = _read_stock(recipe, path, force)
        have = _wanted(stock.patterns, recipe)
        if have:
            _say(f"{path}: {len(have)} of {recipe.count} patterns are there", quiet)
        missing = [index for index in range(recipe.count) if index not in have]
        made, failures = _make_missing(recipe, stock, missing, workers, scheduler, quiet)
        for line in failures:
            print(line, file=sys.stderr)
        complete = _wanted(stock.patterns, recipe)
        if complete:
            join(path, recipe.model_dump(mode="json"), complete, stock.particles)
            shutil.rmtree(stock.folder, ignore_errors=True)
    return Outcome(made, len(have), failures)


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
    stock: _Stock,
    missing: list[int],
    workers: int | None,
    scheduler: str | None,
    quiet: bool,
) -> tuple[int, tuple[str, ...]]:
    """Make the parts of what is missing: how many were made, and a line for each failure."""
    if not missing:
        return 0, ()
    progress = _Progress(recipe.count, recipe.count - len(missing), quiet)
    try:
        with open_executor(workers, scheduler, len(missing)) as workers_at_work:
            work = _Work(recipe, stock, workers_at_work)
            work.run(missing, progress)
        return work.made, tuple(work.failures)
    finally:
        progress.close()
