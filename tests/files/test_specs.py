"""How a user names what to read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scan_files import SHAPE, pynx_cxi, some_counts

from bcdi_inpaint.files import DETECTOR, open_scan, read_scan, split_spec


def test_a_colon_in_a_name_is_no_path(tmp_path: Path) -> None:
    pynx_cxi(tmp_path / "a.h5:b.cxi")
    assert read_scan(f"{tmp_path}/a.h5:b.cxi").shape == SHAPE
    assert split_spec("x/raw.h5:/1.1/data") == (Path("x/raw.h5"), "1.1/data")
    assert split_spec("x/raw.h5") == (Path("x/raw.h5"), None)
    assert split_spec("a:b.npz") == (Path("a:b.npz"), None)


@pytest.mark.parametrize(
    "name", ["scan:1.h5", "C:x/scan.h5", "dir:1/scan:2.nxs", "a.h5:b/c.h5", "12:30:00.cxi"]
)
@pytest.mark.parametrize("inner", [f"{DETECTOR}/data", "at:12/data"])
@pytest.mark.parametrize("separator", [":/", "::/", ":", "::"])
def test_colons_in_names_of_folders_files_and_paths(
    tmp_path: Path, name: str, inner: str, separator: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    pynx_cxi(path)
    with h5py.File(path, "a") as file:
        file["at:12/data"] = some_counts()
    assert split_spec(path) == (path, None)
    assert split_spec(f"{path}{separator}{inner}") == (path, inner)
    np.testing.assert_array_equal(read_scan(f"{path}{separator}{inner}").counts, some_counts())


@pytest.mark.parametrize("text", ["dir:x/a.h5:/entry/data", "dir:x/a.h5::entry/data"])
def test_a_file_that_is_not_there_is_named_without_the_path(text: str) -> None:
    assert split_spec(text) == (Path("dir:x/a.h5"), "entry/data")
    assert split_spec("C:/x/a.npy") == (Path("C:/x/a.npy"), None)
    assert split_spec("a" * 5000 + ":/x") == (Path("a" * 5000 + ":/x"), None)


@pytest.mark.parametrize("name", ["a.dat", "a", "a.hdf", "a.npy", "a.tif", "a.b"])
def test_hdf5_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    path = pynx_cxi(tmp_path / name)
    for spec in (path, f"{path}:/{DETECTOR}/data"):
        for scan in (
            read_scan(spec),
            open_scan(spec).part((slice(0, 3), slice(0, 4), slice(0, 5))),
        ):
            np.testing.assert_array_equal(scan.counts, some_counts())
    np.save(tmp_path / "counts.npy", some_counts())
    mask = f"{path}:/{DETECTOR}/mask"
    expected = read_scan(path).bad_mask
    np.testing.assert_array_equal(read_scan(tmp_path / "counts.npy", mask).bad_mask, expected)


def test_a_range_of_a_series_and_an_array_of_an_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", vol=some_counts())
    assert split_spec(f"{tmp_path}/a.npz:vol") == (tmp_path / "a.npz", "vol")
    assert split_spec("d/f_%04d.edf:10-19") == (Path("d/f_%04d.edf"), "10-19")
    assert split_spec("d/f_%d.edf[10-19]") == (Path("d/f_%d.edf"), "10-19")
