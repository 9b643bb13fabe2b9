"""What kind of file lies there: by its first bytes, and by its ending where these say nothing."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from bcdi_inpaint.files.images import IMAGE_SUFFIXES
from bcdi_inpaint.files.opening import is_hdf5
from bcdi_inpaint.files.specs import HDF5_SUFFIXES
from bcdi_inpaint.files.stacks import STACK_SUFFIXES, is_frames

HDF5, NPZ, NPY, STACK = "hdf5", "npz", "npy", "stack"
_MAGIC = ((b"PK\x03\x04", NPZ), (b"\x93NUMPY", NPY))
"""The first bytes of zip archives and of npy files."""
_SUFFIXES = {**dict.fromkeys(HDF5_SUFFIXES, HDF5), ".npz": NPZ, ".npy": NPY}
SCAN_SUFFIXES = (*_SUFFIXES, *STACK_SUFFIXES)


def kind_of(path: Path) -> str | None:
    """The kind of a file, or of a series or folder of frames; None for one that is not known."""
    if is_frames(path):
        return STACK
    if is_hdf5(path):
        return HDF5
    by_name = _by_name(path)
    if path.name.lower().endswith(IMAGE_SUFFIXES) or not path.is_file():
        return by_name  # fabio tells by itself what they are
    return _by_content(path) or by_name


def _by_name(path: Path) -> str | None:
    if path.name.lower().endswith(STACK_SUFFIXES):
        return STACK
    return _SUFFIXES.get(path.suffix.lower())


def _by_content(path: Path) -> str | None:
    with suppress(OSError):
        with open(path, "rb") as stream:
            first = stream.read(8)
        return next((kind for magic, kind in _MAGIC if first.startswith(magic)), None)
    return None
