"""The folder that a job writes its results to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bcdi_inpaint.errors import InputError


def check_free(folder: Path, names: Sequence[str], force: bool) -> None:
    """Refuse to replace files, before anything is done.

    Parameters
    ----------
    folder : where results go; it need not exist.
    names : of the files that will be written there.
    force : whether they may be replaced.

    Raises
    ------
    InputError
        One of the files exists, and `force` is not given.
    """
    taken = [name for name in names if (folder / name).exists()]
    if taken and not force:
        raise InputError(
            f"{folder / taken[0]} exists, expected a new evaluation: choose another folder with "
            "-o, or replace it with --force"
        )


def make_folder(folder: Path, what: str = "tables and pictures") -> None:
    """Make a folder for `what` a job writes; InputError if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"folder {folder} cannot be made ({error.strerror}), expected a folder for {what}: "
            "choose another with -o"
        ) from error


@contextmanager
def made_folder(folder: Path, what: str) -> Iterator[None]:
    """A folder for `what` a job writes, see `make_folder`; if it fails, none is left that is new.

    A new folder stays where something was written to it.
    """
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    make_folder(folder, what)
    try:
        yield
    except BaseException:
        for place in new:
            with suppress(OSError):  # it holds something
                place.rmdir()
        raise


def write_text(path: Path, text: str) -> None:
    """Write under a temporary name, then put in place; InputError where that fails."""
    from bcdi_inpaint.safe_files import as_utf8, replace_file

    replace_file(path, as_utf8(text).encode())
