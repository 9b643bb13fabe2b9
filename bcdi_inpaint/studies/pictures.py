"""Pictures of a study: scores by width, and what each method makes of a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bcdi_inpaint.evaluation.fills import CEILING, Record, View
from bcdi_inpaint.plots import fill_slices, score_curves
from bcdi_inpaint.studies.contestants import OUR_KIND

ALWAYS = (CEILING, "linear", OUR_KIND)
"""Methods that every panel shows."""
Curves = dict[str, dict[str, tuple[list[float], list[float], list[float], list[float]]]]


def draw_by_width(
    path: Path, rows: Sequence[Record], groups: Mapping[str, Sequence[str]], scan: str
) -> None:
    """Draw the correlation against the gap's width, a panel for each group of methods.

    Parameters
    ----------
    path : of the picture; one that exists is replaced.
    rows : of `averages.average_study`.
    groups : names of methods, by the heading of their panel.
    scan : whose rows are drawn.
    """
    panels: Curves = {}
    for heading, names in groups.items():
        shown = [row for row in rows if row["scan"] == scan and row["method"] in (*ALWAYS, *names)]
        for row in shown:
            curve = panels.setdefault(heading, {}).setdefault(row["method"], ([], [], [], []))
            value = row["pearson_log"]
            for part, number in zip(
                curve, (row["width"], value.mean, value.low, value.high), strict=True
            ):
                part.append(float(number))
    score_curves(
        panels,
        xlabel="width of the gap (px)",
        ylabel="Pearson correlation of log counts",
        columns=2,
        path=path,
        force=True,
    )


def draw_fills(path: Path, views: Sequence[View], names: Sequence[str]) -> None:
    """Draw what methods make of some gaps, a row for each.

    Parameters
    ----------
    path : of the picture; one that exists is replaced.
    views : frames through gaps.
    names : of the methods that are shown, besides the truth.
    """
    rows = []
    for view in views:
        shown = {"counts": view.images["counts"]}
        shown |= {name: view.images[name] for name in names if name in view.images}
        rows.append((f"{view.width} px, {view.kind.replace('_', ' ')}", shown, view.gap))
    if rows:
        fill_slices(rows, path=path, force=True)
