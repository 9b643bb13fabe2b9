"""What heeding a background earns, and how well a scan shows one: the tables."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import background, background_levels


def rows() -> list[dict[str, object]]:
    """Of two crystals; of complete data nothing but the first way was tried."""
    found: list[dict[str, object]] = []
    for ignored, heeded in ((0.4, 0.1), (0.2, 0.15)):
        base = {"background": 1.0, "shown": 0.9}
        found.append({**base, "gap": "mask", "ignored": ignored, "as shown": heeded})
        found.append({**base, "gap": "complete", "ignored": 0.02})
    return found


def test_ratios_are_of_each_crystal_to_itself() -> None:
    mask, complete = background.averaged(rows())
    assert (mask["crystals"], mask["ignored"], mask["as shown / ignored"]) == (2, "0.3", "0.50")
    assert complete["as shown / ignored"] == ""
    assert "| 0.50 " in background.report(rows(), "python -m benchmarks.background")


def test_what_no_scan_shows_is_left_out_of_the_mean() -> None:
    cell = {"photons": 1e4, "background": 1.0, "error": 0.1, "shells": 0.8, "faintest": 1.3}
    (row,) = background_levels.averaged([{**cell, "fringes": 0.0}, {**cell, "fringes": 1.2}])
    assert row["shown"] == "1 of 2"
    assert (row["fringes where shown"], row["off where shown"]) == ("1.2", "0.2")
    assert (row["shells off"], row["faintest off"]) == ("0.2", "0.3")


def test_shells_that_fall_off_are_told_from_a_constant() -> None:
    places = np.indices((36, 36, 36)) - 18
    distance = np.maximum(np.sqrt((places**2).sum(axis=0)).astype(int), 1)
    counts = (1e5 / distance**4.0 + 0.7).astype(np.float32)
    everywhere = np.ones(counts.shape, dtype=bool)
    assert background_levels.from_shells(counts, everywhere) == pytest.approx(0.7, rel=1e-3)
    assert background_levels.from_faintest(counts, everywhere) > 0.7
