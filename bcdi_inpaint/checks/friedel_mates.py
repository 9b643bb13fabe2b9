"""Lines beside a gap held against their Friedel mates, which lie opposite of the Bragg peak."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.checks.peek import Peek
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import mask_in_box
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.scan.boxes import as_box
from bcdi_inpaint.scan.scan import Measured
from bcdi_inpaint.scan.validity import invalid_voxels


@dataclass(frozen=True)
class MateSettings:
    """When a line counts too much for its mate.

    Chosen on simulated crystals with gaps at all places; no committed command.

    Attributes
    ----------
    frames : on each side of the brightest that are read.
    control : lines beyond the first on each side, which agree with their mates where these serve.
    fewest_counts : of a voxel and its mate together.
    fewest : such voxels of a line.
    agree : largest median logarithm of a control line's ratio to its mate.
    smallest, largest : limits of the factor.
    alike : largest ratio of the factors of the two sides.
    clear : times that the factor's logarithm exceeds the control lines'.
    """

    frames: int = 4
    control: int = 3
    fewest_counts: float = 10.0
    fewest: int = 12
    agree: float = 0.35
    smallest: float = 1.4
    largest: float = 4.5
    alike: float = 1.5
    clear: float = 2.5


SETTINGS = MateSettings()


@dataclass(frozen=True)
class NearPeak:
    """Frames around the brightest one.

    Attributes
    ----------
    counts : (n, n_y, n_x) photons.
    known : bool of the same shape; lines beside gaps are not.
    twice_centre : (3,) twice the centre of the peak, rounded: a voxel and its mate add up to it.
    """

    counts: Float64Array
    known: BoolArray
    twice_centre: tuple[int, int, int]


def near_peak(
    scan: Measured, seen: Peek, gaps: Iterable[Gap], settings: MateSettings = SETTINGS
) -> NearPeak:
    """Read the frames around the brightest of those that were looked at.

    Parameters
    ----------
    scan : in photons.
    seen : some frames of it.
    gaps : its gaps.
    settings : how many frames.
    """
    light = np.where(seen.valid, np.log1p(np.maximum(seen.counts, 0)), 0).sum(axis=(1, 2))
    middle = seen.frames[int(light.argmax())]
    n_rock, n_y, n_x = scan.shape
    frames = slice(max(middle - settings.frames, 0), min(middle + settings.frames + 1, n_rock))
    box = as_box((frames, slice(0, n_y), slice(0, n_x)))
    part = scan.part(box)
    known = ~(part.bad_mask | invalid_voxels(part.counts))
    counts = np.where(known, part.counts, 0).astype(np.float64)
    wider = [Gap(gap.axis, max(gap.start - 1, 0), gap.stop + 1) for gap in gaps if gap.axis]
    sure = known & ~mask_in_box(wider, box)
    centre = find_centre(np.log1p(counts * sure), sure)
    z, y, x = (round(2 * float(c)) for c in centre)
    return NearPeak(counts, known, (z, y, x))


def mate_factor(near: NearPeak, gap: Gap, settings: MateSettings = SETTINGS) -> float | None:
    """How many times too much the lines on both sides of a gap count for their mates.

    Parameters
    ----------
    near : the frames around the peak.
    gap : rows or columns.
    settings : when that is clear.

    Returns
    -------
    The factor; None where it is not the same on both sides, or the mates tell nothing.
    """
    factors = []
    for beside, step in ((gap.start - 1, -1), (gap.stop, 1)):
        ratios = [
            _log_ratio(near, gap, beside + k * step, settings) for k in range(settings.control + 1)
        ]
        told = [ratio for ratio in ratios if ratio is not None]
        if len(told) < len(ratios):
            return None
        worst = max(map(abs, told[1:]))
        if worst > settings.agree or told[0] < settings.clear * worst:
            return None
        factors.append(math.exp(told[0]))
    if not settings.smallest < min(factors) <= max(factors) < settings.largest:
        return None
    is_alike = max(factors) <= settings.alike * min(factors)
    return math.sqrt(factors[0] * factors[1]) if is_alike else None


def _log_ratio(near: NearPeak, gap: Gap, line: int, settings: MateSettings) -> float | None:
    """The median log ratio of a line's voxels to their mates; None where too few are known."""
    mate = near.twice_centre[gap.axis] - line
    n_lines = near.counts.shape[gap.axis]
    if not (0 <= line < n_lines and 0 <= mate < n_lines) or gap.start - 1 <= mate <= gap.stop:
        return None
    own, own_known = (_plane(array, gap.axis, line) for array in (near.counts, near.known))
    other, other_known = (_plane(array, gap.axis, mate) for array in (near.counts, near.known))
    sums = [twice for axis, twice in enumerate(near.twice_centre) if axis != gap.axis]
    first, mates = zip(*(_pairs(n, s) for n, s in zip(own.shape, sums, strict=True)), strict=True)
    own, own_known = own[np.ix_(*first)], own_known[np.ix_(*first)]
    other, other_known = other[np.ix_(*mates)], other_known[np.ix_(*mates)]
    bright = own_known & other_known & (own + other >= settings.fewest_counts)
    if int(bright.sum()) < settings.fewest:
        return None
    return float(np.median(np.log((own[bright] + 0.5) / (other[bright] + 0.5))))


def _plane(array: np.ndarray, axis: int, line: int) -> np.ndarray:
    return np.moveaxis(array, axis, 0)[line]


def _pairs(n: int, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices below n whose mates, which add up to `total` with them, are so too; and the mates."""
    own = np.arange(max(total - n + 1, 0), min(total, n - 1) + 1)
    return own, total - own
