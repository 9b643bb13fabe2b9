"""HDF5 files: what they may hold, and how they are opened."""

import fcntl
import subprocess
import sys

import h5py
import hdf5plugin
import numpy as np
import pytest
from scan_files import (
    SHAPE,
    pynx_cxi,
    refused,
    some_counts,
    some_mask,
)

from bcdi_inpaint.files import (
    DETECTOR,
    read_scan,
    write_scan,
)


@pytest.mark.parametrize("separator", [":/", "::/", ":"])
def test_a_compressed_data_set_by_its_path(tmp_path, separator):
    detector = "1.1/instrument/mpx1x4"
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file.create_dataset(
            "1.1/measurement/mpx1x4", data=some_counts("u4"), **hdf5plugin.Bitshuffle(cname="lz4")
        )
        file[f"{detector}/pixel_mask"] = some_mask(SHAPE[1:], "u4") << 8
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
        with pytest.raises(BlockingIOError), h5py.File(path, locking=True):
            pass  # a reader that locks is kept out
        scan = read_scan(path)
        with open(path, "rb") as other, pytest.raises(BlockingIOError):  # and the lock still holds
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    np.testing.assert_array_equal(scan.counts, some_counts())
    np.testing.assert_array_equal(scan.bad_mask, some_mask().astype(bool))


def test_a_damaged_chunk(tmp_path):
    write_scan(tmp_path / "a.cxi", some_counts())
    with h5py.File(tmp_path / "a.cxi") as file:
        chunk = file[f"{DETECTOR}/data"].id.get_chunk_info(1)
    content = bytearray((tmp_path / "a.cxi").read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    (tmp_path / "a.cxi").write_bytes(content)
    with refused(tmp_path, "a.cxi", "no intact HDF5 file"):
        read_scan(tmp_path / "a.cxi")


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


def test_counts_without_a_shape(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi", data=h5py.Empty("f4"), mask=None)
    with refused(tmp_path, path, "0 dimensions"):
        read_scan(path)


def test_strings_in_hdf5(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi", data=np.full(SHAPE, b"x", dtype=object), mask=None)
    with refused(tmp_path, path, "object"):
        read_scan(path)
