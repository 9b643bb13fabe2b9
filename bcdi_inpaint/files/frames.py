"""Stacks that stay in their files: frames of one data set, or of several one after another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.chunks import read_part
from bcdi_inpaint.files.faults import check_ratio, check_size
from bcdi_inpaint.files.forms import squeezed_shape
from bcdi_inpaint.files.hdf5 import files_of, stored_bytes
from bcdi_inpaint.files.opening import open_file
from bcdi_inpaint.scan.boxes import Box, Shape


@dataclass(frozen=True)
class StoredArray:
    """One data set, known by the file that it really lies in.

    Attributes
    ----------
    file, name : where it lies, no link between.
    stored_shape, dtype : as it is stored.
    files : those that hold it: its own, and those of what it is made of.
    held : bytes that they hold of it.
    depth : frames of a chunk.
    """

    file: Path
    name: str
    stored_shape: tuple[int, ...]
    dtype: np.dtype
    files: tuple[Path, ...]
    held: int
    depth: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Its axes longer than one where there are more than three, see `squeezed_shape`."""
        return squeezed_shape(self.stored_shape)

    def check_ratio(self, where: str) -> None:
        """Refuse an array larger than its files can hold; see `faults.check_ratio`."""
        check_ratio(math.prod(self.stored_shape) * self.dtype.itemsize, self.held, where)

    def read(self, part: tuple[slice, ...]) -> np.ndarray:
        """A part of it, of the axes of `shape`."""
        spans = iter(part)
        box = part
        if self.shape != self.stored_shape:
            box = tuple(slice(0, 1) if n == 1 else next(spans) for n in self.stored_shape)
        with open_file(self.file) as file:
            read = read_part(file[self.name], box, self.held)
        return read.reshape([span.stop - span.start for span in part])


def stored_array(node: h5py.Dataset) -> StoredArray:
    """A data set of an open file, to be read later."""
    shape = node.shape or ()
    longer = next((k for k, n in enumerate(shape) if n > 1), 0)
    return StoredArray(
        Path(node.file.filename),
        node.name,
        shape,
        node.dtype,
        files_of(node),
        stored_bytes(node),
        0 if node.chunks is None else node.chunks[longer],
    )


@dataclass(frozen=True)
class Stack:
    """Frames (n_rock, n_y, n_x) of one data set, or of several one after another."""

    arrays: tuple[StoredArray, ...]

    @property
    def shape(self) -> Shape:
        """(n_rock, n_y, n_x)."""
        n_y, n_x = self.arrays[0].shape[-2:]
        return sum(map(_frames, self.arrays)), n_y, n_x

    @property
    def dtype(self) -> np.dtype:
        """The type that holds the values of all of them."""
        return np.result_type(*(array.dtype for array in self.arrays))

    @property
    def depth(self) -> int:
        """Frames of the deepest chunk."""
        return max(array.depth for array in self.arrays)

    def check_ratio(self, where: str) -> None:
        """Refuse a stack larger than its files can hold; see `faults.check_ratio`."""
        for array in self.arrays:
            array.check_ratio(where)

    def check_size(self, box: Box, where: str) -> None:
        """Refuse a part that no memory here can hold; see `faults.check_size`."""
        n_voxels = math.prod(part.stop - part.start for part in box)
        held = sum(array.held for array in self.arrays)
        check_size(n_voxels * self.dtype.itemsize, held, where)

    def read(self, box: Box) -> np.ndarray:
        """The counts within a box."""
        parts = [_read_frames(array, (span, *box[1:])) for array, span in self._spans(box[0])]
        if len(parts) == 1:
            return parts[0].astype(self.dtype, copy=False)
        return np.concatenate(parts, dtype=self.dtype)

    def _spans(self, frames: slice) -> Iterator[tuple[StoredArray, slice]]:
        """The data sets that hold some of the frames, and which of theirs these are."""
        ends = accumulate(map(_frames, self.arrays))
        for array, end in zip(self.arrays, ends, strict=True):
            start = end - _frames(array)
            if frames.start < end and frames.stop > start:
                first, last = max(frames.start, start), min(frames.stop, end)
                yield array, slice(first - start, last - start)


def _frames(array: StoredArray) -> int:
    return array.shape[0] if len(array.shape) == 3 else 1


def _read_frames(array: StoredArray, box: Box) -> np.ndarray:
    """Frames of a data set, which may be a single one without an axis of its own."""
    return array.read(box) if len(array.shape) == 3 else array.read(box[1:])[None]


def check_alike(arrays: list[StoredArray], where: str) -> None:
    """Refuse parts of a stack whose frames or number types do not go together."""
    first = arrays[0]
    for array in arrays:
        unlike = array.shape[-2:] != first.shape[-2:] or array.dtype.kind != first.dtype.kind
        if unlike:
            raise InputError(
                f"{where}: {array.file.name} has the shape {array.shape} {array.dtype} and "
                f"{first.file.name} {first.shape} {first.dtype}, expected frames of one shape: "
                "give the path of one of them"
            )
