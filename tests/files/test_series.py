"""EIGER's master files: the files of frames in order as one stack, and what is not there."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from linked_files import eiger_master, frames, kinds, read_both_ways
from scan_files import refused

from bcdi_inpaint.files import read_scan


@pytest.mark.parametrize("name", ["S_master.h5", "S.nxs", "S"])
@pytest.mark.parametrize("inner", ["", ":/entry/data", ":/entry"])
def test_a_master_is_one_stack(tmp_path: Path, name: str, inner: str) -> None:
    path = eiger_master(tmp_path, name=name)
    scan = read_both_ways(f"{path}{inner}")
    np.testing.assert_array_equal(scan.counts, frames(8))
    assert kinds(scan) == ["virtual-pixels"]
    assert scan.metadata.distance_m == 1.2
    assert scan.metadata.x_pixel_size_m == 75e-6
    assert scan.metadata.energy_ev == 10000


def test_the_low_bits_of_a_pixel_mask_reject(tmp_path: Path) -> None:
    bad = np.zeros((6, 5), bool)
    bad[2] = bad[0, 1] = True
    scan = read_scan(eiger_master(tmp_path))
    np.testing.assert_array_equal(scan.bad_mask, np.broadcast_to(bad, scan.shape))
    assert scan.flags is not None
    assert scan.flags[0, 0, 0] == 1 << 31  # as it was stored
    (remark,) = scan.remarks
    assert "1 pixels have bits above 15 alone" in remark.text
    mask = f"{tmp_path}/S_master.h5:/entry/instrument/detector/detectorSpecific/pixel_mask"
    alone = read_scan(tmp_path / "S_data_000001.h5", mask=mask)
    np.testing.assert_array_equal(alone.bad_mask[0], bad)


def test_links_to_files_that_were_never_written_at_the_end(tmp_path: Path) -> None:
    scan = read_both_ways(eiger_master(tmp_path, missing=(3,)))
    np.testing.assert_array_equal(scan.counts, frames(6))
    said = {remark.kind: remark.text for remark in scan.remarks}
    assert "1 of 3 links" in said["links-left-out"]
    assert "data_000003" in said["links-left-out"]
    assert "6 frames" in said["links-left-out"]
    assert "announces 8 frames and 6 are there" in said["frames-announced"]
    assert "frames-lost" not in said


def test_files_lost_between_others(tmp_path: Path) -> None:
    scan = read_both_ways(eiger_master(tmp_path, (3, 3, 3, 2), missing=(2, 3)))
    assert scan.shape[0] == 5
    said = {remark.kind: remark.text for remark in scan.remarks}
    assert "about 6 frames are lost between frames 2 and 3" in said["frames-lost"]


def test_numbers_that_jump_are_read_in_their_order(tmp_path: Path) -> None:
    path = eiger_master(tmp_path, numbers=(1, 2, 11))
    with h5py.File(path, "a") as file:  # 2 sorts after 11 without its zeros
        file.move("entry/data/data_000002", "entry/data/data_2")
    scan = read_both_ways(path)
    np.testing.assert_array_equal(scan.counts, frames(8))
    said = {remark.kind: remark.text for remark in scan.remarks}
    assert "1 to 11 without 3, 4, 5, ..." in said["numbers-jump"]


def test_no_file_of_frames_is_there(tmp_path: Path) -> None:
    path = eiger_master(tmp_path, missing=(1, 2, 3))
    with refused(tmp_path, "S_master.h5", "data_000001", "not there"):
        read_scan(path)


def test_files_of_frames_that_do_not_go_together(tmp_path: Path) -> None:
    path = eiger_master(tmp_path)
    with h5py.File(tmp_path / "S_data_000002.h5", "w") as file:
        file["entry/data/data"] = np.ones((3, 5, 6), "u4")
    with refused(tmp_path, "S_data_000002.h5", "(3, 5, 6)", "frames of one shape"):
        read_scan(path)


def test_single_frames_without_an_axis_of_their_own(tmp_path: Path) -> None:
    path = eiger_master(tmp_path, (1, 1, 1))
    with h5py.File(tmp_path / "S_data_000002.h5", "w") as file:
        file["entry/data/data"] = frames(1, 1)[0]
    np.testing.assert_array_equal(read_both_ways(path).counts, frames(3))


def test_one_file_of_frames_alone(tmp_path: Path) -> None:
    eiger_master(tmp_path)
    scan = read_both_ways(tmp_path / "S_data_000002.h5")
    np.testing.assert_array_equal(scan.counts, frames(3, 3))
    assert kinds(scan) == ["one-of-several-files"]


def test_one_data_set_of_a_master_by_its_path(tmp_path: Path) -> None:
    scan = read_both_ways(f"{eiger_master(tmp_path)}:/entry/data/data_000003")
    np.testing.assert_array_equal(scan.counts, frames(2, 6))
    assert scan.bad_mask[0, 2].all()  # the mask is that of its entry
    assert kinds(scan) == ["one-of-several-data-sets", "virtual-pixels"]
    assert "S_master.h5:/entry/data for all" in scan.remarks[0].text
