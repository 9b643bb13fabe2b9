"""Slabs: gaps where they are wanted, prepared as for filling, and kept on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_training import SMALL, peak

from bcdi_inpaint.gaps.artificial import draw_gaps
from bcdi_inpaint.gaps.bad_voxels import draw_bad_voxels
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.network.channels import CHANNEL_ORDER, Features, GuessKind, compute_features
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.training import slabs as module
from bcdi_inpaint.training.plan import PatchConfig
from bcdi_inpaint.training.slabs import (
    FixedSlabs,
    Slab,
    SlabDataset,
    draw_slab,
    load_slab,
    save_slab,
)

GUESS, UNKNOWN = CHANNEL_ORDER.index("guess"), CHANNEL_ORDER.index("unknown")


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    """Two patterns, (2, 32, 36, 40) log expectations."""
    pattern = peak((32, 36, 40))
    return np.stack([pattern, pattern[::-1]])


@pytest.fixture(scope="module")
def slabs(patterns: np.ndarray) -> list[Slab]:
    made = SlabDataset(patterns, SMALL, 2, (1, 2))
    return [made[index] for index in range(2)]


# --- gaps ----------------------------------------------------------------------------------------


def test_widths_come_in_the_configured_shares() -> None:
    config = PatchConfig(
        widths=((2, 3), (10, 10), (20, 21)), shares=(6, 3, 1), second_gap=0, peak_spread=0.1
    )
    rng = np.random.default_rng(0)
    widths = [
        draw_gaps((64, 64, 64), (32, 32, 32), rng, **config.gap_options)[0].width
        for _ in range(2000)
    ]
    narrow, middle, wide = (np.isin(widths, group).mean() for group in ((2, 3), 10, (20, 21)))
    assert narrow == pytest.approx(0.6, abs=0.04)
    assert middle == pytest.approx(0.3, abs=0.04)
    assert wide == pytest.approx(0.1, abs=0.03)
    assert set(widths) == {2, 3, 10, 20, 21}


@pytest.mark.parametrize("shape", [(48, 64, 56), (20, 24)])
def test_gaps_keep_away_from_the_edge(shape: tuple[int, ...]) -> None:
    config = PatchConfig(peak_spread=1.0, second_gap=0.5)
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(300):
        corner = [int(rng.integers(n)) for n in shape]
        for gap in draw_gaps(shape, corner, rng, **config.gap_options):
            n = shape[gap.axis]
            room = min(6, (n - gap.width) // 3)
            assert room <= gap.start < gap.stop <= n - room
            assert gap.width <= n // 2
            seen.add(gap.axis)
    assert seen == set(range(len(shape)))


def test_a_second_gap_crosses_the_first_as_often_as_wanted() -> None:
    rng = np.random.default_rng(2)
    config = PatchConfig(second_gap=0.25)
    drawn = [draw_gaps((48, 48, 48), (24, 24, 24), rng, **config.gap_options) for _ in range(1000)]
    two = [gaps for gaps in drawn if len(gaps) == 2]
    assert all(len(gaps) in (1, 2) for gaps in drawn)
    assert all(first.axis != second.axis for first, second in two)
    assert len(two) / len(drawn) == pytest.approx(0.25, abs=0.04)


def test_gaps_are_spread_about_the_peak() -> None:
    config = PatchConfig(widths=((4, 4),), shares=(1,), second_gap=0, peak_spread=0.05)
    rng = np.random.default_rng(3)
    drawn = [
        draw_gaps((200, 200, 200), (80, 90, 100), rng, **config.gap_options)[0] for _ in range(600)
    ]
    away = [(gap.start + gap.stop) / 2 - (80, 90, 100)[gap.axis] for gap in drawn]
    assert np.mean(away) == pytest.approx(0, abs=1.5)
    assert np.std(away) == pytest.approx(10, rel=0.1)


def test_a_hot_pixel_is_hot_along_a_whole_line() -> None:
    config = PatchConfig(bad_pixels=1, aliens=0)
    bad = draw_bad_voxels((20, 24, 28), np.random.default_rng(3), **config.bad_options)
    assert bad.any()
    assert any(np.array_equal(bad.any(axis=axis), bad.all(axis=axis)) for axis in range(3))


def test_nothing_else_is_bad_where_nothing_is_wanted() -> None:
    config = PatchConfig(bad_pixels=0, aliens=0)
    assert not draw_bad_voxels((20, 24, 28), np.random.default_rng(3), **config.bad_options).any()


# --- slabs ---------------------------------------------------------------------------------------


def test_a_slab_is_cut_from_the_features_of_the_whole_scan(
    patterns: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[np.ndarray, np.ndarray, list[Gap], Features]] = []

    def spy(
        log_counts: np.ndarray, unknown: np.ndarray, gaps: list[Gap], guess: GuessKind
    ) -> Features:
        calls.append(
            (log_counts, unknown, gaps, compute_features(log_counts, unknown, gaps, guess))
        )
        return calls[-1][-1]

    monkeypatch.setattr(module, "compute_features", spy)
    for seed in range(2):
        slab = draw_slab(patterns[0], SMALL, np.random.default_rng(seed))
        log_counts, unknown, (main, *others), whole = calls[-1]
        begin = main.start - slab.start
        assert slab.stop - slab.start == main.width
        lines = slice(begin, begin + slab.truth.shape[0])
        for channel, full in zip(slab.channels, whole.channels(), strict=True):
            expected = np.moveaxis(full, main.axis, 0)[lines].astype(np.float16)
            np.testing.assert_array_equal(channel, expected)
        gap = np.zeros(log_counts.shape, dtype=bool)
        for plane in (main, *others):
            np.moveaxis(gap, plane.axis, 0)[plane.start : plane.stop] = True
        np.testing.assert_array_equal(slab.gap, np.moveaxis(gap, main.axis, 0)[lines])
        assert unknown[gap].all()
        assert slab.gap[slab.start : slab.stop].all()
        # As much of the array beside the gap as any patch of it can show, where it is there.
        assert begin == max(main.start - 12, 0)
        assert lines.stop == min(main.stop + 12, log_counts.shape[main.axis])


def test_the_truth_is_the_noise_free_expectation_at_the_drawn_flux(patterns: np.ndarray) -> None:
    config = SMALL.model_copy(update={"flux_factor": (2.0, 2.0), "second_gap": 0.0})
    rng = np.random.default_rng(0)
    slab = draw_slab(patterns[0], config, rng)
    expected = np.log1p(2 * np.expm1(patterns[0].astype(np.float32))) / LOG_UNIT
    fits = [
        np.moveaxis(expected, axis, 0)[begin : begin + len(slab.truth)].astype(np.float16)
        for axis in range(3)
        for begin in range(expected.shape[axis] - len(slab.truth) + 1)
    ]
    assert sum(np.array_equal(slab.truth, fit) for fit in fits) == 1


def test_counts_are_poisson_about_the_expectation() -> None:
    config = SMALL.model_copy(update={"flux_factor": (2.0, 2.0)})
    flat = np.full((32, 32, 32), np.log1p(50), dtype=np.float16)
    slab = draw_slab(flat, config, np.random.default_rng(0))
    known = slab.channels[UNKNOWN] == 0
    counts = np.expm1(slab.channels[GUESS][known].astype(np.float64) * LOG_UNIT)
    expected = 2 * np.expm1(float(np.float16(np.log1p(50))))
    assert counts.mean() == pytest.approx(expected, rel=0.01)
    assert counts.var() == pytest.approx(expected, rel=0.1)


def test_the_flux_changes_on_a_logarithmic_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = np.zeros((20, 20, 20), dtype=np.float32)
    nothing = Features(blank, blank > 0, blank, blank, blank > 0)
    monkeypatch.setattr(module, "compute_features", lambda *_: nothing)
    flat = np.full((20, 20, 20), np.log1p(50), dtype=np.float16)
    config = SMALL.model_copy(update={"flux_factor": (0.25, 4.0)})
    rng = np.random.default_rng(0)
    logs = [
        np.log(np.expm1(float(draw_slab(flat, config, rng).truth[0, 0, 0]) * LOG_UNIT) / 50)
        for _ in range(200)
    ]
    assert min(logs) == pytest.approx(np.log(0.25), abs=0.15)
    assert max(logs) == pytest.approx(np.log(4), abs=0.15)
    assert np.mean(logs) == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize(("size", "n"), [(48, 64), (32, 40)])
def test_a_slab_is_never_thinner_than_a_patch(
    size: int, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the gap is narrow and near the array's edge."""
    blank = np.zeros((n, n), dtype=np.float32)
    nothing = Features(blank, blank > 0, blank, blank, blank > 0)
    monkeypatch.setattr(module, "compute_features", lambda *_: nothing)
    config = PatchConfig(size=size, widths=((1, 2),), shares=(1,), peak_spread=2.0)
    flat = np.ones((n, n), dtype=np.float16)
    rng = np.random.default_rng(0)
    for _ in range(40):
        slab = draw_slab(flat, config, rng)
        assert min(slab.truth.shape) >= size
        assert slab.gap[slab.start : slab.stop].all()
        assert 1 <= slab.stop - slab.start <= 2


def test_a_slab_depends_on_seed_and_number_alone() -> None:
    frames = np.stack([peak((48, 56))] * 2)
    before = frames.copy()
    first, second, other = (SlabDataset(frames, SMALL, 4, seed) for seed in ((7,), (7,), (8,)))
    second[1]
    np.testing.assert_array_equal(first[2].channels, second[2].channels)
    for different in (first[0], other[2]):
        assert not np.array_equal(different.channels, first[2].channels)
    np.testing.assert_array_equal(frames, before)


def test_a_slab_comes_back_from_disk_as_it_was(tmp_path: Path, slabs: list[Slab]) -> None:
    for number, slab in enumerate(slabs):
        path = tmp_path / f"{number}.npy"
        save_slab(path, slab)
        loaded = load_slab(path)
        np.testing.assert_array_equal(loaded.channels, slab.channels)
        np.testing.assert_array_equal(loaded.truth, slab.truth)
        np.testing.assert_array_equal(loaded.gap, slab.gap)
        assert (loaded.start, loaded.stop) == (slab.start, slab.stop)
        assert isinstance(loaded.channels.base, np.memmap) or isinstance(loaded.channels, np.memmap)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.npy", "1.npy"]


def test_a_slab_of_an_older_version_is_still_read(tmp_path: Path, slabs: list[Slab]) -> None:
    """One whose file ends with the voxels, and does not say which lines the gap has."""
    slab = slabs[0]
    voxels = np.stack([*slab.channels, slab.truth, slab.gap.astype(np.float16)])
    np.save(tmp_path / "older.npy", voxels)
    loaded = load_slab(tmp_path / "older.npy")
    assert (loaded.start, loaded.stop) == (slab.start, slab.stop)
    np.testing.assert_array_equal(loaded.channels, slab.channels)
    save_slab(tmp_path / "newer.npy", slab)
    np.testing.assert_array_equal(np.load(tmp_path / "newer.npy"), voxels)  # by older versions too


def test_the_lines_of_a_gap_are_stored_and_not_guessed(tmp_path: Path, slabs: list[Slab]) -> None:
    """A measured scan's gap may begin where not all of a line is to be learned from."""
    slab = replace(slabs[0], gap=np.zeros_like(slabs[0].gap), start=3, stop=7)
    save_slab(tmp_path / "s.npy", slab)
    loaded = load_slab(tmp_path / "s.npy")
    assert (loaded.start, loaded.stop) == (3, 7)


def test_fixed_slabs_are_those_of_every_epoch(slabs: list[Slab]) -> None:
    assert FixedSlabs(slabs).of_epoch(0) is FixedSlabs(slabs).of_epoch(7) is slabs
