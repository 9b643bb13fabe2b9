"""What is written of a filled scan, whatever wrote the fill: arrays, in memory or part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.found_object import FoundObject
from bcdi_inpaint.scan.scan import Scan


@dataclass(frozen=True)
class FilledPart:
    """A filled scan within a box; all arrays of the box's shape.

    Attributes
    ----------
    counts : float32, positive where a voxel was filled, elsewhere the measured counts, which are
        bit for bit what they are as float32.
    filled : bool, True where a voxel was filled.
    mask : bool, True = not to be taken as measured.
    marked : bool, True = marked as bad by the user's own hand; None where nothing was.
    """

    counts: Float32Array
    filled: BoolArray
    mask: BoolArray
    marked: BoolArray | None = None


@dataclass(frozen=True)
class Uncertainty:
    """How sure a fill is within a box; all arrays float32 of the box's shape.

    Attributes
    ----------
    sigma : standard deviation of log(1 + expected counts), 0 where nothing was filled.
    lower_bound, upper_bound : interval of the expected counts, 0 and infinity where nothing was
        filled.
    """

    sigma: Float32Array
    lower_bound: Float32Array
    upper_bound: Float32Array


class FilledScan(Protocol):
    """A filled scan that is given part by part, so that it need not fit in memory."""

    @property
    def objects(self) -> Sequence[FoundObject]:
        """What the starts of its refinement came to; none without one."""

    def part(self, box: Box, measured: Scan) -> FilledPart:
        """The filled scan within a box; `measured` is the scan there."""

    def uncertainty(self, box: Box) -> Uncertainty | None:
        """How sure the fill is within a box; None where nothing was filled."""


@dataclass(frozen=True)
class FilledArrays:
    """A filled scan in memory; all arrays (n_rock, n_y, n_x). It is a `FilledScan`.

    Attributes
    ----------
    counts, filled, mask : see `FilledPart`.
    sigma, lower_bound, upper_bound : see `Uncertainty`.
    objects : see `FilledScan`.
    """

    counts: Float32Array
    filled: BoolArray
    mask: BoolArray
    sigma: Float32Array
    lower_bound: Float32Array
    upper_bound: Float32Array
    objects: Sequence[FoundObject] = ()

    def part(self, box: Box, measured: Scan) -> FilledPart:
        """The filled scan within a box; its arrays are views."""
        return FilledPart(self.counts[box], self.filled[box], self.mask[box])

    def uncertainty(self, box: Box) -> Uncertainty | None:
        """How sure the fill is within a box; None where nothing was filled."""
        if not self.filled[box].any():
            return None
        return Uncertainty(self.sigma[box], self.lower_bound[box], self.upper_bound[box])


def check_fill(measured: np.ndarray, fill: FilledPart) -> None:
    """Check our own promise: measured voxels are as measured, filled ones are positive.

    As measured is, bit for bit, as the counts are in float32.

    Parameters
    ----------
    measured : the measured counts, of any number type.
    fill : the filled scan, of the same shape.

    Raises
    ------
    RuntimeError
        Where that does not hold. It would be our own mistake.
    """
    counts, filled = fill.counts, fill.filled
    if counts.dtype != np.float32 or filled.dtype != np.bool_ or fill.mask.dtype != np.bool_:
        raise RuntimeError(f"fill is {counts.dtype}, {filled.dtype}, its mask {fill.mask.dtype}")
    if not counts.shape == filled.shape == fill.mask.shape == measured.shape:
        raise RuntimeError(
            f"fill {counts.shape}, gap {filled.shape}, mask {fill.mask.shape}, "
            f"scan {measured.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        expected = measured.astype(np.float32)
    differs = counts.view(np.uint32) != expected.view(np.uint32)
    if (differs & ~filled).any():
        raise RuntimeError("the fill differs from the measurement outside the gap")
    of_gap = counts[filled]
    if not (np.isfinite(of_gap) & (of_gap > 0)).all():
        raise RuntimeError("the fill is not finite and positive everywhere in the gap")
