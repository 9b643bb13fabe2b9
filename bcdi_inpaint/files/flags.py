"""The mask that belongs to the counts of an HDF5 file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files.bits import bad_of, bits_remarks, rejecting_bits
from bcdi_inpaint.files.forms import as_flags
from bcdi_inpaint.files.frames import StoredArray, stored_array
from bcdi_inpaint.files.hdf5 import node_at
from bcdi_inpaint.files.layout import detector_groups, entries_of
from bcdi_inpaint.files.nexus import nexus_detectors
from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.remarks import Remarks


@dataclass(frozen=True)
class StoredFlags:
    """A mask that stays in its file: (n_y, n_x), (1, n_y, n_x) or (n_rock, n_y, n_x).

    Attributes
    ----------
    path : the path that was walked to it.
    array : where it lies.
    bits : those that reject a pixel, see `rejecting_bits`.
    """

    path: str
    array: StoredArray
    bits: int | None

    def read(self, box: Box) -> np.ndarray:
        """The mask of a box as stored, of the box's shape."""
        shape = self.array.shape
        wanted = (
            box[1:] if len(shape) == 2 else (slice(0, 1) if shape[0] == 1 else box[0], *box[1:])
        )
        return np.broadcast_to(self.array.read(wanted), [part.stop - part.start for part in box])

    def bad(self, flags: np.ndarray) -> np.ndarray:
        """Where flags as stored reject a voxel."""
        return bad_of(flags, self.bits)

    def remarks(self, path: Path) -> Remarks:
        """What has to be said of it, by its first frame."""
        if self.bits is None:
            return ()
        _, n_y, n_x = (1, *self.array.shape)[-3:]
        first = self.read((slice(0, 1), slice(0, n_y), slice(0, n_x)))
        return bits_remarks(first, self.bits, f"mask {path.name}:/{self.path}")


def find_flags(
    file: h5py.File, data_path: str, shape: tuple[int, ...], path: Path
) -> StoredFlags | None:
    """Find the mask that belongs to the counts at a path of the file.

    Parameters
    ----------
    file : the open file.
    data_path : path of the counts in it.
    shape : (n_rock, n_y, n_x) of the counts.
    path : the file's name, for messages.

    Returns
    -------
    The mask, or None where the file has none for these counts. Of several places one whose mask
    fits the counts is taken before others.

    Raises
    ------
    InputError
        For a mask that leads nowhere, or does not fit the counts.
    """
    found = list(_masks(file, data_path, path))
    if not found:
        return None
    walked, node = next(((w, n) for w, n in found if _fits(n, shape)), found[0])
    array = stored_array(node)
    where = f"mask {path}:/{walked}"
    array.check_ratio(where)
    as_flags(np.broadcast_to(np.zeros((), array.dtype), array.shape), shape, where)
    array_bits = rejecting_bits(walked.rpartition("/")[2], array.dtype)
    return StoredFlags(walked, array, array_bits)


def _masks(file: h5py.File, data_path: str, path: Path) -> list[tuple[str, h5py.Dataset]]:
    """The masks in the groups of the counts' detector."""
    groups = detector_groups(data_path)
    if "measurement" not in data_path.split("/"):  # a scan of BLISS has many
        groups += nexus_detectors(file, entries_of(data_path)[0], path)
    found = []
    for group in dict.fromkeys(groups):
        for name in ("mask", "pixel_mask"):
            walked = f"{group}/{name}".strip("/")
            node = node_at(file, walked, path) if walked != data_path else None
            if isinstance(node, h5py.Dataset):
                found.append((walked, node))
    return found


def _fits(node: h5py.Dataset, shape: tuple[int, ...]) -> bool:
    return node.shape is not None and node.shape[-2:] == shape[-2:]
