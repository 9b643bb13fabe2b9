"""Training patches: cut from simulated patterns, counted, and a gap put on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor
from torch.utils.data import Dataset

from bcdi_inpaint.scaling import LOG_UNIT, to_network

BoolArray = NDArray[np.bool_]
LogPatterns = NDArray[np.float16]


class PatchConfig(BaseModel):
    """What a training patch may look like; unknown keys are errors.

    Attributes
    ----------
    size : voxels along each side.
    widths : narrow gaps, drawn three times in four, then wide ones.
    second_gap : how often another gap crosses the first.
    bad_pixels, aliens : how often hot pixels and masked regions are there as well.
    faint : how often a patch almost without photons is accepted.
    flux_factor : change of the photon number, drawn on a logarithmic scale.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(32, ge=16)
    widths: tuple[tuple[int, int], tuple[int, int]] = ((2, 13), (13, 24))
    second_gap: float = Field(0.3, ge=0, le=1)
    bad_pixels: float = Field(0.25, ge=0, le=1)
    aliens: float = Field(0.1, ge=0, le=1)
    faint: float = Field(0.1, ge=0, le=1)
    flux_factor: tuple[float, float] = (0.2, 2.0)

    @model_validator(mode="after")
    def _ranges(self) -> PatchConfig:
        widest = self.size - 8  # four known voxels on each side
        if any(not 1 <= low <= high <= widest for low, high in self.widths):
            raise ValueError(
                f"widths is {self.widths}, expected 1 <= low <= high <= {widest} for patches of "
                f"{self.size}"
            )
        low_flux, high_flux = self.flux_factor
        if not 0 < low_flux <= high_flux:
            raise ValueError(f"flux_factor is {self.flux_factor}, expected 0 < low <= high")
        return self


@dataclass(frozen=True)
class Patch:
    """One training example, arrays of (size,) * n_dim.

    `counts` noisy photons, `expectation` their noise-free mean, `gap` the voxels to fill, `unknown`
    those and the bad ones.
    """

    counts: NDArray[np.float32]
    expectation: NDArray[np.float32]
    gap: BoolArray
    unknown: BoolArray


def draw_gap(config: PatchConfig, n_dim: int, rng: np.random.Generator) -> BoolArray:
    """A plane gap near the middle of a patch, sometimes crossed by another: True = to fill."""
    size = config.size
    gap = np.zeros((size,) * n_dim, dtype=bool)
    first, second = rng.permutation(n_dim)[:2]
    low, high = config.widths[int(rng.random() < 0.25)]
    width = int(rng.integers(low, high + 1))
    slack = max(0, min(6, (size - width) // 2 - 4))
    start = (size - width) // 2 + int(rng.integers(-slack, slack + 1))
    gap[_slab(n_dim, first, start, start + width)] = True
    if rng.random() < config.second_gap:
        start = int(rng.integers(-width // 2, size - width // 2))
        gap[_slab(n_dim, second, max(start, 0), start + width)] = True
    return gap


def _slab(n_dim: int, axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return tuple(slice(start, stop) if a == axis else slice(None) for a in range(n_dim))


def draw_bad(config: PatchConfig, n_dim: int, rng: np.random.Generator) -> BoolArray:
    """Voxels a file's mask marks besides the gap: dead lines of frames, and alien regions."""
    size = config.size
    bad = np.zeros((size,) * n_dim, dtype=bool)
    if rng.random() < config.bad_pixels:
        axis = int(rng.integers(n_dim))  # a hot pixel is hot in every frame
        pixels = rng.integers(0, size, (int(rng.integers(1, 8)), n_dim))
        for pixel in pixels:
            bad[tuple(slice(None) if a == axis else int(p) for a, p in enumerate(pixel))] = True
    if rng.random() < config.aliens:
        start = rng.integers(-8, size - 4, n_dim)
        stop = start + rng.integers(6, size, n_dim)
        bad[tuple(slice(max(a, 0), max(b, 0)) for a, b in zip(start, stop, strict=True))] = True
    return bad


def _cut(pattern: LogPatterns, size: int, rng: np.random.Generator) -> LogPatterns:
    """A cube somewhere in the pattern, turned and mirrored at random."""
    corner = [int(rng.integers(0, n - size + 1)) for n in pattern.shape]
    patch = pattern[tuple(slice(c, c + size) for c in corner)]
    patch = patch.transpose(rng.permutation(patch.ndim))
    return patch[tuple(slice(None, None, step) for step in rng.choice((-1, 1), patch.ndim))]


def draw_patch(patterns: LogPatterns, config: PatchConfig, rng: np.random.Generator) -> Patch:
    """A random patch of random patterns (n, *spatial), with fresh Poisson noise.

    A patch whose gap expects almost no photon teaches little: it is drawn again, mostly.
    """
    n_dim = patterns.ndim - 1
    gap = draw_gap(config, n_dim, rng)
    unknown = gap | draw_bad(config, n_dim, rng)
    factor = np.exp(rng.uniform(*np.log(config.flux_factor)))
    while True:
        pattern = patterns[int(rng.integers(len(patterns)))]
        expectation = np.expm1(_cut(pattern, config.size, rng).astype(np.float32)) * factor
        if expectation[gap].mean() > 0.3 or rng.random() < config.faint:
            break
    counts = rng.poisson(expectation).astype(np.float32)
    return Patch(counts, expectation, gap, unknown)


class PatchDataset(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """`count` patches, each made from the seed and its own number alone.

    An item is (log counts, unknown, truth, gap), each (1, *spatial): what the network sees, and the
    noise-free truth it is trained towards, in network units. Training towards the expectation and
    not the counts spares the network the noise it cannot know.
    """

    def __init__(
        self, patterns: LogPatterns, config: PatchConfig, count: int, seed: tuple[int, ...]
    ) -> None:
        self._patterns, self._config, self._count, self._seed = patterns, config, count, seed

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([*self._seed, index])
        patch = draw_patch(self._patterns, self._config, rng)
        truth = (np.log1p(patch.expectation) / LOG_UNIT).astype(np.float32)
        arrays = (to_network(patch.counts), patch.unknown, truth, patch.gap)
        log_counts, unknown, log_truth, gap = (torch.from_numpy(a)[None] for a in arrays)
        return log_counts, unknown, log_truth, gap
