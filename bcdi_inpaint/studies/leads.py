"""Whether one method is ahead of another in the same gaps, and whether that could be chance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from scipy.stats import permutation_test

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.evaluation.fills import SIMULATED, Bootstrap, Interval, Record
from bcdi_inpaint.evaluation.fills.records import distinct
from bcdi_inpaint.tables import number_of

LEAST_SUBJECTS = 6
"""Patterns from which on there are intervals and a test: with fewer, the signs of all are alike by
chance more often than in one case of 20, and a bootstrap does not know how far they scatter."""
CHANCE = 0.05
"""Of finding a difference in a table where there is none."""
TESTED = (
    f"In bold: what a sign-flip test over patterns finds at the {100 * CHANCE:.0f} % level, "
    "corrected by Holm's method for all networks and widths of a scan. It takes at least "
    f"{LEAST_SUBJECTS} patterns; of fewer, and of the gaps of one measured crystal, it is said in "
    "how many the difference has that sign."
)
"""What a table of leads says of itself."""
CANNOT_TELL = "this table cannot tell leads from chance: of {} it takes {} patterns, it has {}"
"""What is said where no lead of a table could be sure; see `find_blindness`."""
Name = TypeVar("Name", bound=Hashable)
RESAMPLES = 9999
"""Of the signs; all combinations where they are fewer."""


def are_many(scan: str, subjects: int) -> bool:
    """Whether gaps are of enough crystals: those of a measured scan are all of one.

    Parameters
    ----------
    scan : whose gaps they are.
    subjects : what varies among them.
    """
    return scan == SIMULATED and subjects >= LEAST_SUBJECTS


def shown_interval(bootstrap: Bootstrap, means: Float64Array, scan: str) -> Interval:
    """An interval, without ends where the gaps are of too few crystals.

    Parameters
    ----------
    bootstrap : over the subjects.
    means : of `Bootstrap.means`, or computed from several.
    scan : whose gaps they are.
    """
    found = bootstrap.interval(means)
    return found if are_many(scan, bootstrap.n_clusters) else without_ends(found)


def without_ends(interval: Interval) -> Interval:
    """The mean alone."""
    return Interval(interval.mean, math.nan, math.nan)


@dataclass(frozen=True)
class Lead:
    """How much better one method correlates than another in the same gaps.

    Attributes
    ----------
    interval : of the mean; without ends where there is none.
    subjects : patterns, or gaps of one measured scan.
    alike : subjects whose own lead has the sign of the mean.
    chance : of a mean as large where the two are alike, two-sided; nan for too few subjects, or
        gaps of one measured scan.
    scan : whose gaps they are.
    """

    interval: Interval
    subjects: int
    alike: int
    chance: float
    scan: str

    @property
    def mean(self) -> float:
        """Of all gaps."""
        return self.interval.mean

    def __str__(self) -> str:
        if not math.isnan(self.interval.low) or math.isnan(self.mean):
            return str(self.interval)
        what = "pattern" if self.scan == SIMULATED else "gap"
        if self.subjects == 1:
            return f"{self.interval} in one {what}"
        of = "all" if self.alike == self.subjects else f"{self.alike} of"
        return f"{self.interval} in {of} {self.subjects} {what}s"


def find_lead(records: Sequence[Record], one: str, other: str, resamples: int, seed: int) -> Lead:
    """How much better one method correlates than another, on average.

    Parameters
    ----------
    records : of both, in the same gaps of one scan.
    one, other : names of the methods.
    resamples, seed : of the bootstrap and of the test.
    """
    first, second = ([r for r in records if r["method"] == name] for name in (one, other))
    clusters = [record["cluster"] for record in first]
    assert clusters == [record["cluster"] for record in second]
    leads = np.array(
        [a["pearson_log"] - b["pearson_log"] for a, b in zip(first, second, strict=True)]
    )
    scan = first[0]["scan"]
    bootstrap = Bootstrap(clusters, resamples, seed)
    interval = shown_interval(bootstrap, bootstrap.means(leads), scan)
    totals = _totals(clusters, leads)
    sign = np.sign(interval.mean) if math.isfinite(interval.mean) else 1.0
    chance = chance_of(totals, seed) if are_many(scan, len(totals)) else math.nan
    alike = int(np.count_nonzero(np.sign(totals) == sign))
    return Lead(interval, len(totals), alike, chance, scan)


def _totals(clusters: Sequence[str], leads: Float64Array) -> Float64Array:
    """The sum of the leads of each subject that has some, (n,)."""
    known = ~np.isnan(leads)
    names, number = np.unique(np.asarray(clusters)[known], return_inverse=True)
    return np.bincount(number, leads[known], len(names)).astype(np.float64)


def chance_of(totals: Float64Array, seed: int) -> float:
    """How often a sum is as far from 0 as that of the leads if each had either sign by chance.

    The sign-flip test of Fisher (The Design of Experiments, 1935), two-sided, exact for few
    subjects.

    Parameters
    ----------
    totals : (n,) of each subject.
    seed : of the signs that are drawn where there are too many for all.

    Examples
    --------
    >>> chance_of(np.ones(6), 0) == 2 / 2**6
    True
    """
    found: Any = permutation_test(
        (totals,),
        lambda values, axis: values.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def find_sure(leads: Mapping[Name, Lead]) -> set[Name]:
    """Which leads of one table are no chance, by all of them together (Holm, 1979).

    Parameters
    ----------
    leads : of all networks at all widths of the table.

    Returns
    -------
    The names of those that are sure: the chance of a single one too many is `CHANCE` at most.
    """
    tested = {name: lead for name, lead in leads.items() if not math.isnan(lead.chance)}
    sure: set[Name] = set()
    for name in sorted(tested, key=lambda each: tested[each].chance):
        if tested[name].chance > CHANCE / (len(tested) - len(sure)):
            break
        sure.add(name)
    return sure


def find_blindness(leads: Mapping[Name, Lead]) -> str:
    """Why no lead of one table can be sure, whatever it is; empty where one can.

    The least chance of the signs of n patterns is 2 / 2**n, which the first of m comparisons has to
    have below `CHANCE` / m.

    Parameters
    ----------
    leads : of all networks at all widths of the table.

    Examples
    --------
    >>> one = Lead(Interval(1, 0.5, 2), 6, 6, 2 / 2**6, SIMULATED)
    >>> find_blindness({1: one})
    ''
    >>> find_blindness({number: one for number in range(44)})
    'this table cannot tell leads from chance: of 44 comparisons it takes 11 patterns, it has 6'
    """
    tested = [lead for lead in leads.values() if not math.isnan(lead.chance)]
    patterns = max((lead.subjects for lead in tested), default=0)
    needed = math.ceil(1 + math.log2(len(tested) / CHANCE)) if tested else 0
    if patterns >= needed:
        return ""
    return CANNOT_TELL.format(number_of(len(tested), "comparison"), needed, patterns)


def leads_of(
    records: Sequence[Record], pairs: Sequence[tuple[str, str]], resamples: int, seed: int
) -> dict[tuple[str, int], Lead]:
    """The leads of one table: of each network and width.

    Parameters
    ----------
    records : of one scan.
    pairs : of names, each network with what it is compared with.
    resamples, seed : see `find_lead`.
    """
    found = {}
    for width in sorted(distinct(records, "width")):
        cell = [record for record in records if record["width"] == width]
        there = {*distinct(cell, "method")}
        for one, other in pairs:
            if {one, other} <= there:
                found[one, width] = find_lead(cell, one, other, resamples, seed)
    return found
