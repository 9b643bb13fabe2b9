"""Two treatments of the same gaps, side by side: which is nearer to the truth, and how often."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.stats import binomtest

from bcdi_inpaint.evaluation.crystals.records import Record, gap_of
from bcdi_inpaint.evaluation.crystals.treatments import (
    COMPLETE,
    parse_treatment,
    treatment_place,
)

SIDE_COLUMNS = (
    "setting",
    "width",
    "treatment",
    "against",
    "cases",
    "nearer",
    "times_as_far",
    "by_chance",
    "pearson_higher",
    "free_lower",
)
EVERY = "all"
"""The width of the row over all widths, whose gaps are of the same crystals: no chance is told."""

Couple = tuple[Record, Record]
"""The same gap after a treatment, and after another."""


def set_side_by_side(records: Sequence[Record], treatments: Sequence[str]) -> Iterator[Record]:
    """Each of these treatments against every other one that was phased in the same gaps.

    A row for each setting and width, and one over all widths where there are several.

    Parameters
    ----------
    records : of one or several settings, widths and treatments, each with its phase error.
    treatments : that are set against the others.

    Yields
    ------
    `cases`, the gaps that both were phased in; `nearer`, in how many of them the treatment is
    nearer to the truth; `times_as_far`, the median of its error over the other's; `by_chance`, how
    often coins would be that one-sided (two-sided sign test); in how many gaps its intensity in the
    gap correlates better with the counts, and its free log-likelihood is lower, nan where the free
    voxels or their counts are others.
    """
    others = sorted({record["treatment"] for record in records}, key=treatment_place)
    for treatment in treatments:
        for other in others:
            if other == treatment:
                continue
            couples = _couples(records, treatment, other)
            for setting in dict.fromkeys(one["setting"] for one, _ in couples):
                own = [couple for couple in couples if couple[0]["setting"] == setting]
                widths = list(dict.fromkeys(one["width"] for one, _ in own))
                for width in (*widths, *([EVERY] if len(widths) > 1 else [])):
                    cell = [couple for couple in own if width in (EVERY, couple[0]["width"])]
                    head = {"setting": setting, "width": width, "treatment": treatment}
                    row = _row(cell, tell_chance=width != EVERY)
                    if not _same_free_counts(treatment, other):
                        row["free_lower"] = math.nan
                    yield head | {"against": other} | row


def _couples(records: Sequence[Record], treatment: str, other: str) -> list[Couple]:
    """Of every gap with both treatments."""
    first, second = (
        {gap_of(record): record for record in records if record["treatment"] == name}
        for name in (treatment, other)
    )
    return [(record, second[gap]) for gap, record in first.items() if gap in second]


def _row(couples: Sequence[Couple], *, tell_chance: bool) -> Record:
    nearer = _count(couples, "phase_rms_rad", lambda own, other: own < other)
    apart = _count(couples, "phase_rms_rad", lambda own, other: own != other)
    told = tell_chance and apart > 0
    return {
        "cases": len(couples),
        "nearer": nearer,
        "times_as_far": float(np.median([_times(own, other) for own, other in couples])),
        "by_chance": float(binomtest(nearer, apart).pvalue) if told else math.nan,
        "pearson_higher": _count(couples, "pearson_gap", lambda own, other: own > other),
        "free_lower": _count(couples, "llk_free", lambda own, other: own < other),
    }


def _same_free_counts(*names: str) -> bool:
    """Whether free log-likelihoods are of the same voxels and counts.

    What is *found* takes the background off; the complete counts have free voxels of their own.
    """
    treatments = [parse_treatment(name) for name in names]
    found = {"found" in one.knowledge for one in treatments}
    return len(found) == 1 and not any(one.handover == COMPLETE for one in treatments)


def _times(own: Record, other: Record) -> float:
    """What failed is infinitely far off; two that failed are equally far."""
    errors = own["phase_rms_rad"], other["phase_rms_rad"]
    if all(map(math.isinf, errors)):
        return 1.0
    return float(errors[0] / max(errors[1], np.finfo(float).tiny))


def _count(couples: Sequence[Couple], column: str, wins: Callable[[float, float], bool]) -> int:
    """In how many gaps the first is ahead; where only one has a value, that one is."""
    no_value = math.nan
    ahead = 0
    for own, other in couples:
        values = own.get(column, no_value), other.get(column, no_value)
        if any(map(math.isnan, values)):
            ahead += math.isnan(values[1]) and not math.isnan(values[0])
        else:
            ahead += wins(*values)
    return ahead
