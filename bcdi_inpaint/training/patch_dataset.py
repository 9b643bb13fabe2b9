"""Training patches: simulated scans with gaps, prepared as for filling, and cut.

Kriging and the Friedel mate need more of a scan than a patch, so gaps are put on whole patterns.
Each gives a slab around its gap, and each slab many patches.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor
from torch.utils.data import Dataset

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray, LogPatterns
from bcdi_inpaint.files import replace_file
from bcdi_inpaint.gaps.artificial import draw_gaps
from bcdi_inpaint.gaps.bad_voxels import draw_bad_voxels
from bcdi_inpaint.gaps.masks import mask_in_box
from bcdi_inpaint.network.channels import CHANNEL_ORDER, GuessKind, compute_features
from bcdi_inpaint.network.units import LOG_UNIT

LEAST_EXPECTED = 0.3
"""Mean photons in the gap below which a patch teaches little."""
TRIES = 20
"""Draws of a patch before a dark one is taken."""


class GapOptions(TypedDict):
    """Keyword arguments of `gaps.artificial.draw_gaps`."""

    widths: Sequence[tuple[int, int]]
    shares: Sequence[float]
    crossing_share: float
    peak_spread: float


class BadOptions(TypedDict):
    """Keyword arguments of `gaps.artificial.draw_bad_voxels`."""

    hot_share: float
    alien_share: float


class PatchConfig(BaseModel):
    """What a training patch may look like; unknown keys are errors.

    Attributes
    ----------
    size : voxels along each side.
    widths : ranges of gap widths, narrow, wide, and between modules.
    shares : how often each of the three is drawn.
    second_gap : how often another gap crosses the first.
    bad_pixels, aliens : how often hot pixels and masked regions are there as well.
    faint : how often a patch almost without photons is accepted.
    flux_factor : change of the photon number, drawn on a logarithmic scale.
    peak_spread : standard deviation of a gap's distance from the peak, as a part of the array.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(32, ge=16)
    widths: tuple[tuple[int, int], ...] = ((2, 13), (13, 26), (26, 42))
    shares: tuple[float, ...] = (0.7, 0.2, 0.1)
    second_gap: float = Field(0.25, ge=0, le=1)
    bad_pixels: float = Field(0.25, ge=0, le=1)
    aliens: float = Field(0.1, ge=0, le=1)
    faint: float = Field(0.1, ge=0, le=1)
    flux_factor: tuple[float, float] = (0.2, 2.0)
    peak_spread: float = Field(0.16, gt=0)

    @model_validator(mode="after")
    def _ranges(self) -> PatchConfig:
        if any(not 1 <= low <= high for low, high in self.widths):
            raise ValueError(f"widths is {self.widths}, expected 1 <= low <= high")
        if len(self.shares) != len(self.widths) or not sum(self.shares) > 0 or min(self.shares) < 0:
            raise ValueError(
                f"shares is {self.shares}, expected a number of at least 0 for each of the "
                f"{len(self.widths)} widths, not all 0"
            )
        low_flux, high_flux = self.flux_factor
        if not 0 < low_flux <= high_flux:
            raise ValueError(f"flux_factor is {self.flux_factor}, expected 0 < low <= high")
        return self

    @property
    def gap_options(self) -> GapOptions:
        """What `gaps.artificial.draw_gaps` draws by."""
        return {
            "widths": self.widths,
            "shares": self.shares,
            "crossing_share": self.second_gap,
            "peak_spread": self.peak_spread,
        }

    @property
    def bad_options(self) -> BadOptions:
        """What `gaps.artificial.draw_bad_voxels` draws by."""
        return {"hot_share": self.bad_pixels, "alien_share": self.aliens}


@dataclass(frozen=True)
class Slab:
    """The surroundings of a gap of one scan; the gap's normal is axis 0.

    Attributes
    ----------
    channels : (n_channels, n_lines, *plane) float16, the network's input.
    truth : (n_lines, *plane) float16, log(1 + expected photons) in network units; of a measured
        scan float32, log(1 + counts).
    gap : (n_lines, *plane) bool, voxels to fill.
    start, stop : the lines of the gap.
    """

    channels: NDArray[np.float16]
    truth: FloatArray
    gap: BoolArray
    start: int
    stop: int


def draw_slab(
    log_expectation: NDArray[np.float16],
    config: PatchConfig,
    rng: np.random.Generator,
    guess: GuessKind = "kriged",
) -> Slab:
    """A slab of one pattern (*shape) of log expectations, with fresh Poisson noise and gaps.

    The noise and the gaps are the same for every kind of first guess.
    """
    factor = np.exp(rng.uniform(*np.log(config.flux_factor)))
    expectation = np.expm1(log_expectation.astype(np.float32)) * factor
    log_counts = np.log1p(rng.poisson(expectation)).astype(np.float32)
    peak = np.unravel_index(int(expectation.argmax()), expectation.shape)
    gaps = draw_gaps(expectation.shape, [int(p) for p in peak], rng, **config.gap_options)
    gap = mask_in_box(gaps, [slice(0, n) for n in expectation.shape])
    unknown = gap | draw_bad_voxels(expectation.shape, rng, **config.bad_options)
    seen = compute_features(log_counts, unknown, gaps, guess)
    main, reach = gaps[0], 3 * config.size // 4
    begin = max(min(main.start - reach, gap.shape[main.axis] - config.size), 0)
    end = max(main.stop + reach, begin + config.size)  # near the array's edge a patch fits too

    def around(volume: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.moveaxis(volume, main.axis, 0)[begin:end]

    channels = np.stack([around(channel).astype(np.float16) for channel in seen.channels()])
    truth = np.log1p(expectation) / LOG_UNIT
    return Slab(
        channels,
        around(truth).astype(np.float16),
        around(gap).astype(bool),
        main.start - begin,
        main.stop - begin,
    )


def draw_patch(
    slab: Slab, config: PatchConfig, rng: np.random.Generator
) -> tuple[NDArray[np.float16], FloatArray, BoolArray]:
    """A cube of a slab that holds a part of its gap, turned and mirrored at random.

    Returns channels (n_channels, *cube), truth (*cube) and gap (*cube). A cube whose gap expects
    almost no photon is drawn again, mostly.
    """
    size, n_dim = config.size, slab.truth.ndim
    width = slab.stop - slab.start
    slack = max(size // 4, (width - size) // 2 + size // 2)
    for _ in range(TRIES):
        middle = (slab.start + slab.stop - size) // 2 + int(rng.integers(-slack, slack + 1))
        corner = [int(np.clip(middle, 0, slab.truth.shape[0] - size))]
        corner += [int(rng.integers(0, n - size + 1)) for n in slab.truth.shape[1:]]
        box = tuple(slice(c, c + size) for c in corner)
        gap = slab.gap[box]
        expected = np.expm1(slab.truth[box][gap].astype(np.float32) * LOG_UNIT)
        if gap.any() and (expected.mean() > LEAST_EXPECTED or rng.random() < config.faint):
            break
    order, steps = rng.permutation(n_dim), rng.choice((-1, 1), n_dim)
    mirrored = tuple(slice(None, None, int(step)) for step in steps)
    channels = slab.channels[(slice(None), *box)].transpose(0, *(order + 1))
    return (
        channels[(slice(None), *mirrored)],
        slab.truth[box].transpose(order)[mirrored],
        gap.transpose(order)[mirrored],
    )


def save_slab(path: Path, slab: Slab) -> None:
    """Write a slab as one array (n_channels + 2, n_lines, *plane), then give it its name."""
    both = np.stack([*slab.channels, slab.truth, slab.gap.astype(np.float16)])
    stream = io.BytesIO()
    np.save(stream, both)
    replace_file(path, stream.getbuffer())


def load_slab(path: Path) -> Slab:
    """A slab that `save_slab` wrote, left on disk: only what patches are cut from is read."""
    both = np.load(path, mmap_mode="r")
    gap = both[-1] != 0
    lines = np.flatnonzero(gap.all(axis=tuple(range(1, gap.ndim))))
    return Slab(both[:-2], both[-2], gap, int(lines[0]), int(lines[-1]) + 1)


class SlabDataset(Dataset[Slab]):
    """`count` slabs, each made from the seed and its own number alone; pattern after pattern."""

    def __init__(
        self,
        patterns: LogPatterns | Sequence[LogPatterns],
        config: PatchConfig,
        count: int,
        seed: tuple[int, ...],
        guess: GuessKind = "kriged",
    ) -> None:
        self._patterns, self._config, self._count, self._seed = patterns, config, count, seed
        self._guess = guess

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Slab:
        rng = np.random.default_rng([*self._seed, index])
        pattern = self._patterns[index % len(self._patterns)]
        return draw_slab(pattern, self._config, rng, self._guess)


class PatchDataset(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """`count` patches of `slabs`, each drawn from the seed and its own number alone.

    An item is (channels, truth, gap): (n_channels, *cube) and twice (1, *cube), in network units.
    The truth is the noise-free expectation: training towards it and not the counts spares the
    network the noise it cannot know. If `noisy` it is the counts, as a measurement would show
    them: those known, and in unknown voxels Poisson numbers about the expectation.
    """

    def __init__(
        self,
        slabs: Sequence[Slab],
        config: PatchConfig,
        count: int,
        seed: tuple[int, ...],
        *,
        noisy: bool = False,
    ) -> None:
        self._slabs, self._config, self._count, self._seed = slabs, config, count, seed
        self._noisy = noisy

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([*self._seed, index])
        slab = self._slabs[int(rng.integers(len(self._slabs)))]
        channels, truth, gap = draw_patch(slab, self._config, rng)
        assert len(channels) == len(CHANNEL_ORDER)
        if self._noisy:
            truth = _measured(channels, truth, rng)
        return (
            torch.from_numpy(channels.astype(np.float32)),
            torch.from_numpy(truth.astype(np.float32))[None],
            torch.from_numpy(gap.copy())[None],
        )


def _measured(
    channels: NDArray[np.float16], truth: FloatArray, rng: np.random.Generator
) -> Float32Array:
    """What a measurement of a patch's truth (*cube) shows, log(1 + counts) in network units."""
    photons = rng.poisson(np.expm1(truth.astype(np.float64) * LOG_UNIT))
    unknown = channels[CHANNEL_ORDER.index("unknown")] != 0
    drawn = np.log1p(photons) / LOG_UNIT
    return np.where(unknown, drawn, channels[CHANNEL_ORDER.index("guess")]).astype(np.float32)
