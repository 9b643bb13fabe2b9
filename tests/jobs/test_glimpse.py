"""A glimpse of an output: the view that shows its gap, and how sure the fill says it is."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import FilledArrays, write_filled_cxi, write_filled_npz, write_filled_tiff
from bcdi_inpaint.jobs.glimpse import WINDOW, glimpse_of
from bcdi_inpaint.scan.scan import Scan

SHAPE = (10, 20, 120)
SIGMA = 0.3


def output(path: Path, filled: np.ndarray, brightest: tuple[int, int, int]) -> Path:
    """An output of counts 1, but 1000 at one voxel; the fill is as sure everywhere."""
    counts = np.ones(SHAPE, np.float32)
    counts[brightest] = 1000
    bad = np.zeros(SHAPE, bool)
    bad[:, 0, 0] = True
    sigma = np.where(filled, SIGMA, 0).astype(np.float32)
    upper = np.where(filled, counts + 1, np.inf).astype(np.float32)
    fill = FilledArrays(counts, filled, bad | filled, sigma, counts / 2, upper)
    write = {".cxi": write_filled_cxi, ".npz": write_filled_npz, ".tif": write_filled_tiff}
    scan = Scan(np.where(filled, 0, counts), bad | filled)
    write[path.suffix](path, scan, fill, {"input_sha256": "0"})
    return path


def size(png: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(png)).size


@pytest.mark.parametrize("name", ["a.cxi", "a_pynx_input_data.npz", "a.tif"])
def test_the_frame_with_the_most_light_in_the_gap_is_shown(tmp_path: Path, name: str) -> None:
    filled = np.zeros(SHAPE, bool)
    filled[:, 8:14] = True
    seen = glimpse_of(output(tmp_path / name, filled, (7, 10, 100)))
    assert (seen.shape, seen.view, seen.brightest) == (SHAPE, "frame 7", 1000)
    assert size(seen.pictures["after"]) == (WINDOW, 20)
    before, after = (
        np.asarray(Image.open(io.BytesIO(seen.pictures[key]))) for key in ("before", "after")
    )
    changed = np.flatnonzero((before != after).any(axis=1))
    assert list(changed) == list(range(8, 14))
    if name.endswith(".tif"):  # it has no place for the uncertainty
        assert np.isnan(seen.uncertainty)
        assert "sigma" not in seen.pictures
    else:
        assert seen.uncertainty == pytest.approx(SIGMA, rel=1e-5)


def test_a_gap_of_whole_frames_is_seen_from_above(tmp_path: Path) -> None:
    filled = np.zeros(SHAPE, bool)
    filled[4:6] = True
    seen = glimpse_of(output(tmp_path / "a.cxi", filled, (5, 10, 100)))
    assert seen.view == "row 10"
    assert size(seen.pictures["sigma"]) == (WINDOW, 10)


def test_without_a_fill_the_uncertainty_is_not_known(tmp_path: Path) -> None:
    seen = glimpse_of(output(tmp_path / "a.cxi", np.zeros(SHAPE, bool), (5, 10, 100)))
    assert np.isnan(seen.uncertainty)
    (tmp_path / "b.cxi").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not HDF5"):
        glimpse_of(tmp_path / "b.cxi")
