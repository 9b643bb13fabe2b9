"""Where the Bragg peak is, against patterns whose peak is known, with gaps and hot pixels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.peak.centre import (
    PeakSettings,
    find_central_voxel,
    find_centre,
    find_peak,
    hot_voxels,
)
from bcdi_inpaint.peak.friedel import friedel_mate
from bcdi_inpaint.peak.search_range import CentreSettings, SearchRange, search_range
from simulation import simulate_scan

HOT = 2_000_000


def peak(
    shape: tuple[int, ...], centre: tuple[float, ...], period: tuple[float, ...], flux: float
) -> Float64Array:
    """Photons of an unstrained block: sinc^2 along each axis, symmetric about `centre`."""
    axes = [
        np.sinc((np.arange(n) - c) / p) ** 2 for n, c, p in zip(shape, centre, period, strict=True)
    ]
    return flux * np.prod(np.meshgrid(*axes, indexing="ij"), axis=0)


@pytest.fixture
def counts(rng: np.random.Generator) -> Float64Array:
    """A peak of 36 000 counts at (30, 35, 28) of (64, 64, 64)."""
    return rng.poisson(peak((64, 64, 64), (30, 35, 28), (8.3, 7.1, 9.2), 36_000)).astype(float)


def test_the_peak_is_found_to_a_voxel(counts: Float64Array) -> None:
    np.testing.assert_allclose(find_peak(counts), (30, 35, 28), atol=1)
    np.testing.assert_allclose(find_peak(counts[30]), (35, 28), atol=1)


@pytest.mark.parametrize("pixel", [(5, 5), (35, 50), (60, 28), (0, 63), (33, 27)])
def test_an_unknown_hot_pixel_in_every_frame_does_not_move_the_peak(
    counts: Float64Array, pixel: tuple[int, int]
) -> None:
    counts[:, pixel[0], pixel[1]] = HOT
    for find in (find_peak, find_central_voxel):
        np.testing.assert_allclose(find(counts), (30, 35, 28), atol=2)


def test_what_is_unknown_does_not_count(counts: Float64Array) -> None:
    expected = find_peak(counts)
    unknown = np.zeros(counts.shape, dtype=bool)
    unknown[:20, :20, :20] = True
    counts[unknown] = 1e9
    before = counts.copy()
    assert find_peak(counts, unknown) == expected
    np.testing.assert_array_equal(counts, before)
    counts[unknown] = np.nan
    assert find_peak(counts) == expected
    counts[unknown] = -5
    assert find_peak(counts) == expected


def test_where_all_is_dark_there_is_no_peak(counts: Float64Array) -> None:
    for find in (find_peak, find_central_voxel):
        assert find(np.zeros((6, 7, 8), dtype=np.int32)) is None
        assert find(counts, np.ones(counts.shape, dtype=bool)) is None


@pytest.mark.parametrize("block", [1, 5, 17, 63])
def test_block_by_block_the_peak_is_the_same(rng: np.random.Generator, block: int) -> None:
    for shape in ((40, 9, 11), (64, 30)):
        noise = rng.poisson(2.0, shape)
        assert find_peak(noise, settings=PeakSettings(block=block)) == find_peak(noise)


@pytest.mark.parametrize("offset", [-9, -5, 2, 4])
def test_a_gap_does_not_push_the_central_voxel(counts: Float64Array, offset: int) -> None:
    unknown = np.zeros(counts.shape, dtype=bool)
    unknown[:, 35 + offset : 41 + offset] = True
    unknown[:, :, 28 + offset : 34 + offset] = True
    found = find_central_voxel(np.where(unknown, 0, counts), unknown)
    np.testing.assert_allclose(found, (30, 35, 28), atol=1)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ((18, 42), None),
        ((11, 49), None),
        ((20, 44), None),  # not in the middle of the gap
        ((18, 42), (21, 45)),
    ],
)
def test_a_wide_gap_over_the_peak_does_not_push_the_central_voxel(
    rows: tuple[int, int], columns: tuple[int, int] | None, rng: np.random.Generator
) -> None:
    counts = rng.poisson(peak((24, 64, 64), (12, 30, 33), (5.3, 6.1, 7.2), 1e6))
    unknown = np.zeros(counts.shape, dtype=bool)
    unknown[:, slice(*rows)] = True
    if columns:
        unknown[:, :, slice(*columns)] = True
    found = find_central_voxel(np.where(unknown, 0, counts), unknown)
    np.testing.assert_allclose(found, (12, 30, 33), atol=1)
    log_counts = np.log1p(np.where(unknown, 0, counts))
    np.testing.assert_allclose(find_centre(log_counts, ~unknown), (12, 30, 33), atol=1)


@pytest.mark.parametrize("width", [24, 38])
def test_a_wide_gap_beside_the_peak_moves_nothing(width: int, rng: np.random.Generator) -> None:
    counts = rng.poisson(peak((24, 90, 40), (12, 36.5, 20), (5.3, 6.1, 7.2), 1e6))
    unknown = np.zeros(counts.shape, dtype=bool)
    unknown[:, 40 : 40 + width] = True
    found = find_centre(np.log1p(np.where(unknown, 0, counts)), ~unknown)
    np.testing.assert_array_equal(found, (12, 36.5, 20))


def test_where_the_peak_is_seen_a_wide_gap_beside_it_moves_nothing_near_the_edge() -> None:
    """A strained crystal, of which less than a third of the rows is known on the peak's side."""
    scan = simulate_scan(
        seed=133,
        gap=None,
        shape=(64, 80, 80),
        strain_rad=(1, 2),
        peak_offset=0.03,
        peak_outside=0,
        realism={"hot_share": 0, "alien_share": 0, "saturation_share": 0},
    )
    peak = find_central_voxel(scan.counts)
    assert peak is not None
    counts = scan.counts[:, peak[1] - 20 :]
    unknown = np.zeros(counts.shape, dtype=bool)
    unknown[:, 23:47] = True
    found = find_central_voxel(np.where(unknown, 0, counts), unknown)
    np.testing.assert_allclose(found, (peak[0], 20, peak[2]), atol=1)


def test_only_a_wide_gap_that_begins_near_and_ends_widens_the_search() -> None:
    known = np.ones((40, 90), dtype=bool)
    for first, last in ((30, 42), (60, 84), (35, 90)):  # narrow, far off, without an end
        hidden = known.copy()
        hidden[:, first:last] = False
        assert search_range(hidden, (20, 25)) == SearchRange.around((20, 25), CentreSettings())
    known[:, 30:60] = False
    known[12:18] &= np.arange(90) % 2 == 0  # bad voxels across
    known[20, 44] = True  # one that was measured
    where = search_range(known, (20, 25))
    assert (where.middle[1] - where.reach[1], where.middle[1] + where.reach[1]) == (12, 60)
    assert where.reach[0] == CentreSettings().reach


def test_the_central_voxel_is_found_in_a_part_far_from_the_corner(counts: Float64Array) -> None:
    large = np.zeros((70, 240, 64))
    large[:64, 150:214] = counts
    unknown = np.zeros(large.shape, dtype=bool)
    unknown[:, 189:195] = True
    found = find_central_voxel(np.where(unknown, 0, large), unknown)
    np.testing.assert_allclose(found, (30, 185, 28), atol=1)


def test_hot_pixels_are_found_and_nothing_of_the_peak(counts: Float64Array) -> None:
    known = np.ones(counts.shape, dtype=bool)
    known[:, 40:46] = False
    assert not hot_voxels(counts, known).any()
    hot = np.zeros(counts.shape, dtype=bool)
    hot[:, 10, 12] = hot[:, 10, 13] = hot[:, 39, 28] = hot[7, 50, 50] = True  # pair; at the gap
    counts[hot] = HOT
    np.testing.assert_array_equal(hot_voxels(counts, known), hot)
    known[hot] = False
    assert not hot_voxels(counts, known).any()


def test_a_voxel_without_known_neighbours_is_not_called_hot() -> None:
    counts, known = np.full((9, 9), 1000), np.zeros((9, 9), dtype=bool)
    known[4, 4] = True
    assert not hot_voxels(counts, known).any()


def test_the_centre_lies_within_reach(rng: np.random.Generator) -> None:
    counts = rng.poisson(peak((60, 70), (27.5, 41.0), (5.0, 3.5), 1e6))
    known = np.ones(counts.shape, dtype=bool)
    found = find_centre(np.log1p(counts), known, settings=CentreSettings(reach=1, half_window=20))
    np.testing.assert_array_equal(found, (27.5, 41.0))


@pytest.mark.parametrize(
    "centre",
    [(20.0, 24.0, 22.0), (20.5, 24.0, 22.5), (14.5, 35.5, 30.0)],
)
def test_the_centre_is_found_to_half_a_voxel(
    centre: tuple[float, ...], rng: np.random.Generator
) -> None:
    counts = rng.poisson(peak((40, 48, 44), centre, (4.3, 5.1, 6.7), 1e5) + 0.01)
    known = np.ones(counts.shape, dtype=bool)
    np.testing.assert_array_equal(find_centre(np.log1p(counts), known), centre)


def test_the_centre_is_found_in_2d(rng: np.random.Generator) -> None:
    counts = rng.poisson(peak((60, 70), (27.5, 41.0), (5.0, 3.5), 1e6))
    known = np.ones(counts.shape, dtype=bool)
    np.testing.assert_array_equal(find_centre(np.log1p(counts), known), (27.5, 41.0))


def test_a_gap_beside_the_peak_and_hot_voxels_do_not_move_the_centre(
    rng: np.random.Generator,
) -> None:
    counts = rng.poisson(peak((40, 48, 44), (20.5, 24.0, 22.5), (4.3, 5.1, 6.7), 1e5))
    known = np.ones(counts.shape, dtype=bool)
    known[:, 25:31] = known[:, :, 17:23] = False  # through the peak
    known[30, 5, 6] = False
    log_counts = np.log1p(np.where(known, counts, 10**9))
    before = log_counts.copy(), known.copy()
    np.testing.assert_array_equal(find_centre(log_counts, known), (20.5, 24.0, 22.5))
    np.testing.assert_array_equal(log_counts, before[0])
    np.testing.assert_array_equal(known, before[1])


@pytest.mark.parametrize("row", [3.5, 36.0])
def test_the_centre_is_found_beside_the_edge_and_in_long_arrays(
    row: float, rng: np.random.Generator
) -> None:
    counts = rng.poisson(peak((40, 220), (row, 150.5), (6.0, 5.0), 1e5) + 0.05)
    known = np.ones(counts.shape, dtype=bool)
    np.testing.assert_array_equal(find_centre(np.log1p(counts), known), (row, 150.5))


def test_the_centre_is_that_of_the_best_overlap_over_all_centres(rng: np.random.Generator) -> None:
    """Against Pearson correlations computed one centre at a time."""
    values = rng.normal(size=(9, 10))
    values[2:7, 3:8] += 4
    known = rng.random(values.shape) < 0.8
    found, scores = find_centre(values, known), {}
    pairs = {}
    for centre in np.ndindex(17, 19):
        half = np.array(centre) / 2
        mate, mate_known = friedel_mate(values, known, half)
        both = known & mate_known
        pairs[tuple(half)] = np.count_nonzero(both)
        if pairs[tuple(half)] > 1:
            scores[tuple(half)] = np.corrcoef(values[both], mate[both])[0, 1]
    smoothed = gaussian_filter(np.where(known, values, 0), 3.0, mode="constant", truncate=2)
    start = np.unravel_index(smoothed.argmax(), values.shape)
    enough = [c for c in scores if pairs[c] > 0.5 * pairs[tuple(map(float, start))]]
    best = max(enough, key=lambda c: scores[c])
    np.testing.assert_array_equal(found, best)
