"""Scan files: what is read, what is written, and one refusal for each thing that can be wrong."""

import fcntl
import hashlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
import silx.io
from silx.io import nxdata

from bcdi_inpaint import files
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    DETECTOR,
    check_output,
    default_output,
    read_fill,
    read_scan,
    sha256,
    split_spec,
    write_cxi,
    write_result,
    write_scan,
)
from bcdi_inpaint.scan import Metadata, Scan

SHAPE = (3, 4, 5)
DATA = Path(os.environ.get("BCDI_INPAINT_DATA", Path(__file__).parents[1] / ".." / "shared/data"))
CXI = DATA / "S1398_pynx_norm_128_300_294_1_1_1.cxi"
needs_data = pytest.mark.skipif(not CXI.exists(), reason="the real scan is not here")


def some_counts(dtype: str = "f4") -> np.ndarray:
    return np.random.default_rng(1).poisson(20, SHAPE).astype(dtype)


def some_mask(shape: tuple[int, ...] = SHAPE, dtype: str = "i1") -> np.ndarray:
    return np.random.default_rng(2).integers(0, 2, shape).astype(dtype)


def pynx_cxi(path: Path, **changes: object) -> Path:
    """A CXI file as PyNX's save_cdi_data_cxi writes it; None leaves a data set out."""
    contents: dict[str, object] = {
        "data": some_counts(),
        "mask": some_mask(),
        "distance": 0.84,
        "x_pixel_size": 55e-6,
        "y_pixel_size": 75e-6,
        **changes,
    }
    with h5py.File(path, "w") as file:
        file["entry_1/start_time"] = "2020-12-03T10:33:38+0100"
        file["entry_1/program_name"] = "PyNX 2025.1"
        file["entry_1/sample_1/name"] = "gold"
        file["entry_1/sample_1/temperature"] = 295.5
        file["entry_1/instrument_1/name"] = "ESRF id01"
        file["entry_1/instrument_1/source_1/energy"] = 8.0 * 1.60218e-16  # J, as PyNX has it
        for name, value in contents.items():
            if value is not None:
                file[f"{DETECTOR}/{name}"] = value
        file["entry_1/data_1/data"] = h5py.SoftLink(f"/{DETECTOR}/data")
        file["entry_1/data_1/process_1/configuration/nb_run"] = 100
    return path


def cdiutils_cxi(path: Path) -> Path:
    """A CXI file as cdiutils' pipeline writes its preprocessed data."""
    with h5py.File(path, "w") as file:
        file["entry_1/image_1/data"] = some_counts("f8")
        file["entry_1/image_1/mask"] = some_mask(SHAPE[1:], "f8")
        file["entry_1/data_1/data"] = h5py.SoftLink("entry_1/image_1/data")  # broken, as there
        file["entry_1/source_1/energy"] = 9000.0
        file["entry_1/source_1/units"] = "eV"
        file["entry_1/sample_1/sample_name"] = "B12"
        file["entry_1/detector_1/description"] = "Maxipix"
        file["entry_1/detector_1/mask"] = some_mask(SHAPE[1:], "f8")
        for name, value in (("distance", 0.8), ("pwidth1", 55e-6), ("pwidth2", 75e-6)):
            file[f"entry_1/detector_1/calibration/{name}"] = value
        for name, target in (
            ("distance", "distance"),
            ("x_pixel_size", "pwidth2"),
            ("y_pixel_size", "pwidth1"),
        ):
            link = h5py.SoftLink(f"/entry_1/detector_1/calibration/{target}")
            file[f"entry_1/detector_1/{name}"] = link
    return path


@contextmanager
def refused(folder: Path, *parts: object) -> Iterator[None]:
    """One line that holds the parts, and not a byte changed in the folder."""

    def state() -> dict[Path, str]:
        return {
            path: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    before = state()
    with pytest.raises(InputError) as caught:
        yield
    message = str(caught.value)
    assert "\n" not in message
    assert "expected" in message
    for part in parts:
        assert str(part) in message
    assert state() == before


# Reading: the formats


def test_a_cxi_of_pynx(tmp_path):
    scan = read_scan(pynx_cxi(tmp_path / "a.cxi"))
    np.testing.assert_array_equal(scan.counts, some_counts())
    assert scan.counts.dtype == np.float32
    np.testing.assert_array_equal(scan.bad_mask, some_mask().astype(bool))
    assert scan.source == tmp_path / "a.cxi"
    assert scan.metadata == Metadata(
        energy_ev=pytest.approx(8000, rel=1e-5),
        distance_m=0.84,
        x_pixel_size_m=55e-6,
        y_pixel_size_m=75e-6,
        instrument="ESRF id01",
        sample="gold",
        start_time="2020-12-03T10:33:38+0100",
        extra={"sample_1/temperature": 295.5},
    )


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "u4", "u8", "f4", "?"])
def test_masks_of_any_type_mean_bad_by_anything_but_zero(tmp_path, dtype):
    flags = some_mask(dtype=dtype)
    if dtype in ("u2", "i4", "u4", "u8", "f4"):  # bits that a cast to int8 would lose
        flags[0] = np.array([[0, 128, 256, 512, 2048]], dtype=dtype)
    if dtype == "i1":
        flags[0, 0, 0] = -128
    scan = read_scan(pynx_cxi(tmp_path / "a.cxi", mask=flags))
    np.testing.assert_array_equal(scan.bad_mask, flags.astype(bool))
    assert scan.flags is not None
    np.testing.assert_array_equal(scan.flags, flags)
    assert scan.flags.dtype == flags.dtype


def test_without_a_mask_nothing_is_bad(tmp_path):
    scan = read_scan(pynx_cxi(tmp_path / "a.cxi", mask=None))
    assert not scan.bad_mask.any()
    assert scan.flags is None


def test_a_cxi_of_cdiutils(tmp_path):
    scan = read_scan(cdiutils_cxi(tmp_path / "S7_preprocessed_data.cxi"))
    np.testing.assert_array_equal(scan.counts, some_counts())
    expected = np.broadcast_to(some_mask(SHAPE[1:]).astype(bool), SHAPE)
    np.testing.assert_array_equal(scan.bad_mask, expected)
    assert scan.metadata.energy_ev == 9000
    assert scan.metadata.distance_m == 0.8
    assert (scan.metadata.y_pixel_size_m, scan.metadata.x_pixel_size_m) == (55e-6, 75e-6)
    assert scan.metadata.sample == "B12"


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


@pytest.mark.parametrize("separator", [":/", "::/", ":"])
def test_a_compressed_data_set_by_its_path(tmp_path, separator):
    detector = "1.1/instrument/mpx1x4"
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file.create_dataset(
            "1.1/measurement/mpx1x4", data=some_counts("u4"), **hdf5plugin.Bitshuffle(cname="lz4")
        )
        file[f"{detector}/pixel_mask"] = some_mask(SHAPE[1:], "u4") << 31
        file[f"{detector}/distance"] = 1.2
        file[f"{detector}/x_pixel_size"] = 55e-6
        file["1.1/instrument/monochromator/WaveLength"] = 1.2398419843320026
        file["1.1/instrument/title"] = "ESRF: id01"
    scan = read_scan(f"{tmp_path}/raw.h5{separator}1.1/measurement/mpx1x4")
    np.testing.assert_array_equal(scan.counts, some_counts("u4"))
    np.testing.assert_array_equal(scan.bad_mask[1], some_mask(SHAPE[1:]).astype(bool))
    assert scan.metadata.energy_ev == 10000
    assert scan.metadata.distance_m == 1.2
    assert scan.metadata.instrument == "ESRF: id01"
    assert scan.source == tmp_path / "raw.h5"


def test_the_filters_of_beamlines_are_loaded_with_the_package(tmp_path):
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file.create_dataset("data", data=some_counts(), **hdf5plugin.Bitshuffle(cname="lz4"))
    code = "import sys, bcdi_inpaint.files as f; print(f.read_scan(sys.argv[1]).counts.sum())"
    command = [sys.executable, "-c", code, f"{tmp_path}/raw.h5:/data"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert float(output) == some_counts().sum()


def test_a_soft_and_an_external_link_are_followed(tmp_path):
    pynx_cxi(tmp_path / "a.cxi")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["soft"] = h5py.SoftLink("/outside")
        file["outside"] = h5py.ExternalLink("a.cxi", f"/{DETECTOR}/data")
    np.testing.assert_array_equal(read_scan(f"{tmp_path}/b.h5:/soft").counts, some_counts())


def test_a_file_that_another_process_holds_is_read(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi")
    with open(path, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as HDF5 locks what it writes
        assert read_scan(path).shape == SHAPE


def test_a_colon_in_a_name_is_no_path(tmp_path):
    pynx_cxi(tmp_path / "a.h5:b.cxi")
    assert read_scan(f"{tmp_path}/a.h5:b.cxi").shape == SHAPE
    assert split_spec("x/raw.h5:/1.1/data") == (Path("x/raw.h5"), "1.1/data")
    assert split_spec("x/raw.h5") == (Path("x/raw.h5"), None)
    assert split_spec("a:b.npz") == (Path("a:b.npz"), None)


@needs_data
def test_the_real_scan(tmp_path):
    scan = read_scan(CXI)
    assert scan.shape == (128, 300, 294)
    assert np.unravel_index(scan.counts.argmax(), scan.shape) == (64, 177, 131)
    assert np.count_nonzero(scan.bad_mask) == 927808
    assert scan.metadata.distance_m == 0.84
    with np.load(DATA / "S1398_counts_mask.npz") as stored:
        np.testing.assert_array_equal(scan.bad_mask, stored["mask"] != 0)


# Reading: further masks


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


# Reading: what is refused


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


def test_a_damaged_chunk(tmp_path):
    write_scan(tmp_path / "a.cxi", some_counts())
    with h5py.File(tmp_path / "a.cxi") as file:
        chunk = file[f"{DETECTOR}/data"].id.get_chunk_info(1)
    content = bytearray((tmp_path / "a.cxi").read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    (tmp_path / "a.cxi").write_bytes(content)
    with refused(tmp_path, "a.cxi", "no intact HDF5 file"):
        read_scan(tmp_path / "a.cxi")


def test_a_damaged_array_in_an_npz(tmp_path):
    np.savez(tmp_path / "a.npz", data=some_counts())
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[200] ^= 255
    (tmp_path / "a.npz").write_bytes(content)
    with refused(tmp_path, "a.npz", "no intact npz file"):
        read_scan(tmp_path / "a.npz")


def test_an_unknown_extension(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    with refused(tmp_path, "a.tif", "'.tif'", ".cxi", ".npz", "file.h5:/path"):
        read_scan(tmp_path / "a.tif")


def test_no_data_set_where_it_belongs(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["deep/down"] = some_counts()
        file["flat"] = np.ones((2, 2))
    with refused(tmp_path, "a.h5", f"{DETECTOR}/data", "/deep/down"):
        read_scan(tmp_path / "a.h5")


def test_no_3d_data_set_at_all(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["flat"] = np.ones((2, 2))
    with refused(tmp_path, "a.h5", "holds no 3D data set"):
        read_scan(tmp_path / "a.h5")


def test_a_path_that_is_absent(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi")
    with refused(tmp_path, f"{path}:/no/such", "absent", f"/{DETECTOR}/data"):
        read_scan(f"{path}:/no/such")


def test_a_path_to_a_group(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi")
    with refused(tmp_path, "is a group", f"/{DETECTOR}/data"):
        read_scan(f"{path}:/entry_1/instrument_1")


@pytest.mark.parametrize(
    "link", [h5py.SoftLink("/nowhere/data"), h5py.ExternalLink("gone.h5", "/nowhere/data")]
)
def test_a_broken_link(tmp_path, link):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[f"{DETECTOR}/data"] = link
    with refused(tmp_path, "a.h5", "link", "/nowhere/data", getattr(link, "filename", "")):
        read_scan(tmp_path / "a.h5")


def test_links_that_run_in_a_circle(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
    with refused(tmp_path, "a.h5:/a", "link"):
        read_scan(f"{tmp_path}/a.h5:/a")


def test_a_virtual_data_set_whose_files_are_gone(tmp_path):
    layout = h5py.VirtualLayout(shape=SHAPE, dtype="u4")
    layout[...] = h5py.VirtualSource("lima_0000.h5", "/data", shape=SHAPE)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    with refused(tmp_path, "a.h5:/data", "lima_0000.h5"):
        read_scan(f"{tmp_path}/a.h5:/data")
    with h5py.File(tmp_path / "lima_0000.h5", "w") as file:
        file["data"] = some_counts("u4")
    np.testing.assert_array_equal(read_scan(f"{tmp_path}/a.h5:/data").counts, some_counts())


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


def test_counts_without_a_shape(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi", data=h5py.Empty("f4"), mask=None)
    with refused(tmp_path, path, "0 dimensions"):
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


def test_strings_in_hdf5(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi", data=np.full(SHAPE, b"x", dtype=object), mask=None)
    with refused(tmp_path, path, "object"):
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


def test_an_own_mask_of_the_wrong_shape(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi", mask=np.ones((3, 4, 6)))
    with refused(tmp_path, f"{path}:/{DETECTOR}/mask", (3, 4, 6), SHAPE):
        read_scan(path)


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


def test_a_pattern_that_begins_with_its_centre(tmp_path):
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/image_1/data"] = some_counts()
        file["entry_1/image_1/is_fft_shifted"] = 1
    with refused(tmp_path, "is_fft_shifted", "fftshift"):
        read_scan(tmp_path / "a.cxi")


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert sha256(tmp_path / "a") == expected
    with refused(tmp_path, "does not exist"):
        sha256(tmp_path / "b")


# Writing: a plain scan

METADATA = Metadata(
    energy_ev=8333.3,
    distance_m=1.436,
    x_pixel_size_m=55e-6,
    y_pixel_size_m=75e-6,
    instrument="SixS",
    sample="Pt",
    start_time="2019-07-01T12:00:00+0200",
    extra={"experiment_id": "HC1", "sample_1/temperature": 300.5, "instrument_1/detector_1/roi": 3},
)


@pytest.mark.parametrize("dtype", ["u2", "i4", "f4", "f8"])
def test_a_written_scan_reads_the_same(tmp_path, dtype):
    counts, mask = some_counts(dtype), 200 * some_mask(dtype="i4")
    write_scan(tmp_path / "a.cxi", counts, mask, METADATA)
    scan = read_scan(tmp_path / "a.cxi")
    np.testing.assert_array_equal(scan.counts, counts)
    assert scan.counts.dtype == counts.dtype
    np.testing.assert_array_equal(scan.bad_mask, mask != 0)
    assert scan.metadata == METADATA


def test_a_field_of_the_metadata_wins_over_an_extra_of_its_name(tmp_path):
    metadata = Metadata(sample="Pt", extra={"sample_1/name": "Au", "sample_1/owner": "us"})
    write_scan(tmp_path / "a.cxi", some_counts(), metadata=metadata)
    expected = Metadata(sample="Pt", extra={"sample_1/owner": "us"})
    assert read_scan(tmp_path / "a.cxi").metadata == expected


def test_a_scan_without_bad_voxels_has_no_mask(tmp_path):
    write_scan(tmp_path / "a.cxi", some_counts(), np.zeros(SHAPE))
    with h5py.File(tmp_path / "a.cxi") as file:
        assert set(file[DETECTOR]) == {"data"}


def test_further_arrays_beside_the_counts(tmp_path):
    expectation = some_counts() + np.float32(0.25)
    write_scan(tmp_path / "a.cxi", some_counts(), some_mask(), arrays={"expectation": expectation})
    scan = read_scan(f"{tmp_path}/a.cxi:/{DETECTOR}/expectation")
    np.testing.assert_array_equal(scan.counts, expectation)
    np.testing.assert_array_equal(scan.bad_mask, some_mask().astype(bool))


def test_no_further_array_is_called_a_mask(tmp_path):
    with pytest.raises(RuntimeError, match="gap_Mask"):
        write_scan(tmp_path / "a.cxi", some_counts(), arrays={"gap_Mask": some_mask()})
    assert list(tmp_path.iterdir()) == []


def test_counts_that_could_not_be_read_again_are_not_written(tmp_path):
    with refused(tmp_path, "2 dimensions"):
        write_scan(tmp_path / "a.cxi", np.ones((3, 4)))
    with refused(tmp_path, (3, 4, 6)):
        write_scan(tmp_path / "a.cxi", some_counts(), np.ones((3, 4, 6)))


@pytest.mark.parametrize("energy_ev", [10000.0, 9980.21898712, 12431.526])
def test_the_energy_survives_the_way_through_joule(tmp_path, energy_ev):
    write_scan(tmp_path / "a.cxi", some_counts(), metadata=Metadata(energy_ev=energy_ev))
    assert read_scan(tmp_path / "a.cxi").metadata.energy_ev == energy_ev
    with h5py.File(tmp_path / "a.cxi") as file:
        source = file["entry_1/instrument_1/source_1/energy"]
        assert source[()] == pytest.approx(energy_ev * 1.602176634e-19, rel=1e-12)
        assert source.attrs["units"] == "J"
        wavelength = file["entry_1/instrument_1/beam_1/incident_wavelength"][()]
        assert wavelength == pytest.approx(12.39841984e-7 / energy_ev, rel=1e-9)


# Writing: a filled scan

PROVENANCE = {
    "version": "0.1.0",
    "command": "bcdi-inpaint predict a.cxi",
    "weights_sha256": "ab" * 32,
    "gaps": ("rows 1:2", "cols 2:4"),
    "seed": 3,
    "roi": (0, 17),
    "ratio": 0.5,
}


def gapped_scan() -> tuple[Scan, np.ndarray, np.ndarray]:
    """A scan with marks that must survive, its gap mask, and its fill."""
    counts = some_counts()
    counts[0, 0, 0], counts[0, 0, 1], counts[0, 3, 0] = np.nan, -0.0, -5
    flags = np.zeros(SHAPE, dtype=np.uint16)
    flags[:, 1, :] = 512
    flags[:, 0, :2] = 128
    gap_mask = np.zeros(SHAPE, dtype=bool)
    gap_mask[:, 1, :] = True
    gap_mask[:, :, 2:4] = True
    fill = counts.copy()
    fill[gap_mask] = np.random.default_rng(4).uniform(0.1, 9, np.count_nonzero(gap_mask))
    scan = Scan(counts, flags != 0, flags, METADATA, None)
    return scan, gap_mask, fill


def test_outside_the_gap_every_bit_stays(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    stored = read_scan(tmp_path / "a.cxi").counts
    assert stored.dtype == np.float32
    outside = ~gap_mask
    assert stored[outside].tobytes() == scan.counts[outside].tobytes()
    assert stored[gap_mask].tobytes() == fill[gap_mask].tobytes()


def test_the_written_mask_is_the_bad_voxels_that_are_not_filled(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    with h5py.File(tmp_path / "a.cxi") as file:
        detector = file[DETECTOR]
        assert detector["mask"].dtype == np.int8
        expected = np.zeros(SHAPE, dtype=np.int8)
        expected[:, 0, :2] = 1
        np.testing.assert_array_equal(detector["mask"][()], expected)
        assert detector["filled"].dtype == np.uint8
        np.testing.assert_array_equal(detector["filled"][()], gap_mask.astype(np.uint8))
        np.testing.assert_array_equal(detector["original_flags"][()], scan.flags)
        assert detector["original_flags"].dtype == np.uint16


def test_a_mask_is_written_also_without_bad_voxels(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    bare = Scan(scan.counts, gap_mask, None, METADATA)
    write_cxi(tmp_path / "a.cxi", bare, fill, gap_mask, PROVENANCE)
    with h5py.File(tmp_path / "a.cxi") as file:
        assert not file[f"{DETECTOR}/mask"][()].any()
        assert "original_flags" not in file[DETECTOR]


def test_metadata_and_provenance_travel(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    assert read_scan(tmp_path / "a.cxi").metadata == METADATA
    with h5py.File(tmp_path / "a.cxi") as file:
        process = file["entry_1/data_1/process_1"]
        assert process["program"][()] == b"bcdi-inpaint"
        assert process["version"][()] == b"0.1.0"
        assert process["command"][()] == b"bcdi-inpaint predict a.cxi"
        stored = {name: node[()] for name, node in process["configuration"].items()}
    assert stored.pop("inpaint_gaps").tolist() == [b"rows 1:2", b"cols 2:4"]
    assert stored.pop("inpaint_roi").tolist() == [0, 17]
    assert stored == {
        "inpaint_weights_sha256": b"ab" * 32,
        "inpaint_seed": 3,
        "inpaint_ratio": 0.5,
    }


def test_the_layout_is_that_of_pynx(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    with h5py.File(tmp_path / "a.cxi") as file:
        assert file["cxi_version"][()] == 140
        root = {"file_name", "file_time", "creator", "HDF5_Version", "h5py_version", "default"}
        assert root <= set(file.attrs)
        classes = {
            "entry_1": "NXentry",
            "entry_1/sample_1": "NXsample",
            "entry_1/instrument_1": "NXinstrument",
            "entry_1/instrument_1/source_1": "NXsource",
            "entry_1/instrument_1/beam_1": "NXbeam",
            DETECTOR: "NXdetector",
            "entry_1/data_1": "NXdata",
            "entry_1/data_1/process_1": "NXprocess",
            "entry_1/data_1/process_1/configuration": "NXcollection",
        }
        assert {path: file[path].attrs["NX_class"] for path in classes} == classes
        data = file[f"{DETECTOR}/data"]
        assert (data.compression, data.shuffle, data.chunks) == ("gzip", True, (1, 4, 5))
        link = file.get("entry_1/data_1/data", getlink=True)
        assert isinstance(link, h5py.SoftLink)
        assert link.path == f"/{DETECTOR}/data"


def test_only_the_mask_is_called_a_mask(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    names: list[str] = []
    with h5py.File(tmp_path / "a.cxi") as file:
        file.visit(names.append)
    assert [name for name in names if "mask" in name.lower()] == [f"{DETECTOR}/mask"]
    with pytest.raises(RuntimeError, match="mask_source"):
        write_cxi(tmp_path / "b.cxi", scan, fill, gap_mask, {"mask_source": "x"})


def test_silx_view_opens_on_the_filled_data(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    with silx.io.open(str(tmp_path / "a.cxi")) as file:
        plot = nxdata.get_default(file)
        assert plot is not None
        assert plot.interpretation == "image"
        np.testing.assert_array_equal(plot.signal[()], fill)


def test_a_filled_file_can_be_read_and_filled_again(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    again = read_scan(tmp_path / "a.cxi")
    write_cxi(tmp_path / "b.cxi", again, fill, gap_mask, PROVENANCE)
    np.testing.assert_array_equal(read_scan(tmp_path / "b.cxi").counts, fill)


def test_a_fill_that_changes_the_measurement_is_our_bug(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    fill[0, 0, 1] = 0.0  # was -0.0: equal, but not the same bits
    with pytest.raises(RuntimeError, match="differs from the measurement"):
        write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
def test_a_fill_that_is_not_positive_is_our_bug(tmp_path, value):
    scan, gap_mask, fill = gapped_scan()
    fill[1, 1, 1] = value
    with pytest.raises(RuntimeError, match="not finite and positive"):
        write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)


def test_the_inputs_of_writing_stay_as_they_are(tmp_path):
    scan, gap_mask, fill = gapped_scan()
    arrays = (scan.counts, scan.bad_mask, gap_mask, fill)
    before = [array.tobytes() for array in arrays]
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE)
    assert [array.tobytes() for array in arrays] == before


# Writing: the output


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
        fill = scan.counts.copy()
        write_cxi(output, scan, fill, np.zeros(SHAPE, dtype=bool), {}, force=True)


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
    monkeypatch.setattr(files, "open", stream, raising=False)
    expected = pytest.raises(InputError, match="No space left") if stream is FullDisk else None
    with expected or pytest.raises(KeyboardInterrupt):
        write_scan(path, some_counts() + 1, force=True)
    assert list(tmp_path.iterdir()) == ([path] if existing else [])
    assert not existing or path.read_bytes() == before


def test_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "other").touch()
    write_scan(tmp_path / "a.cxi", some_counts())
    assert (tmp_path / "a.cxi").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_file_time_has_its_zone(tmp_path):
    write_scan(tmp_path / "a.cxi", some_counts())
    with h5py.File(tmp_path / "a.cxi") as file:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", file.attrs["file_time"])


# Fills that are read back, and what is handed over in part


@pytest.mark.parametrize("sure", [True, False])
def test_fills_that_are_not_trusted_stay_masked_with_their_fill_in_place(tmp_path, sure):
    scan, gap_mask, fill = gapped_scan()
    trusted = gap_mask & sure
    write_cxi(tmp_path / "a.cxi", scan, fill, gap_mask, PROVENANCE, trusted=trusted)
    written = read_scan(tmp_path / "a.cxi")
    np.testing.assert_array_equal(written.bad_mask, (scan.bad_mask | gap_mask) & ~trusted)
    assert written.counts.tobytes() == fill.tobytes()


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


def test_a_result_is_where_pynx_has_it(tmp_path):
    obj = np.random.default_rng(0).normal(size=SHAPE).astype(np.complex64)
    results = {"free_llk_poisson": 1.5, "nb_point_support": 7}
    provenance = {"command": "c", "seed": 3, "roi_final": (0, 3, 0, 4, 0, 5)}
    path = tmp_path / "r.cxi"
    write_result(path, obj, obj.real > 0, METADATA, results, ["HIO", "ER"], provenance)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["entry_last/image_1/data"][()], obj)
        np.testing.assert_array_equal(file["entry_1/image_1/support"][()], obj.real > 0)
        process = file["entry_1/image_1/process_1"]
        assert process["results/free_llk_poisson"][()] == 1.5
        assert process["note_1/data"][()] == b"HIO\nER"
        assert process["configuration/inpaint_seed"][()] == 3
        assert list(process["configuration/roi_final"]) == [0, 3, 0, 4, 0, 5]
    with silx.io.open(str(path)) as file:
        np.testing.assert_array_equal(nxdata.get_default(file).signal[()], obj)
    with refused(tmp_path, "r.cxi", "exists"):
        write_result(path, obj, obj.real > 0, METADATA, results, [], provenance)
