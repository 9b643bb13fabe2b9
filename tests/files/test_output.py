"""Outputs: named beside the input, never over it, whole or not there."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scan_files import (
    SHAPE,
    filled_arrays,
    pynx_cxi,
    refused,
    some_counts,
)

from bcdi_inpaint import safe_files
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    DETECTOR,
    check_output,
    default_output,
    hdf5_writing,
    read_scan,
    write_filled_cxi,
    write_scan,
)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("d/scan.cxi", "d/scan_inpainted.cxi"),
        ("S7_pynx_input_data.npz", "S7_pynx_input_data_inpainted.cxi"),
        ("d/raw.h5:/1.1/measurement/mpx1x4", "d/raw_inpainted.cxi"),
    ],
)
def test_the_default_output_lies_beside_the_input(spec, expected):
    assert default_output(spec) == Path(expected)


def test_an_existing_output_needs_force(tmp_path):
    write_scan(tmp_path / "a.cxi", some_counts())
    with refused(tmp_path, "a.cxi", "exists", "--force"):
        check_output(tmp_path / "a.cxi")
    with refused(tmp_path, "--force"):
        write_scan(tmp_path / "a.cxi", some_counts() + 1)
    write_scan(tmp_path / "a.cxi", some_counts() + 1, force=True)
    np.testing.assert_array_equal(read_scan(tmp_path / "a.cxi").counts, some_counts() + 1)


@pytest.mark.parametrize("way", ["itself", "symlink", "hard link", "relative"])
def test_the_output_is_never_the_input(tmp_path, monkeypatch, way):
    path = pynx_cxi(tmp_path / "a.cxi")
    output = tmp_path / ("a.cxi" if way in ("itself", "relative") else "b.cxi")
    if way == "symlink":
        output.symlink_to(path)
    elif way == "hard link":
        output.hardlink_to(path)
    elif way == "relative":
        monkeypatch.chdir(tmp_path)
        output = Path("a.cxi")
    with refused(tmp_path, output, "never changed"):
        check_output(output, force=True, inputs=[None, tmp_path / "gone.npz", path])
    with refused(tmp_path, "never changed"):
        check_output(output, force=True, inputs=[f"{path}:/{DETECTOR}/data"])
    with refused(tmp_path, "never changed"):
        scan = read_scan(path)
        nothing = np.zeros(SHAPE, dtype=bool)
        fill = filled_arrays(scan, nothing, scan.counts.copy())
        write_filled_cxi(output, scan, fill, {}, force=True)


def test_an_output_in_a_missing_folder(tmp_path):
    with refused(tmp_path, tmp_path / "no", "does not exist"):
        check_output(tmp_path / "no" / "a.cxi")


def test_an_output_in_a_folder_that_may_not_be_written_to(tmp_path, monkeypatch):
    if os.geteuid() == 0:  # root may write anywhere, so let the system say no
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    else:
        tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="may not be written"):
        check_output(tmp_path / "a.cxi")


def test_an_output_that_is_a_folder(tmp_path):
    (tmp_path / "a.cxi").mkdir()
    with refused(tmp_path, "a.cxi", "is a folder"):
        check_output(tmp_path / "a.cxi", force=True)


def test_an_output_that_pynx_would_not_know(tmp_path):
    with refused(tmp_path, "a.npz", ".cxi"):
        check_output(tmp_path / "a.npz")


class FullDisk(io.FileIO):
    """Takes half of what it is given."""

    def write(self, content):
        super().write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")


class Interrupted(io.FileIO):
    """The user loses patience halfway."""

    def write(self, content):
        super().write(content[: len(content) // 2])
        raise KeyboardInterrupt


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("stream", [FullDisk, Interrupted])
def test_a_broken_write_leaves_nothing_behind(tmp_path, monkeypatch, stream, existing):
    path = tmp_path / "a.cxi"
    if existing:
        write_scan(path, some_counts())
    before = path.read_bytes() if existing else None
    monkeypatch.setattr(hdf5_writing, "open", stream, raising=False)
    expected = pytest.raises(InputError, match="No space left") if stream is FullDisk else None
    with expected or pytest.raises(KeyboardInterrupt):
        write_scan(path, some_counts() + 1, force=True)
    assert list(tmp_path.iterdir()) == ([path] if existing else [])
    assert not existing or path.read_bytes() == before


WRITER = """
import sys, time
import numpy as np
from bcdi_inpaint.files import write_scan
from bcdi_inpaint import safe_files
from bcdi_inpaint.errors import InputError
counts = np.full((20, 60, 60), int(sys.argv[2]), dtype=np.int32)
while time.time() < float(sys.argv[3]):
    pass
try:
    write_scan(sys.argv[1], counts)
    print("won")
except InputError as error:
    print("refused" if "exists" in str(error) else error)
"""


# PyNX, if an earlier test imported it, left pipes to collect when a process starts.
def test_of_two_processes_one_wins_whole(tmp_path):
    path, start = tmp_path / "a.cxi", str(time.time() + 3)
    racing = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), level, start],
            stdout=subprocess.PIPE,
            text=True,
        )
        for level in ("3", "5")
    ]
    said = [process.communicate(timeout=60)[0].strip() for process in racing]
    assert sorted(said) == ["refused", "won"]
    counts = read_scan(path).counts
    np.testing.assert_array_equal(counts, (3, 5)[said.index("won")])
    assert [file.name for file in tmp_path.iterdir()] == ["a.cxi"]


def test_who_is_late_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    """The other wrote between our look and our rename."""
    path = tmp_path / "a.cxi"
    locked = safe_files.hold_lock

    def late(folder):
        path.write_bytes(b"the other's")
        return locked(folder)

    monkeypatch.setattr(safe_files, "hold_lock", late)
    with pytest.raises(InputError, match="written meanwhile"):
        write_scan(path, some_counts())
    assert path.read_bytes() == b"the other's"
    assert [file.name for file in tmp_path.iterdir()] == ["a.cxi"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "other").touch()
    write_scan(tmp_path / "a.cxi", some_counts())
    assert (tmp_path / "a.cxi").stat().st_mode == (tmp_path / "other").stat().st_mode
