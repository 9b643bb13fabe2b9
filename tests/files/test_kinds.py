"""Files by their content, whatever their ending."""

import gzip

import numpy as np
import pytest
import tifffile
from fabio.edfimage import EdfImage
from fabio.fit2dmaskimage import Fit2dMaskImage
from scan_files import pynx_cxi, refused, some_counts, some_mask

from bcdi_inpaint.files import open_scan, read_scan


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a", "a.dat", "a.NPZ"])
@pytest.mark.parametrize("kind", ["npz", "npy", "cxi"])
def test_the_content_decides(tmp_path, name, kind):
    path = tmp_path / f"b.{kind}"
    if kind == "npz":
        np.savez(path, data=some_counts())
    elif kind == "npy":
        np.save(path, some_counts())
    else:
        pynx_cxi(path)
    path.rename(tmp_path / name)
    np.testing.assert_array_equal(read_scan(tmp_path / name).counts, some_counts())
    assert open_scan(tmp_path / name).shape == some_counts().shape


def test_the_mask_of_fit2d_and_a_zipped_one(tmp_path):
    np.save(tmp_path / "a.npy", some_counts())
    mask = some_mask(dtype="u1")[0]
    Fit2dMaskImage(data=mask).write(str(tmp_path / "a.msk"))
    EdfImage(data=mask).write(str(tmp_path / "m.edf"))
    (tmp_path / "n.EDF.gz").write_bytes(gzip.compress((tmp_path / "m.edf").read_bytes()))
    for name in ("a.msk", "n.EDF.gz"):
        scan = read_scan(tmp_path / "a.npy", tmp_path / name)
        np.testing.assert_array_equal(scan.bad_mask[1], mask != 0)


def test_an_unknown_content_under_an_unknown_ending(tmp_path):
    (tmp_path / "a.dat").write_bytes(b"12 13 14")
    with refused(tmp_path, "unknown extension '.dat'"):
        read_scan(tmp_path / "a.dat")
    tifffile.imwrite(tmp_path / "b.tif", some_counts(), photometric="minisblack")
    with refused(tmp_path, "unknown extension"):
        read_scan(tmp_path / "b.tif", tmp_path / "a.dat")
