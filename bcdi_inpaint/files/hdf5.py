"""Access to HDF5 files.

Files are opened read-only and unlocked: a locking reader can stop a running scan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (registers bitshuffle-lz4, in which beamlines compress)
import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import LARGEST_RATIO, LIBRARY_ERRORS, check_size, translate_errors
from bcdi_inpaint.files.sources import check_sources

MOST_UNWRITTEN = 1000
"""Of a data set, chunks that were never written to those that were."""
LONGEST_SCALAR = 100_000
"""Bytes of a value that may be metadata."""


@contextmanager
def open_file(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file, open for reading without a lock."""
    with translate_errors(f"{path} is no intact HDF5 file"):
        if not h5py.is_hdf5(path):
            raise InputError(
                f"{path} is not HDF5, expected {path.suffix} to be: check the file's format"
            )
        with h5py.File(path, "r", locking=False) as file:
            yield file


def node_at(file: h5py.Group, inner: str, path: Path) -> h5py.Group | h5py.Dataset | None:
    """Find what lies at a path of the file.

    Parameters
    ----------
    file : the open file, or a group of it.
    inner : path in it.
    path : the file's name, for messages.

    Returns
    -------
    The group or data set; None if nothing lies there.

    Raises
    ------
    InputError
        For a broken link.
    """
    try:
        link = file.get(inner, getlink=True)
    except LIBRARY_ERRORS:  # a group on the way is absent
        return None
    if link is None:
        return None
    try:
        check_sources(file.file, f"{file.name}/{inner}".strip("/"), path)
        return file[inner]
    except InputError:
        raise
    except LIBRARY_ERRORS as error:
        target = getattr(link, "path", "its target")
        outside = getattr(link, "filename", "")
        raise InputError(
            f"{path}:/{inner} is a link to {outside}{':' if outside else ''}{target}, which is not "
            "there, expected a data set: bring the file it points to, or give another path"
        ) from error


def quiet_node(file: h5py.File, inner: str) -> h5py.Group | h5py.Dataset | None:
    """What lies at a path, None also for a broken link: metadata may be missing."""
    with suppress(*LIBRARY_ERRORS):
        check_sources(file, inner, Path(file.filename))
        return file[inner]
    return None


def load(dataset: h5py.Dataset, part: tuple[slice, ...] = ()) -> np.ndarray:
    """A part of a data set, or all of it, as stored; InputError for more than it can hold."""
    shape = dataset.shape or ()
    if part:
        spans = [s.indices(n) for s, n in zip(part, shape, strict=True)]
        shape = tuple(stop - start for start, stop, _ in spans)
    where = f"{dataset.file.filename}:{dataset.name}"
    n_voxels = max(math.prod(shape), math.prod(dataset.chunks or ()))
    check_size(n_voxels * dataset.dtype.itemsize, stored_bytes(dataset), where)
    loaded: np.ndarray = np.asarray(dataset[part] if part else dataset[()])
    return loaded


def stored_bytes(dataset: h5py.Dataset) -> int:
    """Bytes that the files hold of a data set; of a virtual one, at most."""
    if not (dataset.is_virtual or dataset.external):
        return int(dataset.id.get_storage_size()) + _credit(dataset)
    own = Path(dataset.file.filename)
    names = {s.file_name for s in dataset.virtual_sources()} if dataset.is_virtual else set()
    names |= {name for name, *_ in dataset.external or ()}
    files = [own, *(own.parent / name for name in names)]
    return sum(file.stat().st_size for file in files if file.is_file())


def _credit(dataset: h5py.Dataset) -> int:
    """Bytes granted for chunks that were never written, which some writers leave out.

    Nothing where hardly any was: that would be a trap.
    """
    if dataset.chunks is None:
        return 0
    written = dataset.id.get_num_chunks() * math.prod(dataset.chunks) * dataset.dtype.itemsize
    unwritten = max(dataset.nbytes - written, 0)
    return -(-unwritten // LARGEST_RATIO) if unwritten <= MOST_UNWRITTEN * written else 0


def candidates(group: h5py.Group) -> str:
    """A few 3D data sets below a group, as the end of a message."""
    found: list[str] = []

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> bool | None:
        if isinstance(node, h5py.Dataset) and node.shape is not None and len(node.shape) == 3:
            found.append(f"{group.name.rstrip('/')}/{name}")
        return True if len(found) == 3 else None  # any value but None ends the visit

    with suppress(*LIBRARY_ERRORS):
        group.visititems(visit)
    return f" (3D data sets: {', '.join(found)})" if found else " (it holds no 3D data set)"


def check_virtual_sources(dataset: h5py.Dataset, path: Path, where: str) -> None:
    """Refuse a virtual data set whose sources are absent: it would read as zeros.

    Parameters
    ----------
    dataset : any data set; one that is not virtual passes.
    path : the file's name; sources lie relative to it.
    where : what the message begins with.

    Raises
    ------
    InputError
        Where a file that it is made of is not there.
    """
    if not dataset.is_virtual:
        return
    for source in dataset.virtual_sources():
        name = source.file_name
        if name != "." and "%" not in name and not (path.resolve().parent / name).exists():
            raise InputError(
                f"{where} is made of other files, and {name} is not there, expected it beside "
                f"{path.name}: bring the detector's own files too"
            )


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
