"""What tells, voxel by voxel, how far to believe a computed intensity beside a fill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, IntArray
from bcdi_inpaint.scan.boxes import Box


@dataclass(frozen=True)
class Evidence:
    """A fill and a computed intensity of the same voxels; arrays (n_rock, n_y, n_x).

    Attributes
    ----------
    log_counts : log(1 + measured counts); what stands where nothing was seen does not matter.
    seen : bool, True = measured, and known to the retrieval.
    log_fill : log(1 + counts) of the fill.
    log_found : log(1 + counts) of the computed intensity.
    spread : standard deviation of log(1 + intensity) over the starts; zeros of one start.
    """

    log_counts: Float32Array
    seen: BoolArray
    log_fill: Float32Array
    log_found: Float32Array
    spread: Float32Array

    @property
    def apart(self) -> Float32Array:
        """How far the computed intensity is from the fill."""
        return self.log_found - self.log_fill

    @property
    def missed(self) -> Float32Array:
        """What the computed intensity misses of the measured voxels; 0 elsewhere."""
        missed: Float32Array = np.where(self.seen, self.log_counts - self.log_found, np.float32(0))
        return missed

    def part(self, box: Box) -> Evidence:
        """The evidence within a box."""
        return Evidence(
            self.log_counts[box],
            self.seen[box],
            self.log_fill[box],
            self.log_found[box],
            self.spread[box],
        )


def box_around(chosen: BoolArray, margin: int) -> Box:
    """The smallest box with every chosen voxel, and `margin` more on each side where there are.

    Examples
    --------
    >>> chosen = np.zeros((8, 8, 8), dtype=bool)
    >>> chosen[4, 5, 6] = True
    >>> box_around(chosen, 1)
    (slice(3, 6, None), slice(4, 7, None), slice(5, 8, None))
    """
    first, second, third = (_side(places, margin) for places in np.nonzero(chosen))
    return first, second, third


def _side(places: IntArray, margin: int) -> slice:
    return slice(max(int(places.min()) - margin, 0), int(places.max()) + margin + 1)
