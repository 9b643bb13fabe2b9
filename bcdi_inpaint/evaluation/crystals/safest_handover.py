"""Which hand-over is safe: chosen on half of a bench's crystals, told of the other half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bcdi_inpaint.phasing.handover import NAMES

Record = dict[str, Any]
"""One retrieval, as `crystal_scores.judge` yields them."""
TOLERANCE = 1.05
"""The largest median ratio to masking, in any setting, with which a hand-over is safe."""
DECISION_COLUMNS = (
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


def halves(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The records of every other crystal, in the order in which they come, and of the others."""
    number = {name: i for i, name in enumerate(dict.fromkeys(r["crystal"] for r in records))}
    parts: tuple[list[Record], list[Record]] = ([], [])
    for record in records:
        parts[number[record["crystal"]] % 2].append(record)
    return parts


def safest(records: Sequence[Record], names: Sequence[str] = tuple(NAMES)) -> str:
    """The best of the hand-overs whose median ratio is at most `TOLERANCE` in every setting.

    Best has the least product of the medians. ``mask`` is always safe.
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


def _medians(records: Sequence[Record], way: str) -> dict[str, float]:
    """The median ratio of a way by setting."""
    ratios: dict[str, list[float]] = {}
    for record in records:
        if record["way"] == way:
            ratios.setdefault(record["setting"], []).append(record["ratio_phase_rms_rad"])
    return {setting: float(np.median(values)) for setting, values in ratios.items()}


def decisions(records: Sequence[Record]) -> list[Record]:
    """For each width: what one half of the crystals chooses, and how the other half fares with it.

    `chosen_by` is the median in the half that chose; `ratio` with quartiles and worst is of the
    other. Told for all fluxes, then for those below and above the middle one.
    """
    rows: list[Record] = []
    choosing, told = halves(records)
    middle = float(np.median([record["flux"] for record in records])) if records else 0.0
    for width in sorted({record["width"] for record in records}):
        own = [record for record in choosing if record["width"] == width]
        name = safest(own)
        before = _medians(own, name)
        for flux in ("all", "low", "high"):
            for setting in sorted(before):
                ratios = [
                    record["ratio_phase_rms_rad"]
                    for record in told
                    if (record["width"], record["way"], record["setting"]) == (width, name, setting)
                    and flux in ("all", "low" if record["flux"] <= middle else "high")
                ]
                if ratios:
                    low, median, high = (float(x) for x in np.percentile(ratios, [25, 50, 75]))
                    rows.append(
                        {
                            "width": width,
                            "flux": flux,
                            "handover": name,
                            "setting": setting,
                            "cases": len(ratios),
                            "chosen_by": before[setting],
                            "ratio": median,
                            "lower_quartile": low,
                            "upper_quartile": high,
                            "worst": max(ratios),
                        }
                    )
    return rows
