"""Pictures of an evaluation: scores against width and counts, and fills."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bcdi_inpaint.evaluation.fills import Record, View

SHOWN_BINS_PER_DECADE = 2  # of the mean counts in a gap, in the picture of scores against counts


def draw_gaps(
    folder: Path, pooled: Sequence[Record], records: Sequence[Record], views: Sequence[View]
) -> None:
    """Scores against the width, of the means; against the counts, of all cases; and the views."""
    from bcdi_inpaint.plots import fill_slices, score_curves

    for name, score, label in (
        ("by_width", "pearson_log", "Pearson correlation of log counts"),
        ("deviance_by_width", "poisson_deviance", "mean Poisson deviance, log10"),
    ):
        panels = _against_width(pooled, score, log=score == "poisson_deviance")
        path = folder / f"{name}.png"
        score_curves(path, panels, xlabel="width of the gap (px)", ylabel=label, force=True)
    draw_against_counts(folder / "by_counts.png", records, "gap")
    for group in dict.fromkeys(view.group for view in views):
        rows = [
            (f"{view.width} px, {view.kind.replace('_', ' ')}", view.images, view.gap)
            for view in views
            if view.group == group
        ]
        fill_slices(folder / f"slices_{_file_name(group)}.png", rows, title=group, force=True)


def _file_name(group: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in group)


def _against_width(rows: Sequence[Record], score: str, log: bool) -> dict[str, dict[str, Any]]:
    """For each scan and method the widths, and the score there with the ends of its interval."""
    import numpy as np

    panels: dict[str, dict[str, Any]] = {}
    for scan in dict.fromkeys(row["scan"] for row in rows):
        own = [row for row in rows if row["scan"] == scan]
        panel = panels.setdefault(_heading(scan, own), {})
        for row in own:
            value = row[score]
            points = np.array([value.mean, value.low, value.high])
            if log:
                points = np.log10(np.maximum(points, 1e-3))
            curve = panel.setdefault(row["method"], ([], [], [], []))
            for part, number in zip(curve, (row["width"], *points.tolist()), strict=True):
                part.append(number)
    return panels


def _heading(scan: str, rows: Sequence[Record]) -> str:
    """The scan, and of which widths only a part was filled by all methods, and so judged."""
    parts = {row["width"]: row["judged"] for row in rows if row["judged"] < 0.995}
    told = ", ".join(f"{width} px: {100 * part:.0f} % judged" for width, part in parts.items())
    return f"{scan} ({told})" if told else scan


def draw_against_counts(path: Path, records: Sequence[Record], what: str) -> None:
    """The score against the mean counts, in bins of their logarithm: a panel for each width."""
    import numpy as np

    from bcdi_inpaint.plots import score_curves

    cells: dict[tuple[int, str, int], list[float]] = {}
    for record in records:
        light = SHOWN_BINS_PER_DECADE * math.log10(max(record["mean_counts"], 1e-6))
        key = (record["width"], record["method"], math.floor(light))
        cells.setdefault(key, []).append(record["pearson_log"])
    panels: dict[str, dict[str, Any]] = {}
    for (width, method, number), values in sorted(cells.items(), key=lambda item: item[0][2]):
        known = [value for value in values if not math.isnan(value)]
        if not known:
            continue
        mean = float(np.mean(known))
        error = float(np.std(known) / math.sqrt(len(known)))
        middle = 10 ** ((number + 0.5) / SHOWN_BINS_PER_DECADE)
        curve = panels.setdefault(f"{width} px", {}).setdefault(method, ([], [], [], []))
        for part, point in zip(curve, (middle, mean, mean - error, mean + error), strict=True):
            part.append(point)
    ordered = {name: panels[name] for name in sorted(panels, key=lambda text: int(text[:-3]))}
    if ordered:
        score_curves(
            path,
            ordered,
            xlabel=f"mean counts in the {what}",
            ylabel="Pearson correlation of log counts",
            log_x=True,
            force=True,
        )
