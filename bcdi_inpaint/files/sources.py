"""Where the data of an HDF5 file come from: links and virtual sources lead to other files.

Only those in the folder of the file that the user named, or below it, are followed unasked: a
stranger's file can else show what lies anywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

import h5py

from bcdi_inpaint.errors import InputError

MAX_DEPTH = 16
"""Of links and virtual data sets that lead to one another."""

_follow_anywhere: ContextVar[bool] = ContextVar("follow_anywhere", default=False)


@contextmanager
def following(anywhere: bool) -> Iterator[None]:
    """Meanwhile links and virtual sources outside the scan's folder are followed, or not."""
    before = _follow_anywhere.set(anywhere)
    try:
        yield
    finally:
        _follow_anywhere.reset(before)


def check_sources(file: h5py.File, inner: str, path: Path) -> None:
    """Refuse what lies at a path of an open file if it comes from outside the folder of `path`.

    Nothing is opened that lies outside. What is absent or broken is left to who reads it.

    Parameters
    ----------
    file : the open file.
    inner : path in it.
    path : the file's name.

    Raises
    ------
    InputError
        For a link or a virtual source that leads out of the folder.
    """
    if not _follow_anywhere.get():
        _walk(file, inner, path.resolve().parent, f"{path}:/{inner}", 0)


def _walk(file: h5py.File, inner: str, folder: Path, where: str, depth: int) -> None:
    """Go down a path link by link, into other files where it leads there."""
    group: h5py.Group | h5py.Dataset = file
    parts = deque(inner.split("/"))
    while parts:
        name = parts.popleft()
        if name in ("", "."):
            continue
        link = group.get(name, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None:
            return
        if isinstance(link, h5py.SoftLink | h5py.ExternalLink):
            depth += 1
            if depth > MAX_DEPTH:
                raise InputError(
                    f"{where} is a link that leads through more than {MAX_DEPTH} others, expected "
                    "a data set: give its own path"
                )
        if isinstance(link, h5py.ExternalLink):
            rest = "/".join([link.path, *parts])
            _into(file, link.filename, rest, folder, where, depth)
            return
        if isinstance(link, h5py.SoftLink):
            parts.extendleft(reversed(link.path.split("/")))
            group = file if link.path.startswith("/") else group
        else:
            group = group[name]
    if isinstance(group, h5py.Dataset):
        _check_dataset(file, group, folder, where, depth)


def _check_dataset(
    file: h5py.File, dataset: h5py.Dataset, folder: Path, where: str, depth: int
) -> None:
    for name, *_ in dataset.external or ():
        _existing(file, name, folder, where)
    if not dataset.is_virtual:
        return
    for name, inner in {(s.file_name, s.dset_name) for s in dataset.virtual_sources()}:
        if depth >= MAX_DEPTH:
            raise InputError(
                f"{where} is made of data sets that are made of others, more than {MAX_DEPTH} "
                "deep, expected frames: give the path of the frames"
            )
        if name == ".":
            _walk(file, inner, folder, where, depth + 1)
        else:
            _into(file, name, inner, folder, where, depth + 1)


def _into(file: h5py.File, name: str, inner: str, folder: Path, where: str, depth: int) -> None:
    """Check what lies in another file, where there is one."""
    for path in _existing(file, name, folder, where):
        with suppress(OSError), h5py.File(path, "r", locking=False) as other:
            _walk(other, inner, folder, where, depth)


def _existing(file: h5py.File, name: str, folder: Path, where: str) -> list[Path]:
    """The files that HDF5 may take for a name; InputError for any outside the folder.

    It looks beside the file that names it, in the folder the program runs in, and, for the last
    part of an absolute name, beside the file again.
    """
    beside = Path(file.filename).resolve().parent
    candidates = {(base / name).resolve() for base in (beside, Path.cwd())}
    candidates.add((beside / Path(name).name).resolve())
    there = [path for path in candidates if path.exists()]
    outside = [path for path in there if not path.is_relative_to(folder)]
    if "%" in name and not there and not (beside / name).resolve().is_relative_to(folder):
        outside = [(beside / name).resolve()]  # HDF5 fills in a number
    if outside:
        raise InputError(
            f"{where} leads to {outside[0]}, outside the scan's folder {folder}, expected a file "
            "in it: follow it with --follow-links if you trust the file"
        )
    return there
