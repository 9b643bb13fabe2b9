"""Sets of voxels that reach through an array along an axis, and scans in which they are bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.scan.boxes import Box, Shape, sides, whole
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.scan.views import ScanView


@dataclass(frozen=True)
class VoxelSet:
    """The union of patterns that each reach through an array of `shape` along some axes.

    Attributes
    ----------
    shape : (n_rock, n_y, n_x).
    patterns : bool arrays of three axes; one of length 1 stands for all lines of that axis.

    Examples
    --------
    >>> lost = np.zeros((4, 1, 1), dtype=bool)
    >>> lost[2] = True
    >>> VoxelSet((4, 3, 2), (lost,)).size
    6
    """

    shape: Shape
    patterns: tuple[BoolArray, ...] = ()

    def part(self, box: Box) -> BoolArray:
        """Which voxels of a box belong to the set, bool of the box's shape."""
        found = np.zeros(sides(box), dtype=bool)
        for pattern in self.patterns:
            found |= pattern[_within(pattern, box)]
        return found

    @property
    def is_empty(self) -> bool:
        """Whether no voxel belongs to it."""
        return not any(pattern.any() for pattern in self.patterns)

    @cached_property
    def size(self) -> int:
        """How many voxels belong to it."""
        return 0 if self.is_empty else int(np.count_nonzero(self.part(whole(self.shape))))


def _within(pattern: BoolArray, box: Sequence[slice]) -> tuple[slice, ...]:
    """The part of a pattern that belongs to a box."""
    return tuple(
        slice(None) if n == 1 else part for n, part in zip(pattern.shape, box, strict=True)
    )


@dataclass(frozen=True)
class MaskedScan(ScanView):
    """A scan in which further voxels are bad; see the protocol `scan.Measured`."""

    bad: VoxelSet

    def part(self, box: Box) -> Scan:
        """The scan within a box."""
        part = self.stored.part(box)
        return replace(part, bad_mask=part.bad_mask | self.bad.part(box))

    def bad_in(self, box: Box) -> BoolArray:
        """Its bad voxels within a box."""
        return np.asarray(self.stored.bad_in(box)) | self.bad.part(box)
