"""Virtual data sets: their sources where HDF5 looks for them, and none of them absent."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from linked_files import frames, read_both_ways
from scan_files import refused

from bcdi_inpaint.files import read_scan

SHAPE = (4, 6, 5)


def virtual(path: Path, source: str, inner: str = "data", shape: tuple[int, ...] = SHAPE) -> Path:
    layout = h5py.VirtualLayout(shape=shape, dtype="u4")
    layout[...] = h5py.VirtualSource(source, inner, shape=shape)
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("data", layout)
    return path


def source(path: Path, n: int = 4) -> Path:
    with h5py.File(path, "w") as file:
        file["data"] = frames(n)
    return path


def blocks(path: Path, name: str) -> Path:
    """A virtual data set of blocks of four frames, without an end, in files by their number."""
    space = h5py.h5s.create_simple(SHAPE, (h5py.h5s.UNLIMITED, *SHAPE[1:]))
    space.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1), SHAPE, SHAPE)
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_virtual(space, name.encode(), b"data", h5py.h5s.create_simple(SHAPE))
    with h5py.File(path, "w", libver="latest") as file:
        h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT32, space, made)
    return path


@pytest.mark.parametrize("name", ["raw.h5", "/beamline/visit/raw.h5", "sub/raw.h5"])
@pytest.mark.parametrize("linked", [False, True])
def test_sources_are_found_as_hdf5_finds_them(tmp_path: Path, name: str, linked: bool) -> None:
    folder = tmp_path / "below" if linked else tmp_path
    (folder / "sub").mkdir(parents=True)
    source(folder / "sub" / "raw.h5" if name.startswith("sub") else folder / "raw.h5")
    spec = f"{virtual(folder / 'a.h5', name)}:/data"
    if linked:  # the sources lie beside the file that names them, not beside the first
        with h5py.File(tmp_path / "first.h5", "w") as file:
            file["there"] = h5py.ExternalLink("below/a.h5", "/data")
        spec = f"{tmp_path}/first.h5:/there"
    np.testing.assert_array_equal(read_both_ways(spec).counts, frames(4))


def test_a_virtual_data_set_in_the_folder_the_program_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source(tmp_path / "raw.h5")
    virtual(tmp_path / "a.h5", "/gone/raw.h5")
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(read_both_ways("a.h5:/data").counts, frames(4))


@pytest.mark.parametrize("name", ["raw.h5", "/gone/raw.h5"])
def test_a_source_of_a_source_is_absent(tmp_path: Path, name: str) -> None:
    virtual(tmp_path / "between.h5", name)
    spec = f"{virtual(tmp_path / 'a.h5', 'between.h5')}:/data"
    with refused(tmp_path, "a.h5:/data", name, "not there"):
        read_scan(spec)
    source(tmp_path / "raw.h5")
    np.testing.assert_array_equal(read_both_ways(spec).counts, frames(4))


def test_a_source_without_the_data_set(tmp_path: Path) -> None:
    source(tmp_path / "raw.h5")
    path = virtual(tmp_path / "a.h5", "raw.h5", "other/data")
    with refused(tmp_path, "a.h5:/data", "raw.h5:/other/data", "no data set"):
        read_scan(f"{path}:/data")


def test_a_source_that_was_cut_short(tmp_path: Path) -> None:
    source(tmp_path / "raw.h5", 3)
    path = virtual(tmp_path / "a.h5", "raw.h5")
    with refused(tmp_path, "a.h5:/data", "(3, 6, 5)", "cut short"):
        read_scan(f"{path}:/data")


def test_a_source_that_is_no_hdf5(tmp_path: Path) -> None:
    (tmp_path / "raw.h5").write_text("<html>log in first</html>")
    path = virtual(tmp_path / "a.h5", "raw.h5")
    with refused(tmp_path, "raw.h5", "not HDF5"):
        read_scan(f"{path}:/data")


@pytest.mark.parametrize("name", ["raw_%b.h5", "/gone/raw_%b.h5"])
def test_sources_by_number(tmp_path: Path, name: str) -> None:
    path = blocks(tmp_path / "a.h5", name)
    with refused(tmp_path, "a.h5:/data", "raw_%b.h5", "not there"):
        read_scan(f"{path}:/data")
    for number in range(3):
        source(tmp_path / f"raw_{number}.h5")
    expected = np.concatenate([frames(4)] * 3)
    np.testing.assert_array_equal(read_both_ways(f"{path}:/data").counts, expected)
    (tmp_path / "raw_1.h5").unlink()
    with refused(tmp_path, "number 1 is not there and 2 is"):
        read_scan(f"{path}:/data")


def test_sources_that_run_in_a_circle(tmp_path: Path) -> None:
    virtual(tmp_path / "b.h5", "a.h5")
    path = virtual(tmp_path / "a.h5", "b.h5")
    with refused(tmp_path, "a.h5:/data", "more than 16"):
        read_scan(f"{path}:/data")
