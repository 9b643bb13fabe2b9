"""`predict` on files of links: the scan that is meant is the one that is looked at."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from bcdi_inpaint.cli import main


def gapped(axis: str) -> tuple[np.ndarray, np.ndarray]:
    """Counts of a peak, and the mask of a gap of six lines."""
    z, y, x = np.ogrid[-16:16, -20:20, -20:20]
    counts = (3e4 / (1 + 0.05 * (z**2 + y**2 + x**2)) ** 2).astype("u4") + 2
    mask = np.zeros((40, 40), "u4")
    mask[(slice(26, 32), slice(None)) if axis == "rows" else (slice(None), slice(26, 32))] = 1
    return np.where(mask, 0, counts).astype("u4"), mask


def write_entry(group: h5py.Group, axis: str) -> None:
    counts, mask = gapped(axis)
    group["measurement/mpx1x4"], group["instrument/mpx1x4/pixel_mask"] = counts, mask


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A file whose 1.1 has a gap in rows, and whose 2.1 lies in another file, a gap in columns."""
    with h5py.File(tmp_path / "b.h5", "w") as file:
        write_entry(file.create_group("1.1"), "cols")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_entry(file.create_group("1.1"), "rows")
        file["2.1"] = h5py.ExternalLink("b.h5", "/1.1")
    return tmp_path / "a.h5"


@pytest.mark.parametrize(
    ("end", "more", "gap"),
    [
        (":/1.1", [], "rows 26:32"),
        (":/2.1", [], "cols 26:32"),
        (":/2.1/measurement/mpx1x4", [], "cols 26:32"),
        ("", ["--scans", "2"], "cols 26:32"),
    ],
)
def test_a_dry_run_looks_at_the_scan_behind_the_link(
    collection: Path, end: str, more: list[str], gap: str
) -> None:
    result = CliRunner().invoke(main, ["predict", f"{collection}{end}", *more, "--dry-run"])
    assert result.exit_code == 0, result.output
    assert gap in result.output
    assert sorted(p.name for p in collection.parent.iterdir()) == ["a.h5", "b.h5"]


def test_a_file_that_a_link_leads_to_is_never_written_over(collection: Path) -> None:
    with h5py.File(collection, "a") as file:
        file["3.1"] = h5py.ExternalLink("raw.cxi", "/1.1")
    raw = collection.with_name("raw.cxi")
    raw.write_bytes(collection.with_name("b.h5").read_bytes())
    before = raw.read_bytes()
    command = ["predict", f"{collection}:/3.1", "-o", str(raw), "--force"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code != 0
    assert "is the input" in str(result.exception) + result.output
    assert raw.read_bytes() == before
