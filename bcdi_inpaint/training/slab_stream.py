"""Slabs of patterns that are made while a training runs: some are new in every epoch."""

from __future__ import annotations

from collections.abc import Callable

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.slabs import Slab, draw_slab
from bcdi_inpaint.training.streams import Stream

Windows = Callable[[int], LogPatterns]
"""Gives window k of an endless sequence of patterns: (window, *shape) log expectations, from number
``k * step`` on. The same k always gives the same patterns."""


class SlabStream:
    """The slabs of each epoch's window of patterns, one of each pattern; nothing is on disk.

    A slab depends on the plan and on its pattern's place in the sequence alone: a training that is
    resumed sees what it would have seen uninterrupted. A slab that two windows share is made once.

    Parameters
    ----------
    windows : gives the patterns of an epoch.
    plan : a plan with a feed.
    """

    def __init__(self, windows: Windows, plan: Plan) -> None:
        assert plan.feed is not None
        self._windows, self._plan, self._step = windows, plan, plan.feed.step
        self._made: dict[int, Slab] = {}

    def of_epoch(self, epoch: int) -> list[Slab]:
        """The slabs of an epoch; waits for patterns that are not made yet."""
        first = epoch * self._step
        patterns = dict(enumerate(self._windows(epoch), first))
        self._made = {
            index: self._made[index] if index in self._made else self._draw(pattern, index)
            for index, pattern in patterns.items()
        }
        return list(self._made.values())

    def _draw(self, pattern: LogPatterns, index: int) -> Slab:
        # As `run.prepare` draws them: the same slab as from a file of patterns.
        rng = Stream.SLABS.generator(self._plan.training.seed, index)
        return draw_slab(pattern, self._plan.patches, rng, self._plan.network.guess)
