"""Pictures of a study: scores by width, and what each method makes of a gap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bcdi_inpaint.evaluation.fills import CEILING, Record, View
from bcdi_inpaint.plots import fill_slices, score_curves
from bcdi_inpaint.studies.contestants import OUR_KIND, WITH_LAST_STEP
from bcdi_inpaint.studies.first_guess import FIRST_GUESS

ALWAYS = (CEILING, "linear", FIRST_GUESS, OUR_KIND, WITH_LAST_STEP)
"""Methods that every panel shows."""
Curves = dict[str, tuple[list[float], list[float], list[float], list[float]]]


def draw_by_width(path: Path, rows: Sequence[Record], names: Sequence[str], scan: str) -> None:
    """Draw the correlation against the gap's width.

    Parameters
    ----------
    path : of the picture; one that exists is replaced.
    rows : of `averages.average_study`.
    names : of the methods that are shown besides `ALWAYS`.
    scan : whose rows are drawn.
    """
    curves: Curves = {}
    for row in rows:
        if row["scan"] == scan and row["method"] in (*ALWAYS, *names):
            value = row["pearson_log"]
            point = (row["width"], value.mean, value.low, value.high)
            curve = curves.setdefault(row["method"], ([], [], [], []))
            for part, number in zip(curve, point, strict=True):
                part.append(float(number))
    score_curves(
        {scan: curves},
        xlabel="width of the gap (px)",
        ylabel="Pearson correlation of log counts",
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
