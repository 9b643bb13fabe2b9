"""Scans that stay in their file, of which one part is in memory at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bcdi_inpaint.files.dataset import find_counts
from bcdi_inpaint.files.flags import StoredFlags
from bcdi_inpaint.files.frames import Stack
from bcdi_inpaint.scan.boxes import BLOCK, Box, Shape
from bcdi_inpaint.scan.crop import Crop, slices_of
from bcdi_inpaint.scan.remarks import Remarks, and_count
from bcdi_inpaint.scan.scan import Metadata, Scan
from bcdi_inpaint.scan.validity import invalid_voxels

DEEPEST = 4 * BLOCK
"""Frames of a chunk up to which reading a block of frames wastes little."""


@dataclass(frozen=True, repr=False)
class StoredScan:
    """A scan in an HDF5 file; see `scan.Measured`.

    Attributes
    ----------
    shape, dtype : of the counts, as far as they are wanted.
    metadata, source : see `Scan`.
    data_path : the path that was walked to the counts.
    stack, flags : where counts and mask really lie; without a mask None.
    corner : the first voxel of the stored array that is wanted.
    masks : further masks, bool, (n_y, n_x) or of the shape.
    without_invalid : whether voxels that hold no count are bad.
    remarks : what has to be said about how it was read.
    """

    shape: Shape
    dtype: np.dtype
    metadata: Metadata
    source: Path
    data_path: str
    stack: Stack
    flags: StoredFlags | None
    corner: tuple[int, int, int] = (0, 0, 0)
    masks: tuple[np.ndarray, ...] = ()
    without_invalid: bool = False
    remarks: Remarks = ()

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.shape))
        what = f"{shape} {self.dtype}{and_count(self.remarks)}"
        return f"StoredScan of {self.source.name}:/{self.data_path}: {what}"

    @property
    def flags_dtype(self) -> np.dtype | None:
        """Of the mask as stored, None without one."""
        return None if self.flags is None else self.flags.array.dtype

    def part(self, box: Box) -> Scan:
        """The scan within a box, read from the file."""
        counts, flags = self.stack.read(self._stored(box)), self._flags(box)
        bad = self._bad(box, flags)
        if self.without_invalid:
            bad |= invalid_voxels(counts)
        return Scan(counts, bad, flags, self.metadata, self.source)

    def bad_in(self, box: Box) -> np.ndarray:
        """The bad voxels of a box; the counts are read only where these decide."""
        if self.without_invalid:
            return self.part(box).bad_mask
        return self._bad(box, self._flags(box))

    def with_masks(self, masks: list[np.ndarray], *, without_invalid: bool) -> StoredScan:
        """The scan with further masks (bool, (n_y, n_x) or of its shape) added to its own."""
        return replace(self, masks=(*self.masks, *masks), without_invalid=without_invalid)

    def _stored(self, box: Box) -> Box:
        """The box of the stored array that a box of the scan is."""
        frames, rows, columns = (
            slice(part.start + first, part.stop + first)
            for part, first in zip(box, self.corner, strict=True)
        )
        return frames, rows, columns

    def _flags(self, box: Box) -> np.ndarray | None:
        """The mask of a box as stored, of the box's shape."""
        return None if self.flags is None else self.flags.read(self._stored(box))

    def _bad(self, box: Box, flags: np.ndarray | None) -> np.ndarray:
        bad = np.zeros([part.stop - part.start for part in box], dtype=bool)
        if self.flags is not None and flags is not None:
            bad |= self.flags.bad(flags)
        for mask in self.masks:
            bad |= mask[box if mask.ndim == 3 else box[1:]]
        return bad


def open_hdf5(path: Path, inner: str | None, crop: Crop | None) -> StoredScan | None:
    """Open the scan at a path of an HDF5 file and leave it there; see `dataset.read_hdf5`.

    Parameters
    ----------
    path : the file.
    inner : path of the counts in the file; None to look for them.
    crop : the part that is wanted; None for all of it.

    Returns
    -------
    The scan; None for one whose chunks are so deep that it is better read whole.

    Raises
    ------
    InputError
        As `dataset.read_hdf5`.
    """
    found = find_counts(path, inner)
    if found.stack.depth > DEEPEST:
        return None
    found.stack.check_ratio(f"{path}:/{found.data_path}")
    shape = found.stack.shape
    spans = [part.indices(n)[:2] for part, n in zip(slices_of(crop, shape), shape, strict=True)]
    frames, rows, columns = (stop - start for start, stop in spans)
    return StoredScan(
        (frames, rows, columns),
        found.stack.dtype,
        found.metadata,
        path,
        found.data_path,
        found.stack,
        found.flags,
        corner=(spans[0][0], spans[1][0], spans[2][0]),
        remarks=found.remarks,
    )
