"""Fills that are read back from our own outputs."""

import h5py
import numpy as np
from scan_files import PROVENANCE, gapped_scan, pynx_cxi, refused, some_counts

from bcdi_inpaint.files import DETECTOR, read_fill, write_cxi


def test_a_fill_is_read_back_with_its_uncertainty_and_provenance(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    sigma = np.where(gap_mask, 0.3, 0).astype(np.float32)
    bounds = (np.where(gap_mask, fill / 2, 0), np.where(gap_mask, 2 * fill, np.inf))
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE, sigma=sigma, bounds=bounds)
    stored = read_fill(tmp_path / "a.cxi")
    np.testing.assert_array_equal(stored.filled, gap_mask)
    np.testing.assert_array_equal(stored.sigma, sigma)
    others = {k: v for k, v in PROVENANCE.items() if k not in ("version", "command")}
    assert stored.provenance == others
    with h5py.File(tmp_path / "a.cxi") as file:
        np.testing.assert_array_equal(file[f"{DETECTOR}/lower_bound"][()], bounds[0])
        np.testing.assert_array_equal(file[f"{DETECTOR}/upper_bound"][()], bounds[1])


def test_files_without_a_fill_hold_none(tmp_path):
    np.save(tmp_path / "a.npy", some_counts())
    assert read_fill(pynx_cxi(tmp_path / "a.cxi")) is None
    assert read_fill(tmp_path / "a.npy") is None
    assert read_fill(f"{tmp_path}/a.cxi:/entry_1/data_1/data") is None


def test_a_fill_without_its_uncertainty_is_one_line(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    with refused(tmp_path, "without its uncertainty"):
        read_fill(tmp_path / "a.cxi")
