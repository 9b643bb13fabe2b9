"""Chunks of HDF5 data sets, taken apart and put together here: zlib works in threads, HDF5 not."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from functools import lru_cache

import h5py
import numpy as np

from bcdi_inpaint.files.hdf5 import load

DEFLATE, SHUFFLE = 1, 2
"""HDF5's numbers of the filters that are known here."""
MOST_KEPT = 4
"""Chunks of masks that are kept; a frame is one, of a few megabytes."""


def read_part(dataset: h5py.Dataset, box: tuple[slice, ...], held: int | None = None) -> np.ndarray:
    """A box of a data set; errors of a damaged chunk are zlib's, ValueError or the library's.

    Where the filters are others than shuffling and deflating, the library reads it.

    Parameters
    ----------
    dataset : any.
    box : a slice for each of its axes.
    held : what `stored_bytes` says of it, if it is known already.
    """
    filters = _filters(dataset)
    if filters is None:
        return load(dataset, box, held)
    part = np.full([s.stop - s.start for s in box], dataset.fillvalue, dataset.dtype)
    for corner in _corners(dataset.chunks, box):
        info = dataset.id.get_chunk_info_by_coord(corner)
        if info.byte_offset is None:  # never written: the fill value
            continue
        if info.filter_mask:  # some filter was left out for this chunk
            return load(dataset, box, held)
        _, stored = dataset.id.read_direct_chunk(corner)
        take_apart = _taken_apart_once if dataset.dtype.itemsize == 1 else _taken_apart
        chunk = take_apart(bytes(stored), filters, dataset.chunks, dataset.dtype)
        in_part, in_chunk = [], []
        for start, length, wanted in zip(corner, dataset.chunks, box, strict=True):
            low, high = max(start, wanted.start), min(start + length, wanted.stop)
            in_part.append(slice(low - wanted.start, high - wanted.start))
            in_chunk.append(slice(low - start, high - start))
        part[tuple(in_part)] = chunk[tuple(in_chunk)]
    return part


def _filters(dataset: h5py.Dataset) -> tuple[int, ...] | None:
    """The filters of a data set, None where they are not known here, or there are no chunks."""
    if dataset.chunks is None or dataset.is_virtual or dataset.dtype.kind not in "uif":
        return None
    properties = dataset.id.get_create_plist()
    codes = tuple(properties.get_filter(i)[0] for i in range(properties.get_nfilters()))
    return codes if codes in ((), (DEFLATE,), (SHUFFLE, DEFLATE)) else None


def _corners(chunks: tuple[int, ...], box: tuple[slice, ...]) -> Iterator[tuple[int, ...]]:
    """First voxels of the chunks that a box touches."""
    return itertools.product(
        *(range(b.start // n * n, b.stop, n) for b, n in zip(box, chunks, strict=True))
    )


def _taken_apart(
    stored: bytes, filters: tuple[int, ...], shape: tuple[int, ...], dtype: np.dtype
) -> np.ndarray:
    """The array of a chunk from its bytes in the file."""
    size = int(np.prod(shape)) * dtype.itemsize
    content = stored
    if DEFLATE in filters:
        content = zlib.decompressobj().decompress(stored, size + 1)  # no more, whatever it claims
    if len(content) != size:
        raise ValueError(f"a chunk holds {len(content)} bytes, not {size}")
    if SHUFFLE in filters and dtype.itemsize > 1:
        return _unshuffled(content, dtype).reshape(shape)
    return np.frombuffer(content, dtype).reshape(shape)


def _unshuffled(content: bytes, dtype: np.dtype) -> np.ndarray:
    """Numbers from their first bytes, then their second bytes, and so on; (n,).

    The high bytes of counts are mostly 0 in all of a frame, and need not be copied.
    """
    numbers = np.zeros(len(content), np.uint8)
    for k, plane in enumerate(np.frombuffer(content, np.uint8).reshape(dtype.itemsize, -1)):
        if plane.any():
            numbers[k :: dtype.itemsize] = plane
    return numbers.view(dtype)


_taken_apart_once = lru_cache(MOST_KEPT)(_taken_apart)
"""For masks, which are mostly those of the frame before. Their arrays are not to be changed."""


def make_chunked(
    group: h5py.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    chunks: tuple[int, ...],
    fill: float = 0,
) -> h5py.Dataset:
    """Make a data set for chunks that `put_together` packs; what is never written reads as `fill`.

    Parameters
    ----------
    group : where the data set is made.
    name : of the data set.
    shape : of the whole array.
    dtype : of the array.
    chunks : shape of a chunk.
    fill : value of the voxels that are never written.

    Returns
    -------
    The empty data set.
    """
    return group.create_dataset(
        name,
        shape,
        dtype,
        chunks=chunks,
        shuffle=True,
        compression="gzip",
        fillvalue=fill,
    )


def put_together(array: np.ndarray, chunks: tuple[int, ...]) -> bytes:
    """The bytes of a chunk of a data set made by `make_chunked`.

    `array` may be smaller, at the data set's edge. Runs are all that is looked for: most of a scan
    is zero, and of data like these zlib's usual search makes no less in ten times the time.
    """
    if array.shape != chunks:
        padded = np.zeros(chunks, array.dtype)
        padded[tuple(slice(0, n) for n in array.shape)] = array
        array = padded
    content = np.ascontiguousarray(array).reshape(-1)
    if array.dtype.itemsize > 1:
        content = np.ascontiguousarray(content.view(np.uint8).reshape(-1, array.dtype.itemsize).T)
    deflate = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return deflate.compress(content.data) + deflate.flush()
