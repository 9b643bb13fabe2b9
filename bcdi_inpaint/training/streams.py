"""Random streams: the numbers that follow a seed, so that kinds of draws do not share any.

Whatever is drawn comes from a generator of ``(seed, stream, ...)`` of its own: it does not depend
on what else is drawn, or in which order. The numbers decide what a plan trains on, so they never
change; the two kinds of a fine-tuning that share some keep them (`FinetuneStream.SLABS`).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class _Streams(IntEnum):
    """Numbers of streams that make their generators."""

    def generator(self, seed: int, *numbers: int) -> np.random.Generator:
        """A fresh generator of this stream, for the item that has these numbers in it."""
        return np.random.default_rng([seed, self, *numbers])


class Stream(_Streams):
    """What a training draws.

    Examples
    --------
    >>> rng = Stream.SLABS.generator(7, 12)  # of a training with seed 7, the slab number 12
    >>> int(rng.integers(1000)), int(np.random.default_rng([7, 3, 12]).integers(1000))
    (222, 222)
    """

    PATCHES = 1
    """The patches of an epoch: followed by the epoch, and the patch's number in it."""
    VALIDATION_PATCHES = 2
    """Followed by the patch's number."""
    SLABS = 3
    """Followed by the slab's number."""
    VALIDATION_SLABS = 4
    """Followed by the slab's number."""
    CALIBRATION = 5
    """Followed by nothing, or by the pattern's number."""
    LAST_STEP = 6
    """Followed by the pattern's number and a gap's width, or by nothing for the patterns' order."""
    LAST_STEP_VALIDATION = 7
    """The same, in held-out patterns."""


class FinetuneStream(_Streams):
    """What a fine-tuning draws, besides the patches of its only epoch (`Stream.PATCHES`)."""

    PARTS = 0
    """What is held out of a scan: followed by the scan's number."""
    SLABS = 1
    """Artificial gaps to learn from: followed by the scan's number and the slab's number in it.

    Slab i of the first scan has the numbers of patch i: each reads the same draws as something
    else, and their number stays what fine-tunings before had.
    """
    HELD_OUT_SLABS = 2
    """Artificial gaps to judge in: followed by the same two numbers."""
    HELD_OUT_PATCHES = 3
    """Followed by the patch's number."""
