"""Whether a fill is worth having: what the scan at hand shows of the gap, and a rule from a bench.

Phase retrieval with a support fills in by itself what it is not given, as long as that is less than
about one fringe (Miao et al., Phys. Rev. Lett. 95, 085503 (2005), for the centre). So what counts
is the gap's width in fringe periods, whether anything was counted beside the gap, and how near to
the Bragg peak it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.filling.fill import Filled
from bcdi_inpaint.gaps.artificial import lines_from_peak
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.peak.centre import find_central_voxel, find_centre, hot_voxels
from bcdi_inpaint.peak.crystal_extent import extent_period, with_mates
from bcdi_inpaint.peak.fringes import HALF_WINDOW, fringe_period, window
from bcdi_inpaint.scan.boxes import AXIS_NAMES
from bcdi_inpaint.tables import number_of

VERDICTS = {
    "mask": "too dark for a fill to help phase retrieval",
    "compare": "masking is nearly as good for phase retrieval, compare it with the fill as a prior",
    "fill": "a fill as a prior helps phase retrieval",
}
FAR = "far"
"""What files and reports have in place of a verdict where there is none."""
NOWHERE = (
    f"no gap of whole lines within {HALF_WINDOW} voxels of a Bragg peak: what filling any "
    "other gap does to the crystal was never judged"
)
"""What is said where there is no benefit to expect, and why the gap stays masked then."""


@dataclass(frozen=True)
class BenefitSettings:
    """The rule that says what a fill is worth.

    Attributes
    ----------
    fringes : gap width in fringe periods from which on a fill helps much. From a trial on a dozen
        simulated crystals, no committed command: as a prior a fill never did harm there, and helped
        the more the wider the gap.
    voxels : the same in lines, where no fringes are found. It lies between the gap widths of
        `bcdi-inpaint evaluate --phasing`.
    counts : mean counts beside the gap, of the brightest line there, below which there is nothing
        to win. Chosen: with less than a photon a voxel, little of the gap's intensity is above the
        noise.
    beside : lines on each side of a gap that are looked at. Chosen.
    """

    fringes: float = 1.5
    voxels: int = 9
    counts: float = 1.0
    beside: int = 2


@dataclass(frozen=True, repr=False)
class Benefit:
    """What the scan shows of one gap, and what follows.

    Attributes
    ----------
    gap : the one that matters most, of those in the window of the peak: the widest in fringes, or
        where none are found along its normal in lines, each over the width from which on a fill
        helps.
    fringes : its width in fringe periods along its normal, nan where no fringes are found.
    distance : lines between the Bragg peak and the gap's nearer edge, 0 where it covers the peak.
    counts_beside : mean counts in the brightest known line beside it, in the window of the peak.
    verdict : one of `VERDICTS`: whether crystals came out better than with such a gap masked.
    """

    gap: Gap
    fringes: float
    distance: int
    counts_beside: float
    verdict: str

    def __str__(self) -> str:
        rule = BenefitSettings()
        fringes = told_apart(self.fringes, rule.fringes, (".1f", ".2f", ".3f"))
        beside = told_apart(self.counts_beside, rule.counts, (".3g", ".6g"))
        wide = "" if math.isnan(self.fringes) else f" is {fringes} fringes wide,"
        what = f"gap of {self.gap.width} {AXIS_NAMES[self.gap.axis]}{wide}"
        found = f"{number_of(self.distance, 'voxel')} from the peak, {beside} counts beside it"
        return f"{what} {found}: {VERDICTS[self.verdict]}"

    def __repr__(self) -> str:
        return str(self)


def told_apart(value: float, limit: float, formats: Sequence[str]) -> str:
    """A value with as many digits as it takes to see on which side of a limit it is.

    Parameters
    ----------
    value : the value.
    limit : from which on a rule says something else.
    formats : from the shortest on; all digits are given where none is enough.

    Examples
    --------
    >>> [told_apart(value, 1.5, (".1f", ".2f")) for value in (1.2, 1.46, 1.4996, 1.54)]
    ['1.2', '1.46', '1.4996', '1.5']
    """
    texts = [*(format(value, one) for one in formats), repr(value)]
    return next(text for text in texts if (float(text) >= limit) == (value >= limit))


def read_advice(record: Mapping[str, Any]) -> str:
    """The line in a file's record, see `benefit_record`; empty in old files without one."""
    return str(record.get("advice", "")).replace("no fill", "masking")


def read_verdict(record: Mapping[str, Any]) -> str:
    """The verdict in a file's record, see `benefit_record`; empty in old files without one."""
    return str(record.get("advice_verdict", "")).replace("no fill", "mask")


def benefit_record(benefit: Benefit | None) -> dict[str, Any]:
    """What a file says of the benefit, in plain values; also where none is expected."""
    if benefit is None:
        return {"advice": NOWHERE, "advice_verdict": FAR}
    # The keys and the words of the values are those of files written before.
    return {
        "advice": str(benefit).replace("masking", "no fill"),
        "advice_verdict": benefit.verdict.replace("mask", "no fill"),
        "advice_fringes": benefit.fringes,
        "advice_distance": benefit.distance,
        "advice_counts_beside": benefit.counts_beside,
    }


def filled_counts(fill: Filled) -> Float32Array:
    """What a fill tells `expected_benefit`: its counts (n_rock, n_y, n_x), elsewhere nan."""
    return np.where(fill.filled, fill.counts, np.float32(np.nan))


def expected_benefit(
    counts: np.ndarray,
    unknown: BoolArray,
    gaps: Sequence[Gap],
    begin: tuple[int, ...] = (0, 0, 0),
    *,
    filled: np.ndarray | None = None,
    settings: BenefitSettings = BenefitSettings(),
) -> Benefit | None:
    """What to expect of filling these gaps.

    Fringes are as wide as the crystal's size makes them, which the autocorrelation tells of
    strained crystals too; see `peak.crystal_extent`. It needs counts everywhere.

    Only a window of `fringes.HALF_WINDOW` voxels around the Bragg peak is looked at, without the
    hot pixels in it.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x); what is unknown does not matter, so filled counts do as well.
    unknown : (n_rock, n_y, n_x) bool, True = not measured: gaps and bad voxels.
    gaps : those that are filled; some may lie outside the window of the peak.
    begin : the voxel of the scan, by which gaps are counted, that the arrays begin with.
    filled : (n_rock, n_y, n_x) counts of the fill, see `filled_counts`; they make the crystal's
        size surer. Other unknown voxels get the counts of their Friedel mates.
    settings : the rule.

    Returns
    -------
    The benefit of the gap that matters most; None where no gap is near a peak that can be seen.
    """
    peak = find_central_voxel(counts, unknown)
    if peak is None:
        return None
    box = window(np.array(peak, dtype=float), counts.shape)
    near = np.maximum(np.where(unknown[box], 0, counts[box]).astype(np.float64), 0)
    known = ~unknown[box]
    known &= ~hot_voxels(near, known)  # their ripples would pass for fringes
    near[~known] = 0
    corner = [side.start + first for side, first in zip(box, begin, strict=True)]
    centre = find_centre(np.log1p(near), known)
    period = _period(near, known, None if filled is None else filled[box], centre)
    found = []
    for gap in gaps:
        first, last = gap.start - corner[gap.axis], gap.stop - corner[gap.axis]
        if last <= 0 or first >= near.shape[gap.axis]:
            continue
        distance = lines_from_peak(first, last, round(float(centre[gap.axis])))
        fringes = gap.width / float(period[gap.axis])
        beside = _counts_beside(near, known, gap.axis, (first, last), settings.beside)
        verdict = verdict_of(gap.width, fringes, beside, settings=settings)
        found.append(Benefit(gap, fringes, distance, beside, verdict))
    widths = [_of_limit(one.gap.width, one.fringes, settings) for one in found]
    return found[int(np.argmax(widths))] if found else None


def _period(
    near: Float64Array, known: BoolArray, filled: np.ndarray | None, centre: Float64Array
) -> Float64Array:
    """The fringe period (3,) that the crystal's size makes; where fringes tell more, theirs.

    nan where nothing ripples: then there is no crystal to be seen.
    """
    fringes = fringe_period(near, known)
    whole = with_mates(near, known, centre)
    if filled is not None:
        whole = np.where(known | np.isnan(filled), whole, filled)
    size = extent_period(whole)
    return np.where(np.isnan(fringes) | np.isnan(size), fringes, size)


def verdict_of(
    width: int,
    fringes: float,
    counts_beside: float,
    *,
    settings: BenefitSettings = BenefitSettings(),
) -> str:
    """The rule: a fill helps where there are counts beside a gap that is wide enough.

    Parameters
    ----------
    width : of the gap, in lines.
    fringes : of the gap, in fringe periods; nan where no fringes are found, then `width` counts.
    counts_beside : mean counts in the brightest line beside the gap.
    settings : the rule's numbers.

    Returns
    -------
    One of `VERDICTS`.

    Examples
    --------
    >>> verdict_of(6, 0.5, 40.0), verdict_of(12, 2.0, 40.0), verdict_of(12, 2.0, 0.1)
    ('compare', 'fill', 'mask')
    """
    if counts_beside < settings.counts:
        return "mask"
    return "fill" if _of_limit(width, fringes, settings) >= 1 else "compare"


def _of_limit(width: int, fringes: float, settings: BenefitSettings) -> float:
    """How wide a gap is, over the width from which on a fill helps: in lines, or in fringes."""
    return width / settings.voxels if math.isnan(fringes) else fringes / settings.fringes


def _counts_beside(
    near: Float64Array, known: BoolArray, axis: int, gap: tuple[int, int], beside: int
) -> float:
    """The largest mean over a line's known voxels within `beside` lines of a gap; 0 without any."""
    values, there = (np.moveaxis(array, axis, 0) for array in (near, known))
    first, last = gap
    lines = [*range(max(first - beside, 0), max(first, 0)), *range(last, last + beside)]
    means = [
        float(values[line][there[line]].mean())
        for line in lines
        if line < len(values) and there[line].any()
    ]
    return max(means, default=0.0)
