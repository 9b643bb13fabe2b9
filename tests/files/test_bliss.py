"""Scans of ESRF's BLISS: as its writer lays them out, with frames in files of the detector."""

import fcntl
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
from linked_files import frames, kinds, read_both_ways
from scan_files import SHAPE, refused, some_counts

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import bliss_scans, chosen_scans, default_output, parse_scans, read_scan
from bcdi_inpaint.scan.crop import parse_crop


def bliss_file(folder, numbers=(1, 2, 5), sample=""):
    """A master file, whose frames lie in scan0001/mpx1x4_0000.h5 and so on, in bitshuffle-lz4."""
    path = folder / "sample_dataset.h5"
    with h5py.File(path, "w") as master:
        for number in numbers:
            name = f"scan{number:04d}/mpx1x4_0000.h5"
            (folder / name).parent.mkdir(parents=True)
            with h5py.File(folder / name, "w") as file:
                file.create_dataset(
                    "entry_0000/measurement/data",
                    data=some_counts("u4") + number,
                    chunks=(1, *SHAPE[1:]),
                    **hdf5plugin.Bitshuffle(cname="lz4"),
                )
            layout = h5py.VirtualLayout(shape=SHAPE, dtype="u4")
            layout[...] = h5py.VirtualSource(name, "entry_0000/measurement/data", shape=SHAPE)
            entry = f"{sample}{number}.1"
            master.create_virtual_dataset(f"{entry}/instrument/mpx1x4/data", layout)
            master[f"{entry}/instrument/mpx1x4/distance"] = 1.2
            link = h5py.SoftLink(f"/{entry}/instrument/mpx1x4/data")
            master[f"{entry}/measurement/mpx1x4"] = link
            master[f"{entry}/measurement/eta"] = np.arange(3.0)
        master["7.1/measurement/mpx1x4_roi1"] = np.arange(3.0)  # a scan without frames
        master["9.1/title"] = "interrupted"
    return path


@pytest.mark.parametrize("sample", ["", "B12_S_"])
def test_scans_are_found_and_read(tmp_path, sample):
    path = bliss_file(tmp_path, sample=sample)
    scans = bliss_scans(path)
    assert scans == {n: f"{sample}{n}.1/measurement/mpx1x4" for n in (1, 2, 5)}
    for number, inner in scans.items():
        scan = read_scan(f"{path}:/{inner}")
        np.testing.assert_array_equal(scan.counts, some_counts("u4") + number)
        assert scan.metadata.distance_m == 1.2


def test_files_that_are_being_written_are_read_without_a_lock(tmp_path):
    path = bliss_file(tmp_path, (1,))
    frames = tmp_path / "scan0001" / "mpx1x4_0000.h5"
    with open(path, "rb") as held, open(frames, "rb") as held_too:
        for stream in (held, held_too):
            fcntl.flock(stream, fcntl.LOCK_EX)
        np.testing.assert_array_equal(read_scan(path).counts, some_counts("u4") + 1)


def test_one_scan_needs_no_choice_and_many_do(tmp_path):
    (tmp_path / "one").mkdir()
    one = bliss_file(tmp_path / "one", (3,))
    np.testing.assert_array_equal(read_scan(one).counts, some_counts("u4") + 3)
    path = bliss_file(tmp_path)
    with refused(tmp_path, "3 scans (1, 2, 5", "--scans"):
        read_scan(path)


def test_scans_are_chosen_by_number(tmp_path):
    path = bliss_file(tmp_path)
    assert list(chosen_scans(path, parse_scans("1-200"))) == [1, 2, 5]
    assert list(chosen_scans(path, parse_scans("5,2"))) == [2, 5]
    with refused(tmp_path, "no scan 3", "1, 2, 5"):
        chosen_scans(path, parse_scans("3"))
    with refused(tmp_path, "none of the scans", "1, 2, 5"):
        chosen_scans(path, parse_scans("6-9"))


@pytest.mark.parametrize("text", ["", "a", "5-3", "1-", "1;2"])
def test_texts_that_are_no_scans(text):
    with pytest.raises(InputError, match="--scans 1-200"):
        parse_scans(text)


def test_only_a_part_is_read(tmp_path):
    path = bliss_file(tmp_path, (1,))
    crop = parse_crop("1:3,0:4")
    expected = (some_counts("u4") + 1)[:, 1:3, 0:4]
    np.testing.assert_array_equal(read_scan(path, crop=crop).counts, expected)


def collection(folder: Path, entries: dict[str, str]) -> Path:
    """A collection file: nothing but links to entries of files in folders below."""
    for k, (name, target) in enumerate(entries.items()):
        dataset = name.rpartition("_")[0]
        path = folder / dataset / f"{dataset}.h5"
        path.parent.mkdir(exist_ok=True)
        with h5py.File(path, "a") as file:
            file[f"{target}/measurement/mpx1x4"] = frames(4, 10 * k)
            file[f"{target}/instrument/mpx1x4/pixel_mask"] = np.eye(6, 5, dtype="u4")
            file[f"{target}/instrument/mpx1x4/distance"] = 1.0 + k
        with h5py.File(folder / "all.h5", "a") as file:
            file[name] = h5py.ExternalLink(f"{dataset}/{dataset}.h5", f"/{target}")
    return folder / "all.h5"


def test_collection_files_are_links_alone(tmp_path: Path) -> None:
    names = {"S_0001_1.1": "1.1", "S_0001_2.1": "2.1", "S_0002_3.1": "1.1"}
    path = collection(tmp_path, names)
    scans = bliss_scans(path)
    assert scans == {
        n: f"{name}/measurement/mpx1x4" for n, name in zip((1, 2, 3), names, strict=True)
    }
    for k, inner in enumerate(scans.values()):
        scan = read_both_ways(f"{path}:/{inner}")
        np.testing.assert_array_equal(scan.counts, frames(4, 10 * k))
        np.testing.assert_array_equal(scan.bad_mask[0], np.eye(6, 5, dtype=bool))
        assert scan.metadata.distance_m == 1.0 + k
        np.testing.assert_array_equal(
            read_scan(f"{path}:/{inner.split('/')[0]}").counts, scan.counts
        )


def test_collections_of_data_sets_that_each_have_a_scan_1(tmp_path: Path) -> None:
    path = collection(tmp_path, {"S_0001_1.1": "1.1", "S_0002_1.1": "1.1", "S_0002_2.1": "2.1"})
    assert list(chosen_scans(path, parse_scans("2"))) == [2]
    with refused(tmp_path, "two scans 1", "/S_0001_1.1", "--scans S_0001_1"):
        chosen_scans(path, parse_scans("1"))
    with refused(tmp_path, "3 scans (S_0001_1.1, S_0002_1.1", "all.h5:/S_0001_1.1"):
        read_scan(path)
    one = chosen_scans(path, parse_scans("S_0002_1-9"))
    assert list(one.values()) == [f"S_0002_{n}.1/measurement/mpx1x4" for n in (1, 2)]
    both = chosen_scans(path, parse_scans("S_0001_1, S_0002_1"))
    assert list(both.values()) == [f"S_000{n}_1.1/measurement/mpx1x4" for n in (1, 2)]


def test_a_collection_whose_files_are_gone_or_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    path = tmp_path / "here" / "all.h5"
    with h5py.File(tmp_path / "S.h5", "w") as file:
        file["1.1/measurement/eiger"] = frames(4)
    with h5py.File(path, "w") as file:
        file["S_1.1"] = h5py.ExternalLink("../S.h5", "/1.1")
        file["S_2.1"] = h5py.ExternalLink("S.h5", "/2.1")
    for numbers, part in (("1", "--follow-links"), ("2", "S.h5:/2.1, which is not there")):
        with refused(tmp_path, part):
            chosen_scans(path, parse_scans(numbers))


def test_the_detector_that_is_read_is_named_where_others_are_there(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["1.1/measurement/camera"] = frames(4, 50)
        file["1.1/measurement/eiger2M"] = frames(4)
        file["1.1/measurement/again"] = h5py.SoftLink("/1.1/measurement/eiger2M")
    spec = f"{tmp_path}/a.h5:/{bliss_scans(tmp_path / 'a.h5')[1]}"
    for each in (tmp_path / "a.h5", spec):
        scan = read_both_ways(each)
        np.testing.assert_array_equal(scan.counts, frames(4))
        assert [str(remark) for remark in scan.remarks] == [
            "reads a.h5:/1.1/measurement/eiger2M; also there: /1.1/measurement/camera: give "
            "a.h5:/path for another"
        ]
    alone = read_both_ways(f"{tmp_path}/a.h5:/1.1/measurement/eiger2M")
    assert kinds(alone) == []  # the user has said it


def test_several_detectors_of_which_none_is_known(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["1.1/measurement/left"] = frames(4)
        file["1.1/measurement/right"] = file["1.1/measurement/left"]
        file["1.1/measurement/right2"] = frames(4)
    with refused(tmp_path, "/1.1/measurement/left, /1.1/measurement/right2", "a.h5:/path"):
        read_scan(tmp_path / "a.h5")
    with refused(tmp_path, "2 data sets that could be the scan"):
        read_scan(f"{tmp_path}/a.h5:/{bliss_scans(tmp_path / 'a.h5')[1]}")


def test_two_scans_of_one_number(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for sample in ("A", "B"):
            file[f"{sample}_1.1/measurement/eiger2M"] = some_counts()
    with refused(tmp_path, "two scans 1", "A_1.1", "B_1.1"):
        bliss_scans(tmp_path / "a.h5")


def test_the_number_is_in_the_name_of_the_output():
    spec = "d/raw.h5:/12.1/measurement/mpx1x4"
    assert str(default_output(spec, numbered=True)) == "d/raw_S12_inpainted.cxi"
    assert str(default_output(spec)) == "d/raw_inpainted.cxi"
    of_collection = [
        f"S.h5:/S_000{n}_1.1{end}" for n in (1, 2) for end in ("", "/measurement/eiger")
    ]
    names = [default_output(each, numbered=True).name for each in of_collection]
    assert names == [f"S_000{n}_S1_inpainted.cxi" for n in (1, 1, 2, 2)]
