"""Fills that are read back from our own outputs."""

import h5py
import numpy as np
from scan_files import PROVENANCE, filled_arrays, gapped_scan, pynx_cxi, refused, some_counts

from bcdi_inpaint.files import DETECTOR, read_fill, write_filled_cxi


def test_a_fill_is_read_back_with_its_uncertainty_and_provenance(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    sigma = np.where(gap_mask, 0.3, 0).astype(np.float32)
    arrays = filled_arrays(scan, gap_mask, fill, sigma=sigma)
    write_filled_cxi(tmp_path / "a.cxi", scan, arrays, PROVENANCE)
    stored = read_fill(tmp_path / "a.cxi")
    np.testing.assert_array_equal(stored.filled, gap_mask)
    np.testing.assert_array_equal(stored.sigma, sigma)
    others = {k: v for k, v in PROVENANCE.items() if k not in ("version", "command")}
    assert stored.provenance == others
    np.testing.assert_array_equal(stored.lower_bound, arrays.lower_bound)
    np.testing.assert_array_equal(stored.upper_bound, arrays.upper_bound)


def test_a_fill_of_an_older_version_has_no_bounds(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        del file[f"{DETECTOR}/lower_bound"], file[f"{DETECTOR}/upper_bound"]
    stored = read_fill(tmp_path / "a.cxi")
    np.testing.assert_array_equal(stored.filled, gap_mask)
    assert stored.lower_bound is None
    assert stored.upper_bound is None


def test_files_without_a_fill_hold_none(tmp_path):
    np.save(tmp_path / "a.npy", some_counts())
    assert read_fill(pynx_cxi(tmp_path / "a.cxi")) is None
    assert read_fill(tmp_path / "a.npy") is None
    assert read_fill(f"{tmp_path}/a.cxi:/entry_1/data_1/data") is None


def test_a_fill_without_its_uncertainty_is_one_line(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_filled_cxi(tmp_path / "a.cxi", scan, filled_arrays(scan, gap_mask, fill), PROVENANCE)
    with h5py.File(tmp_path / "a.cxi", "a") as file:
        del file[f"{DETECTOR}/sigma"]
    with refused(tmp_path, "without its uncertainty"):
        read_fill(tmp_path / "a.cxi")
