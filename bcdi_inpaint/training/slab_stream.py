"""Slabs of patterns that are made while a training runs: some are new in every epoch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.training.patch_dataset import Slab, draw_slab
from bcdi_inpaint.training.plan import Plan

Windows = Callable[[int], LogPatterns]
"""Window k of an endless sequence of patterns: (window, *shape) log expectations, those from
``k * step`` on. The same k gives the same patterns, whenever it is asked for."""


class SlabStream:
    """For each epoch the slabs of its window of patterns, one of each; nothing is on disk.

    A slab depends on the plan and on its pattern's place in the sequence alone: a training that was
    interrupted sees what it would have seen. Those that two windows share are made once.
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
        # The stream of draws of `training.prepare`: the same slab as from a file of patterns.
        rng = np.random.default_rng([self._plan.training.seed, 3, index])
        return draw_slab(pattern, self._plan.patches, rng, self._plan.network.guess)
