"""Opening HDF5 files: read-only, and by SWMR where their writer still has them open.

No lock is taken: a locking reader can stop a running scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (registers bitshuffle-lz4, in which beamlines compress)

from bcdi_inpaint.errors import InputError, brief
from bcdi_inpaint.files.faults import LIBRARY_ERRORS
from bcdi_inpaint.files.specs import HDF5_SUFFIXES
from bcdi_inpaint.scan.remarks import Remark, Remarks

OPEN_FOR_WRITING = "already open for write"
"""What HDF5 says of a file whose writer has it open, or never closed it."""
OPEN_HERE = "locking flag values don't match"
"""What HDF5 says of a file that the same process has open with a lock."""
LOCKS = Path("/proc/locks")
"""Where Linux lists the locks of this machine."""


@dataclass
class _Opened:
    """The files that are open together: the first, and those that its links lead to."""

    at_the_end: ExitStack
    others: dict[Path, h5py.File] = field(default_factory=dict)


_opened: ContextVar[_Opened | None] = ContextVar("opened", default=None)


@contextmanager
def open_file(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file, open for reading without a lock."""
    with _on_one_line(path), ExitStack() as at_the_end:
        file = at_the_end.enter_context(_open(path))
        before = _opened.set(_Opened(at_the_end))
        try:
            yield file
        finally:
            _opened.reset(before)


def other_file(path: Path) -> h5py.File:
    """A file that the open one leads to; it is closed with that one."""
    opened = _opened.get()
    assert opened is not None, "only while a file is open"
    if path not in opened.others:
        with _on_one_line(path):
            opened.others[path] = opened.at_the_end.enter_context(_open(path))
    return opened.others[path]


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, by its content or, where that says nothing, by its name."""
    return path.suffix.lower() in HDF5_SUFFIXES or (path.is_file() and bool(h5py.is_hdf5(path)))


def _open(path: Path) -> h5py.File:
    if not h5py.is_hdf5(path):
        raise InputError(
            f"{path} is not HDF5, expected {path.suffix} to be: check the file's format, or wait "
            "until its writer has closed it"
        )
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if OPEN_HERE in str(error):
            raise InputError(
                f"{path} is open in its writer, which is this very program ({brief(error)}), "
                "expected a closed file: close it first"
            ) from error
        if OPEN_FOR_WRITING not in str(error):
            raise
        return _open_in_writer(path)


def _open_in_writer(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r", swmr=True, locking=False)
    except OSError as error:
        raise InputError(
            f"{path} is open in its writer, or was never closed ({brief(error)}), expected a closed"
            " file or a writer in SWMR mode: wait until the scan has ended, or mend a copy with "
            "h5clear -s"
        ) from error


@contextmanager
def _on_one_line(path: Path) -> Iterator[None]:
    """Turn what the library raises into one line, which says so where a writer is at work."""
    try:
        yield
    except InputError:
        raise
    except LIBRARY_ERRORS as error:
        if is_held(path):
            raise InputError(
                f"{path} is open in its writer and cannot be read yet ({brief(error)}), expected a "
                "closed file: wait until the scan has ended"
            ) from error
        raise InputError(
            f"{path} is no intact HDF5 file ({brief(error)}), expected an intact file: copy the "
            "file again, or check it with h5ls"
        ) from error


def is_held(path: Path) -> bool:
    """Whether a process of this machine holds the lock of a writer on a file."""
    try:
        inode = str(path.stat().st_ino)
        lines = LOCKS.read_text().splitlines()
    except (OSError, UnicodeDecodeError):  # not on Linux, or hidden
        return False
    locks = (line.split() for line in lines)
    return any("WRITE" in lock and lock[5].endswith(f":{inode}") for lock in locks if len(lock) > 5)


def writer_remarks(paths: Iterable[Path]) -> Remarks:
    """What has to be said about files that are read while their writer has them open."""
    return tuple(
        Remark(
            "open-in-writer",
            f"{path} is open in its writer: frames that are not written yet read as empty, fill it "
            "again when the scan has ended",
        )
        for path in dict.fromkeys(paths)
        if _is_being_written(path)
    )


def _is_being_written(path: Path) -> bool:
    if is_held(path) or not h5py.is_hdf5(path):  # raw frames are none
        return is_held(path)
    with _open(path) as file:
        return bool(file.swmr_mode)
