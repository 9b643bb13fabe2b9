"""The intensity that a reconstruction calculates, where in the scan it belongs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_result
from bcdi_inpaint.phasing.reconstruction import intensity_of
from bcdi_inpaint.scan.boxes import Box, as_box, overlap, sides


@dataclass(frozen=True)
class Calculated:
    """Calculated counts of a box of the scan, float32 of the box's shape."""

    box: Box
    counts: Float32Array

    def part(self, box: Box) -> Float32Array:
        """Those within another box of the scan, nan where nothing was phased."""
        found = np.full(sides(box), np.nan, np.float32)
        common = overlap(self.box, box)
        if common is not None:
            found[common[1]] = self.counts[common[0]]
        return found


def calculated_intensity(path: str | Path, shape: tuple[int, ...]) -> Calculated:
    """The calculated intensity of a file that `bcdi-inpaint phase` or PyNX wrote.

    Parameters
    ----------
    path : the file.
    shape : (n_rock, n_y, n_x) of the scan.

    Raises
    ------
    InputError
        For a file that does not say which part of the scan was phased, or was phased binned.
    """
    stored = read_result(path)
    ends = stored.ends
    box = as_box(slice(*ends[2 * axis : 2 * axis + 2]) for axis in range(3)) if ends else None
    fits = box is not None and sides(box) == stored.obj.shape
    if box is None or not fits or any(s.stop > n for s, n in zip(box, shape, strict=True)):
        raise InputError(
            f"{path} holds an object of {stored.obj.shape} voxels, expected one of a part of the "
            f"scan's {shape}, not binned: give a reconstruction of this scan"
        )
    return Calculated(box, intensity_of(stored.obj).astype(np.float32))
