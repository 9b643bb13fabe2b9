"""Gaps on a subject: of every kind and width, beside its Bragg peak."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import product

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.evaluation.fills.config import CLEAR, EvaluationConfig, Kind
from bcdi_inpaint.evaluation.fills.subjects import Subject
from bcdi_inpaint.gaps.finding import Gap, gap_mask
from bcdi_inpaint.plots import brightest_voxel

_DISTANCE = {"row": (4, 12), "column": (4, 12), "cross": (4, 12), "shoulder": (0, 2)}
"""Lines between the Bragg peak and the gap's nearer edge, by kind: lowest and highest."""
_OFF_CENTRE = (0.2, 0.35)
"""The same for `off_centre`, as a part of the array's length."""


@dataclass(frozen=True)
class Case:
    """One gap on one subject; `gap` is (n_rock, n_y, n_x), True = hidden from the methods."""

    subject: Subject
    kind: Kind
    width: int
    placement: int
    gap: BoolArray

    @property
    def cluster(self) -> str:
        """The particle; on a measured scan the gap, as there is one crystal only."""
        if self.subject.expectation is not None:
            return self.subject.cluster
        return f"{self.kind} {self.placement}"


def cases(subject: Subject, config: EvaluationConfig) -> tuple[list[Case], list[str]]:
    """The gaps of a subject, and a line for each width of which some find no place on it."""
    shape = _three(subject.counts.shape)
    peak = brightest_voxel(np.where(subject.bad, 0, subject.counts))
    n_placements = config.placements if subject.expectation is None else 1
    found: list[Case] = []
    remarks: list[str] = []
    for width in config.widths:
        missing: list[str] = []
        for kind, placement in product(_kinds_of(subject, config, width), range(n_placements)):
            rng = generator_of(config.seed, subject, kind, width, placement)
            gaps = place(kind, width, shape, peak, rng)
            if gaps:
                found.append(Case(subject, kind, width, placement, gap_mask(gaps, shape)))
            else:
                missing.append(kind)
        if missing:
            remarks.append(
                f"{subject.group} {subject.index}: a gap of {width} does not fit beside the peak "
                f"in {shape}, left out ({', '.join(dict.fromkeys(missing))})"
            )
    return found, remarks


def _kinds_of(subject: Subject, config: EvaluationConfig, width: int) -> list[Kind]:
    """The kinds a subject gets at a width: all, or as many as the configuration says, by turns."""
    n = len(config.kinds)
    if subject.expectation is None or config.kinds_per_pattern >= n:
        return list(config.kinds)
    first = subject.index * config.kinds_per_pattern + config.widths.index(width)
    return [config.kinds[(first + turn) % n] for turn in range(config.kinds_per_pattern)]


def generator_of(
    seed: int, subject: Subject, kind: str, width: int, placement: int
) -> np.random.Generator:
    """A stream of its own for each case, whatever else is judged."""
    text = f"{subject.group} {kind}".encode()
    return np.random.default_rng([seed, zlib.crc32(text), subject.index, width, placement])


def place(
    kind: Kind,
    width: int,
    shape: tuple[int, ...],
    peak: tuple[int, ...],
    rng: np.random.Generator,
) -> tuple[Gap, ...]:
    """The planes of a gap of a kind beside the Bragg peak; none where they do not fit.

    ``row``, ``column`` and ``cross`` (both) begin 4 to 12 voxels from the peak, ``shoulder`` (rows
    or columns) 0 to 2, ``off_centre`` (rows or columns) a fifth to a third of the array; nearer
    where there is no room. At least `CLEAR` lines stay known on both sides.
    """
    axes = {"row": (1,), "column": (2,), "cross": (1, 2)}.get(kind)
    if axes is None:
        axes = (int(rng.integers(1, 3)),)
    gaps = []
    for axis in axes:
        n = shape[axis]
        low, high = _DISTANCE.get(kind) or tuple(round(part * n) for part in _OFF_CENTRE)
        distance, above = int(rng.integers(low, high + 1)), bool(rng.random() < 0.5)
        start = _start(n, peak[axis], width, distance, above)
        if start is None:
            return ()
        gaps.append(Gap(axis, start, start + width))
    return tuple(gaps)


def _start(n: int, peak: int, width: int, distance: int, above: bool) -> int | None:
    """First line of a gap of `width` at a distance from the peak; None where it does not fit."""
    room_above = n - CLEAR - width - (peak + 1)  # the largest distance there
    room_below = peak - width - CLEAR
    if (room_above if above else room_below) < 0:
        above = not above
    room = room_above if above else room_below
    if room < 0:
        return None
    distance = min(distance, room)
    return peak + 1 + distance if above else peak - distance - width


def _three(shape: tuple[int, ...]) -> tuple[int, int, int]:
    n_rock, n_y, n_x = shape
    return n_rock, n_y, n_x
