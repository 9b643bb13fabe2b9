"""Patterns for a training that is under way, straight from the processes that make them.

No file is touched: the processes write into memory that they share with the training.
"""

from __future__ import annotations

import shutil
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache, partial
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.running.workers import NO_GPU, Workers
from simulation.particles import Particle
from simulation.recipe import Recipe, make_particle_of, make_pattern, particle_number

SHARED = Path("/dev/shm")  # where Linux keeps it
DEVICES = {"cpu": NO_GPU, "auto": {}}


def _slots(memory: SharedMemory, n_slots: int, shape: tuple[int, ...]) -> LogPatterns:
    return np.ndarray((n_slots, *shape), dtype=np.float16, buffer=memory.buf)


def _shared(size: int) -> SharedMemory:
    """Shared memory; InputError where there is no room: writing would end the process."""
    free = shutil.disk_usage(SHARED).free if SHARED.is_dir() else size
    if size > free:
        raise InputError(
            f"{size / 1e9:.2f} GB of shared memory are wanted, {free / 1e9:.2f} GB are free in "
            f"{SHARED}, expected room for window + step patterns: make the window smaller"
        )
    return SharedMemory(create=True, size=size)


@lru_cache(maxsize=1)
def _attached(name: str) -> SharedMemory:
    return SharedMemory(name)


def _fill(recipe: Recipe, index: int, particle: Particle | None, name: str, n_slots: int) -> None:
    """In a worker: pattern `index`, as log(1 + expected photons), into its slot."""
    pattern = make_pattern(recipe, index, particle)
    slots = _slots(_attached(name), n_slots, pattern.expectation.shape)
    slots[index % n_slots] = np.log1p(pattern.expectation)


class Feed:
    """The recipe's endless sequence of patterns, a window of it at a time, made ahead of time.

    Window k holds the patterns ``k * step`` to ``k * step + window - 1``, whatever the timing and
    the number of workers: a training from it repeats from its seed. Use it as a context manager;
    leaving it ends the processes and frees the memory.

    Parameters
    ----------
    recipe : its `count` plays no role.
    window : patterns of a window.
    step : patterns by which one window differs from the last; all where not given.
    workers : processes, one core each.
    first : the first window that will be asked for, where a training is resumed.
    device : ``cpu``, where the same seed gives the same bits; ``auto`` lets the processes use a
        GPU where there is one.

    Shared memory for ``window + step`` patterns of 2 bytes a voxel is held.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        window: int,
        step: int | None = None,
        workers: int = 1,
        first: int = 0,
        device: str = "cpu",
    ) -> None:
        step = window if step is None else step
        if not 1 <= step <= window:
            raise InputError(f"step is {step}, expected 1 to the window of {window}")
        if device not in DEVICES:
            raise InputError(f"device is {device!r}, expected one of {', '.join(DEVICES)}")
        self._recipe, self._window, self._step = recipe, window, step
        self._n_slots = window + step
        self._made: dict[int, Future[None]] = {}
        self._particles: dict[int, Future[Particle]] = {}
        self._memory = _shared(self._n_slots * int(np.prod(recipe.shape)) * 2)
        try:
            self._workers = Workers(workers, DEVICES[device])
            self._want(first)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes and free the memory; a second time does nothing."""
        if hasattr(self, "_workers"):
            self._workers.shutdown()
        self._memory.close()
        with suppress(FileNotFoundError):
            self._memory.unlink()

    def window(self, k: int) -> LogPatterns:
        """A copy of window k (window, *shape), log(1 + expected photons) in half precision.

        Waits only for what is not made yet, and has the next window made meanwhile. Any k may be
        asked for; in rising order nothing is made twice. Raises what a pattern failed with.
        """
        if k < 0:
            raise InputError(f"window is {k}, expected 0 or more")
        self._want(k)
        indices = range(k * self._step, k * self._step + self._window)
        for index in indices:
            self._made[index].result()
        slots = _slots(self._memory, self._n_slots, tuple(self._recipe.shape))
        found = slots[[index % self._n_slots for index in indices]]
        self._want(k + 1)
        return found

    def _want(self, k: int) -> None:
        """Have window k made, and the step after it, in place of all that came before."""
        wanted = range(k * self._step, k * self._step + self._n_slots)
        for index in [index for index in self._made if index not in wanted]:
            future = self._made.pop(index)
            if not future.cancel():
                future.exception()  # it holds its slot until it is done
        for index in wanted:
            if index not in self._made:
                self._made[index] = self._make(index)

    def _make(self, index: int) -> Future[None]:
        """Have a pattern made; where its particle is not relaxed yet, after that."""
        number = particle_number(self._recipe, index)
        if number is None:
            return self._submit(index, None)
        if number not in self._particles:
            self._particles[number] = self._workers.submit(make_particle_of, self._recipe, number)
        particle = self._particles[number]
        if particle.done():
            return self._submit(index, particle.result())
        done: Future[None] = Future()
        particle.add_done_callback(partial(self._after_particle, index, done))
        return done

    def _submit(self, index: int, particle: Particle | None) -> Future[None]:
        return self._workers.submit(
            _fill, self._recipe, index, particle, self._memory.name, self._n_slots
        )

    def _after_particle(self, index: int, done: Future[None], particle: Future[Particle]) -> None:
        """Called where the particle of a waiting pattern is there: make it, unless unwanted."""
        if not done.set_running_or_notify_cancel():
            return
        error = None if particle.cancelled() else particle.exception()
        if particle.cancelled() or error is not None:
            done.set_exception(error or RuntimeError("the feed was closed"))
            return
        try:
            made = self._submit(index, particle.result())
        except RuntimeError as closed:
            done.set_exception(closed)
            return
        made.add_done_callback(partial(_pass_on, done))


def _pass_on(done: Future[None], made: Future[None]) -> None:
    """What became of the one, to the other."""
    error = RuntimeError("the feed was closed") if made.cancelled() else made.exception()
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
