"""The fill of data: in their file, or beside it by its name and its hash."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scan_files import filled_arrays, refused, some_counts

from bcdi_inpaint.files import input_sha256, write_filled_cxi, write_filled_npz
from bcdi_inpaint.jobs.fill_of_data import fill_beside, find_fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.scan.scan import Scan

RECORD = {f"calibration_{name}": value for name, value in Calibration()}


@pytest.fixture
def gap() -> np.ndarray:
    mask = np.zeros(some_counts().shape, bool)
    mask[:, :, 2:4] = True
    return mask


@pytest.fixture
def data(tmp_path: Path, gap: np.ndarray) -> Path:
    """The data of cdiutils' pair, with an empty gap."""
    path = tmp_path / "S7_pynx_input_data.npz"
    np.savez(path, data=np.where(gap, 0, some_counts()))
    return path


def fill_of(data: Path, gap: np.ndarray, output: str, **record: Any) -> Path:
    """What `predict` makes of the data."""
    scan = Scan(np.where(gap, 0, some_counts()), gap)
    arrays = filled_arrays(scan, gap, some_counts(), trusted=np.zeros_like(gap))
    path = data.parent / output
    write = write_filled_npz if path.suffix == ".npz" else write_filled_cxi
    made = {"written_for": "prior", "input_sha256": input_sha256(data), **RECORD, **record}
    write(path, scan, arrays, made)
    return path


@pytest.mark.parametrize(
    "output", ["S7_pynx_input_data_inpainted.cxi", "S7_inpainted_pynx_input_data.npz"]
)
def test_the_fill_beside_the_data_is_found(data: Path, gap: np.ndarray, output: str) -> None:
    path = fill_of(data, gap, output)
    found = find_fill(str(data), np.where(gap, 0, some_counts()))
    assert found is not None
    assert found.path == path
    assert found.bad is not None
    np.testing.assert_array_equal(found.bad, gap)
    np.testing.assert_array_equal(found.carried.counts, some_counts())
    np.testing.assert_array_equal(found.carried.filled, gap)


def test_of_two_the_newer_is_taken(data: Path, gap: np.ndarray) -> None:
    older = fill_of(data, gap, "S7_pynx_input_data_inpainted.cxi")
    newer = fill_of(data, gap, "S7_inpainted_pynx_input_data.npz")
    os.utime(older, (1, 1))
    assert fill_beside(str(data)) == newer


def test_the_fill_of_another_scan_is_refused(data: Path, gap: np.ndarray) -> None:
    fill_of(data, gap, "S7_pynx_input_data_inpainted.cxi")
    np.savez(data, data=some_counts() + 1)
    with refused(data.parent, "S7_pynx_input_data_inpainted.cxi", "another", "fill it again"):
        find_fill(str(data), some_counts())


def test_a_file_without_a_fill_has_none(tmp_path: Path, data: Path) -> None:
    assert find_fill(str(data), some_counts()) is None
    np.save(tmp_path / "a.npy", some_counts())
    assert find_fill(str(tmp_path / "a.npy"), some_counts()) is None


def test_a_fill_of_another_shape_is_refused(data: Path, gap: np.ndarray) -> None:
    path = fill_of(data, gap, "a.cxi")
    with refused(data.parent, path.name, "shape", "fill the scan again"):
        find_fill(str(path), some_counts()[1:])
