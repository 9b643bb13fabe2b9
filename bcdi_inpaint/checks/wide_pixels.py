"""Wide pixels: lines beside a gap whose pixels are larger than others and count more.

The pixels at a chip's edge cover the space between the chips, on a MAXIPIX three widths each. Raw
frames hold their counts, a known factor too many in one line on each side of the empty ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.checks.friedel_mates import mate_factor, near_peak
from bcdi_inpaint.checks.peek import Peek, peek
from bcdi_inpaint.gaps.finding import find_with
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import BY_COUNTS, BY_MASK, GapFinding, GapOptions
from bcdi_inpaint.gaps.masks import merge_gaps
from bcdi_inpaint.scan.remarks import Remark
from bcdi_inpaint.scan.scan import Measured


@dataclass(frozen=True)
class WidePixelSettings:
    """When lines beside a gap are wide.

    Chosen on simulated crystals with gaps at all places; no committed command.

    Attributes
    ----------
    smallest, largest : limits of the factor.
    alike : largest ratio of the factors of the two sides.
    normal : largest ratio of the second line beside the gap to the third; the pattern may not be
        that steep there.
    fewest_counts : counts of the three lines together, at a place along them that is looked at.
    fewest_places : such places on each side.
    nearly_all : share of the places whose ratio exceeds the least.
    least : ratio that it is.
    """

    smallest: float = 1.4
    largest: float = 4.5
    alike: float = 1.5
    normal: float = 2.5
    fewest_counts: float = 20.0
    fewest_places: int = 12
    nearly_all: float = 0.7
    least: float = 1.1


SETTINGS = WidePixelSettings()


def widen(
    scan: Measured, gaps: tuple[Gap, ...], settings: WidePixelSettings = SETTINGS
) -> tuple[tuple[Gap, ...], tuple[Remark, ...]]:
    """Add lines of wide pixels to the gaps beside them.

    Parameters
    ----------
    scan : in photons, in memory or in its file; a few of its bright frames are read.
    gaps : as they were found.
    settings : when lines are wide.

    Returns
    -------
    The gaps, with such lines, and what has to be said.
    """
    if not any(_has_room(gap, scan) for gap in gaps):
        return gaps, ()
    seen = peek(scan)
    mates = near_peak(scan, seen, gaps)
    widened, remarks = [], []
    for gap in gaps:
        factor = None
        if _has_room(gap, scan):
            factor = _factor(seen, gap, settings) or mate_factor(mates, gap)
        if factor is not None:
            wider = Gap(gap.axis, gap.start - 1, gap.stop + 1)
            text = (
                f"the lines on both sides of {gap} count {factor:.2g} times what their neighbours "
                f"do: wide pixels, they belong to the gap, which is {wider} (--gap says otherwise)"
            )
            remarks.append(Remark("wide-pixels", text))
        widened.append(gap if factor is None else wider)
    return merge_gaps(widened), tuple(remarks)


def find_with_wide_pixels(scan: Measured, options: GapOptions) -> GapFinding:
    """Find the gaps of a scan in photons; those that are not given get their wide pixels.

    Raises InputError as `gaps.finding.find_with` does.
    """
    finding = find_with(scan, options)
    if finding.how not in (BY_MASK, BY_COUNTS, f"{BY_MASK} and {BY_COUNTS}"):
        return finding
    gaps, remarks = widen(scan, finding.gaps)
    if not remarks:
        return finding
    again = find_with(scan, replace(options, user=gaps, trust=True))
    return replace(again, how=finding.how, remarks=(*remarks, *again.remarks))


def _has_room(gap: Gap, scan: Measured) -> bool:
    """Whether there are three lines on both sides of rows or columns."""
    return gap.axis != 0 and gap.start >= 4 and gap.stop + 4 <= scan.shape[gap.axis]


def _factor(seen: Peek, gap: Gap, settings: WidePixelSettings) -> float | None:
    """How many times too much both sides count; None where they do not, or do not agree."""
    counts = np.where(seen.valid, np.maximum(seen.counts, 0), 0).astype(np.float64)
    lines = np.moveaxis(counts, gap.axis, 0)
    known = np.moveaxis(seen.valid, gap.axis, 0)
    factors = []
    for beside, step in ((gap.start - 1, -1), (gap.stop, 1)):
        numbers = [beside, beside + step, beside + 2 * step]
        there = known[numbers].all(axis=0)
        factor = _factor_of_side(lines[numbers][:, there], settings)
        if factor is None:
            return None
        factors.append(factor)
    if max(factors) > settings.alike * min(factors):
        return None
    return math.sqrt(factors[0] * factors[1])


def _factor_of_side(lines: Float64Array, settings: WidePixelSettings) -> float | None:
    """How many times too much the first of three lines (3, n) counts, by the other two."""
    bright = lines.sum(axis=0) >= settings.fewest_counts
    if int(bright.sum()) < settings.fewest_places:
        return None
    first, second, third = np.log(lines[:, bright] + 0.5)
    slope = second - third
    if abs(float(np.median(slope))) > math.log(settings.normal):
        return None
    level = float(np.median(first - second))
    trend = float(np.median(first - second - slope))
    excess = (level + trend) / 2
    if min(level, trend) < math.log(settings.least):
        return None
    if not math.log(settings.smallest) < excess < math.log(settings.largest):
        return None
    share = float(np.mean(first - second > math.log(settings.least)))
    return math.exp(excess) if share >= settings.nearly_all else None
