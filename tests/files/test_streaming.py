"""Scans that stay in their file: part by part they are what is read at once."""

from __future__ import annotations

from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest
from scan_files import pynx_cxi

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import DETECTOR, StoredScan, open_scan, read_scan
from bcdi_inpaint.files.chunks import make_chunked, put_together, read_part
from bcdi_inpaint.files.hdf5 import load
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.crop import Crop

SHAPE = (19, 30, 23)
BOX = slice(5, 17), slice(3, 29), slice(11, 23)

FILTERS = {
    "contiguous": {},
    "deflated": {"chunks": (1, 30, 23), "compression": "gzip"},
    "shuffled": {"chunks": (4, 16, 7), "compression": "gzip", "shuffle": True},
    "raw": {"chunks": (3, 30, 23)},
    "bitshuffle": {"chunks": (1, 30, 23), **hdf5plugin.Bitshuffle(cname="lz4")},
    "checked": {"chunks": (1, 30, 23), "fletcher32": True, "compression": "gzip"},
}


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("dtype", ["i1", "u2", ">i4", "f4", "f8"])
def test_a_part_is_what_the_library_reads(
    tmp_path: Path, rng: np.random.Generator, filters: dict, dtype: str
) -> None:
    values = rng.poisson(2, SHAPE).astype(dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", SHAPE, dtype, fillvalue=7, **filters)
        data[:12] = values[:12]  # the rest was never written
        read = read_part(data, BOX)
        assert read.dtype == data.dtype
        np.testing.assert_array_equal(read, data[BOX])


def test_a_mask_like_that_before_is_an_array_of_its_own(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("m", SHAPE, "i1", chunks=(1, 30, 23), compression="gzip")
        data[:] = 1
        read_part(data, BOX)[:] = 0
        np.testing.assert_array_equal(read_part(data, BOX), 1)


def test_chunks_put_together_are_read_by_the_library(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    values = rng.poisson(0.1, (5, 10, 9)).astype(np.float32)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = make_chunked(file, "data", (8, 10, 20), np.dtype("f4"), (8, 10, 9), np.inf)
        data.id.write_direct_chunk((0, 0, 9), put_together(values, (8, 10, 9)))
        np.testing.assert_array_equal(data[:5, :, 9:18], values)
        assert np.isposinf(data[:, :, :9]).all()


@pytest.mark.parametrize("mask", ["none", "frame", "one", "stack"])
@pytest.mark.parametrize("crop", [None, Crop((2, 18), (1, None), (0, 20))])
def test_a_stored_scan_is_the_scan_part_by_part(
    tmp_path: Path, rng: np.random.Generator, mask: str, crop: Crop | None
) -> None:
    flags = {
        "none": None,
        "frame": rng.integers(0, 3, SHAPE[1:]).astype("u2"),
        "one": rng.integers(0, 3, (1, *SHAPE[1:])).astype("f4"),
        "stack": rng.integers(0, 2, SHAPE).astype("i1"),
    }[mask]
    counts = rng.poisson(2, SHAPE).astype("i4")
    counts[3, 4, 5] = -1
    path = pynx_cxi(tmp_path / "a.cxi", data=counts, mask=flags)
    further = rng.integers(0, 2, SHAPE[1:])
    np.save(tmp_path / "further.npy", further)
    masks = [str(tmp_path / "further.npy"), "invalid"]
    stored, read = open_scan(path, masks, crop), read_scan(path, masks, crop)
    assert isinstance(stored, StoredScan)
    assert (stored.shape, stored.dtype) == (read.shape, read.counts.dtype)
    assert (stored.metadata, stored.source) == (read.metadata, read.source)
    for box in (whole(read.shape), (slice(1, 9), slice(3, 20), slice(2, 19))):
        part, expected = stored.part(box), read.part(box)
        np.testing.assert_array_equal(part.counts, expected.counts)
        np.testing.assert_array_equal(part.bad_mask, expected.bad_mask)
        np.testing.assert_array_equal(stored.bad_in(box), expected.bad_mask)
        assert (part.flags is None) == (expected.flags is None)
        if part.flags is not None:
            np.testing.assert_array_equal(part.flags, expected.flags)


def test_what_is_no_hdf5_or_too_deep_is_read_at_once(tmp_path: Path) -> None:
    counts = np.ones((40, 8, 8), dtype="u2")
    np.save(tmp_path / "a.npy", counts)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=counts, chunks=(40, 8, 8))
    for path in (tmp_path / "a.npy", f"{tmp_path / 'a.h5'}:/data"):
        scan = open_scan(path)
        assert not isinstance(scan, StoredScan)
        np.testing.assert_array_equal(scan.counts, counts)


def test_a_damaged_chunk_is_told_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.ones(SHAPE), chunks=(1, 30, 23), compression="gzip")
        chunk = file["data"].id.get_chunk_info(1)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    scan = open_scan(f"{path}:/data")
    with pytest.raises(InputError, match="no intact HDF5 file"):
        scan.part(whole(SHAPE))


def test_a_mask_of_another_form_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = pynx_cxi(tmp_path / "a.cxi", mask=np.zeros((3, 3), dtype="i1"))
    with pytest.raises(InputError, match="expected"):
        open_scan(path)


def test_an_array_of_few_written_chunks_is_no_trap(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        shape, chunks = (100, 512, 512), (1, 512, 512)
        data = make_chunked(file, "data", shape, np.dtype("f4"), chunks)
        with pytest.raises(InputError, match="a trap"):
            load(data)
        for frame in range(5):
            data.id.write_direct_chunk((frame, 0, 0), put_together(np.ones(chunks, "f4"), chunks))
        np.testing.assert_array_equal(load(data)[:, 0, 0], [1] * 5 + [0] * 95)


def test_a_stored_scan_prints_its_place_and_shape(tmp_path):
    stored = open_scan(pynx_cxi(tmp_path / "a.cxi"))
    assert repr(stored) == f"StoredScan of a.cxi:/{DETECTOR}/data: 3 x 4 x 5 float32"
