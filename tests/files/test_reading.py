"""Reading in whatever format: further masks, and one refusal for each thing that can be wrong."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from scan_files import SHAPE, pynx_cxi, refused, some_counts, some_mask

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import read_scan, write_scan

DATA = Path(os.environ.get("BCDI_INPAINT_DATA", Path(__file__).parents[2] / ".." / "shared/data"))
CXI = DATA / "S1398_pynx_norm_128_300_294_1_1_1.cxi"
needs_data = pytest.mark.skipif(not CXI.exists(), reason="the real scan is not here")


@needs_data
def test_the_real_scan(tmp_path):
    scan = read_scan(CXI)
    assert scan.shape == (128, 300, 294)
    assert np.unravel_index(scan.counts.argmax(), scan.shape) == (64, 177, 131)
    assert np.count_nonzero(scan.bad_mask) == 927808
    assert scan.metadata.distance_m == 0.84
    with np.load(DATA / "S1398_counts_mask.npz") as stored:
        np.testing.assert_array_equal(scan.bad_mask, stored["mask"] != 0)


@pytest.mark.parametrize("n_axes", [2, 3])
@pytest.mark.parametrize("kind", ["npy", "npz", "h5", "cxi"])
def test_a_mask_file_adds_to_the_own_mask(tmp_path, kind, n_axes):
    more = np.zeros(SHAPE[3 - n_axes :], dtype=np.uint16)
    more[..., 1] = 256
    spec = f"{tmp_path}/more.{kind}"
    if kind == "npy":
        np.save(spec, more)
    elif kind == "npz":
        np.savez(spec, mask=more)
    elif kind == "cxi":
        pynx_cxi(Path(spec), mask=more)
    else:
        with h5py.File(spec, "w") as file:
            file["some/where"] = more
        spec += ":/some/where"
    scan = read_scan(pynx_cxi(tmp_path / "a.cxi"), mask=spec)
    expected = some_mask().astype(bool)
    expected[:, :, 1] = True
    np.testing.assert_array_equal(scan.bad_mask, expected)
    np.testing.assert_array_equal(scan.flags, some_mask())  # the file's own


def test_the_word_invalid_masks_what_cannot_be_counts(tmp_path):
    counts = some_counts()
    counts[0, 0, 0], counts[1, 1, 1], counts[2, 2, 2] = np.nan, -1, np.inf
    path = pynx_cxi(tmp_path / "a.cxi", data=counts)
    np.save(tmp_path / "more.npy", np.ones(SHAPE[1:]) * (np.arange(5) == 4))
    scan = read_scan(path, mask=["invalid", tmp_path / "more.npy"])
    expected = some_mask().astype(bool)
    expected[0, 0, 0] = expected[1, 1, 1] = expected[2, 2, 2] = True
    expected[:, :, 4] = True
    np.testing.assert_array_equal(scan.bad_mask, expected)
    np.testing.assert_array_equal(scan.counts, counts)


def test_a_mask_file_of_the_wrong_shape(tmp_path):
    np.save(tmp_path / "more.npy", np.ones((4, 6)))
    path = pynx_cxi(tmp_path / "a.cxi")
    with refused(tmp_path, "more.npy", (4, 6), SHAPE):
        read_scan(path, mask=tmp_path / "more.npy")


@pytest.mark.parametrize("array", [np.ones(SHAPE, dtype=complex), np.full(SHAPE, "bad")])
def test_a_mask_file_of_the_wrong_type(tmp_path, array):
    np.save(tmp_path / "more.npy", array)
    path = pynx_cxi(tmp_path / "a.cxi")
    with refused(tmp_path, "more.npy", array.dtype):
        read_scan(path, mask=tmp_path / "more.npy")


@pytest.mark.parametrize(
    ("name", "part"),
    [("no.npy", "does not exist"), ("no.tif", "does not exist"), ("a.txt", "unknown extension")],
)
def test_a_mask_that_cannot_be_read(tmp_path, name, part):
    (tmp_path / "a.txt").write_text("1 0 0")
    path = pynx_cxi(tmp_path / "a.cxi")
    with refused(tmp_path, name, part):
        read_scan(path, mask=tmp_path / name)


def test_a_mask_path_that_is_absent(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi")
    with refused(tmp_path, "a.cxi", "no/such"):
        read_scan(path, mask=f"{path}:/no/such")


def test_a_missing_file(tmp_path):
    with refused(tmp_path, tmp_path / "a.cxi", "does not exist"):
        read_scan(tmp_path / "a.cxi")


def test_a_folder(tmp_path):
    with refused(tmp_path, tmp_path, "is a folder"):
        read_scan(tmp_path)


@pytest.mark.parametrize("name", ["a.cxi", "a.h5", "a.npz", "a.npy"])
def test_an_empty_file(tmp_path, name):
    (tmp_path / name).touch()
    with refused(tmp_path, name, "empty"):
        read_scan(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi")
    path.chmod(0)
    with pytest.raises(InputError, match="may not be read"):
        read_scan(path)


@pytest.mark.parametrize("name", ["a.cxi", "a.h5", "a.npz", "a.npy"])
def test_a_text_under_the_name_of_a_scan(tmp_path, name):
    (tmp_path / name).write_text("no scan, but a good deal of text\n" * 100)
    with refused(tmp_path, name, "not HDF5" if name[2] in "ch" else "no intact np"):
        read_scan(tmp_path / name)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("name", ["a.cxi", "a.npz", "a.npy"])
def test_a_truncated_file(tmp_path, name, share):
    counts = np.random.default_rng(3).poisson(20, (8, 16, 16)).astype(np.float32)
    if name == "a.cxi":
        write_scan(tmp_path / name, counts)
    elif name == "a.npz":
        np.savez_compressed(tmp_path / name, data=counts)
    else:
        np.save(tmp_path / name, counts)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with refused(tmp_path, name, "no intact"):
        read_scan(tmp_path / name)


def test_an_unknown_extension(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"II*\0")
    with refused(tmp_path, "a.jpg", "'.jpg'", ".cxi", ".npz", "file.h5:/path"):
        read_scan(tmp_path / "a.jpg")


@pytest.mark.parametrize("shape", [(), (7,), (4, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("kind", ["cxi", "npz", "npy"])
def test_counts_without_three_axes(tmp_path, kind, shape):
    array = np.ones(shape, dtype=np.float32)
    path = tmp_path / f"a.{kind}"
    if kind == "cxi":
        pynx_cxi(path, data=array, mask=None)
    elif kind == "npz":
        np.savez(path, data=array)
    else:
        np.save(path, array)
    with refused(tmp_path, path, f"{len(shape)} dimensions", shape):
        read_scan(path)


@pytest.mark.parametrize("dtype", ["c8", "S3", "?"])
@pytest.mark.parametrize("kind", ["cxi", "npy"])
def test_counts_of_another_type(tmp_path, kind, dtype):
    path = tmp_path / f"a.{kind}"
    array = np.ones(SHAPE).astype(dtype)
    if kind == "cxi":
        pynx_cxi(path, data=array)
    else:
        np.save(path, array)
    with refused(tmp_path, path, array.dtype, "counts"):
        read_scan(path)


@pytest.mark.parametrize("shape", [(0, 4, 5), (3, 0, 5), (3, 4, 0)])
@pytest.mark.parametrize("kind", ["cxi", "npy"])
def test_an_empty_axis(tmp_path, kind, shape):
    path = tmp_path / f"a.{kind}"
    if kind == "cxi":
        pynx_cxi(path, data=np.ones(shape), mask=None)
    else:
        np.save(path, np.ones(shape))
    with refused(tmp_path, path, shape, "no empty axis"):
        read_scan(path)
