"""What tells one file from another."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from linked_files import eiger_master, frames
from scan_files import pynx_cxi, refused

from bcdi_inpaint.files import identify, input_sha256, sha256


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert sha256(tmp_path / "a") == expected
    with refused(tmp_path, "does not exist"):
        sha256(tmp_path / "b")


def test_a_file_without_links_is_known_by_its_own_hash(tmp_path: Path) -> None:
    path = pynx_cxi(tmp_path / "a.cxi")
    assert input_sha256(path) == sha256(path)


def linked(folder: Path, way: str) -> str:
    """A scan whose counts lie in b.h5, which the file that is named leads to."""
    with h5py.File(folder / "b.h5", "w") as file:
        file["1.1/measurement/mpx1x4"] = frames(4)
    inner = "1.1/measurement/mpx1x4"
    with h5py.File(folder / "a.h5", "w") as file:
        if way == "virtual":
            layout = h5py.VirtualLayout(shape=(4, 6, 5), dtype="u4")
            layout[...] = h5py.VirtualSource("b.h5", inner, shape=(4, 6, 5))
            file.create_virtual_dataset("2.1/measurement/mpx1x4", layout)
        else:
            file["2.1"] = h5py.ExternalLink("b.h5", "1.1")
    return f"{folder}/a.h5" + (":/2.1/measurement/mpx1x4" if way == "path" else "")


@pytest.mark.parametrize("way", ["whole file", "path", "virtual"])
def test_a_scan_behind_a_link_is_another_once_its_file_changes(tmp_path: Path, way: str) -> None:
    spec = linked(tmp_path, way)
    before, file_before = identify(spec), input_sha256(spec)
    assert (identify(spec), input_sha256(spec)) == (before, file_before)
    assert identify(spec, file_before) == before
    with h5py.File(tmp_path / "b.h5", "a") as file:
        file["1.1/measurement/mpx1x4"][2, 3, 4] += 1
    assert identify(spec) != before
    assert input_sha256(spec) != file_before


def test_a_master_is_another_once_a_file_of_frames_or_its_mask_changes(tmp_path: Path) -> None:
    path = eiger_master(tmp_path, missing=(3,))
    seen = {identify(path)}, {input_sha256(path)}
    for name, inner in (
        ("S_data_000002.h5", "entry/data/data"),
        ("S_master.h5", "entry/instrument/detector/detectorSpecific/pixel_mask"),
    ):
        with h5py.File(tmp_path / name, "a") as file:
            file[inner][...] = np.asarray(file[inner]) + 1
        for hashes, value in zip(seen, (identify(path), input_sha256(path)), strict=True):
            assert value not in hashes
            hashes.add(value)
