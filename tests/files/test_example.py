"""The example that ships with the package: it is what its script makes, and a fill of it helps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.checks.gap_search import find_gaps
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.files.example import EXAMPLE, load_example, load_example_truth
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.masks import gap_mask

REPOSITORY = Path(__file__).resolve().parents[2]


def data_sets(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file by name."""
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]})
                if isinstance(item, h5py.Dataset) and item.ndim > 0
                else None
            )
        )
    return found


def test_its_gap_is_found_and_hides_the_truth() -> None:
    scan, truth = load_example(), load_example_truth()
    gap = gap_mask(find_gaps(scan).gaps, scan.shape)
    np.testing.assert_array_equal(scan.bad_mask, gap)
    np.testing.assert_array_equal(scan.counts, np.where(gap, 0, truth))
    assert truth[gap].sum() > 10_000
    assert EXAMPLE.stat().st_size < 400_000


def test_a_fill_of_it_is_nearer_to_the_truth_than_a_straight_line() -> None:
    scan, truth = load_example(), load_example_truth()
    gap = scan.bad_mask
    errors = {
        name: np.sqrt(np.mean((np.log1p(fill[gap]) - np.log1p(truth[gap])) ** 2))
        for name, fill in (
            ("linear", METHODS["linear"](scan.counts, gap)),
            ("ours", inpaint(scan.counts, gap).counts),
        )
    }
    assert errors["ours"] < 0.85 * errors["linear"]


def test_the_script_makes_it_again(tmp_path: Path) -> None:
    path = tmp_path / "again.cxi"
    command = [sys.executable, REPOSITORY / "tools" / "make_example.py", path]
    subprocess.run(command, check=True, cwd=REPOSITORY, capture_output=True)
    again, shipped = data_sets(path), data_sets(EXAMPLE)
    assert again.keys() == shipped.keys()
    for name, values in shipped.items():
        np.testing.assert_array_equal(again[name], values)
