"""Artificial gaps on a measured scan: where they lie, what is truth, and what is never seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.artificial import SETTINGS
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import find_planes, gap_mask
from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training.own_gaps import (
    Part,
    artificial_gaps,
    brightest_part,
    empty_lines,
    kinds_of,
    measured_slab,
)

SHAPE = (40, 48, 44)
GAPS = (Gap(1, 34, 38), Gap(2, 8, 11))
KINDS = ((1, 4), (2, 3))


@pytest.fixture
def scan(rng: np.random.Generator) -> Scan:
    """A fringed peak with noise and a cross of gaps, in which the counts are a trap: 10 000."""
    z, y, x = np.meshgrid(*[np.arange(n) - n / 2 for n in SHAPE], indexing="ij")
    peak = 3000 / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    counts = rng.poisson(peak * (1.2 + np.cos(0.9 * (y + x - z)))).astype(np.int32)
    bad = gap_mask(GAPS, SHAPE)
    bad[:, 20, 20] = True
    counts[bad] = 10_000
    return Scan(counts, bad)


@pytest.fixture
def part(scan: Scan, rng: np.random.Generator) -> Part:
    return brightest_part(scan, GAPS, KINDS, rng)


def test_kinds_are_the_gaps_own_each_once() -> None:
    gaps = (Gap(1, 3, 9), Gap(1, 20, 26), Gap(2, 5, 9), Gap(2, 10, 90))
    assert kinds_of(gaps) == ((1, 6), (2, 4), (2, 42))


def test_the_part_is_the_brightest_and_nothing_unknown_has_counts() -> None:
    counts = np.zeros((40, 300, 290), dtype=np.int32)
    counts[:, 150:278, 20:148] = 5
    bad = np.zeros(counts.shape, dtype=bool)
    bad[3, 200, 100] = True
    part = brightest_part(Scan(counts, bad), (), ((1, 6),), np.random.default_rng(0))
    assert part.log_counts.shape == (40, 128, 128)
    assert np.argwhere(part.unknown).tolist() == [[3, 50, 80]]
    assert part.log_counts[3, 50, 80] == 0
    np.testing.assert_allclose(part.log_counts[~part.unknown], np.log(6), rtol=1e-6)


def test_the_held_out_part_is_a_fifth_at_one_end_and_the_seeds_alone(scan: Scan) -> None:
    ends = set()
    for seed in range(12):
        part, same = (
            brightest_part(scan, GAPS, KINDS, np.random.default_rng(seed)) for _ in range(2)
        )
        np.testing.assert_array_equal(part.held_out, same.held_out)
        (held_out,) = find_planes(part.held_out)
        np.testing.assert_array_equal(part.held_out, gap_mask([held_out], SHAPE))
        n = SHAPE[held_out.axis]
        assert held_out.start == 0 or held_out.stop == n
        share = part.log_counts[part.held_out].sum() / part.log_counts.sum()
        assert 0.19 < share < 0.3
        ends.add((held_out.axis, held_out.start == 0))
    assert len(ends) > 2


@pytest.mark.parametrize("held_out", [False, True])
def test_truth_is_known_counts_on_one_side_of_the_division(scan: Scan, held_out: bool) -> None:
    part = brightest_part(scan, GAPS, KINDS, np.random.default_rng(3))
    # Every voxel's own number in place of its counts tells where a voxel of a slab comes from.
    number = np.arange(part.log_counts.size, dtype=np.float32).reshape(SHAPE)
    for seed in range(2):
        gaps = artificial_gaps(part, np.random.default_rng(seed), held_out=held_out)
        slab, numbers = (
            measured_slab(replace(part, log_counts=values), gaps, 16, held_out=held_out)
            for values in (part.log_counts, number)
        )
        places = (numbers.truth[slab.gap] * LOG_UNIT).astype(int)
        assert not part.unknown.flat[places].any()
        assert (part.held_out.flat[places] == held_out).all()
        assert gap_mask(gaps, SHAPE).flat[places].all()
        found = slab.truth[slab.gap] * LOG_UNIT
        np.testing.assert_allclose(found, part.log_counts.flat[places], rtol=1e-5)
        assert found.max() < np.log1p(9000)


def test_unknown_are_real_gaps_artificial_ones_and_what_is_held_out(part: Part) -> None:
    gaps = [Gap(1, 20, 24)]
    number = np.arange(part.log_counts.size, dtype=np.float32).reshape(SHAPE)
    slab = measured_slab(replace(part, log_counts=number), gaps, 16)
    places = (slab.truth * LOG_UNIT).astype(int)
    expected = part.unknown | part.held_out | gap_mask(gaps, SHAPE)
    unknown = slab.channels[CHANNEL_ORDER.index("unknown")] > 0
    np.testing.assert_array_equal(unknown, expected.flat[places])


def test_gaps_have_the_scans_own_widths_and_keep_clear_of_its_gaps(part: Part) -> None:
    seen = set()
    for seed in range(40):
        gaps = artificial_gaps(part, np.random.default_rng(seed))
        seen |= {(gap.axis, gap.width) for gap in gaps}
        for gap in gaps:
            assert gap.start >= SETTINGS.known_beside
            assert gap.stop <= SHAPE[gap.axis] - SETTINGS.known_beside
            for real in GAPS:
                apart = (
                    gap.stop + SETTINGS.known_beside <= real.start
                    or real.stop + SETTINGS.known_beside <= gap.start
                )
                assert apart or gap.axis != real.axis
    assert seen == set(KINDS)


def test_gaps_cross_as_the_scans_own_do(part: Part) -> None:
    counts = [len(artificial_gaps(part, np.random.default_rng(seed))) for seed in range(60)]
    assert 15 < counts.count(2) < 45
    alone = replace(part, kinds=KINDS[:1])
    assert len(artificial_gaps(alone, np.random.default_rng(0))) == 1


def test_no_count_of_what_is_held_out_reaches_what_is_learned_from(part: Part) -> None:
    """Neither as truth nor by kriging nor as a Friedel mate, nor by where the gaps are."""
    other = np.where(part.held_out & ~part.unknown, 7.0, part.log_counts).astype(np.float32)
    for seed in range(2):
        slabs = []
        for log_counts in (part.log_counts, other):
            changed = replace(part, log_counts=log_counts)
            gaps = artificial_gaps(changed, np.random.default_rng(seed))
            slabs.append(measured_slab(changed, gaps, 16))
        np.testing.assert_array_equal(slabs[0].channels, slabs[1].channels)
        np.testing.assert_array_equal(slabs[0].gap, slabs[1].gap)
        np.testing.assert_array_equal(*(slab.truth[slab.gap] for slab in slabs))


@pytest.mark.parametrize("held_out", [False, True])
def test_no_count_of_an_artificial_gap_reaches_its_channels(part: Part, held_out: bool) -> None:
    gaps = artificial_gaps(part, np.random.default_rng(0), held_out=held_out)
    hidden = gap_mask(gaps, SHAPE)
    other = np.where(hidden & ~part.unknown, 7.0, part.log_counts).astype(np.float32)
    slabs = [
        measured_slab(replace(part, log_counts=log_counts), gaps, 16, held_out=held_out)
        for log_counts in (part.log_counts, other)
    ]
    np.testing.assert_array_equal(slabs[0].channels, slabs[1].channels)
    assert (slabs[0].truth[slabs[0].gap] != slabs[1].truth[slabs[1].gap]).any()


def test_a_scan_with_fewer_frames_than_a_patch_is_padded_as_for_filling(scan: Scan) -> None:
    short = Scan(scan.counts[15:25], scan.bad_mask[15:25])
    part = brightest_part(short, GAPS, KINDS, np.random.default_rng(1))
    slab = measured_slab(part, [Gap(1, 20, 24)], 16)
    assert min(slab.truth.shape) >= 16
    frames = int(np.flatnonzero(np.array(slab.truth.shape[1:]) == 16)[0]) + 1
    first, last = (np.take(slab.channels, i, axis=frames + 1) for i in (2, 13))
    unknown = CHANNEL_ORDER.index("unknown")
    for outside in (first, last):
        assert (outside[unknown] == 1).all()
        assert not np.delete(outside, unknown, axis=0).any()
    assert not np.take(slab.gap, (0, 1, 2, 13, 14, 15), axis=frames).any()


def test_empty_lines_between_counts_are_found(scan: Scan) -> None:
    counts = np.where(scan.bad_mask, 0, scan.counts)
    counts[:, :2] = 0  # an edge
    found = empty_lines(Scan(counts, np.zeros(SHAPE, dtype=bool)))
    assert found == GAPS


def test_no_room_too_dark_and_no_counts_are_said(scan: Scan) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="no artificial gap of 40 rows fits"):
        brightest_part(scan, GAPS, ((1, 40),), rng)
    dark = np.zeros(SHAPE, dtype=np.int32)
    with pytest.raises(InputError, match="zero"):
        brightest_part(Scan(dark, scan.bad_mask), GAPS, KINDS, rng)
    dark[20, 15:25, 15:25] = 3
    with pytest.raises(InputError, match="99 voxels of the scan have counts, expected at least"):
        brightest_part(Scan(dark, scan.bad_mask), GAPS, KINDS, rng)


def test_a_real_scans_gap_hot_pixels_and_alien_signal_are_no_truth(real_data: Path) -> None:
    path = real_data / "S1398_counts_mask.npz"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    with np.load(path) as file:
        counts, bad = file["counts"], file["mask"] != 0
    gaps = (Gap(1, 254, 260), Gap(2, 254, 260))
    part = brightest_part(Scan(counts, bad), gaps, kinds_of(gaps), np.random.default_rng(0))
    assert part.kinds == ((1, 6), (2, 6))
    brightest = np.log1p(float(counts[~bad].max()))  # the peak is in the part
    assert part.log_counts.max() == pytest.approx(brightest, rel=1e-6)
    drawn = artificial_gaps(part, np.random.default_rng(0))
    slab = measured_slab(part, drawn, 32)
    usable = gap_mask(drawn, part.unknown.shape) & ~part.unknown & ~part.held_out
    assert slab.gap.sum() <= usable.sum()
    known = np.sort(part.log_counts[usable])
    learned = np.sort(slab.truth[slab.gap] * LOG_UNIT)
    assert np.isin(np.round(np.expm1(learned)), np.round(np.expm1(known))).all()
