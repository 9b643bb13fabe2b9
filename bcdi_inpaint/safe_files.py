"""Files that are whole or not there, whatever happens while they are written; and locks.

A file is written under a passing name beside its own and renamed when it is complete. Locks are
free again when the process that holds them ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from filecmp import cmp
from pathlib import Path

from bcdi_inpaint.errors import InputError, brief


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole, over an earlier one; InputError where it cannot be written."""
    write_files({path: content}, force=True)


def as_utf8(text: str) -> str:
    """A text that can be written: of a file name that is no UTF-8, its odd bytes as ``\\udce9``.

    Examples
    --------
    >>> as_utf8("caf\\udce9.cxi")
    'caf\\\\udce9.cxi'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def write_files(
    contents: Mapping[Path, bytes | memoryview],
    *,
    force: bool,
    is_left: Callable[[Path], bool] | None = None,
) -> None:
    """Write files of one folder, all or none; errors as `new_files`.

    Parameters
    ----------
    contents : what each file is to hold.
    force, is_left : see `new_files`.
    """
    with new_files(list(contents), force=force, is_left=is_left) as parts:
        for path, content in contents.items():
            with open(parts[path], "xb") as stream:
                stream.write(content)


@contextmanager
def new_files(
    paths: Iterable[Path], *, force: bool, is_left: Callable[[Path], bool] | None = None
) -> Iterator[dict[Path, Path]]:
    """New files of one folder, which get their names together when all are complete.

    Parameters
    ----------
    paths : the files to write. The first is the output, the others belong to it.
    force : whether existing files may be replaced.
    is_left : whether a file may go that is there without the output, as a process that was killed
        leaves it; by default only one that is as it is to be.

    Yields
    ------
    The passing name under which each file is to be written.

    Raises
    ------
    InputError
        Where a file cannot be written, or another process wrote it meanwhile. Then nothing is left
        of what was written.
    """
    paths = list(paths)
    try:
        with _renamed(paths, force, is_left) as parts:
            yield parts
    except OSError as error:
        raise InputError(
            f"output {paths[0]} could not be written ({brief(error)}), expected space and "
            "permission: give an output elsewhere with -o"
        ) from error


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """The passing name of a file, which gets its own when it is complete, over an earlier one.

    Raises OSError where it cannot be written; nothing is left then.
    """
    with _renamed([path], force=True) as parts:
        yield parts[path]


@contextmanager
def _renamed(
    paths: list[Path], force: bool, is_left: Callable[[Path], bool] | None = None
) -> Iterator[dict[Path, Path]]:
    """Rename the files that were written meanwhile to what they are for, or leave nothing."""
    first = paths[0]
    parts = {path: path.with_name(part_name()) for path in paths}
    remove_leftovers(first.parent)
    try:
        yield parts
        with hold_lock(first.parent):  # a moment in which no other process of ours renames
            for path, part in parts.items():
                may_go = force or _is_free(path, part, first, is_left)
                if not may_go:  # another process was quicker
                    raise InputError(
                        f"output {path} exists, written meanwhile, expected a new file: replace it "
                        "with --force, or give another name with -o"
                    )
            for path in reversed(paths):  # the output last: it has what belongs to it then
                os.replace(parts[path], path)
    finally:
        for part in parts.values():
            with suppress(OSError):  # tidying up is no reason to fail
                part.unlink()


def _is_free(path: Path, part: Path, output: Path, is_left: Callable[[Path], bool] | None) -> bool:
    """Whether nothing has the name, or only what an output left that did not come to be."""
    if not os.path.lexists(path):
        return True
    if os.path.lexists(output) or not path.is_file():
        return False
    return cmp(path, part, False) if is_left is None else is_left(path)


_PART = re.compile(r"\.bcdi-inpaint-(.+)-(\d+)-[0-9a-f]{32}\.part")


def part_name() -> str:
    """A passing name that says which process writes, so that what a killed one left is found."""
    return f".bcdi-inpaint-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}.part"


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files of processes of this machine that are no more, where one may."""
    for path in _unfinished(folder):
        form = _PART.fullmatch(path.name)
        if form and form[1] == socket.gethostname() and not Path(f"/proc/{form[2]}").exists():
            with suppress(OSError):
                path.unlink()


def _unfinished(folder: Path) -> list[Path]:
    """Unfinished files in a folder, none where it may not be looked into."""
    with suppress(OSError):
        return list(folder.glob(".bcdi-inpaint-*.part"))
    return []


def lock(descriptor: int, *, wait: bool = True) -> None:
    """Lock an open file or folder until its process ends or closes it.

    Raises BlockingIOError if another process holds it and we do not wait. File systems that have
    no locks are left alone.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError:
        pass


@contextmanager
def hold_lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a folder, or of a file, which is made where it is missing; see `lock`."""
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags, 0o666)
    try:
        lock(descriptor, wait=wait)
        yield
    finally:
        os.close(descriptor)
