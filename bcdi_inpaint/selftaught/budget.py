"""How long a method may learn: steps, minutes, and Ctrl-C, which ends it with the best so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bcdi_inpaint.arrays import FloatArray
from bcdi_inpaint.errors import InputError

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all); where time is spent sooner, with as many of them as are
its part."""


def silent(_done: int, _total: int) -> None:
    """No progress is shown."""


class TooLittleTimeError(InputError):
    """The first steps do not fit into the minutes that there are for them."""


@dataclass(frozen=True)
class Budget:
    """What a method may spend; it ends with whichever is spent first.

    Raises InputError for less than one step.

    Attributes
    ----------
    steps : of the optimiser.
    minutes : of time; None for no limit.
    progress : is told of every step.
    clock : seconds that only rise.
    share : part of the whole time that this is.
    """

    steps: int
    minutes: float | None = None
    progress: Progress = silent
    clock: Callable[[], float] = time.monotonic
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}, expected at least 1: give more")
        if self.minutes is not None and not self.minutes > 0:
            raise InputError(f"minutes is {self.minutes}, expected more than 0: give more")

    def spend(self, least: int = 1) -> Iterator[int]:
        """The number of each step, until the budget is spent.

        Raises InputError where there are fewer than the least steps, a TooLittleTimeError where
        these alone take longer than there is time.
        """
        if self.steps < least:
            raise InputError(
                f"steps of a run in which its networks learn are {self.steps}, expected at least "
                f"{least}: give more"
            )
        started = self.clock()
        for step in range(self.steps):
            yield step
            spent = (self.clock() - started) / 60
            self.progress(max(step + 1, self._as_steps(spent)), self.steps)
            if self.minutes is not None and spent >= self.minutes:
                if step + 1 < min(least + 1, self.steps):
                    needed = spent * least / (step + 1)
                    what = "a step" if least == 1 else f"{least} steps"
                    raise TooLittleTimeError(
                        f"minutes is {self.minutes / self.share:g}, expected more than "
                        f"{needed / self.share:.2g} for {what} to fit in: give more --minutes"
                    )
                return

    def _as_steps(self, spent: float) -> int:
        """The steps that are as large a part of all as the minutes are of the time."""
        if self.minutes is None:
            return 0
        return int(min(spent / self.minutes, 1) * self.steps)

    def part(self, first: float, last: float) -> Budget:
        """A part of the budget, whose progress is shown as that part of the whole.

        Parameters
        ----------
        first, last : where the part begins and ends, 0 to 1.
        """
        steps = max(round(self.steps * (last - first)), 1)
        before = round(self.steps * first)
        minutes = None if self.minutes is None else self.minutes * (last - first)

        def progress(done: int, total: int) -> None:
            share = before + round((done / total) * (self.steps * (last - first)))
            self.progress(min(share, self.steps), self.steps)

        return Budget(steps, minutes, progress, self.clock, self.share * (last - first))


@dataclass
class Best:
    """The best fill so far, by its error where counts were held out.

    Attributes
    ----------
    log_counts : log(1 + counts) of the best, None before the first.
    error : its mean squared error in the held-out voxels.
    steps : how many steps were taken.
    best_step : how many had been when the best was; 0 where it is what the method began at.
    interrupted : whether Ctrl-C ended it.
    cut_short : whether a part of the method had no time for more than a step.
    """

    log_counts: FloatArray | None = None
    error: float = field(default=float("inf"))
    steps: int = 0
    best_step: int = 0
    interrupted: bool = False
    cut_short: bool = False

    def offer(self, log_counts: FloatArray, error: float) -> None:
        """Take a fill that is no worse than the best, and the first in any case."""
        if self.log_counts is None or error <= self.error:
            self.log_counts, self.error, self.best_step = log_counts, error, self.steps
