"""Emptiness with a sharp edge is a fault; the dark between fringes and dim tails are measured."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.gaps.emptiness import EmptyRun, empty_cells, empty_runs, without_fringes


def runs(*lit: int) -> list[EmptyRun]:
    return empty_runs(np.array(lit), np.full(len(lit), 100))


def test_lines_that_fall_off_slowly_are_measured():
    assert runs(60, 30, 12, 4, 1, 0, 0, 0, 1, 5, 14, 33, 60) == []


def test_counts_that_fall_steeply_towards_the_dark_are_measured():
    assert runs(81, 27, 14, 0, 0, 14, 27, 81) == []
    assert runs(14, 14, 14, 0, 0, 14, 14, 14) == [EmptyRun(3, 5, at_edge=False)]


def test_empty_lines_between_bright_ones_are_a_fault():
    assert runs(30, 31, 29, 0, 0, 30, 32) == [EmptyRun(3, 5, at_edge=False)]


def test_a_few_counts_on_one_side_are_not_enough():
    assert runs(30, 31, 29, 0, 0, 2, 1) == []


def test_empty_lines_at_the_edge_need_more_light():
    assert runs(50, 52, 49, 0, 0, 0) == [EmptyRun(3, 6, at_edge=True)]
    assert runs(20, 20, 20, 0, 0, 0) == []


def test_lines_that_are_not_known_are_passed_over():
    known = np.full(7, 100)
    known[2] = 0
    lit = np.array([50, 50, 0, 0, 0, 50, 50])
    assert empty_runs(lit, known) == [EmptyRun(3, 5, at_edge=False)]


def test_a_dark_line_is_between_fringes_where_its_mate_is_dark():
    lit = np.array([30, 40, 50, 0, 60, 80, 90, 80, 60, 5, 50, 40, 30])
    assert without_fringes(empty_runs(lit, np.full(13, 100)), lit) == []
    lit[9] = 55
    assert without_fringes(empty_runs(lit, np.full(13, 100)), lit) == [EmptyRun(3, 4, False)]


def test_a_patch_is_followed_to_where_it_is_dim(rng: np.random.Generator):
    profile = 30 * np.exp(-((np.arange(40) - 10) ** 2) / 60.0)
    lit = rng.poisson(np.broadcast_to(profile[:, None], (40, 30)))
    lit[:20, 12:16] = 0
    found = empty_cells(lit, np.full(lit.shape, 100))
    assert found[:20, 12:16].all()
    assert not found[:, :11].any()
    assert not found[:, 17:].any()


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_found_in_dim_light(seed: int):
    lit = np.random.default_rng(seed).poisson(0.5, (60, 60))
    assert not empty_cells(lit, np.full(lit.shape, 100)).any()


def test_a_dark_line_at_the_peak_or_across_from_a_gap_is_a_fault() -> None:
    lit = np.array([50, 60, 80, 90, 0, 90, 80, 60, 50])
    assert without_fringes([EmptyRun(4, 5, False)], lit) == [EmptyRun(4, 5, False)]
    lit, known = np.array([50, 0, 0, 80, 90, 80, 0, 60, 50]), np.full(9, 100)
    known[1:3] = 0  # a gap, which says nothing about the line across
    run = EmptyRun(6, 7, False)
    assert without_fringes([run], lit, known) == [run]
    assert without_fringes([run], lit) == []


def test_a_dark_line_is_no_zero_where_its_mates_amplitude_reaches_none() -> None:
    filled = np.array([40.0, 50, 60, 80, 60, 80, 200, 80, 20, 80, 60, 50, 40])
    lit, known = filled.astype(int), np.full(13, 400)
    lit[4] = 0
    run = EmptyRun(4, 5, False)
    assert empty_runs(lit, known) == [run]
    assert without_fringes([run], lit, known, lit * 9.0) == [run]  # 20 beside 80: half of them
    lit[8] = 4  # 2 times 2 voxels beside 2 times 9
    assert without_fringes([run], lit, known, lit * 1.0) == []


@pytest.mark.parametrize("peak", [20.0, 20.2, 20.5, 20.7])
@pytest.mark.parametrize("light", [1e2, 1e4, 1e6])
def test_exact_zeros_between_fringes_are_measured(peak: float, light: float) -> None:
    """One line of the array lies at a zero, its mate anywhere beside a line."""
    across = np.sinc(np.arange(-20, 21) / 6) ** 2
    known, rng, n_seen = np.full(40, 41**2), np.random.default_rng(0), 0
    for order in (1, 2, 3):
        for dark in range(23, 36):
            period = (dark - peak) / order
            if not 2.6 < period < 8:
                continue
            along = np.sinc((np.arange(40) - peak) / period) ** 2
            counts = rng.poisson(light * along[:, None] * np.outer(across, across).ravel())
            lit = (counts > 0).sum(axis=1)
            runs = [run for run in empty_runs(lit, known) if run.start == dark == run.stop - 1]
            assert without_fringes(runs, lit, known, counts.sum(axis=1) * 1.0) == []
            n_seen += len(runs)
    assert n_seen > 4


@pytest.mark.parametrize(("half_width", "fewest"), [(3, 12), (5, 7)])
def test_lost_frames_of_a_scan_with_fine_fringes_are_found(half_width: int, fewest: int) -> None:
    """Each near the peak; those between two fringes may pass as measured."""
    z, y, x = (np.arange(n) - n // 2 for n in (40, 32, 36))
    inside = (abs(z) <= half_width)[:, None, None] & (abs(y) <= 4)[:, None] & (abs(x) <= 5)
    bent = 0.8 * np.sin(z[:, None, None] / 5 + y[:, None] / 6)
    intensity = abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(inside * np.exp(1j * bent))))) ** 2
    counts = np.random.default_rng(0).poisson(3e4 * intensity / intensity.max())
    known, found = np.full(40, 32 * 36), 0
    for frame in range(12, 29):
        own = counts.copy()
        own[frame] = 0
        lit, light = (own > 0).sum(axis=(1, 2)), own.sum(axis=(1, 2)) * 1.0
        runs = without_fringes(empty_runs(lit, known), lit, known, light)
        found += EmptyRun(frame, frame + 1, False) in runs
    assert found >= fewest
