"""Pictures of an evaluation: scores against width and counts, and fills."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.evaluation.fills import Record, View
from bcdi_inpaint.plots import fill_slices, score_curves

SHOWN_BINS_PER_DECADE = 2
"""Bins of the mean counts in a gap, in the picture of scores against counts."""
LOWEST_DEVIANCE = 1e-3
"""The logarithm of a deviance is drawn down to this one."""

Curves = dict[str, dict[str, Any]]
"""By panel and method: positions, values, and the lower and upper ends of their intervals."""


def draw_gaps(
    folder: Path, pooled: Sequence[Record], records: Sequence[Record], views: Sequence[View]
) -> None:
    """Draw scores against the gap's width and against the counts, and some fills.

    Parameters
    ----------
    folder : where the pictures go; those that exist are replaced.
    pooled : rows of `fills.average_scores` over all kinds of gap.
    records : of all cases.
    views : frames of some cases.
    """
    for name, score, label in (
        ("by_width", "pearson_log", "Pearson correlation of log counts"),
        ("deviance_by_width", "poisson_deviance", "mean Poisson deviance, log10"),
    ):
        panels = _against_width(pooled, score, log=score == "poisson_deviance")
        path = folder / f"{name}.png"
        score_curves(panels, xlabel="width of the gap (px)", ylabel=label, path=path, force=True)
    draw_against_counts(folder / "by_counts.png", records, "gap")
    for group in dict.fromkeys(view.group for view in views):
        _draw_views(folder, group, [view for view in views if view.group == group])


def _draw_views(folder: Path, group: str, views: Sequence[View]) -> None:
    rows = [
        (f"{view.width} px, {view.kind.replace('_', ' ')}", view.images, view.gap) for view in views
    ]
    path = folder / f"slices_{_file_name(group)}.png"
    fill_slices(rows, title=group, path=path, force=True)


def _file_name(group: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in group)


def _against_width(rows: Sequence[Record], score: str, log: bool) -> Curves:
    """For each scan and method the widths, and the score there with the ends of its interval."""
    panels: Curves = {}
    for scan in dict.fromkeys(row["scan"] for row in rows):
        own = [row for row in rows if row["scan"] == scan]
        panel = panels.setdefault(_heading(scan, own), {})
        for row in own:
            value = row[score]
            points = np.array([value.mean, value.low, value.high])
            if log:
                points = np.log10(np.maximum(points, LOWEST_DEVIANCE))
            _append(panel, row["method"], (row["width"], *points.tolist()))
    return panels


def _append(panel: dict[str, Any], method: str, point: tuple[float, ...]) -> None:
    curve = panel.setdefault(method, ([], [], [], []))
    for part, number in zip(curve, point, strict=True):
        part.append(number)


def _heading(scan: str, rows: Sequence[Record]) -> str:
    """The scan, and of which widths only a part was filled by all methods, and so judged."""
    parts = {row["width"]: row["judged"] for row in rows if row["judged"] < 0.995}
    text = ", ".join(f"{width} px: {100 * part:.0f} % judged" for width, part in parts.items())
    return f"{scan} ({text})" if text else scan


def draw_against_counts(path: Path, records: Sequence[Record], what: str) -> None:
    """Draw the correlation against the mean counts, a panel for each width of the gap.

    Parameters
    ----------
    path : of the picture; one that exists is replaced.
    records : with ``width``, ``method``, ``mean_counts`` and ``pearson_log``.
    what : whose mean counts they are, for the label.
    """
    panels: Curves = {}
    cells = sorted(_by_counts(records).items(), key=lambda item: item[0][2])
    for (width, method, number), values in cells:
        if values:
            mean, error = float(np.mean(values)), float(np.std(values) / math.sqrt(len(values)))
            middle = 10 ** ((number + 0.5) / SHOWN_BINS_PER_DECADE)
            panel = panels.setdefault(f"{width} px", {})
            _append(panel, method, (middle, mean, mean - error, mean + error))
    ordered = {name: panels[name] for name in sorted(panels, key=lambda text: int(text[:-3]))}
    if ordered:
        score_curves(
            ordered,
            xlabel=f"mean counts in the {what}",
            ylabel="Pearson correlation of log counts",
            log_x=True,
            path=path,
            force=True,
        )


def _by_counts(records: Sequence[Record]) -> dict[tuple[int, str, int], list[float]]:
    """The correlations that are not nan, by width, method and bin of the mean counts."""
    cells: dict[tuple[int, str, int], list[float]] = {}
    for record in records:
        place = SHOWN_BINS_PER_DECADE * math.log10(max(record["mean_counts"], 1e-6))
        cell = cells.setdefault((record["width"], record["method"], math.floor(place)), [])
        if not math.isnan(record["pearson_log"]):
            cell.append(record["pearson_log"])
    return cells
