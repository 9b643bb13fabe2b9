"""A measured scan as its own teacher: artificial gaps where its counts are known.

The counts of real gaps and bad voxels are never a truth. Part of the scan is held out: what a
network learns from does not depend on a single count of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.artificial import (
    SETTINGS,
    GapKind,
    gap_start_weights,
    line_sums,
    window_sums,
)
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import find_planes, gap_mask
from bcdi_inpaint.network.channels import CHANNEL_ORDER, GuessKind, compute_features
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.scan.boxes import AXIS_NAMES, as_shape, other_axes
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.scan.validity import check_counts
from bcdi_inpaint.training.slabs import Slab

WINDOW = 128
"""Longest side of the part of a scan that is learned from: as long as simulated patterns are."""
HELD_OUT_SHARE = 0.2
"""Of the log counts, in the part that is held out."""
LEAST_LINES = 6
"""Of the part that is held out, and of the one that is not."""
FEWEST = 1000
"""Voxels with counts, in the part that is held out and in the one that is not."""
CROSS_SHARE = 0.5
"""How often a gap is crossed by another, where the scan has gaps across more than one axis."""


@dataclass(frozen=True)
class Part:
    """The brightest part of a scan; arrays (n_rock, n_y, n_x).

    Attributes
    ----------
    log_counts : float32, log(1 + counts), 0 where unknown.
    unknown : bool, real gaps and bad voxels.
    held_out : bool, lines at one end of one axis.
    kinds : the artificial gaps that it can have.
    """

    log_counts: Float32Array
    unknown: BoolArray
    held_out: BoolArray
    kinds: tuple[GapKind, ...]


def kinds_of(gaps: Sequence[Gap]) -> tuple[GapKind, ...]:
    """Direction and width of each gap, each once; what is wider than can be filled is as wide."""
    return tuple(sorted({(gap.axis, min(gap.width, FillingSettings.widest)) for gap in gaps}))


def empty_lines(scan: Scan) -> tuple[Gap, ...]:
    """Frames, rows and columns without a count, between others: gaps that nobody told of."""
    found = find_planes((scan.counts == 0) | scan.bad_mask)
    return tuple(gap for gap in found if gap.start > 0 and gap.stop < scan.shape[gap.axis])


def brightest_part(
    scan: Scan, gaps: Sequence[Gap], kinds: Sequence[GapKind], rng: np.random.Generator
) -> Part:
    """The part of a scan to learn from and to judge on; `rng` draws what is held out.

    `gaps` are the scan's real ones, `kinds` the artificial ones wanted. Raises InputError for
    counts that are none, for a scan that is too dark, and where no artificial gap fits.
    """
    gap = gap_mask(gaps, scan.shape)
    check_counts(scan, gap)
    unknown = gap | scan.bad_mask
    log_counts = np.log1p(np.where(unknown, 0, scan.counts).astype(np.float32))
    box = _brightest_box(log_counts)
    log_counts, unknown = log_counts[box], unknown[box]
    _check_lit(log_counts > 0, "of the scan")
    fitting = tuple(kind for kind in kinds if gap_start_weights(log_counts, unknown, kind).any())
    if not fitting:
        wanted = ", ".join(f"{width} {AXIS_NAMES[axis]}" for axis, width in kinds)
        raise InputError(
            f"no artificial gap of {wanted} fits between the gaps and bad lines of the "
            f"{' x '.join(map(str, log_counts.shape))} voxels around the peak, expected "
            f"{SETTINGS.known_beside} known lines on each side of it: give a larger crop "
            "of the scan, or narrower --widths"
        )
    held_out = _held_out(log_counts, unknown, fitting, rng)
    _check_lit((log_counts > 0) & held_out, "held out")
    _check_lit((log_counts > 0) & ~held_out, "not held out")
    return Part(log_counts, unknown, held_out, fitting)


def artificial_gaps(part: Part, rng: np.random.Generator, *, held_out: bool = False) -> list[Gap]:
    """A gap, sometimes crossed by another, where there are counts; the first is the main one.

    In what is held out, or outside it; more often where more is to be seen.
    """
    log_counts = np.where(_usable(part, held_out), part.log_counts, 0)
    kinds = [part.kinds[i] for i in rng.permutation(len(part.kinds))]
    chosen = kinds[:1]
    crossing = [kind for kind in kinds if kind[0] != chosen[0][0]]
    if crossing and rng.random() < CROSS_SHARE:
        chosen.append(crossing[0])
    gaps = []
    for axis, width in chosen:
        weights = gap_start_weights(log_counts, part.unknown, (axis, width)).astype(np.float64)
        start = SETTINGS.known_beside + int(rng.choice(len(weights), p=weights / weights.sum()))
        gaps.append(Gap(axis, start, start + width))
    return gaps


def measured_slab(
    part: Part,
    gaps: Sequence[Gap],
    size: int,
    *,
    held_out: bool = False,
    guess: GuessKind = "kriged",
) -> Slab:
    """Artificial gaps and the first one's surroundings, prepared as for filling.

    The slab's truth are measured counts, and its `gap` the voxels to learn from: known ones,
    outside what is held out, or inside for a `held_out` slab. For any other, what is held out is
    unknown. No side is shorter than `size`.
    """
    artificial = gap_mask(gaps, as_shape(part.unknown.shape))
    unknown = part.unknown | artificial | (part.held_out & (not held_out))
    log_counts = np.where(unknown, 0, part.log_counts)
    seen = compute_features(log_counts, unknown, [*find_planes(part.unknown), *gaps], guess)
    gap = artificial & _usable(part, held_out)
    box = _surroundings(gaps[0], gap, size)

    def cut(volume: NDArray[np.generic], outside: bool = False) -> NDArray[np.generic]:
        return np.moveaxis(_padded(volume[box], size, outside), gaps[0].axis, 0)

    channels = [
        cut(channel, name == "unknown").astype(np.float16)
        for name, channel in zip(CHANNEL_ORDER, seen.channels(), strict=True)
    ]
    gap_there = cut(gap).astype(bool)
    lines = np.flatnonzero(gap_there.any(axis=(1, 2)))
    return Slab(
        np.stack(channels),
        cut(part.log_counts / np.float32(LOG_UNIT)).astype(np.float32),
        gap_there,
        int(lines[0]),
        int(lines[-1]) + 1,
    )


def _usable(part: Part, held_out: bool) -> BoolArray:
    """Voxels whose counts may be a truth: known, and on that side of the division."""
    return ~part.unknown & (part.held_out == held_out)


def _check_lit(lit: BoolArray, what: str) -> None:
    n_lit = int(np.count_nonzero(lit))
    if n_lit < FEWEST:
        raise InputError(
            f"{n_lit} voxels {what} have counts, expected at least {FEWEST}: the scan is too dark "
            "or too small to adapt a model to, fill it with the model as it is"
        )


def _brightest_box(log_counts: Float32Array) -> tuple[slice, ...]:
    """On each axis the `WINDOW` lines with the most log counts, or all there are."""
    box = []
    for axis, n in enumerate(log_counts.shape):
        length = min(n, WINDOW)
        sums = window_sums(line_sums(log_counts, axis), length)
        start = int(sums.argmax())
        box.append(slice(start, start + length))
    return tuple(box)


def _held_out(
    log_counts: Float32Array, unknown: BoolArray, kinds: Sequence[GapKind], rng: np.random.Generator
) -> BoolArray:
    """Lines at one end of one axis, with `HELD_OUT_SHARE` of the log counts.

    Drawn from the ends where every kind of gap can be put, both on them and beside them.
    """
    candidates = []
    for axis, n in enumerate(log_counts.shape):
        sums = np.cumsum(line_sums(log_counts, axis))
        first = int(np.searchsorted(sums, HELD_OUT_SHARE * sums[-1])) + 1
        last = int(np.searchsorted(sums, (1 - HELD_OUT_SHARE) * sums[-1]))
        for lines in (slice(0, first), slice(last, n)):
            held_out = np.zeros(log_counts.shape, dtype=bool)
            np.moveaxis(held_out, axis, 0)[lines] = True
            if _divides(log_counts, unknown, held_out, axis, kinds):
                candidates.append(held_out)
    if not candidates:
        raise InputError(
            f"no {100 * HELD_OUT_SHARE:.0f} % of the {' x '.join(map(str, log_counts.shape))} "
            "voxels around the peak can be held out with room for artificial gaps on them and "
            "beside them: give a larger crop of the scan, or narrower --widths"
        )
    return candidates[int(rng.integers(len(candidates)))]


def _divides(
    log_counts: Float32Array,
    unknown: BoolArray,
    held_out: BoolArray,
    axis: int,
    kinds: Sequence[GapKind],
) -> bool:
    """Whether there is enough on both sides of a division across `axis`."""
    n_lines = int(held_out.any(axis=other_axes(axis)).sum())
    if min(n_lines, log_counts.shape[axis] - n_lines) < LEAST_LINES:
        return False
    return all(
        gap_start_weights(np.where(side, log_counts, 0), unknown, kind).any()
        for side in (held_out, ~held_out)
        for kind in kinds
    )


def _surroundings(main: Gap, gap: BoolArray, size: int) -> tuple[slice, ...]:
    """The box to cut patches from: the main gap's lines that are in `gap`, and room around.

    At least `size` long on each axis, where the array is.
    """
    box = []
    for axis, n in enumerate(gap.shape):
        lines = np.flatnonzero(gap.any(axis=other_axes(axis)))
        room = 3 * size // 4 if axis == main.axis else size // 2
        first, last = (
            (main.start, main.stop) if axis == main.axis else (int(lines[0]), int(lines[-1]) + 1)
        )
        start = max(min(first - room, n - size), 0)
        box.append(slice(start, min(max(last + room, start + size), n)))
    return tuple(box)


def _padded(volume: NDArray[np.generic], size: int, outside: bool) -> NDArray[np.generic]:
    """The volume in the middle of one whose sides are at least `size`, `outside` around it."""
    short = [max(size - n, 0) for n in volume.shape]
    return np.pad(volume, [(s - s // 2, s // 2) for s in short], constant_values=outside)
