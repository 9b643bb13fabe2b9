"""Emptiness amid light: lines, frames and patches without a count where their neighbours have some.

Where a scan is dim, most voxels are empty, and that is a measurement. Emptiness is a fault where it
has a sharp edge: the lines beside it hold so many counts, and lose so little from line to line,
that the first empty line would hold counts too if it were measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array, IntArray


@dataclass(frozen=True)
class EmptinessSettings:
    """What an edge must show to be one.

    All are numbers of voxels with counts that the first empty lines would hold, as the lines
    beside them do; none of n is seen by chance once in exp(n) times. Chosen on simulated crystals
    and on measured scans with nothing missing, of which none shows an edge; no committed command.

    Attributes
    ----------
    both_sides : on both sides of an empty run together.
    each_side : on each of its sides.
    one_side : where the run reaches the array's edge.
    narrowest_patch : lines of the narrowest patch that does not reach through the whole array; the
        dark line between two fringes is often one wide.
    mirrored : a run of at most so many lines is no fault where its Friedel mate, on the other side
        of the peak, is dark too: it is the line between two fringes.
    dark_mate : of the lines beside it, what the mate may hold at most to be dark.
    steeper : the amplitudes on both sides of a zero between two lines add up to the steepness
        there; for fringes of 2.5 lines or more, whose amplitude bends, to 1.24 times that.
    aside : lines that a zero lies at most from where the mate would be.
    by_chance : what Poisson noise adds to such a sum, in roots of counts.
    """

    both_sides: float = 24.0
    each_side: float = 6.0
    one_side: float = 30.0
    narrowest_patch: int = 2
    mirrored: int = 2
    dark_mate: float = 0.6
    steeper: float = 1.3
    by_chance: float = 1.5
    aside: float = 1.0


SETTINGS = EmptinessSettings()


@dataclass(frozen=True)
class EmptyRun:
    """Lines start:stop without a count; `at_edge` where no line of the array lies beyond them."""

    start: int
    stop: int
    at_edge: bool

    @property
    def width(self) -> int:
        """How many lines it has."""
        return self.stop - self.start


def empty_runs(
    lit: IntArray, known: IntArray, settings: EmptinessSettings = SETTINGS
) -> list[EmptyRun]:
    """Find the runs of empty lines amid light.

    Parameters
    ----------
    lit : (n_lines,), how many voxels of each line hold counts.
    known : (n_lines,), how many voxels of each line are measured at all; lines of which none is
        are passed over.
    settings : what an edge must show.

    Returns
    -------
    The runs, in their order. Lines beside a run that are not known do not belong to it.

    Examples
    --------
    >>> lit = np.array([40, 42, 0, 0, 41, 38])
    >>> empty_runs(lit, np.full(6, 60))
    [EmptyRun(start=2, stop=4, at_edge=False)]
    """
    index = np.flatnonzero(known > 0)
    density = lit[index] / known[index]
    bright = np.flatnonzero(density > 0)
    if not bright.size or bright.size == index.size:
        return []
    falling, rising = _next_line(density), _next_line(density[::-1])[::-1]
    found = []
    for before, after in _dark_stretches(bright, index.size):
        first, last = index[before + 1], index[after - 1]
        left = falling[before] * known[first] if before >= 0 else None
        right = rising[after] * known[last] if after < index.size else None
        if _is_sharp(left, right, settings):
            at_edge = left is None or right is None
            found.append(EmptyRun(int(first), int(last) + 1, at_edge))
    return found


def _dark_stretches(bright: IntArray, n: int) -> Iterator[tuple[int, int]]:
    """Bright lines before and after each stretch of dark ones; -1 and n are beyond the array."""
    edges = np.concatenate([[-1], bright, [n]])
    for k in np.flatnonzero(np.diff(edges) > 1):
        yield int(edges[k]), int(edges[k + 1])


def _next_line(density: Float64Array) -> Float64Array:
    """What the line after each one would hold, if it falls as steeply as the lines before it."""
    one, two = (np.concatenate([np.zeros(k), density[:-k]])[: density.size] for k in (1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        by_one = np.where(one > 0, density / one, 1.0)
        by_two = np.where(two > 0, np.sqrt(density / two), 1.0)
    return density * np.minimum(1.0, np.minimum(by_one, by_two))


def _is_sharp(left: float | None, right: float | None, settings: EmptinessSettings) -> bool:
    """Whether the edges on both sides, or on the only one there is, are those of a fault."""
    if left is None or right is None:
        return max(left or 0.0, right or 0.0) >= settings.one_side
    return min(left, right) >= settings.each_side and left + right >= settings.both_sides


WINDOWS = (1, 4, 16, 64)
"""Lines that are looked at together: single bright ones, and many where it is dimmer."""


def empty_cells(
    lit: IntArray, known: IntArray, settings: EmptinessSettings = SETTINGS
) -> BoolArray:
    """Find the patches without a count amid light in a projection of a scan.

    Parameters
    ----------
    lit : (n_down, n_across), how many voxels behind each cell hold counts.
    known : the same shape, how many are measured at all.
    settings : what an edge must show.

    Returns
    -------
    (n_down, n_across) bool, True in known cells without a count that lie in such a patch. A patch
    that is seen where it is bright is followed to where it is dim.
    """
    if not ((lit == 0) & (known > 0)).any():
        return np.zeros(lit.shape, dtype=bool)
    found = _across(lit, known, settings) | _across(lit.T, known.T, settings).T
    return np.asarray(found & (known > 0))


def _across(lit: IntArray, known: IntArray, settings: EmptinessSettings) -> BoolArray:
    """The patches whose edges run down, which are seen along each line across."""
    n_down = len(lit)
    found = np.zeros(lit.shape, dtype=bool)
    sum_lit, sum_known = _running_sum(lit), _running_sum(known)
    for window in (*(w for w in WINDOWS if w < n_down), n_down):
        for start in range(0, n_down - window + 1, max(window // 2, 1)):
            stop = start + window
            there = sum_known[stop] - sum_known[start]
            for run in empty_runs(sum_lit[stop] - sum_lit[start], there, settings):
                if run.width < settings.narrowest_patch:
                    continue
                if not found[start:stop, run.start : run.stop].all():
                    low, high = _follow(lit[:, run.start : run.stop], start, stop)
                    found[low:high, run.start : run.stop] = True
    return found


def _running_sum(values: IntArray) -> IntArray:
    """(n_down + 1, n_across), the sums of all lines above each."""
    return np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])


def _follow(lit: IntArray, start: int, stop: int) -> tuple[int, int]:
    """The lines around start:stop over which a strip (n_down, width) stays empty."""
    bright = np.flatnonzero(lit.any(axis=1))
    before, after = bright[bright < start], bright[bright >= stop]
    low = int(before[-1]) + 1 if before.size else 0
    return low, int(after[0]) if after.size else len(lit)


def without_fringes(
    runs: list[EmptyRun],
    lit: IntArray,
    known: IntArray | None = None,
    light: Float64Array | None = None,
    settings: EmptinessSettings = SETTINGS,
) -> list[EmptyRun]:
    """Leave out runs that are the dark lines between two fringes.

    Parameters
    ----------
    runs : what `empty_runs` found.
    lit : (n_lines,), how many voxels of each line hold counts.
    known : (n_lines,), how many are measured at all; None for all.
    light : (n_lines,), the counts of each line; None for `lit`.
    settings : what makes a run such a line.

    Returns
    -------
    The others.
    """
    if not runs:
        return []
    known = np.ones_like(lit) if known is None else known
    lines = _Lines(lit, known > 0, np.sqrt(lit if light is None else light))
    return [
        run
        for run in runs
        if run.width > settings.mirrored or not _has_dark_mate(run, lines, settings)
    ]


@dataclass(frozen=True)
class _Lines:
    """Of each line how many voxels are lit, whether any is known, and its amplitude."""

    lit: IntArray
    is_known: BoolArray
    amplitude: Float64Array

    def mate(self, run: EmptyRun) -> float:
        """Where the run's mate would be: each line opposite of one that is most like it."""
        weight = (self.lit / max(self.lit.max(), 1)) ** 4.0
        peak = float((weight * np.arange(self.lit.size)).sum() / weight.sum())
        usable = self.is_known.copy()
        usable[run.start : run.stop] = False
        around = range(max(round(2 * peak) - 2, 0), round(2 * peak) + 3)
        total = min(around, key=lambda twice: self._unlike(usable, twice))
        return total - (run.start + run.stop - 1) / 2

    def _unlike(self, usable: BoolArray, twice_peak: int) -> float:
        """How much lines differ from their mates, which add up to twice the peak with them."""
        own = np.arange(max(twice_peak - self.lit.size + 1, 0), min(twice_peak + 1, self.lit.size))
        there = usable[own] & usable[twice_peak - own]
        one, other = (self.amplitude[k[there]] for k in (own, twice_peak - own))
        both = float((one + other).sum())
        return float(np.abs(one - other).sum()) / both if both > 0 else np.inf


def _has_dark_mate(run: EmptyRun, lines: _Lines, settings: EmptinessSettings) -> bool:
    """Whether a line is dark on the other side of the peak, where the run's mate would be."""
    mate = lines.mate(run)
    light = lines.amplitude**2
    for line in range(round(mate) - 1, round(mate) + 2):
        # At the peak a run is its own mate, and the peak is no dark line; a gap there says nothing.
        if run.start <= line < run.stop or not lines.is_known[line : line + 1].any():
            continue
        if 0 < line < light.size - 1:
            beside = (light[line - 1] + light[line + 1]) / 2
            is_dark = light[line] < settings.dark_mate * beside
            if is_dark and _is_zero(line, mate, run, lines, settings):
                return True
    return False


def _is_zero(
    line: int, mate: float, run: EmptyRun, lines: _Lines, settings: EmptinessSettings
) -> bool:
    """Whether the amplitude passes through zero beside a dark line, where the mate would be.

    Through an exact zero it runs straight, as steep as from one side of the run to the other. What
    is dark and does not reach zero is the bottom of a fringe that strain has filled.
    """
    if run.at_edge:
        return True
    steepness = float(lines.amplitude[[run.start - 1, run.stop]].sum()) / (run.width + 1)
    for first in (line - 1, line):
        one, other = lines.amplitude[first : first + 2]
        if one + other > settings.steeper * steepness + settings.by_chance:
            continue
        zero = first + one / max(one + other, 1)
        is_sure = lines.is_known[first : first + 2].all()
        if not is_sure or abs(zero - mate) <= settings.aside + (run.width - 1) / 2:
            return True
    return False
