"""Files that are open in their writer: another process, of every kind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from linked_files import frames, kinds, read_both_ways
from scan_files import refused

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_scan
from bcdi_inpaint.files.faults import check_readable
from bcdi_inpaint.files.opening import open_file

WRITER = """
import sys, h5py, numpy as np
path, how = sys.argv[1:]
with h5py.File(path, "w", libver="earliest" if how == "plain" else "latest") as file:
    data = file.create_dataset("data", (4, 6, 5), "u4", chunks=(1, 6, 5), maxshape=(None, 6, 5))
    data[:] = np.arange(30).reshape(6, 5) + 100 * np.arange(4)[:, None, None]
    if how == "swmr":
        file.swmr_mode = True
    if how != "unflushed":
        file.flush()
    print("ready", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def in_its_writer(path: Path, how: str) -> Iterator[subprocess.Popen]:
    """A file that another process has open for writing meanwhile."""
    command = [sys.executable, "-c", WRITER, str(path), how]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("linked", [False, True])
def test_a_file_of_a_swmr_writer_is_read(tmp_path: Path, linked: bool) -> None:
    spec = f"{tmp_path}/a.h5:/data"
    with in_its_writer(tmp_path / "a.h5", "swmr"):
        if linked:
            with h5py.File(tmp_path / "b.h5", "w") as file:
                file["there"] = h5py.ExternalLink("a.h5", "data")
            spec = f"{tmp_path}/b.h5:/there"
        scan = read_both_ways(spec)
    np.testing.assert_array_equal(scan.counts, frames(4))
    assert kinds(scan) == ["open-in-writer"]


def test_a_file_of_a_plain_writer_is_read_and_that_is_said(tmp_path: Path) -> None:
    with in_its_writer(tmp_path / "a.h5", "plain"):
        scan = read_both_ways(f"{tmp_path}/a.h5:/data")
        np.testing.assert_array_equal(scan.counts, frames(4))
    assert kinds(scan) in (["open-in-writer"], [])  # where locks cannot be seen nothing is known


def test_a_file_that_its_writer_shows_to_nobody(tmp_path: Path) -> None:
    with in_its_writer(tmp_path / "a.h5", "latest"):
        for name in ("a.h5", "b.h5"):
            if name == "b.h5":
                with h5py.File(tmp_path / name, "w") as file:
                    file["data"] = h5py.ExternalLink("a.h5", "data")
            with refused(tmp_path, "a.h5", "open in its writer, or was never closed", "h5clear"):
                read_scan(f"{tmp_path}/{name}:/data")


def test_virtual_data_of_a_source_in_its_writer(tmp_path: Path) -> None:
    """HDF5 would read zeros without a word."""
    layout = h5py.VirtualLayout(shape=(4, 6, 5), dtype="u4")
    layout[...] = h5py.VirtualSource("a.h5", "data", shape=(4, 6, 5))
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    for how in ("swmr", "latest"):
        with (
            in_its_writer(tmp_path / "a.h5", how),
            refused(tmp_path, "a.h5", "open in its writer"),
        ):
            read_scan(f"{tmp_path}/v.h5:/data")


def test_a_file_whose_writer_has_written_nothing_yet(tmp_path: Path) -> None:
    with in_its_writer(tmp_path / "a.h5", "unflushed"), refused(tmp_path, "a.h5", "writer"):
        read_scan(f"{tmp_path}/a.h5:/data")


def test_a_file_that_this_program_writes_is_said_to_be_open(tmp_path: Path) -> None:
    path = tmp_path / "live.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file["data"] = np.ones((2, 3, 4))
        file.swmr_mode = True
        with pytest.raises(InputError, match="open in its writer"), open_file(path):
            pass


def test_a_link_to_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "scan.cxi").symlink_to("gone.cxi")
    with pytest.raises(InputError, match=r"is a link to gone\.cxi, which is not there"):
        check_readable(tmp_path / "scan.cxi")
