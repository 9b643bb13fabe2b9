"""Training patches: gaps where they are wanted, prepared as for filling, and cut right."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdi_inpaint.gaps.artificial import draw_gaps
from bcdi_inpaint.gaps.bad_voxels import draw_bad_voxels
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.network.channels import CHANNEL_ORDER, Features, GuessKind, compute_features
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.training import patch_dataset as dataset
from bcdi_inpaint.training.patch_dataset import (
    PatchConfig,
    PatchDataset,
    Slab,
    SlabDataset,
    draw_patch,
    draw_slab,
    load_slab,
    save_slab,
)

SMALL = PatchConfig(size=16, widths=((2, 4), (4, 8)), shares=(0.5, 0.5))
GUESS, UNKNOWN = CHANNEL_ORDER.index("guess"), CHANNEL_ORDER.index("unknown")


def peak(shape: tuple[int, ...]) -> np.ndarray:
    """A bright peak with fringes, log expectations (*shape)."""
    grids = np.meshgrid(*[np.arange(n) - n // 2 for n in shape], indexing="ij")
    distance = sum(grid**2 for grid in grids)
    waves = 1 + 0.8 * np.cos(grids[0] + 0.7 * grids[-1])
    return np.log1p(2e4 * waves / (1 + 0.05 * distance) ** 1.5).astype(np.float16)


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    """Two patterns, (2, 32, 36, 40) log expectations."""
    pattern = peak((32, 36, 40))
    return np.stack([pattern, pattern[::-1]])


@pytest.fixture(scope="module")
def slabs(patterns: np.ndarray) -> list[Slab]:
    made = SlabDataset(patterns, SMALL, 2, (1, 2))
    return [made[index] for index in range(2)]


@pytest.fixture(scope="module")
def numbered() -> Slab:
    """A slab whose every voxel is told by its numbers; six rows of gap, a crossing of two."""
    shape = (30, 20, 24)
    gap = np.zeros(shape, dtype=bool)
    gap[12:18] = gap[:, 5:7] = True
    index = np.arange(np.prod(shape)).reshape(shape) % 2000  # exact in half precision
    channels = np.stack([index + 0.0 * k for k in range(len(CHANNEL_ORDER))])
    channels[UNKNOWN] = gap
    return Slab(channels.astype(np.float16), (index / 4000).astype(np.float16), gap, 12, 18)


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

    monkeypatch.setattr(dataset, "compute_features", spy)
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
    monkeypatch.setattr(dataset, "compute_features", lambda *_: nothing)
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
    monkeypatch.setattr(dataset, "compute_features", lambda *_: nothing)
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


# --- patches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 2, 6, 16, 17, 42])
def test_a_patch_always_holds_a_part_of_the_gap(width: int) -> None:
    config = PatchConfig(size=32, faint=0)
    n = width + 2 * 24
    gap = np.zeros((n, 40, 40), dtype=bool)
    gap[24 : 24 + width] = True
    channels = np.zeros((len(CHANNEL_ORDER), *gap.shape), dtype=np.float16)
    lit = Slab(channels, np.full(gap.shape, 0.5, dtype=np.float16), gap, 24, 24 + width)
    dark = Slab(channels, np.zeros(gap.shape, dtype=np.float16), gap, 24, 24 + width)
    rng = np.random.default_rng(0)
    for slab in (lit, dark):
        for _ in range(60):
            _, _, shown = draw_patch(slab, config, rng)
            assert shown.any()
            assert not shown.all() or width > 32


def test_patches_of_a_wide_gap_show_all_of_it() -> None:
    """Its middle, where nothing known is in sight, and both rims with what lies beside them."""
    config = PatchConfig(size=32)
    index = np.broadcast_to(np.arange(90)[:, None, None], (90, 32, 32))
    gap = (index >= 24) & (index < 66)
    channels = np.stack([index / 256] * len(CHANNEL_ORDER)).astype(np.float16)
    slab = Slab(channels, np.full(gap.shape, 0.5, dtype=np.float16), gap, 24, 66)
    rng = np.random.default_rng(0)
    firsts = {int(draw_patch(slab, config, rng)[0][0].min() * 256) for _ in range(300)}
    assert min(firsts) <= 24 - 8
    assert max(firsts) + 32 >= 66 + 8
    assert max(np.diff(sorted(firsts))) <= 3


def test_a_patch_is_a_turned_piece_of_its_slab(numbered: Slab) -> None:
    rng = np.random.default_rng(2)
    whole = numbered.channels[GUESS]
    for _ in range(5):
        channels, truth, gap = draw_patch(numbered, SMALL, rng)
        turned = [
            tuple(
                np.flip(volume.transpose(order), axes)
                for volume in (whole, numbered.truth, numbered.gap)
            )
            for order in permutations(range(3))
            for axes in ([], [0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2])
        ]
        found = 0
        for volume, its_truth, its_gap in turned:
            limit = [slice(0, n - 15) for n in volume.shape]
            for corner in np.argwhere(volume[tuple(limit)] == channels[GUESS, 0, 0, 0]):
                box = tuple(slice(c, c + 16) for c in corner)
                found += (
                    np.array_equal(volume[box], channels[GUESS])
                    and np.array_equal(its_truth[box], truth)
                    and np.array_equal(its_gap[box], gap)
                )
        assert found == 1
        np.testing.assert_array_equal(channels[UNKNOWN] != 0, gap)


def test_patches_are_turned_in_all_ways(numbered: Slab) -> None:
    rng = np.random.default_rng(0)
    axes, signs = set(), set()
    for _ in range(60):
        channels, _, gap = draw_patch(numbered, SMALL, rng)
        planes = [gap.all(axis=tuple({0, 1, 2} - {axis})).any() for axis in range(3)]
        axes.add(tuple(planes))
        steps = [np.diff(channels[GUESS].astype(float), axis=axis).flat[0] for axis in range(3)]
        signs.add(tuple(step > 0 for step in steps))
    assert {axis for planes in axes for axis in range(3) if planes[axis]} == {0, 1, 2}
    assert len(signs) == 8


def test_faint_patches_are_drawn_again() -> None:
    gap = np.zeros((40, 48, 48), dtype=bool)
    gap[12:28] = True
    truth = np.zeros(gap.shape, dtype=np.float16)
    truth[:, :20, :20] = 0.5  # a corner is lit
    slab = Slab(np.zeros((5, *gap.shape), dtype=np.float16), truth, gap, 12, 28)
    rng = np.random.default_rng(0)

    def lit(faint: float) -> float:
        config = PatchConfig(size=16, faint=faint)
        drawn = [draw_patch(slab, config, rng) for _ in range(60)]
        return float(np.mean([truth[gap].mean() > 0 for _, truth, gap in drawn]))

    assert lit(0) > 0.95
    assert lit(1) < 0.6


def test_an_item_depends_on_seed_and_number_alone(slabs: list[Slab]) -> None:
    first, second = (PatchDataset(slabs, SMALL, 4, (1, 2)) for _ in range(2))
    other = PatchDataset(slabs, SMALL, 4, (1, 3))
    second[0]
    for a, b in zip(first[3], second[3], strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first[3][0], other[3][0])
    assert not torch.equal(first[3][0], first[2][0])


def test_an_item_is_what_the_network_takes(slabs: list[Slab]) -> None:
    channels, truth, gap = PatchDataset(slabs, SMALL, 1, (4,))[0]
    assert channels.shape == (len(CHANNEL_ORDER), 16, 16, 16)
    assert truth.shape == gap.shape == (1, 16, 16, 16)
    assert (channels.dtype, truth.dtype, gap.dtype) == (torch.float32, torch.float32, torch.bool)
    assert (channels[UNKNOWN][gap[0]] == 1).all()
    known = channels[UNKNOWN] == 0
    error = (channels[GUESS] - truth[0])[known] * LOG_UNIT
    assert float(error.abs().mean()) < 1  # counting noise alone


def test_a_noisy_truth_is_what_a_measurement_shows(slabs: list[Slab]) -> None:
    """The known counts, and in unknown voxels whole numbers that average to the expectation."""
    clean, noisy = (PatchDataset(slabs, SMALL, 200, (4,), noisy=n) for n in (False, True))
    counted, expected = [], []
    for index in range(200):
        (channels, truth, gap), (same, counts, _) = clean[index], noisy[index]
        assert torch.equal(channels, same)
        known = channels[UNKNOWN] == 0
        assert torch.equal(counts[0][known], channels[GUESS][known])
        counted.append(torch.expm1(counts[gap].double() * LOG_UNIT))
        expected.append(torch.expm1(truth[gap].double() * LOG_UNIT))
    photons, mean = torch.cat(counted), torch.cat(expected)
    dim = photons < 1000  # single precision keeps these
    torch.testing.assert_close(photons[dim], photons[dim].round(), rtol=0, atol=0.01)
    assert abs(float((photons - mean).sum() / mean.sum().sqrt())) < 5
    assert float(((photons - mean) ** 2 / mean.clamp(min=1e-3)).mean()) == pytest.approx(1, abs=0.2)
    again = PatchDataset(slabs, SMALL, 200, (4,), noisy=True)
    assert torch.equal(noisy[7][1], again[7][1])


# --- two dimensions ------------------------------------------------------------------------------


def test_two_dimensions(tmp_path: Path) -> None:
    frames = np.stack([peak((48, 56))] * 2)
    made = SlabDataset(frames, SMALL, 4, (5,))
    for number in range(4):
        slab = made[number]
        assert slab.gap[slab.start : slab.stop].all()
        save_slab(tmp_path / "s.npy", slab)
        loaded = load_slab(tmp_path / "s.npy")
        assert (loaded.start, loaded.stop) == (slab.start, slab.stop)
        channels, truth, gap = PatchDataset([loaded], SMALL, 1, (6,))[0]
        assert channels.shape == (len(CHANNEL_ORDER), 16, 16)
        assert truth.shape == gap.shape == (1, 16, 16)
        assert gap.any()
