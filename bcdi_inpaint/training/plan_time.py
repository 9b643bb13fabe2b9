"""The time that a plan gives its network: how much of it is spent, and whether it is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypedDict

from bcdi_inpaint.training.plan import Plan


class SpentTime(TypedDict):
    """What a checkpoint keeps of the time."""

    seconds: float
    is_over: bool


def clock_of(plan: Plan) -> Callable[[], float]:
    """What counts the seconds of a plan's minutes."""
    return time.monotonic if plan.training.clock == "wall" else time.process_time


class PlanTime:
    """The network's part of a plan's minutes, by the plan's clock.

    It begins with the training, not while slabs are made. A training that is resumed takes what its
    checkpoint left.

    Parameters
    ----------
    plan : of the training.

    Attributes
    ----------
    is_over : whether it ended the training, whatever else would have.
    """

    def __init__(self, plan: Plan) -> None:
        self._clock, self._minutes = clock_of(plan), plan.training.network_minutes
        self._before, self._began = 0.0, self._clock()
        self.is_over = False

    def begin(self) -> None:
        """From now on it runs."""
        self._began = self._clock()

    @property
    def seconds(self) -> float:
        """How much is spent, by the runs before too."""
        return self._before + self._clock() - self._began

    @property
    def share(self) -> float:
        """What part of it is spent; 0 where the plan has no minutes."""
        return 0.0 if self._minutes is None else self.seconds / (60 * self._minutes)

    def spent(self) -> SpentTime:
        """What a checkpoint keeps of it."""
        return {"seconds": self.seconds, "is_over": self.is_over}

    def go_on(self, spent: SpentTime | None) -> None:
        """Take up what a checkpoint kept; None, as of one of before, leaves all of it."""
        if spent is not None:
            self._before, self.is_over = spent["seconds"], spent["is_over"]
