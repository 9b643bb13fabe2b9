"""Slabs: the surroundings of an artificial gap, prepared as for filling.

Kriging and the Friedel mate need more of a scan than a patch, so gaps are put on whole patterns.
Each gives a slab around its gap, and each slab gives many patches.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from bcdi_inpaint.arrays import BoolArray, FloatArray, LogPatterns
from bcdi_inpaint.gaps.artificial import draw_gaps
from bcdi_inpaint.gaps.bad_voxels import draw_bad_voxels
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import mask_in_box
from bcdi_inpaint.network.channels import GuessKind, compute_features
from bcdi_inpaint.network.units import logs_to_network
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.scan.boxes import other_axes
from bcdi_inpaint.training.plan import PatchConfig


@dataclass(frozen=True)
class Slab:
    """The surroundings of a gap of one scan; the gap's normal is axis 0.

    Attributes
    ----------
    channels : (n_channels, n_lines, *plane) float16, the network's input.
    truth : (n_lines, *plane) float16, log(1 + expected photons) in network units; of a measured
        scan float32, log(1 + counts).
    gap : (n_lines, *plane) bool, voxels to fill.
    start, stop : the lines of the main gap.
    """

    channels: NDArray[np.float16]
    truth: FloatArray
    gap: BoolArray
    start: int
    stop: int


class SlabSource(Protocol):
    """What has the slabs of a training, epoch by epoch."""

    def of_epoch(self, epoch: int) -> Sequence[Slab]:
        """The slabs that patches of an epoch are cut from."""


@dataclass(frozen=True)
class FixedSlabs:
    """The same slabs in every epoch."""

    slabs: Sequence[Slab]

    def of_epoch(self, _epoch: int) -> Sequence[Slab]:
        """All of them."""
        return self.slabs


def draw_slab(
    log_expectation: NDArray[np.float16],
    config: PatchConfig,
    rng: np.random.Generator,
    guess: GuessKind = "kriged",
) -> Slab:
    """Draw Poisson noise and gaps for a pattern, and cut the surroundings of the first gap.

    Parameters
    ----------
    log_expectation : (n_rock, n_y, n_x) or (n_y, n_x), log(1 + expected photons); not changed.
    config : what may be drawn, and how large patches are.
    rng : source of everything that is drawn.
    guess : the first guess of the network's input; noise and gaps do not depend on it.

    Returns
    -------
    A slab that is at least as thick as a patch, and thick enough for every patch of its gap.
    """
    factor = np.exp(rng.uniform(*np.log(config.flux_factor)))
    expectation = np.expm1(log_expectation.astype(np.float32)) * factor
    log_counts = np.log1p(rng.poisson(expectation)).astype(np.float32)
    peak = np.unravel_index(int(expectation.argmax()), expectation.shape)
    gaps = draw_gaps(expectation.shape, [int(p) for p in peak], rng, **config.gap_options)
    gap = mask_in_box(gaps, [slice(0, n) for n in expectation.shape])
    unknown = gap | draw_bad_voxels(expectation.shape, rng, **config.bad_options)
    features = compute_features(log_counts, unknown, gaps, guess)
    main = gaps[0]
    lines = _lines_around(main, gap.shape[main.axis], config.size)

    def cut(volume: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.moveaxis(volume, main.axis, 0)[lines]

    return Slab(
        np.stack([cut(channel).astype(np.float16) for channel in features.channels()]),
        cut(logs_to_network(np.log1p(expectation))).astype(np.float16),
        cut(gap).astype(bool),
        main.start - lines.start,
        main.stop - lines.start,
    )


def _lines_around(gap: Gap, n_lines: int, size: int) -> slice:
    """The lines that any patch of `size` which meets the gap can show, at least `size` of them."""
    room = 3 * size // 4
    begin = max(min(gap.start - room, n_lines - size), 0)
    return slice(begin, max(gap.stop + room, begin + size))  # a patch fits near the edge too


class SlabDataset(Dataset[Slab]):
    """`count` slabs, each made from the seed and its own number alone; pattern after pattern.

    Parameters
    ----------
    patterns : (n, *shape) or n times (*shape), log expectations; used in turn.
    config : what may be drawn.
    count : how many slabs.
    seed : what a slab's number follows, see `streams`.
    guess : the first guess of the network's input.
    """

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


def save_slab(path: Path, slab: Slab) -> None:
    """Write a slab as two arrays, one behind the other, then give the file its name.

    The first is (n_channels + 2, n_lines, *plane) float16: channels, truth, gap. The second is
    (2,), the lines of the gap; readers of one array do not see it.
    """
    both = np.stack([*slab.channels, slab.truth, slab.gap.astype(np.float16)])
    stream = io.BytesIO()
    np.save(stream, both)
    np.save(stream, np.array([slab.start, slab.stop]))
    replace_file(path, stream.getbuffer())


def load_slab(path: Path) -> Slab:
    """A slab that `save_slab` wrote, left on disk: only what patches are cut from is read."""
    both = np.load(path, mmap_mode="r")
    gap = both[-1] != 0
    start, stop = _stored_lines(path, both.offset + both.nbytes) or _lines_of(gap)
    return Slab(both[:-2], both[-2], gap, start, stop)


def _stored_lines(path: Path, offset: int) -> tuple[int, int] | None:
    """The lines of the gap, as stored behind the first array; None in files of older versions."""
    with path.open("rb") as file:
        file.seek(offset)
        try:
            start, stop = np.load(file)
        except EOFError:
            return None
    return int(start), int(stop)


def _lines_of(gap: BoolArray) -> tuple[int, int]:
    """The first line (axis 0) that a mask covers whole, and the one after the last."""
    lines = np.flatnonzero(gap.all(axis=other_axes(0, gap.ndim)))
    return int(lines[0]), int(lines[-1]) + 1
