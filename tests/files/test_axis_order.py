"""Files whose rocking axis is not the first are read in the usual order, with their masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import open_scan, write_scan
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.crop import parse_crop


@pytest.mark.parametrize("axes", ["yxn", "xyn", "ynx", "nxy", "nyx"])
def test_counts_and_masks_come_in_the_usual_order(
    tmp_path: Path, rng: np.random.Generator, axes: str
) -> None:
    counts = rng.poisson(9.0, (3, 4, 5)).astype(np.uint16)
    mask = rng.random((4, 5)) < 0.3
    order = ["nyx".index(axis) for axis in axes]
    frame = mask if axes.replace("n", "") == "yx" else mask.T
    np.savez(tmp_path / "s.npz", data=counts.transpose(order), mask=frame)
    scan = open_scan(tmp_path / "s.npz", axes=axes)
    part = scan.part(whole(scan.shape))
    np.testing.assert_array_equal(part.counts, counts)
    np.testing.assert_array_equal(part.bad_mask, np.broadcast_to(mask, counts.shape))


def test_a_crop_is_of_the_usual_order(tmp_path: Path, rng: np.random.Generator) -> None:
    counts = rng.poisson(9.0, (3, 8, 9)).astype(np.uint16)
    np.save(tmp_path / "s.npy", np.moveaxis(counts, 0, -1))
    scan = open_scan(tmp_path / "s.npy", crop=parse_crop("2:6,1:8"), axes="yxn")
    np.testing.assert_array_equal(scan.part(whole(scan.shape)).counts, counts[:, 2:6, 1:8])


@pytest.mark.parametrize("axes", ["", "yx", "yxz", "nnyx"])
def test_other_letters_are_refused(tmp_path: Path, axes: str) -> None:
    np.save(tmp_path / "s.npy", np.ones((3, 4, 5)))
    with pytest.raises(InputError, match="--axes yxn"):
        open_scan(tmp_path / "s.npy", axes=axes)


def test_a_last_axis_by_far_the_shortest_is_named(tmp_path):
    counts = np.ones((40, 42, 9), np.uint16)
    np.save(tmp_path / "a.npy", counts)
    write_scan(tmp_path / "a.cxi", counts)
    for name in ("a.npy", "a.cxi"):
        assert [r.kind for r in open_scan(tmp_path / name).remarks] == ["axis-order"]
        assert open_scan(tmp_path / name, axes="yxn").remarks == ()
    np.save(tmp_path / "b.npy", counts.transpose(2, 0, 1))
    assert open_scan(tmp_path / "b.npy").remarks == ()
