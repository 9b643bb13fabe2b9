"""Scans that stay in their file, of which one part is in memory at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files.chunks import read_part
from bcdi_inpaint.files.dataset import counts_at, default_data_path, flags_at
from bcdi_inpaint.files.faults import check_ratio
from bcdi_inpaint.files.forms import as_flags
from bcdi_inpaint.files.hdf5 import open_file, stored_bytes
from bcdi_inpaint.files.metadata import metadata_of
from bcdi_inpaint.scan.boxes import BLOCK, Box, Shape
from bcdi_inpaint.scan.crop import Crop, slices_of
from bcdi_inpaint.scan.remarks import Remarks
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
    flags_dtype : of the mask as stored, None without one.
    data_path, flags_path : where counts and mask lie in the file.
    corner : the first voxel of the stored array that is wanted.
    masks : further masks, bool, (n_y, n_x) or of the shape.
    without_invalid : whether voxels that hold no count are bad.
    remarks : what has to be said about how it was read.
    """

    shape: Shape
    dtype: np.dtype
    metadata: Metadata
    source: Path
    flags_dtype: np.dtype | None
    data_path: str
    flags_path: str | None
    corner: tuple[int, int, int] = (0, 0, 0)
    masks: tuple[np.ndarray, ...] = ()
    without_invalid: bool = False
    remarks: Remarks = ()

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.shape))
        return f"StoredScan of {self.source.name}:{self.data_path}: {shape} {self.dtype}"

    def part(self, box: Box) -> Scan:
        """The scan within a box, read from the file."""
        with open_file(self.source) as file:
            counts = read_part(file[self.data_path], self._stored(box))
            flags = self._flags(file, box)
        bad = self._bad(box, flags)
        if self.without_invalid:
            bad |= invalid_voxels(counts)
        return Scan(counts, bad, flags, self.metadata, self.source)

    def bad_in(self, box: Box) -> np.ndarray:
        """The bad voxels of a box; the counts are read only where these decide."""
        if self.without_invalid:
            return self.part(box).bad_mask
        if self.flags_path is None:
            return self._bad(box, None)
        with open_file(self.source) as file:
            return self._bad(box, self._flags(file, box))

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

    def _flags(self, file: h5py.File, box: Box) -> np.ndarray | None:
        """The mask of a box as stored, of the box's shape."""
        if self.flags_path is None:
            return None
        node = file[self.flags_path]
        frames, rows, columns = self._stored(box)
        if node.ndim == 2:
            flags = node[rows, columns]
        elif node.shape[0] == 1:
            flags = node[0, rows, columns]
        else:
            flags = read_part(node, (frames, rows, columns))
        return np.broadcast_to(flags, [part.stop - part.start for part in box])

    def _bad(self, box: Box, flags: np.ndarray | None) -> np.ndarray:
        shape = [part.stop - part.start for part in box]
        bad = np.zeros(shape, dtype=bool) if flags is None else flags != 0
        for mask in self.masks:
            bad |= mask[box if mask.ndim == 3 else box[1:]]
        return bad


def open_hdf5(path: Path, inner: str | None, crop: Crop | None) -> StoredScan | None:
    """Open the scan at a path of an HDF5 file and leave it there; see `dataset.read_hdf5`.

    Parameters
    ----------
    path : the file.
    inner : path of the counts in the file; None to look where PyNX does.
    crop : the part that is wanted; None for all of it.

    Returns
    -------
    The scan; None for one whose chunks are so deep that it is better read whole.

    Raises
    ------
    InputError
        As `dataset.read_hdf5`.
    """
    with open_file(path) as file:
        data_path = inner or default_data_path(file, path)
        node = counts_at(file, data_path, path)
        if node.chunks is not None and node.chunks[0] > DEEPEST:
            return None
        check_ratio(node.nbytes, stored_bytes(node), f"{path}:{node.name}")
        flags = flags_at(file, data_path, path)
        if flags is not None:  # only its form is checked
            form = np.broadcast_to(np.zeros((), flags.dtype), flags.shape or ())
            as_flags(form, node.shape, f"mask {path}:{flags.name}")
            check_ratio(flags.nbytes, stored_bytes(flags), f"{path}:{flags.name}")
        spans = [
            part.indices(n)[:2]
            for part, n in zip(slices_of(crop, node.shape), node.shape, strict=True)
        ]
        frames, rows, columns = (stop - start for start, stop in spans)
        corner = spans[0][0], spans[1][0], spans[2][0]
        return StoredScan(
            (frames, rows, columns),
            node.dtype,
            metadata_of(file, data_path),
            path,
            None if flags is None else flags.dtype,
            node.name,
            None if flags is None else flags.name,
            corner,
        )
