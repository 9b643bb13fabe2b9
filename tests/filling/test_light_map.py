"""The map of light: against sums over the array, and what it expects where it is dim."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.light_map import CELL, map_light
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.scan.scan import Scan

SHAPE = (21, 50, 43)
GAP = GapRegion(SHAPE, (Gap(1, 20, 26),))


def dim_scan(rng: np.random.Generator, rate: float = 0.05) -> Scan:
    counts = rng.poisson(rate, SHAPE).astype(np.int32)
    return Scan(counts, np.zeros(SHAPE, dtype=bool))


def test_cells_hold_the_sums_over_their_known_voxels(rng: np.random.Generator) -> None:
    scan = Scan(rng.poisson(3, SHAPE).astype(np.uint16), rng.random(SHAPE) < 0.1)
    light = map_light(scan, GAP)
    known = ~scan.bad_mask
    known[:, 20:26] = False
    part = (slice(8, 16), slice(16, 24), slice(40, 43))
    cell = 1, 2, 5
    assert light.n_known[cell] == known[part].sum()
    expected = np.log1p(scan.counts[part])[known[part]].sum()
    np.testing.assert_allclose(light.log_sum[cell], expected, rtol=1e-5)
    assert light.n_known.sum() == known.sum()
    np.testing.assert_array_equal(light.known_lines[1], known.any(axis=(0, 2)))
    np.testing.assert_array_equal(light.known_lines[0], known.any(axis=(1, 2)))


def test_what_is_expected_of_dim_light_is_its_rate(rng: np.random.Generator) -> None:
    scan = dim_scan(rng)
    scan.counts[:, 5, 5] = 50  # a warm pixel in every frame
    light = map_light(scan, GAP)
    assert not light.lit.any()
    box = slice(3, 5), slice(20, 26), slice(0, 43)
    np.testing.assert_allclose(light.expected_in(box).mean(), 0.05, rtol=0.25)


def test_a_spot_lights_its_cell_and_what_the_gap_holds_does_not(rng: np.random.Generator) -> None:
    scan = dim_scan(rng)
    scan.counts[:, 21:25] = 999  # whatever is stored there
    scan.counts[9:13, 33:37, 1:5] += 20
    light = map_light(scan, GAP)
    np.testing.assert_array_equal(np.argwhere(light.lit), [[1, 4, 0]])
    assert light.is_lit((slice(0, 9), slice(39, 50), slice(0, 20)))
    assert not light.is_lit((slice(0, 8), slice(0, 50), slice(0, 43)))
    assert [abs(a - b) <= CELL for a, b in zip(light.coarse_peak, (11, 35, 3), strict=True)]


def test_within_a_wide_gap_no_cell_is_known(rng: np.random.Generator) -> None:
    light = map_light(dim_scan(rng), GapRegion(SHAPE, (Gap(1, 14, 41),)))
    assert not light.is_known((slice(0, 21), slice(18, 38), slice(0, 43)))
    assert light.is_known((slice(0, 21), slice(18, 41), slice(0, 43)))


def test_a_box_in_a_gap_is_given_the_sides_that_it_does_not_see(rng: np.random.Generator) -> None:
    light = map_light(dim_scan(rng), GapRegion(SHAPE, (Gap(1, 12, 38),)))
    frames, columns = slice(0, 8), slice(4, 36)
    for rows, expected in (
        (slice(20, 36), slice(4, 46)),  # none
        (slice(6, 36), slice(6, 46)),
        (slice(20, 40), slice(4, 40)),
        (slice(6, 40), slice(6, 40)),  # both
        (slice(40, 50), slice(40, 50)),  # beside it
    ):
        assert light.across_gap((frames, rows, columns), 1) == (frames, expected, columns)
    edge = map_light(dim_scan(rng), GapRegion(SHAPE, (Gap(1, 3, 48),)))
    assert edge.across_gap((frames, slice(10, 42), columns), 1)[1] == slice(0, 50)


@pytest.mark.parametrize(
    ("gap", "rows"),
    [
        (Gap(1, 83, 95), slice(80, 121)),  # narrow: 20 rows on each side of row 100
        (Gap(1, 130, 160), slice(80, 121)),  # too far
        (Gap(1, 103, 143), slice(80, 164)),  # as many beyond its far rim
        (Gap(1, 63, 95), slice(42, 121)),
    ],
)
def test_the_box_around_the_peak_reaches_across_a_wide_gap_beside_it(gap: Gap, rows: slice) -> None:
    shape = (8, 200, 24)
    counts = np.zeros(shape, dtype=np.int32)
    counts[:, 95:103, 8:16] = 50
    light = map_light(Scan(counts, np.zeros(shape, dtype=bool)), GapRegion(shape, (gap,)))
    assert light.around_peak(20) == (slice(0, 8), rows, slice(0, 24))


def test_counts_that_are_none_are_refused_wherever_they_are(rng: np.random.Generator) -> None:
    scan = dim_scan(rng)
    scan.counts[17, 3, 4] = scan.counts[20, 0, 0] = -7
    with pytest.raises(InputError, match=r"2 of \d+ .* first at frame 17, row 3, column 4: -7"):
        map_light(scan, GAP)
