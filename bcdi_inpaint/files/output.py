"""Outputs: their names, when they may be written, and that they are whole."""

from __future__ import annotations

import os
import re
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from filecmp import cmp
from pathlib import Path
from typing import IO

import h5py

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import brief
from bcdi_inpaint.files.locks import locked
from bcdi_inpaint.files.specs import bliss_number, split_spec

FORMATS = {"cxi": ".cxi", "npz": ".npz", "tiff": ".tif"}
"""What can be written, and the extension of each."""


def default_output(
    path: str | Path, form: str = "cxi", folder: Path | None = None, numbered: bool = False
) -> Path:
    """``<stem>_inpainted.cxi`` beside the input, which may be ``file.h5:/path``.

    In another `form`, see `FORMATS`, the extension is its own; the data of an npz pair are named as
    cdiutils does. Where `numbered`, a scan of a BLISS file has its number in the name.
    """
    file, inner = split_spec(path)
    stem = file.stem.removesuffix(".edf").replace("%", "")
    number = bliss_number(inner) if numbered and inner is not None else None
    if number is not None:
        stem = f"{stem}_S{number}"
    if form == "npz":
        stem = stem.removesuffix(PAIR_DATA)
    end = PAIR_DATA if form == "npz" else ""
    return (folder or file.parent) / f"{stem}_inpainted{end}{FORMATS[form]}"


PAIR_DATA, PAIR_MASK = "_pynx_input_data", "_pynx_input_mask"


def companion(path: Path) -> Path | None:
    """The file that holds the mask of an output, None for a CXI, which holds its own."""
    if path.suffix.lower() == FORMATS["cxi"]:
        return None
    if path.stem.endswith(PAIR_DATA):
        return path.with_name(f"{path.stem.removesuffix(PAIR_DATA)}{PAIR_MASK}{path.suffix}")
    return path.with_name(f"{path.stem}_mask{path.suffix}")


def check_output(
    path: str | Path,
    force: bool = False,
    inputs: Iterable[str | Path | None] = (),
    form: str = "cxi",
) -> None:
    """Refuse an output that cannot or must not be written; call it before any work begins.

    Parameters
    ----------
    path : the file to be written.
    force : whether an existing file may be replaced.
    inputs : the files that are read (also ``file.h5:/path``); none may be the output, not even
        by a link, whatever `force` says.
    form : one of `FORMATS`, whose extension the file must have.

    Raises
    ------
    InputError
        On one line, with the fix.
    """
    path = Path(path)
    if path.suffix.lower() != FORMATS[form]:
        why = ", the format PyNX reads data and mask from" if form == "cxi" else ""
        raise InputError(
            f"output {path} ends in {path.suffix!r}, expected {FORMATS[form]}{why}: "
            f"give a name that ends in {FORMATS[form]}"
        )
    check_place(path, force, inputs)
    mask = companion(path)
    if mask is not None:  # one without its output may be what a killed process left
        check_place(mask, force or not os.path.lexists(path), inputs)


def check_place(path: Path, force: bool, inputs: Iterable[str | Path | None]) -> None:
    """Refuse a file that cannot or must not be written, whatever its format; see `check_output`."""
    if not path.parent.is_dir():
        raise InputError(f"folder {path.parent} does not exist, expected one: make it first")
    for source in inputs:
        file = None if source is None else split_spec(source)[0]
        if file is not None and path.exists() and file.exists() and path.samefile(file):
            raise InputError(
                f"output {path} is the input {source}, expected another file: inputs are never "
                "changed, give another name with -o"
            )
    if path.is_dir():
        raise InputError(f"output {path} is a folder, expected a file: give a name in it with -o")
    if os.path.lexists(path) and not force:
        raise InputError(
            f"output {path} exists, expected a new file: replace it with --force, or give another "
            "name with -o"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(
            f"folder {path.parent} may not be written to, expected write permission: "
            "give an output elsewhere with -o"
        )


@contextmanager
def new_hdf5(
    path: Path, force: bool, inputs: Iterable[str | Path | None] = ()
) -> Iterator[h5py.File]:
    """A new HDF5 file that takes its name only when it is complete, and else leaves nothing."""
    check_output(path, force, inputs)
    part = path.with_name(part_name())
    with _placed({path: part}, force), hdf5_part(part) as file:
        yield file


@contextmanager
def hdf5_part(part: Path) -> Iterator[h5py.File]:
    """A new HDF5 file under a passing name; OSError where it cannot be written whole.

    The HDF5 library crashes where a disk runs full, so it never hears of it: it writes to a stream
    of ours, which keeps the first error to itself until the file is closed.
    """
    with open(part, "x+b") as stream:
        kept = _KeptStream(stream)
        try:
            with h5py.File(part.name, "w", driver="fileobj", fileobj=kept) as file:
                yield file
        finally:
            kept.raise_error()


class _KeptStream:
    """A stream that never fails: from the first error on it takes all and does nothing."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.error: BaseException | None = None

    def raise_error(self) -> None:
        """Raise what was kept, and what the last bytes bring."""
        if self.error is None:
            self.flush()
        if self.error is not None:
            raise self.error

    def write(self, content: memoryview) -> int:
        """The number of bytes of the content."""
        self._tried(lambda: self._stream.write(content))
        return len(content)

    def readinto(self, content: memoryview) -> int:
        """The number of bytes asked for; what is not there stays as it is."""
        self._tried(lambda: self._stream.readinto(content))  # type: ignore[attr-defined]
        return len(content)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Where the stream then is."""
        self._tried(lambda: self._stream.seek(offset, whence))
        return self.tell()

    def tell(self) -> int:
        """Where the stream is, 0 once it has failed."""
        return 0 if self.error else self._stream.tell()

    def truncate(self, size: int) -> int:
        """The size."""
        self._tried(lambda: self._stream.truncate(size))
        return size

    def flush(self) -> None:
        """Hand all to the system."""
        self._tried(self._stream.flush)

    def _tried(self, action: Callable[[], object]) -> None:
        if self.error is not None:
            return
        try:
            action()
        except BaseException as error:  # Ctrl-C too: HDF5 would go on with half a file
            self.error = error


def write_whole(
    path: Path,
    content: bytes,
    mask: bytes,
    force: bool,
    inputs: Iterable[str | Path | None] = (),
) -> None:
    """Write an output and the file of its mask, both or neither; errors as `check_output`."""
    form = next(name for name, suffix in FORMATS.items() if suffix == path.suffix.lower())
    check_output(path, force, inputs, form)
    companion_path = companion(path)
    assert companion_path is not None
    _write_files({path: content, companion_path: mask}, force)


def _write_files(contents: Mapping[Path, bytes | memoryview], force: bool) -> None:
    """Write files of one folder under passing names, and rename them when all are complete."""
    parts = {path: path.with_name(part_name()) for path in contents}
    with _placed(parts, force):
        for path, content in contents.items():
            with open(parts[path], "xb") as stream:
                stream.write(content)


@contextmanager
def _placed(parts: Mapping[Path, Path], force: bool) -> Iterator[None]:
    """Rename the files that were written meanwhile to what they are for, or leave nothing."""
    first = next(iter(parts))
    remove_leftovers(first.parent)
    try:
        yield
        with locked(first.parent):  # a moment in which no other process of ours renames
            for path, part in parts.items():
                if not (force or _is_free(path, part, first)):  # another process was quicker
                    raise InputError(
                        f"output {path} exists, written meanwhile, expected a new file: replace it "
                        "with --force, or give another name with -o"
                    )
            for path in reversed(list(parts)):  # the output last: it has its mask then
                part = parts[path]
                os.replace(part, path)
    except OSError as error:
        raise InputError(
            f"output {first} could not be written ({brief(error)}), expected space and permission: "
            "give an output elsewhere with -o"
        ) from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _is_free(path: Path, part: Path, output: Path) -> bool:
    """Whether nothing has the name, or but the same mask of an output that did not come to be."""
    if not os.path.lexists(path):
        return True
    return not os.path.lexists(output) and path.is_file() and cmp(path, part, False)


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole, over an earlier one; InputError where it cannot be written."""
    _write_files({path: content}, force=True)


_PART = re.compile(r"\.bcdi-inpaint-(.+)-(\d+)-[0-9a-f]{32}\.part")


def part_name() -> str:
    """A name that tells whose it is, so that what a killed process left can be found."""
    return f".bcdi-inpaint-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}.part"


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files of processes of this machine that are no more."""
    for path in folder.glob(".bcdi-inpaint-*.part"):
        form = _PART.fullmatch(path.name)
        if form and form[1] == socket.gethostname() and not Path(f"/proc/{form[2]}").exists():
            with suppress(OSError):
                path.unlink()
