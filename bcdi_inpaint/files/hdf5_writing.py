"""New HDF5 files that are whole or not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import h5py

from bcdi_inpaint.files.output import check_output
from bcdi_inpaint.safe_files import new_files


@contextmanager
def new_hdf5(
    path: Path, force: bool, inputs: Iterable[str | Path | None] = ()
) -> Iterator[h5py.File]:
    """A new CXI file that takes its name only when it is complete, and else leaves nothing.

    Parameters
    ----------
    path : the file to write.
    force : whether an existing file may be replaced.
    inputs : the files that are read; none may be the output.

    Yields
    ------
    The file, open for writing.

    Raises
    ------
    InputError
        See `check_output`; also where the disk is full.
    """
    check_output(path, force, inputs)
    with new_files([path], force=force) as parts, hdf5_part(parts[path]) as file:
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
