"""Patches: pieces of a slab that hold a part of its gap, turned and mirrored."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import SMALL, peak

from bcdi_inpaint.network.channels import CHANNEL_ORDER
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.training.patch_dataset import PatchDataset, draw_patch
from bcdi_inpaint.training.plan import PatchConfig
from bcdi_inpaint.training.slabs import Slab, SlabDataset, load_slab, save_slab

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
