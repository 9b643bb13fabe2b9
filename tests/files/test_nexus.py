"""NeXus files: `default`, `signal`, and what is there besides."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from linked_files import frames, kinds, read_both_ways
from scan_files import pynx_cxi, refused, some_counts

from bcdi_inpaint.files import read_scan


def nexus(path: Path, way: str) -> Path:
    """A file with two stacks, of which it says itself that `wanted` is meant."""
    with h5py.File(path, "w") as file:
        entry = file.create_group("scan_12" if way == "chain" else "entry")
        entry.attrs["NX_class"] = "NXentry"
        data = entry.create_group("plot" if way in ("chain", "class") else "data")
        data.attrs["NX_class"] = b"NXdata" if way == "class" else "NXdata"
        wanted = "data" if way == "name" else "wanted"
        data["other"], data[wanted] = frames(4, 50), frames(4)
        if way == "chain":
            file.attrs["default"], entry.attrs["default"] = "scan_12", "plot"
        if way == "chain to data":
            file.attrs["default"] = "/entry/data"
        if way == "old":
            data["wanted"].attrs["signal"] = 1
        elif way == "array":
            data.attrs["signal"] = np.array(["wanted"], dtype=h5py.string_dtype())
        elif way != "name":
            data.attrs["signal"] = "wanted"
    return path


@pytest.mark.parametrize(
    "way", ["signal", "old", "array", "chain", "chain to data", "class", "name"]
)
def test_the_file_says_what_is_meant(tmp_path: Path, way: str) -> None:
    path = nexus(tmp_path / "a.nxs", way)
    np.testing.assert_array_equal(read_both_ways(path).counts, frames(4))


def test_a_single_data_set_of_an_eiger(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data"] = frames(4)
        file["entry/instrument/detector/data"] = h5py.SoftLink("/entry/data/data")
        file["entry/instrument/detector/pixel_mask"] = np.eye(6, 5, dtype="u4")
        file["entry/instrument/detector/detectorSpecific/photon_energy"] = 8500.0
        file["entry/instrument/detector/distance"] = 0.5
    scan = read_both_ways(tmp_path / "a.h5")
    np.testing.assert_array_equal(scan.counts, frames(4))
    np.testing.assert_array_equal(scan.bad_mask[1], np.eye(6, 5, dtype=bool))
    assert (scan.metadata.energy_ev, scan.metadata.distance_m) == (8500, 0.5)
    assert kinds(scan) == []


def test_a_detector_with_a_name_of_its_own(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        file["entry/data/data"] = frames(4)
        detector = file.create_group("entry/instrument/merlin")
        detector.attrs["NX_class"] = "NXdetector"
        detector["pixel_mask"], detector["distance"] = np.eye(6, 5, dtype="u1"), 2.0
    scan = read_both_ways(tmp_path / "a.nxs")
    assert scan.bad_mask[0, 1, 1]
    assert scan.metadata.distance_m == 2


def test_two_entries_of_which_none_is_the_default(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        file["entry/data/data"], file["entry2/data/data"] = frames(4), frames(4, 50)
    with refused(tmp_path, "/entry/data/data, /entry2/data/data", "a.nxs:/path"):
        read_scan(tmp_path / "a.nxs")
    with h5py.File(tmp_path / "a.nxs", "a") as file:
        file.attrs["default"] = "entry2"
    scan = read_both_ways(tmp_path / "a.nxs")
    np.testing.assert_array_equal(scan.counts, frames(4, 50))
    assert "also there: /entry/data/data" in str(scan.remarks[0])


def test_another_stack_in_a_file_of_pynx_is_named(tmp_path: Path) -> None:
    path = pynx_cxi(tmp_path / "a.cxi")
    assert kinds(read_both_ways(path)) == []  # its own mask and links to it are none
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["data"] = some_counts()
    with h5py.File(path, "a") as file:
        file["entry_2/instrument_1/detector_1/data"] = h5py.ExternalLink("b.h5", "data")
    (remark,) = read_both_ways(path).remarks
    assert "also there: /entry_2/instrument_1/detector_1/data" in remark.text


def test_lists_of_candidates_follow_links(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["deep/stack"] = frames(4)
        file["deep/up"] = h5py.SoftLink("/deep")  # a circle
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x/there"] = h5py.ExternalLink("b.h5", "/deep")
        file["x/gone"] = h5py.ExternalLink("c.h5", "/deep")
    for spec in (tmp_path / "a.h5", f"{tmp_path}/a.h5:/x", f"{tmp_path}/a.h5:/y"):
        with refused(tmp_path, "3D data sets: /x/there/stack"):
            read_scan(spec)


@pytest.mark.parametrize("shape", [(4, 1, 6, 5), (1, 4, 6, 5), (4, 6, 5, 1)])
@pytest.mark.parametrize("chunked", [False, True])
def test_axes_of_length_one(tmp_path: Path, shape: tuple[int, ...], chunked: bool) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        chunks = tuple(1 if n in (1, 4) else n for n in shape) if chunked else None
        file.create_dataset("data", data=frames(4).reshape(shape), chunks=chunks)
        file["mask"] = np.eye(6, 5, dtype="u1").reshape(1, 1, 6, 5)[0]
    scan = read_both_ways(f"{tmp_path}/a.h5:/data")
    np.testing.assert_array_equal(scan.counts, frames(4))
    np.testing.assert_array_equal(scan.bad_mask[3], np.eye(6, 5, dtype=bool))
