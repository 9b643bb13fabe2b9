"""What tells one input from another."""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files.dataset import find_counts
from bcdi_inpaint.files.faults import check_readable, translate_errors
from bcdi_inpaint.files.frames import StoredArray
from bcdi_inpaint.files.opening import is_hdf5, open_file
from bcdi_inpaint.files.siblings import with_sibling
from bcdi_inpaint.files.specs import split_spec
from bcdi_inpaint.files.stacks import frame_files, is_frames


def sha256(path: str | Path, numbers: str | None = None) -> str:
    """The SHA-256 of a file, in hexadecimal; InputError where it cannot be read.

    Of a series of files, ``frames_%04d.edf``, or a folder of frames it is the sum of all their
    sums, or of the `numbers` alone, such as ``100-199``.
    """
    if is_frames(Path(path)):
        return _joined(sha256(file) for file in frame_files(Path(path), numbers))
    check_readable(Path(path))
    with translate_errors(f"{path} cannot be read"), open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def input_sha256(spec: str | Path) -> str:
    """The SHA-256 of a scan's file; of an HDF5 file with links, of all the files it leads to too.

    It changes where a file that a link or a virtual data set of the scan leads to does.
    """
    path, *others = _of_counts(spec)
    return _joined(map(sha256, (path, *others))) if others else sha256(path)


def input_files(spec: str | Path) -> list[Path]:
    """All files that are read of a scan: its own or its frames, what links lead to, its mask's.

    Links are also those of virtual data sets. The mask's file is that beside the scan which is
    used unasked.
    """
    files = _of_counts(spec)
    return files if len(files) != 1 or is_hdf5(files[0]) else with_sibling(files[0])


def _of_counts(spec: str | Path) -> list[Path]:
    """A scan's file or frames; of HDF5 also the files that links and virtual data sets lead to."""
    path, inner = split_spec(spec)
    if not is_hdf5(path):
        return frame_files(path, inner) if is_frames(path) else [path]
    check_readable(path)
    files = [file for array in find_counts(path, inner).arrays for file in array.files]
    return [path, *sorted({file for file in files if file.resolve() != path.resolve()})]


def identify(spec: str | Path, file_sha256: str | None = None) -> str:
    """What a scan consists of, as one SHA-256; it changes where what is read of it would.

    For a data set in an HDF5 file that is its own content and its mask's, wherever they lie: the
    file may hold other scans, and more of them tomorrow. `file_sha256` is its
    `input_sha256` if it is known already, so that the file is not read once more.
    """
    path, inner = split_spec(spec)
    if is_hdf5(path):
        own = [] if inner else [file_sha256 or input_sha256(spec)]
        return _joined([*own, _content(path, inner)])
    if is_frames(path):
        return sha256(path, inner)
    sums = [sha256(file) for file in with_sibling(path)]
    return _joined([*sums, inner] if inner else sums)


def _joined(parts: object) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()  # type: ignore[arg-type]


def _content(path: Path, inner: str | None) -> str:
    """The content of a data set and of the mask that belongs to it."""
    check_readable(path)
    digest = hashlib.sha256()
    found = find_counts(path, inner)
    for array in found.arrays:
        _add_array(digest, array)
    return digest.hexdigest()


def _add_array(digest: hashlib._Hash, array: StoredArray) -> None:
    with open_file(array.file) as file:
        _add(digest, file[array.name])


def _add(digest: hashlib._Hash, node: h5py.Dataset) -> None:
    digest.update(f"{node.shape} {node.dtype}".encode())
    if node.chunks is None or node.is_virtual:
        for plane in np.atleast_1d(node) if node.ndim == 0 else node:
            digest.update(np.ascontiguousarray(plane).tobytes())
        return
    for index in range(node.id.get_num_chunks()):  # as stored: nothing is decompressed
        offset = node.id.get_chunk_info(index).chunk_offset
        digest.update(str(offset).encode())
        digest.update(node.id.read_direct_chunk(offset)[1])
