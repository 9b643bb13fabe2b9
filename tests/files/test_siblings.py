"""Masks in files of their own beside the counts."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scan_files import SHAPE, pynx_cxi, refused, some_counts, some_mask

from bcdi_inpaint.files import identify, is_pair_mask, open_scan, read_scan

BAD = some_mask() != 0


def pair(folder: Path, data: str, mask: str) -> Path:
    np.savez(folder / data, data=some_counts())
    np.savez(folder / mask, mask=some_mask())
    return folder / data


@pytest.mark.parametrize(
    ("data", "mask"),
    [
        ("S11_pynx_96_96_96_1_1_1.npz", "S11_maskpynx_96_96_96_1_1_1.npz"),
        ("S11_pynx.npz", "S11_maskpynx.npz"),
        ("S11_pynx_norm_8_8_8.npz", "S11_maskpynx_norm_8_8_8.npz"),
        ("align_00011_pynx_mine.npz", "align_00011_maskpynx_mine.npz"),
    ],
)
def test_the_pair_of_bcdi_under_its_default_names(tmp_path, data, mask):
    scan = read_scan(pair(tmp_path, data, mask))
    np.testing.assert_array_equal(scan.bad_mask, BAD)
    assert scan.remarks == ()
    with refused(tmp_path, "is the mask"):
        read_scan(tmp_path / mask)


def test_a_pair_with_another_comment_is_used_where_it_is_the_only_one(tmp_path):
    path = pair(tmp_path, "S11_pynx_norm_3.npz", "S11_maskpynx_3.npz")
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.bad_mask, BAD)
    assert [remark.kind for remark in scan.remarks] == ["mask-beside"]
    before = identify(path)
    np.savez(tmp_path / "S11_maskpynx_3.npz", mask=~BAD)
    assert identify(path) != before
    np.savez(tmp_path / "S11_pynx_old.npz", data=some_counts())  # whose mask is it now?
    scan = read_scan(path)
    assert not scan.bad_mask.any()
    assert "--mask" in str(scan.remarks[0])


def test_a_lone_mask_of_another_shape_is_named(tmp_path):
    path = pair(tmp_path, "S11_pynx_norm_3.npz", "S11_maskpynx_3.npz")
    np.savez(tmp_path / "S11_maskpynx_3.npz", mask=np.ones((9, 9)))
    scan = read_scan(path)
    assert not scan.bad_mask.any()
    assert "S11_maskpynx_3.npz" in str(scan.remarks)


@pytest.mark.parametrize(
    ("data", "mask"),
    [
        ("S11.npy", "S11_mask.npy"),
        ("S11.npy", "mask_S11.h5"),
        ("S11_data.npy", "S11_hot_mask.edf"),
        ("scan.npy", "mask.npz"),
        ("S11_crop.npy", "mask_S11.tif"),
        ("S11.npy", "eiger2M_mask.edf"),
        ("S11.npy", "beamstop.msk"),
    ],
)
def test_what_looks_like_the_mask_is_named_unless_it_is_given(tmp_path, data, mask):
    np.save(tmp_path / data, some_counts())
    (tmp_path / mask).write_bytes(b"not opened")
    (remark,) = read_scan(tmp_path / data).remarks
    assert remark.kind == "mask-not-used"
    assert f"--mask {tmp_path / mask}" in str(remark)


def test_a_mask_that_is_given_is_not_named(tmp_path):
    np.save(tmp_path / "a.npy", some_counts())
    np.save(tmp_path / "a_mask.npy", some_mask())
    assert read_scan(tmp_path / "a.npy", tmp_path / "a_mask.npy").remarks == ()


@pytest.mark.parametrize("mask", ["S12_mask.npy", "b_mask.npy", "a_inpainted_mask.tif", "a.txt"])
def test_the_masks_of_others_are_not_named(tmp_path, mask):
    np.save(tmp_path / "S11_a.npy", some_counts())
    (tmp_path / mask).write_bytes(b"")
    assert read_scan(tmp_path / "S11_a.npy").remarks == ()


def test_a_mask_beside_hdf5_is_named(tmp_path):
    pynx_cxi(tmp_path / "a.cxi")
    np.save(tmp_path / "a_mask.npy", some_mask())
    assert "a_mask.npy" in str(open_scan(tmp_path / "a.cxi").remarks)


@pytest.mark.parametrize("suffix", ["tif", "tiff", "TIF"])
def test_the_mask_of_a_tiff_is_no_scan(tmp_path, suffix):
    tifffile.imwrite(tmp_path / "a.tif", some_counts(), photometric="minisblack")
    tifffile.imwrite(tmp_path / f"a_mask.{suffix}", some_mask(dtype="u1"), photometric="minisblack")
    assert is_pair_mask(tmp_path / f"a_mask.{suffix}")
    assert read_scan(tmp_path / "a.tif").shape == SHAPE
