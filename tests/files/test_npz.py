"""npz and npy files."""

import os

import numpy as np
import pytest
from scan_files import SHAPE, refused, some_counts, some_mask

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_scan
from bcdi_inpaint.scan.scan import Metadata


@pytest.mark.parametrize("key", ["mask", "data", "arr_0", "other"])
@pytest.mark.parametrize(
    "names",
    [
        ("S7_pynx_input_data.npz", "S7_pynx_input_mask.npz"),
        ("S7_pynx_norm_3_4_5.npz", "S7_maskpynx_norm_3_4_5.npz"),
    ],
)
def test_the_mask_of_a_pair_is_found(tmp_path, names, key):
    np.savez(tmp_path / names[0], data=some_counts())
    np.savez(tmp_path / names[1], **{key: some_mask()})
    scan = read_scan(tmp_path / names[0])
    np.testing.assert_array_equal(scan.counts, some_counts())
    np.testing.assert_array_equal(scan.bad_mask, some_mask().astype(bool))


@pytest.mark.parametrize("key", ["data", "counts", "iobs", "arr_0", "first"])
def test_the_counts_of_an_npz(tmp_path, key):
    arrays = {key: some_counts(), "zz_other": np.zeros(3), "mask": some_mask()}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    scan = read_scan(tmp_path / "a.npz")
    np.testing.assert_array_equal(scan.counts, some_counts())
    np.testing.assert_array_equal(scan.bad_mask, some_mask().astype(bool))


def test_an_npy(tmp_path):
    np.save(tmp_path / "a.npy", some_counts(">u2"))
    scan = read_scan(str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(scan.counts, some_counts())
    assert scan.counts.dtype == ">u2"
    assert scan.metadata == Metadata()


def test_a_damaged_array_in_an_npz(tmp_path):
    np.savez(tmp_path / "a.npz", data=some_counts())
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[200] ^= 255
    (tmp_path / "a.npz").write_bytes(content)
    with refused(tmp_path, "a.npz", "no intact npz file"):
        read_scan(tmp_path / "a.npz")


def test_a_sibling_mask_of_the_wrong_shape(tmp_path):
    np.savez(tmp_path / "S7_pynx_input_data.npz", data=some_counts())
    np.savez(tmp_path / "S7_pynx_input_mask.npz", data=np.ones((2, 4, 5)))
    with refused(tmp_path, "S7_pynx_input_mask.npz", (2, 4, 5), SHAPE):
        read_scan(tmp_path / "S7_pynx_input_data.npz")


def test_the_mask_of_a_pair_in_place_of_the_counts(tmp_path):
    np.savez(tmp_path / "S7_pynx_input_mask.npz", data=some_mask())
    with refused(tmp_path, "S7_pynx_input_mask.npz", "is the mask"):
        read_scan(tmp_path / "S7_pynx_input_mask.npz")


@pytest.mark.parametrize(
    ("arrays", "part"), [({"mask": some_mask()}, "only a mask"), ({}, "no array")]
)
def test_an_npz_without_counts(tmp_path, arrays, part):
    np.savez(tmp_path / "a.npz", **arrays)
    with refused(tmp_path, "a.npz", part):
        read_scan(tmp_path / "a.npz")


def test_the_array_that_was_read_is_named_where_others_could_be_meant(tmp_path):
    other = some_counts() + 1
    np.savez(tmp_path / "a.npz", data=some_counts(), vol=other, sum=other[0])
    scan = read_scan(tmp_path / "a.npz")
    np.testing.assert_array_equal(scan.counts, some_counts())
    assert "array 'data' of a.npz was read, it also holds vol 3x4x5" in str(scan.remarks[0])
    for spec in ("a.npz:vol", "a.npz:/vol"):
        scan = read_scan(f"{tmp_path}/{spec}")
        np.testing.assert_array_equal(scan.counts, other)
        assert scan.remarks == ()
    with refused(tmp_path, "no array 'q'", "vol 3x4x5"):
        read_scan(f"{tmp_path}/a.npz:q")


def test_arrays_that_could_all_be_the_scan_are_listed(tmp_path):
    np.savez(tmp_path / "a.npz", before=some_counts(), after=some_counts())
    with refused(tmp_path, "before 3x4x5", "after 3x4x5", "a.npz:NAME"):
        read_scan(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", data=some_counts()[0], vol=some_counts(), ok=some_counts() > 9)
    np.testing.assert_array_equal(read_scan(tmp_path / "b.npz").counts, some_counts())


def test_masks_in_an_npz(tmp_path):
    np.savez(tmp_path / "a.npz", data=some_counts(), gap_mask=some_mask())
    scan = read_scan(tmp_path / "a.npz")
    assert not scan.bad_mask.any()
    assert f"--mask {tmp_path}/a.npz:gap_mask" in str(scan.remarks[0])
    for spec in ("a.npz", "a.npz:gap_mask"):
        scan = read_scan(tmp_path / "a.npz", f"{tmp_path}/{spec}")
        np.testing.assert_array_equal(scan.bad_mask, some_mask() != 0)
    np.savez(tmp_path / "b.npz", data=some_counts(), Mask=some_mask())
    np.testing.assert_array_equal(read_scan(tmp_path / "b.npz").bad_mask, some_mask() != 0)


@pytest.mark.parametrize("axis", [0, 1, 3])
def test_an_axis_of_length_one_is_left_out(tmp_path, axis):
    counts = np.expand_dims(some_counts(), axis)
    np.save(tmp_path / "a.npy", counts)
    np.savez(tmp_path / "a.npz", data=counts, mask=np.expand_dims(some_mask(), axis))
    np.testing.assert_array_equal(read_scan(tmp_path / "a.npy").counts, some_counts())
    scan = read_scan(tmp_path / "a.npz", tmp_path / "a.npz")
    np.testing.assert_array_equal(scan.counts, some_counts())
    np.testing.assert_array_equal(scan.bad_mask, some_mask() != 0)


class Trap:
    """Leaves a trace where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (os.environ["TRAP"],)


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_pickles_stay_closed(tmp_path, monkeypatch, name):
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    array = np.array([[[Trap()]]], dtype=object)
    if name == "a.npz":
        np.savez(tmp_path / name, data=array)
    else:
        np.save(tmp_path / name, array)
    with refused(tmp_path, name):
        read_scan(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_an_array_inside_an_npy_file_is_refused(tmp_path):
    np.save(tmp_path / "s.npy", np.ones((3, 4, 5)))
    with pytest.raises(InputError, match="leave out :data"):
        read_scan(f"{tmp_path}/s.npy:data")
