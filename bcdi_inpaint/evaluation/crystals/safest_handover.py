"""Which hand-over is safe: chosen on half of the crystals, and evaluated on the other half."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bcdi_inpaint.evaluation.crystals.quartiles import quartiles
from bcdi_inpaint.evaluation.crystals.records import Record
from bcdi_inpaint.phasing.handover import NAMES

TOLERANCE = 1.05
"""The largest median ratio to masking, in any setting, with which a hand-over is safe.

Chosen by hand; no committed command."""
FLUXES = ("all", "low", "high")
"""Crystals of all fluxes, of those up to the median, and of those above."""
CHOICE_COLUMNS = (
    "width",
    "flux",
    "handover",
    "setting",
    "cases",
    "chosen_by",
    "ratio",
    "lower_quartile",
    "upper_quartile",
    "worst",
)


def halve_crystals(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The records of every other crystal, in the order in which they come, and of the others."""
    number = {name: i for i, name in enumerate(dict.fromkeys(r["crystal"] for r in records))}
    parts: tuple[list[Record], list[Record]] = ([], [])
    for record in records:
        parts[number[record["crystal"]] % 2].append(record)
    return parts


def choose_safest(records: Sequence[Record], names: Sequence[str] = tuple(NAMES)) -> str:
    """Choose the best of the hand-overs whose median ratio to masking is low in every setting.

    Low is at most `TOLERANCE`; best is the least product of the medians. Returns ``mask``, which
    is always safe, if no other of the names is better than masking.

    Examples
    --------
    >>> record = {"setting": "known support"}
    >>> choose_safest([
    ...     record | {"treatment": "hard", "ratio_phase_rms_rad": 1.4},
    ...     record | {"treatment": "prior", "ratio_phase_rms_rad": 0.6},
    ... ])
    'prior'
    """
    best, least = "mask", 1.0
    for name in names:
        medians = list(_medians(records, name).values())
        if not medians or max(medians) > TOLERANCE:
            continue
        product = float(np.prod(medians))
        if product < least:
            best, least = name, product
    return best


def _medians(records: Sequence[Record], treatment: str) -> dict[str, float]:
    """The median ratio of a treatment by setting."""
    ratios: dict[str, list[float]] = {}
    for record in records:
        if record["treatment"] == treatment:
            ratios.setdefault(record["setting"], []).append(record["ratio_phase_rms_rad"])
    return {setting: float(np.median(values)) for setting, values in ratios.items()}


def cross_validate_choice(records: Sequence[Record]) -> list[Record]:
    """Cross-validated choice of a hand-over.

    For each gap width the safest hand-over is chosen on every other crystal and evaluated on the
    rest; one row for all crystals and one each for flux below and above the median. `chosen_by` is
    the median ratio in the half that chose; `ratio` with quartiles and worst is of the other half.
    """
    rows: list[Record] = []
    choosing, others = halve_crystals(records)
    middle = float(np.median([record["flux"] for record in records])) if records else 0.0
    for width in sorted({record["width"] for record in records}):
        own = [record for record in choosing if record["width"] == width]
        name = choose_safest(own)
        before = _medians(own, name)
        rest = [r for r in others if (r["width"], r["treatment"]) == (width, name)]
        for flux in FLUXES:
            of_flux = [r for r in rest if flux in ("all", _flux(r, middle))]
            for setting in sorted(before):
                ratios = [r["ratio_phase_rms_rad"] for r in of_flux if r["setting"] == setting]
                if ratios:
                    head = {"width": width, "flux": flux, "handover": name, "setting": setting}
                    rows.append(head | _evaluate_choice(ratios, before[setting]))
    return rows


def _flux(record: Record, middle: float) -> str:
    return "low" if record["flux"] <= middle else "high"


def _evaluate_choice(ratios: Sequence[float], chosen_by: float) -> Record:
    low, median, high = quartiles(ratios)
    return {
        "cases": len(ratios),
        "chosen_by": chosen_by,
        "ratio": median,
        "lower_quartile": low,
        "upper_quartile": high,
        "worst": max(ratios),
    }
