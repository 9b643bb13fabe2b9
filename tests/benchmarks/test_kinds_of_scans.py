"""Scans by kind: as many of each, the same every time, a real object only where it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.kinds_of_scans import DRAWN, draw_kinds, draw_real
from simulation.crystals import CrystalConfig


def test_crystals_are_the_same_again_and_their_expectation_is_known() -> None:
    one, again = (next(draw_kinds(1, 32)) for _ in range(2))
    assert one.group == next(iter(DRAWN))
    np.testing.assert_array_equal(one.counts, again.counts)
    assert one.expectation is not None
    assert one.expectation.shape == (32, 32, 32)


def test_strongly_strained_crystals_are_more_strained_than_all_others() -> None:
    ranges = {name: strain_rad for name, (_, strain_rad) in DRAWN.items()}
    strong = ranges.pop("strongly strained")
    assert strong[0] > max(high for _, high in ranges.values())
    for kinds, _ in DRAWN.values():
        CrystalConfig(kinds=kinds)  # known kinds alone


def test_a_real_object_gives_scans_of_its_own_flux_and_is_left_out_where_it_is_not(
    tmp_path: Path,
) -> None:
    assert not list(draw_real(2, 32, tmp_path))
    rng = np.random.default_rng(0)
    obj = (rng.random((2, 10, 12, 10)) * 100).astype(np.int16)
    np.savez(tmp_path / "S11_object.npz", real=obj[0], imag=obj[1], grid=(40, 40, 40))
    one, other = draw_real(2, 32, tmp_path)
    assert one.group == other.group == "S11"
    assert one.brightest != other.brightest
