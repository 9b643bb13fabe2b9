"""Where HDF5 looks for the files that a file names, and which of them may be followed.

Only those in the folder of the file that the user named, or below it, are followed unasked: a
stranger's file can else show what lies anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

import h5py

from bcdi_inpaint.errors import InputError

BLOCK_NUMBER = "%b"
"""In the name of a virtual source: HDF5 puts 0, 1, 2, ... there."""

_follow_anywhere: ContextVar[bool] = ContextVar("follow_anywhere", default=False)


@contextmanager
def following(anywhere: bool) -> Iterator[None]:
    """Meanwhile links and virtual sources outside the scan's folder are followed, or not."""
    before = _follow_anywhere.set(anywhere)
    try:
        yield
    finally:
        _follow_anywhere.reset(before)


def find_source(file: h5py.File, name: str, path: Path, where: str) -> Path | None:
    """The file that HDF5 takes for a name in another, None where it finds none.

    Parameters
    ----------
    file : the open file that has the name.
    name : in a link or a virtual data set.
    path : the file that the user named, in whose folder all has to lie.
    where : what the message begins with.

    Raises
    ------
    InputError
        For a file outside the folder.
    """
    for place in _places(file, name):
        with suppress(OSError):  # a name too long is none
            if place.is_file():
                _check_place(place, path, where)
                return place
    return None


def find_raw(file: h5py.File, name: str, path: Path, where: str) -> list[Path]:
    """The files that may be meant by the name of raw storage; errors as `find_source`.

    Parameters
    ----------
    file : the open file that has the name.
    name : of the raw file.
    path : the file that the user named, in whose folder all has to lie.
    where : what the message begins with.
    """
    there = [place for place in _places(file, name) if place.is_file()]
    for place in there:
        _check_place(place, path, where)
    return there


def find_blocks(file: h5py.File, name: str, path: Path, where: str) -> list[Path]:
    """The files of a virtual source whose name holds ``%b``, by their number from 0 on.

    Parameters
    ----------
    file : the open file that has the name.
    name : with ``%b`` where the number is.
    path : the file that the user named, in whose folder all has to lie.
    where : what the message begins with.

    Raises
    ------
    InputError
        For files outside the folder, and where a number is left out: HDF5 reads none after it.
    """
    blocks: list[Path] = []
    while (block := find_source(file, block_name(name, len(blocks)), path, where)) is not None:
        blocks.append(block)
    later = [n for n in _numbers(file, name) if n > len(blocks)]
    if later:
        raise InputError(
            f"{where} is made of {name}, of which number {len(blocks)} is not there and "
            f"{min(later)} is, expected all: bring the detector's own files too"
        )
    return blocks


def block_name(name: str, number: int) -> str:
    """The name of a virtual source with its number put in."""
    return name.replace(BLOCK_NUMBER, str(number)).replace("%%", "%")


def _numbers(file: h5py.File, name: str) -> list[int]:
    """The numbers of all the files that have such a name, where the first would be."""
    folder = _places(file, block_name(name, 0))[-1].parent
    parts = (re.escape(part) for part in Path(name).name.split(BLOCK_NUMBER))
    form = re.compile(r"(\d+)".join(parts))
    try:
        found = [form.fullmatch(other.name) for other in folder.iterdir()]
    except OSError:
        return []
    return [int(match[1]) for match in found if match is not None and match.groups()]


def _places(file: h5py.File, name: str) -> list[Path]:
    """Where HDF5 looks for a file, in its order.

    At an absolute name; for its last part, or a relative name, beside the file that names it, in
    the folder the program runs in, and beside what that file is a symbolic link to.
    """
    own = Path(file.filename).absolute()
    given = Path(name)
    rest = given.name if given.is_absolute() else name
    folders = own.parent, Path.cwd(), own.resolve().parent
    places = [folder / rest for folder in folders if rest]
    return [given, *places] if given.is_absolute() else places


def _check_place(place: Path, path: Path, where: str) -> None:
    folder, target = path.resolve().parent, place.resolve()
    if not _follow_anywhere.get() and not target.is_relative_to(folder):
        raise InputError(
            f"{where} leads to {target}, outside the scan's folder {folder}, expected a file "
            "in it: follow it with --follow-links if you trust the file"
        )
