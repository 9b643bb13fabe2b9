"""What is wrong with a file, on one line."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path

from bcdi_inpaint.errors import InputError, brief

# Libraries raise whatever comes to hand where a file is damaged: struct.error, IndexError, ...
LIBRARY_ERRORS = (Exception,)


def check_readable(path: Path) -> None:
    """Refuse what is no readable file, before any library looks at it."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, expected a scan file: give a file in it")
    if path.is_symlink() and not path.exists():
        raise InputError(
            f"{path} is a link to {path.readlink()}, which is not there, expected a scan file: "
            "bring that file, or give another"
        )
    if not path.exists():
        near = near_name(path)
        fix = "check the path" if near is None else f"did you mean {near}?"
        if "*" in path.name:
            fix = "no file has such a name, check the folder"
        raise InputError(f"{path} does not exist, expected a scan file: {fix}")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} may not be read, expected read permission: change it with chmod")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes), expected a scan file: copy it again")


@contextmanager
def translate_errors(
    what: str, fix: str = "copy the file again, or check it with h5ls"
) -> Iterator[None]:
    """Turn what a library raises about a damaged file into one line."""
    try:
        yield
    except InputError:
        raise
    except LIBRARY_ERRORS as error:
        raise InputError(f"{what} ({brief(error)}), expected an intact file: {fix}") from error


FREE_BYTES = 2**26
LARGEST_RATIO = 1100
"""Of an array to what a file holds of it. Deflate reaches 1032, LZ4 255."""


def check_size(declared: int, held: int, where: str) -> None:
    """Refuse an array whose declared size no file of its size can hold, or no memory here.

    Parameters
    ----------
    declared : bytes of the array that would be made.
    held : bytes that the file holds of it, compressed or not.
    where : what the message begins with.

    Raises
    ------
    InputError
        Where it is too large.
    """
    check_ratio(declared, held, where)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if declared > memory:
        raise InputError(
            f"{where} has {declared} bytes, expected at most the {memory} bytes of memory here: "
            "read a part of it with --roi y0:y1,x0:x1"
        )


def check_ratio(declared: int, held: int, where: str) -> None:
    """Refuse an array whose declared size no file of its size can hold; see `check_size`.

    Parameters
    ----------
    declared : bytes of the array that would be made.
    held : bytes that the file holds of it, compressed or not.
    where : what the message begins with.

    Raises
    ------
    InputError
        Where the array is larger than any compression explains.
    """
    if declared > FREE_BYTES and declared > LARGEST_RATIO * held:
        raise InputError(
            f"{where} declares {declared} bytes and holds {held}, expected at most "
            f"{LARGEST_RATIO} times as many: the file is damaged or a trap"
        )


@contextmanager
def intact(library: str, what: str) -> Iterator[None]:
    """One line for whatever a library raises, and no further line of its log."""
    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with translate_errors(what, "copy the file again"):
            yield
    finally:
        logger.setLevel(level)


def check_whole(path: Path, held: int) -> None:
    """Refuse a file that is shorter than what it says it holds; libraries fill up with zeros."""
    size = path.stat().st_size
    if held > size and path.suffix.lower() not in (".gz", ".bz2"):
        raise InputError(
            f"{path} has {size} bytes, expected at least {held} for its frames: copy the file again"
        )


def near_name(path: Path) -> Path | None:
    """The file or folder beside a name that is none which has the most like name; None without."""
    with suppress(OSError):
        names = [entry.name for entry in path.parent.iterdir()]
        found = get_close_matches(path.name, names, n=1, cutoff=0.7)
        return path.with_name(found[0]) if found else None
    return None
