"""What lies in HDF5 files: data sets, their values and their sizes."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files.faults import LARGEST_RATIO, LIBRARY_ERRORS, check_size
from bcdi_inpaint.files.links import Node, Walk
from bcdi_inpaint.files.sources import following
from bcdi_inpaint.files.virtual import check_sources

MOST_UNWRITTEN = 1000
"""Of a data set, chunks that were never written to those that were."""
LONGEST_SCALAR = 100_000
"""Bytes of a value that may be metadata."""


def node_at(file: h5py.File, inner: str, path: Path) -> Node | None:
    """Find what lies at a path of the file, through links wherever they lead.

    Parameters
    ----------
    file : the open file, or a group of it.
    inner : path in it.
    path : the file's name, for messages; all has to lie in its folder.

    Returns
    -------
    The group or data set; None if nothing lies there.

    Raises
    ------
    InputError
        For a broken link, one that leads out of the folder, and a data set made of others that
        are not all there.
    """
    walk = Walk(path, f"{path}:/{inner}")
    node = walk.down(file, inner)
    if isinstance(node, h5py.Dataset):
        check_sources(node, walk)
    return node


def quiet_node(file: h5py.File, inner: str) -> Node | None:
    """What lies at a path, None also for a broken link: metadata may be missing."""
    with suppress(*LIBRARY_ERRORS):
        return node_at(file, inner, Path(file.filename))
    return None


def load(
    dataset: h5py.Dataset, part: tuple[slice, ...] = (), held: int | None = None
) -> np.ndarray:
    """A part of a data set as stored.

    Parameters
    ----------
    dataset : any.
    part : a slice for each axis; none for all of it.
    held : what `stored_bytes` says of it, if it is known already.

    Raises
    ------
    InputError
        For more than its file, or the memory here, can hold.
    """
    shape = dataset.shape or ()
    if part:
        spans = [s.indices(n) for s, n in zip(part, shape, strict=True)]
        shape = tuple(stop - start for start, stop, _ in spans)
    where = f"{dataset.file.filename}:{dataset.name}"
    n_voxels = max(math.prod(shape), math.prod(dataset.chunks or ()))
    held = stored_bytes(dataset) if held is None else held
    check_size(n_voxels * dataset.dtype.itemsize, held, where)
    loaded: np.ndarray = np.asarray(dataset[part] if part else dataset[()])
    return loaded


def stored_bytes(dataset: h5py.Dataset) -> int:
    """Bytes that the files hold of a data set; of a virtual one, at most."""
    if not (dataset.is_virtual or dataset.external):
        return int(dataset.id.get_storage_size()) + _credit(dataset)
    return sum(file.stat().st_size for file in files_of(dataset))


def files_of(dataset: h5py.Dataset) -> tuple[Path, ...]:
    """The files that hold a data set: its own, and those of what it is made of."""
    own = Path(dataset.file.filename)
    walk = Walk(own, str(own))
    with following(True):  # whether they may be followed was looked at before
        check_sources(dataset, walk)
    return tuple(dict.fromkeys((own, *walk.files)))


def _credit(dataset: h5py.Dataset) -> int:
    """Bytes granted for chunks that were never written, which some writers leave out.

    Nothing where hardly any was: that would be a trap.
    """
    if dataset.chunks is None:
        return 0
    written = dataset.id.get_num_chunks() * math.prod(dataset.chunks) * dataset.dtype.itemsize
    unwritten = max(dataset.nbytes - written, 0)
    return -(-unwritten // LARGEST_RATIO) if unwritten <= MOST_UNWRITTEN * written else 0


def scalar(node: h5py.Group | h5py.Dataset | None) -> str | float | int | None:
    """The value of a data set of one element, None for anything else and for NaN."""
    if not isinstance(node, h5py.Dataset) or node.shape not in ((), (1,)):
        return None
    if node.dtype.itemsize > LONGEST_SCALAR:
        return None
    value = np.asarray(node[()]).reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.bool_ | np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value) if not np.isnan(value) else None
    return value if isinstance(value, str) else None
