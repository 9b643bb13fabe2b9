"""Writing a filled scan as the CXI that PyNX reads, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bcdi_inpaint.files.chunks import make_chunked, put_together
from bcdi_inpaint.files.cxi_writing import (
    Provenance,
    require_group,
    write_head,
    write_plot,
    write_process,
)
from bcdi_inpaint.files.filled import FilledScan, check_fill
from bcdi_inpaint.files.found_objects import write_objects
from bcdi_inpaint.files.hdf5_writing import new_hdf5
from bcdi_inpaint.files.layout import DETECTOR, MARKED
from bcdi_inpaint.running.threads import in_threads
from bcdi_inpaint.scan.boxes import BLOCK, Box, Shape, as_box, blocks, whole
from bcdi_inpaint.scan.scan import Measured

UNCERTAINTY = {"sigma": 0.0, "lower_bound": 0.0, "upper_bound": np.inf}
"""What is stored of the fill's uncertainty, and its value where nothing was filled."""
TILE = 64
"""Side of the chunks of the uncertainty, of which those without a fill are not even written."""


def write_filled_cxi(
    path: str | Path,
    scan: Measured,
    fill: FilledScan,
    provenance: Provenance,
    *,
    force: bool = False,
) -> None:
    """Write a filled scan as the CXI that PyNX reads, part by part, none of which is kept.

    The mask of the file is the fill's, strictly 0 or 1: PyNX casts it to int8, where 128,
    256 and their like would become good, and discards the fill of any voxel that is masked.

    Parameters
    ----------
    path : the file to write.
    scan : the measured scan, (n_rock, n_y, n_x).
    fill : the filled scan, of the same shape; see `FilledScan`.
    provenance : how the fill was made; see `Provenance`.
    force : whether an existing file may be replaced.

    Raises
    ------
    InputError
        See `check_output`; also where the disk is full.
    RuntimeError
        Where the fill is no fill of this scan; see `check_fill`. That would be our own mistake.
    """
    tile = min(BLOCK, scan.shape[0]), min(TILE, scan.shape[1]), min(TILE, scan.shape[2])

    def pack(block: Box) -> list[Packed]:
        return [*_packed_frames(block, scan, fill), *_packed_tiles(block, tile, fill)]

    first = as_box((slice(0, 1), *whole(scan.shape)[1:]))
    has_marks = fill.part(first, scan.part(first)).marked is not None
    with new_hdf5(Path(path), force, [scan.source]) as file:
        write_head(file, Path(path), scan.metadata)
        arrays = _new_arrays(file, scan, tile, has_marks=has_marks)
        for parts in in_threads(pack, blocks(scan.shape)):
            for name, corner, content in parts:
                arrays[name].id.write_direct_chunk(corner, content)
        write_plot(file)
        write_process(file, provenance)
        write_objects(file, fill.objects)


Packed = tuple[str, Shape, bytes]
"""A chunk: the name of its data set, its first voxel, its bytes."""


def _new_arrays(
    file: h5py.File, scan: Measured, tile: Shape, *, has_marks: bool
) -> dict[str, h5py.Dataset]:
    """The empty data sets of an output, by name."""
    frame = 1, *scan.shape[1:]
    layout: dict[str, tuple[Any, Shape, float]] = {
        "data": (np.float32, frame, 0),
        "filled": (np.uint8, frame, 0),
        **{name: (np.float32, tile, nothing) for name, nothing in UNCERTAINTY.items()},
    }
    if scan.flags_dtype is not None:
        layout["original_flags"] = (scan.flags_dtype, frame, 0)
    if has_marks:
        layout[MARKED] = (np.uint8, frame, 0)
    layout["mask"] = (np.int8, frame, 0)
    detector = require_group(file, DETECTOR)
    return {
        name: make_chunked(detector, name, scan.shape, np.dtype(dtype), chunks, nothing)
        for name, (dtype, chunks, nothing) in layout.items()
    }


def _packed_frames(block: Box, scan: Measured, fill: FilledScan) -> Iterator[Packed]:
    """The chunks of a block's frames; masks are mostly those of the frame before."""
    before: dict[str, tuple[np.ndarray, bytes]] = {}
    frames, rows, columns = block
    for k in range(frames.start, frames.stop):
        box = slice(k, k + 1), rows, columns
        measured = scan.part(box)
        made = fill.part(box, measured)
        check_fill(measured.counts, made)
        yield "data", (k, 0, 0), put_together(made.counts, made.counts.shape)
        masks = {"filled": made.filled.astype(np.uint8), "mask": made.mask.astype(np.int8)}
        if measured.flags is not None:
            masks["original_flags"] = measured.flags
        if made.marked is not None:
            masks[MARKED] = made.marked.astype(np.uint8)
        for name, mask in masks.items():
            if name not in before or not np.array_equal(before[name][0], mask):
                before[name] = mask, put_together(mask, mask.shape)
            yield name, (k, 0, 0), before[name][1]


def _packed_tiles(block: Box, tile: Shape, fill: FilledScan) -> Iterator[Packed]:
    """The chunks of a block's uncertainty, where something was filled."""
    for box in _tiles(block, tile):
        uncertainty = fill.uncertainty(box)
        if uncertainty is not None:
            corner = box[0].start, box[1].start, box[2].start
            for name in UNCERTAINTY:
                yield name, corner, put_together(getattr(uncertainty, name), tile)


def _tiles(block: Box, tile: Shape) -> Iterator[Box]:
    """The chunks of a block, row by row; those at its edge are smaller."""
    frames, rows, columns = block
    for y in range(0, rows.stop, tile[1]):
        for x in range(0, columns.stop, tile[2]):
            bottom, right = min(y + tile[1], rows.stop), min(x + tile[2], columns.stop)
            yield frames, slice(y, bottom), slice(x, right)
