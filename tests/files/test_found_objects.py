"""Objects that a refinement found: written beside its fill, and read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scan_files import PROVENANCE, filled_arrays, gapped_scan, pynx_cxi, refused, some_counts
from some_objects import some_objects

from bcdi_inpaint.files import (
    has_unseen,
    read_fill,
    read_objects,
    read_scan,
    write_filled_cxi,
)
from bcdi_inpaint.files.layout import OBJECTS
from bcdi_inpaint.scan.boxes import as_box
from bcdi_inpaint.scan.found_object import FoundObject

BOX = as_box((slice(1, 9), slice(2, 9), slice(3, 12)))


def written(folder: Path, objects: tuple[FoundObject, ...]) -> Path:
    scan, gap_mask, fill = gapped_scan()
    arrays = replace(filled_arrays(scan, gap_mask, fill), objects=objects)
    write_filled_cxi(folder / "a.cxi", scan, arrays, PROVENANCE)
    return folder / "a.cxi"


@pytest.mark.parametrize("misfits", [[0.25], [0.5, 0.75, 4.0]])
def test_objects_are_read_as_they_were_written(tmp_path: Path, misfits: list[float]) -> None:
    objects = some_objects(BOX, misfits)
    found = read_objects(written(tmp_path, objects))
    assert len(found) == len(objects)
    for one, own in zip(found, objects, strict=True):
        np.testing.assert_array_equal(one.obj, own.obj)
        np.testing.assert_array_equal(one.support, own.support)
        assert one.obj.dtype == np.complex64
        assert one.support.dtype == bool
        assert (one.box, one.misfit) == (own.box, own.misfit)


@pytest.mark.parametrize("n_islands", [0, 1, 5])
def test_what_they_have_not_seen_is_read_as_it_was_written(tmp_path: Path, n_islands: int) -> None:
    places = np.random.default_rng(0).integers((1, 2, 3), (9, 9, 12), (n_islands, 3))
    objects = tuple(replace(one, unseen=places) for one in some_objects(BOX, [0.5, 0.75]))
    path = written(tmp_path, objects)
    for one in read_objects(path):
        np.testing.assert_array_equal(one.unseen, places)
        assert one.unseen.dtype.kind == "i"
    assert has_unseen(path) == (n_islands > 0)
    with h5py.File(path, "r+") as file:
        del file[OBJECTS]["unseen"]  # as files of before are
    assert [one.unseen.shape for one in read_objects(path)] == [(0, 3)] * 2
    assert not has_unseen(path)


def with_psf(objects: tuple[FoundObject, ...]) -> tuple[FoundObject, ...]:
    psf = np.random.default_rng(0).random((8, 7, 9)).astype(np.float32)
    return tuple(replace(one, psf=psf) for one in objects)


def test_the_point_spread_function_is_read_as_it_was_written(tmp_path: Path) -> None:
    objects = with_psf(some_objects(BOX, [0.5, 0.75]))
    for one in read_objects(written(tmp_path, objects)):
        assert one.psf is not None
        np.testing.assert_array_equal(one.psf, objects[0].psf)
        assert one.psf.dtype == np.float32
    (tmp_path / "none").mkdir()
    for one in read_objects(written(tmp_path / "none", some_objects(BOX, [0.5]))):
        assert one.psf is None


def test_they_change_nothing_else_of_the_file(tmp_path: Path) -> None:
    with_them = written(tmp_path, some_objects(BOX, [0.5]))
    (tmp_path / "plain").mkdir()
    plain = written(tmp_path / "plain", ())
    fills = [read_fill(path) for path in (with_them, plain)]
    assert fills[0] is not None
    assert fills[1] is not None
    assert fills[0].provenance == fills[1].provenance
    np.testing.assert_array_equal(read_scan(with_them).counts, read_scan(plain).counts)


def test_without_objects_there_is_no_group(tmp_path: Path) -> None:
    path = written(tmp_path, ())
    assert read_objects(path) == ()
    with h5py.File(path) as file:
        assert OBJECTS not in file


def test_they_are_compressed(tmp_path: Path) -> None:
    box = as_box([slice(0, 16)] * 3)
    path = written(tmp_path, some_objects(box, [0.5, 0.6]))
    with h5py.File(path) as file:
        objects = file[f"{OBJECTS}/object"]
        assert objects.id.get_storage_size() < objects.nbytes / 2  # an eighth of it is not zero


def test_other_files_hold_none(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", some_counts())
    assert read_objects(tmp_path / "a.npy") == ()
    assert read_objects(pynx_cxi(tmp_path / "b.cxi")) == ()
    assert read_objects(f"{written(tmp_path, some_objects(BOX, [1.0]))}:/entry_1/data_1/data") == ()
    for name in ("a.npy", "b.cxi", "a.cxi:/entry_1/data_1/data"):
        assert not has_unseen(f"{tmp_path / name}")


def without(*names: str) -> Callable[[h5py.Group], None]:
    def damage(group: h5py.Group) -> None:
        for name in names:
            del group[name]

    return damage


def with_array(name: str, array: object) -> Callable[[h5py.Group], None]:
    def damage(group: h5py.Group) -> None:
        del group[name]
        group[name] = array

    return damage


def not_finite(group: h5py.Group) -> None:
    group["object"][1, 2, 3, 4] = np.nan


def group_in_place(group: h5py.Group) -> None:
    del group["support"]
    group.create_group("support")


SHAPE = (2, 8, 7, 9)
DAMAGES = {
    "no object": without("object"),
    "no support": without("support"),
    "no box": without("box"),
    "no misfit": without("misfit"),
    "misfits alone": without("object", "support", "box"),
    "not finite": not_finite,
    "a group": group_in_place,
    "a real object": with_array("object", np.ones(SHAPE, np.float32)),
    "a truncated object": with_array("object", np.ones((2, 8, 7, 4), np.complex64)),
    "one object less": with_array("object", np.ones((1, 8, 7, 9), np.complex64)),
    "flat objects": with_array("object", np.ones((2, 8), np.complex64)),
    "a truncated support": with_array("support", np.ones((2, 8, 6, 9), np.uint8)),
    "one misfit": with_array("misfit", 0.5),
    "misfits in words": with_array("misfit", ["a", "b"]),
    "more misfits": with_array("misfit", [0.5, 0.6, 0.7]),
    "another box": with_array("box", [[1, 9], [2, 9], [3, 11]]),
    "a box that ends before it begins": with_array("box", [[9, 1], [9, 2], [12, 3]]),
    "a flat box": with_array("box", [1, 9, 2, 9, 3, 12]),
    "a box in words": with_array("box", [["a", "b"]] * 3),
    "a box of nan": with_array("box", [[np.nan, 9], [2, 9], [3, 12]]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_does_not_fit_together_is_one_line(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, some_objects(BOX, [0.5, 0.75]))
    with h5py.File(path, "r+") as file:
        DAMAGES[name](file[OBJECTS])
    with refused(tmp_path, path, "objects that do not fit together", "--start random"):
        read_objects(path)


def of_a_group(group: h5py.Group) -> None:
    del group["unseen"]
    group.create_group("unseen")


NO_PLACES = {
    "two numbers": with_array("unseen", [[4, 5]]),
    "flat": with_array("unseen", [4, 5, 6]),
    "parts of voxels": with_array("unseen", [[4.5, 5.0, 6.0]]),
    "words": with_array("unseen", [["a", "b", "c"]]),
    "outside of the box": with_array("unseen", [[4, 5, 6], [9, 5, 6]]),
    "before the box": with_array("unseen", [[4, 5, 2]]),
    "nothing at all": with_array("unseen", h5py.Empty("i")),
    "a group": of_a_group,
}


@pytest.mark.parametrize("name", NO_PLACES)
def test_what_are_no_places_of_unseen_voxels_is_one_line(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, some_objects(BOX, [0.5, 0.75]))
    with h5py.File(path, "r+") as file:
        NO_PLACES[name](file[OBJECTS])
    with refused(tmp_path, path, "no places in the box of its objects", "--start random"):
        read_objects(path)


NAME = "point_spread_function"
NO_PSF = {
    "another box": with_array(NAME, np.ones((8, 7, 8), np.float32)),
    "flat": with_array(NAME, np.ones(9, np.float32)),
    "zeros": with_array(NAME, np.zeros((8, 7, 9), np.float32)),
    "below zero": with_array(NAME, np.arange(-1.0, 503.0).reshape(8, 7, 9)),
    "not finite": with_array(NAME, np.full((8, 7, 9), np.inf)),
    "nan": with_array(NAME, np.full((8, 7, 9), np.nan)),
    "whole numbers": with_array(NAME, np.ones((8, 7, 9), np.int64)),
    "nothing at all": with_array(NAME, h5py.Empty("f")),
}


@pytest.mark.parametrize("name", NO_PSF)
def test_what_is_no_point_spread_function_is_one_line(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, with_psf(some_objects(BOX, [0.5, 0.75])))
    with h5py.File(path, "r+") as file:
        NO_PSF[name](file[OBJECTS])
    with refused(tmp_path, path, "no point spread function of the box", "--start random"):
        read_objects(path)


def test_a_cut_file_is_one_line(tmp_path: Path) -> None:
    path = written(tmp_path, some_objects(BOX, [0.5]))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with refused(tmp_path, path):
        read_objects(path)


def test_bytes_that_were_lost_are_one_line(tmp_path: Path) -> None:
    """The file opens, and what is compressed in it cannot be unpacked."""
    path = written(tmp_path, some_objects(BOX, [0.5]))
    with h5py.File(path) as file:
        chunk = file[f"{OBJECTS}/object"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    with refused(tmp_path, path):
        read_objects(path)


def test_pynx_reads_the_file_as_before(tmp_path: Path, pynx: str) -> None:
    from bcdi_inpaint.pynx_engine import import_pynx, quiet

    data = []
    for name, objects in (("plain", ()), ("found", some_objects(BOX, [0.5, 0.75]))):
        (tmp_path / name).mkdir()
        with quiet():
            runner = import_pynx("cdi.runner.id01")
            words = ["--data", str(written(tmp_path / name, objects))]
            params = vars(runner.CDIRunnerID01.make_parser().parse_args(words))
            scan = runner.CDIRunnerScanID01(params, None)
            scan.load_data()
            scan.init_mask()
        data.append((scan.iobs, scan.mask))
    for plain, found in zip(*data, strict=True):
        np.testing.assert_array_equal(plain, found)
