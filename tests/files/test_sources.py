"""Links and virtual sources that lead astray, and files that declare more than they hold."""

import os
import resource
import zipfile

import h5py
import numpy as np
import pytest
import tifffile
from scan_files import SHAPE, pynx_cxi, refused, some_counts

from bcdi_inpaint.files import DETECTOR, following, read_scan


def outside(tmp_path):
    """A folder for the scan, and a file beside it that the scan may not show."""
    (tmp_path / "scan").mkdir()
    pynx_cxi(tmp_path / "secret.h5", data=some_counts("u4"))
    (tmp_path / "secret.raw").write_bytes(some_counts("u4").tobytes())
    return tmp_path / "scan" / "a.h5", tmp_path / "secret.h5"


@pytest.mark.parametrize("name", ["relative", "absolute"])
@pytest.mark.parametrize("way", ["link", "group link", "virtual", "in a circle", "raw"])
def test_what_lies_outside_the_folder_is_read_only_if_asked(tmp_path, way, name):
    path, secret = outside(tmp_path)
    target = str(secret) if name == "absolute" else "../secret.h5"
    with h5py.File(path, "w") as file:
        if way == "link":
            file["data"] = h5py.ExternalLink(target, f"/{DETECTOR}/data")
        elif way == "group link":
            file["there"] = h5py.ExternalLink(target, f"/{DETECTOR}")
            file["data"] = h5py.SoftLink("/there/data")
        elif way == "virtual":
            layout = h5py.VirtualLayout(shape=SHAPE, dtype="u4")
            layout[...] = h5py.VirtualSource(target, f"{DETECTOR}/data", shape=SHAPE)
            file.create_virtual_dataset("data", layout)
        elif way == "in a circle":
            file["data"] = h5py.ExternalLink("b.h5", "/data")
            with h5py.File(path.with_name("b.h5"), "w") as other:
                other["data"] = h5py.ExternalLink(target, f"/{DETECTOR}/data")
        else:
            raw = target.replace(".h5", ".raw")
            if name == "relative":
                raw = os.path.relpath(secret.with_suffix(".raw"))
            file.create_dataset("data", SHAPE, "u4", external=[(raw, 0, some_counts("u4").nbytes)])
    with refused(tmp_path, "secret", "outside the scan's folder", "--follow-links"):
        read_scan(f"{path}:/data")
    with following(True):
        np.testing.assert_array_equal(read_scan(f"{path}:/data").counts, some_counts("u4"))


def test_metadata_and_masks_do_not_come_from_outside_either(tmp_path):
    path, secret = outside(tmp_path)
    with h5py.File(path, "w") as file:
        file[f"{DETECTOR}/data"] = some_counts("u4")
        file[f"{DETECTOR}/distance"] = h5py.ExternalLink(str(secret), f"/{DETECTOR}/distance")
    assert read_scan(path).metadata.distance_m is None
    with following(True):
        assert read_scan(path).metadata.distance_m == 0.84
    with h5py.File(path, "a") as file:
        file[f"{DETECTOR}/mask"] = h5py.ExternalLink(str(secret), f"/{DETECTOR}/mask")
    with refused(tmp_path, "secret.h5", "outside"):
        read_scan(path)


def test_external_links_that_run_in_a_circle(tmp_path):
    for name, other in (("a.h5", "b.h5"), ("b.h5", "a.h5")):
        with h5py.File(tmp_path / name, "w") as file:
            file["data"] = h5py.ExternalLink(other, "/data")
    with refused(tmp_path, "a.h5:/data", "link"):
        read_scan(f"{tmp_path}/a.h5:/data")


def bomb(path):
    """A file of some kB that declares an array of a terabyte."""
    shape = (10_000, 10_000, 10_000)
    if path.suffix == ".npy":
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        with open(path, "wb") as stream:
            np.lib.format.write_array_header_1_0(stream, header)
    elif path.suffix == ".npz":
        bomb(path.with_suffix(".npy"))
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(path.with_suffix(".npy"), "data.npy")
        path.with_suffix(".npy").unlink()
    elif path.suffix == ".tif":
        tifffile.imwrite(path, some_counts(), photometric="minisblack", description="")
        with tifffile.TiffFile(path, mode="r+b") as file:
            for tag in ("ImageLength", "RowsPerStrip"):
                file.pages[0].tags[tag].overwrite(2**31)
    elif path.suffix == ".edf":
        text = "{\nDim_1 = 100000 ;\nDim_2 = 100000 ;\nDim_3 = 100 ;\nDataType = UnsignedByte ;\n"
        path.write_bytes((text + "ByteOrder = LowByteFirst ;\n").ljust(510).encode() + b"}\n")
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset(f"{DETECTOR}/data", shape, "u1", chunks=(1, 100, 100))
    return path


@pytest.mark.parametrize("suffix", ["cxi", "npy", "npz", "tif", "edf"])
def test_a_bomb_takes_no_memory(tmp_path, suffix):
    path = bomb(tmp_path / f"a.{suffix}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with refused(tmp_path, path.name):
        read_scan(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_a_mask_may_be_a_bomb_too(tmp_path):
    path = pynx_cxi(tmp_path / "a.cxi", mask=None)
    with h5py.File(path, "a") as file:
        file.create_dataset(f"{DETECTOR}/mask", (10**4, 10**4, 10**4), "u1", chunks=(1, 100, 100))
    with refused(tmp_path, "declares 1000000000000 bytes"):
        read_scan(path)
