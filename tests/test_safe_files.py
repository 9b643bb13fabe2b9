"""Files that are whole or not there; locks, which one holds at a time."""

import errno
import fcntl
from pathlib import Path

import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.safe_files import hold_lock, replace_file


@pytest.mark.parametrize("name", [".", "lock"])
def test_one_holds_it_at_a_time(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with hold_lock(path), pytest.raises(BlockingIOError), hold_lock(path, wait=False):
        pass
    with hold_lock(path, wait=False):  # what is left of the lock is in nobody's way
        pass


def test_a_file_system_without_locks_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(fcntl, "flock", none)
    with hold_lock(tmp_path):
        pass


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that takes no file")
def test_where_no_file_can_be_made_a_line_says_what_to_do() -> None:
    """As on a disk that is read-only, or full."""
    with pytest.raises(InputError, match=r"/proc/x\.cxi could not be written .* with -o$"):
        replace_file(Path("/proc/x.cxi"), b"1")
