"""Medians, quartiles and the worst of what treatments do to crystals, as ratios to masking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from bcdi_inpaint.evaluation.crystals.comparing import Pair, advice_on, pairs
from bcdi_inpaint.evaluation.crystals.quartiles import quartiles
from bcdi_inpaint.evaluation.crystals.records import APART, Record, gap_of
from bcdi_inpaint.evaluation.crystals.treatments import (
    COMPLETE,
    MASKED,
    TREATMENTS,
    treatment_place,
)
from bcdi_inpaint.phasing.benefit import VERDICTS
from bcdi_inpaint.phasing.handover import AUTO, resolve_handover

SUMMARY_COLUMNS = (
    "setting",
    "width",
    "treatment",
    "cases",
    "phase_rms_rad",
    "ratio",
    "lower_quartile",
    "upper_quartile",
    "worst",
    "ratio_modulus",
    "ratio_gradient",
    "pearson_gap",
    "ratio_upper_rad",
    "ratio_worst_rad",
    APART,
    "gap_intensity",
)
DEFAULTS = {AUTO: ("prior",), f"{AUTO} refined": ("refined prior + found", "refined prior")}
"""Names of the default among the treatments, and how it hands a fill over: the first phased."""
FLUX_COLUMNS = ("flux", *SUMMARY_COLUMNS)
ADVICE_COLUMNS = tuple("advice" if name == "width" else name for name in SUMMARY_COLUMNS)
KIND_COLUMNS = ("kind", *SUMMARY_COLUMNS)
CONVERGED_RAD = 0.1
"""Phase error of complete data below which retrievals have converged; above it a bench measures
luck. A choice of what is told; no committed command."""


def with_default(records: Sequence[Record]) -> list[Record]:
    """Add rows for what users get: ``auto``, and ``auto refined`` of a refined fill.

    A gap is phased with its fill where `predict` advises that, masked where it is dark, and both
    ways where it says to compare: then free voxels decide, as `phase` does it. So each
    row is a copy of one that was phased. Returns the records unchanged if one of the two ways was
    not phased.
    """
    both = [*records]
    for name, treatment in default_treatments(records).items():
        for pair in pairs(records, treatment):
            both.append(_resolve(pair) | {"treatment": name})
    return both


def default_treatments(records: Sequence[Record]) -> dict[str, str]:
    """The treatment that hands a fill over, by the default's name, of those that were phased."""
    phased = {record["treatment"] for record in records}
    if MASKED not in phased:
        return {}
    found = ((name, [one for one in those if one in phased]) for name, those in DEFAULTS.items())
    return {name: those[0] for name, those in found if those}


def _resolve(pair: Pair) -> Record:
    """The one of a pair that ``auto`` comes to."""
    if pair.advice == "compare":
        return pair.take_of_three()
    return pair.filled if resolve_handover(AUTO, pair.advice) != MASKED else pair.masked


def summarize(records: Sequence[Record], by: Literal["width", "advice"] = "width") -> list[Record]:
    """Summarize the ratios to masking for each setting, width and treatment.

    Returns a row for each with median, quartiles and the worst; by ``advice`` for each of
    `benefit.VERDICTS` in the place of widths. `ratio_upper_rad` and `ratio_worst_rad` are the
    medians of the upper quartile and the worst of the kept starts, over masking's best. What failed
    has infinite errors, which count; of scores that it has none of, as `pearson_gap`, the median is
    that of the others.

    Examples
    --------
    >>> ratios = {f"ratio_{name}": 0.5 for name in ("phase_rms_rad", "modulus_rms", "gradient_rms")}
    >>> record = {"setting": "known support", "width": 6, "treatment": "soft", **ratios}
    >>> records = [record | {"phase_rms_rad": rad} for rad in (0.1, 0.2, 0.3)]
    >>> (row,) = summarize(records)
    >>> row["cases"], row["phase_rms_rad"], row["ratio"]
    (3, 0.2, 0.5)
    """
    cells: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        part = record["width"] if by == "width" else advice_on(record)
        cells.setdefault((record["setting"], part, record["treatment"]), []).append(record)
    part_order = {part: part for _, part, _ in cells} if by == "width" else _places(VERDICTS)
    return [
        {"setting": setting, by: part, "treatment": treatment} | _summarize_cell(own)
        for (setting, part, treatment), own in sorted(
            cells.items(),
            key=lambda cell: (cell[0][0], part_order[cell[0][1]], _place(cell[0][2])),
        )
    ]


def of_converged(records: Sequence[Record], below: float = CONVERGED_RAD) -> list[Record]:
    """The records of gaps whose complete data were phased with an error below so many radians.

    Examples
    --------
    >>> gap = {"crystal": "a", "setting": "known support", "width": 6, "number": 0}
    >>> records = [gap | {"treatment": "complete", "phase_rms_rad": 0.05}]
    >>> records += [gap | {"treatment": "mask", "phase_rms_rad": 0.5}]
    >>> len(of_converged(records)), len(of_converged(records, 0.01))
    (2, 0)
    """
    found = {
        gap_of(record)
        for record in records
        if record["treatment"] == COMPLETE and record["phase_rms_rad"] < below
    }
    return [record for record in records if gap_of(record) in found]


def summarize_by_kind(records: Sequence[Record]) -> list[Record]:
    """The same of the crystals of each kind; nothing where all are of one."""
    kinds = dict.fromkeys(record.get("kind", "") for record in records)
    if len(kinds) < 2:
        return []
    return [
        {"kind": kind} | row
        for kind in kinds
        for row in summarize([record for record in records if record.get("kind", "") == kind])
    ]


def _place(treatment: str) -> tuple[int, str]:
    """Where a treatment stands; the defaults last."""
    if treatment in DEFAULTS:
        return len(TREATMENTS) + 1 + [*DEFAULTS].index(treatment), treatment
    return treatment_place(treatment)


def _summarize_cell(records: Sequence[Record]) -> Record:
    """One row of the summary, but for where it is."""
    ratios = [float(record["ratio_phase_rms_rad"]) for record in records]
    low, median, high = quartiles(ratios)
    return {
        "cases": len(records),
        "phase_rms_rad": _median(records, "phase_rms_rad"),
        "ratio": median,
        "lower_quartile": low,
        "upper_quartile": high,
        "worst": max(ratios),
        "ratio_modulus": _median(records, "ratio_modulus_rms"),
        "ratio_gradient": _median(records, "ratio_gradient_rms"),
        "pearson_gap": _median(records, "pearson_gap"),
        "ratio_upper_rad": _median(records, "ratio_upper_rad"),
        "ratio_worst_rad": _median(records, "ratio_worst_rad"),
        APART: _median(records, APART),
        "gap_intensity": _median(records, "gap_intensity"),
    }


def _median(records: Sequence[Record], column: str) -> float:
    """Of the records that have it; nan where none has."""
    values = np.array([record.get(column, np.nan) for record in records], dtype=np.float64)
    there = values[~np.isnan(values)]
    return float(np.median(there)) if there.size else float("nan")


def summarize_default_by_flux(records: Sequence[Record]) -> list[Record]:
    """Summarize the default hand-overs alone, for crystals up to and above the middle flux.

    `flux` of a row is ``low`` or ``high``.
    """
    own = [record for record in records if record["treatment"] in DEFAULTS]
    middle = float(np.median([record["flux"] for record in own])) if own else 0.0
    halves = {
        "low": [record for record in own if record["flux"] <= middle],
        "high": [record for record in own if record["flux"] > middle],
    }
    return [{"flux": flux} | row for flux, part in halves.items() for row in summarize(part)]


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}
