"""Medians, quartiles and the worst of what treatments do to crystals, as ratios to masking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from bcdi_inpaint.evaluation.crystals.records import Record
from bcdi_inpaint.evaluation.crystals.treatments import MASKED, TREATMENTS, treatment_place
from bcdi_inpaint.phasing.benefit import VERDICTS, verdict_of
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
    "spread_rad",
    "gap_intensity",
)
DEFAULTS = {AUTO: False, f"{AUTO} refined": True}
"""Names of the default hand-over among the treatments, and whether it is of a refined fill."""
FLUX_COLUMNS = ("flux", *SUMMARY_COLUMNS)
ADVICE_COLUMNS = tuple("advice" if name == "width" else name for name in SUMMARY_COLUMNS)
KIND_COLUMNS = ("kind", *SUMMARY_COLUMNS)


def with_default(records: Sequence[Record]) -> list[Record]:
    """Add rows for ``auto``.

    In each gap ``auto`` resolves to one of the treatments already phased, so its row is a copy of
    that one under the name ``auto`` (``auto refined`` for refined fills). Returns the records
    unchanged if a treatment it could resolve to was not phased.
    """
    both = [*records]
    phased = {record["treatment"] for record in records}
    for name, refined in DEFAULTS.items():
        treatment_of = {verdict: _resolve_auto(verdict, refined) for verdict in VERDICTS}
        if phased.issuperset(treatment_of.values()):
            both += [
                record | {"treatment": name}
                for record in records
                if record["treatment"] == treatment_of[_verdict(record)]
            ]
    return both


def _resolve_auto(verdict: str, refined: bool) -> str:
    """The treatment that ``auto`` is for a verdict."""
    handover = resolve_handover(AUTO, verdict, refined=refined)
    return f"refined {handover}" if refined and handover != MASKED else handover


def _verdict(record: Record) -> str:
    """What `predict` says of a record's gap: whether a fill can help."""
    return verdict_of(record["width"], record["fringes"], record["counts_beside"])


def summarize(records: Sequence[Record], by: Literal["width", "advice"] = "width") -> list[Record]:
    """Summarize the ratios to masking for each setting, width and treatment.

    Returns a row for each with median, quartiles and the worst; by ``advice`` for each of
    `benefit.VERDICTS` in the place of widths. `ratio_upper_rad` and `ratio_worst_rad` are the
    medians of the upper quartile and the worst of the kept starts, over masking's best.

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
        part = record["width"] if by == "width" else _verdict(record)
        cells.setdefault((record["setting"], part, record["treatment"]), []).append(record)
    part_order = {part: part for _, part, _ in cells} if by == "width" else _places(VERDICTS)
    return [
        {"setting": setting, by: part, "treatment": treatment} | _summarize_cell(own)
        for (setting, part, treatment), own in sorted(
            cells.items(),
            key=lambda cell: (cell[0][0], part_order[cell[0][1]], _place(cell[0][2])),
        )
    ]


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
    ratios = np.array([record["ratio_phase_rms_rad"] for record in records])
    low, median, high = np.percentile(ratios, [25, 50, 75])
    return {
        "cases": len(records),
        "phase_rms_rad": _median(records, "phase_rms_rad"),
        "ratio": float(median),
        "lower_quartile": float(low),
        "upper_quartile": float(high),
        "worst": float(ratios.max()),
        "ratio_modulus": _median(records, "ratio_modulus_rms"),
        "ratio_gradient": _median(records, "ratio_gradient_rms"),
        "pearson_gap": _median(records, "pearson_gap"),
        "ratio_upper_rad": _median(records, "ratio_upper_rad"),
        "ratio_worst_rad": _median(records, "ratio_worst_rad"),
        "spread_rad": _median(records, "spread_rad"),
        "gap_intensity": _median(records, "gap_intensity"),
    }


def _median(records: Sequence[Record], column: str) -> float:
    return float(np.median([record.get(column, np.nan) for record in records]))


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
