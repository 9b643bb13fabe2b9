"""The pictures of the pages of results, drawn from the reports that evaluations wrote."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes

from docs_site.crystals_table import SETTINGS, chosen_report
from docs_site.reports import Table, read_report, read_tables

COLOURS = {
    "linear": "#2a78c2",
    "kriging": "#e08a1e",
    "network": "#d1352b",
    "ceiling": "0.45",
    "zero": "#6b4fa0",
    "hard": "#3a9a5b",
    "prior": "#e08a1e",
    "refined prior": "#d1352b",
    "refined prior + found": "#8c1a6a",
    "auto": "#8a8a8a",
    "complete": "0.3",
}
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
STYLE: Any = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}


def numbers(cell: str) -> list[float]:
    """The numbers of a cell: a mean and the ends of its interval.

    Examples
    --------
    >>> numbers("64 [60, 68] %")
    [64.0, 60.0, 68.0]
    """
    return [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", cell)]


def draw_all(folder: Path) -> None:
    """Draw every picture into a folder."""
    import matplotlib.pyplot as plt

    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
        many = read_tables(read_report("evaluation_many"))[0]
        draw_fills(axes[0], many, "pearson_log", "Pearson of log(1 + counts) in the gap")
        draw_fills(axes[1], many, "of_the_way", "of the way to the noise ceiling (%)")
        axes[0].legend(frameon=False)
        figure.tight_layout()
        figure.savefig(folder / "fills_by_width.png", dpi=120)
        plt.close(figure)
        figure, ax = plt.subplots(figsize=(9, 3.8))
        draw_crystals(ax, read_tables(read_report(chosen_report()))[0])
        figure.tight_layout()
        figure.savefig(folder / "crystals_by_width.png", dpi=120)
        plt.close(figure)


def draw_fills(ax: Axes, table: Table, score: str, label: str) -> None:
    """A score against the gap's width, for each method, with its 95 % interval."""
    for method in dict.fromkeys(row["method"] for row in table.rows):
        points = [(int(row["width"]), numbers(row[score])) for row in table.where(method=method)]
        points = [(width, found) for width, found in points if found]
        widths = [width for width, _ in points]
        colour = COLOURS.get(method)
        ax.plot(widths, [found[0] for _, found in points], "o-", color=colour, label=method, ms=4)
        if all(len(found) == 3 for _, found in points):
            low, high = ([found[i] for _, found in points] for i in (1, 2))
            ax.fill_between(widths, low, high, color=colour, alpha=0.15, lw=0)
    ax.set(xlabel="width of the gap (px)", ylabel=label)


def draw_crystals(ax: Axes, table: Table) -> None:
    """The error of the phase over that with the gap masked: median, quartiles, worst; by width."""
    setting = next(one for one in SETTINGS if table.where(setting=one))
    own = [row for row in table.where(setting=setting) if row["way"] != "mask"]
    ways = [way for way in dict.fromkeys(row["way"] for row in own) if way in COLOURS]
    widths = sorted({int(row["width"]) for row in own})
    step = 0.8 / max(len(ways), 1)
    for i, way in enumerate(ways):
        for j, width in enumerate(widths):
            for row in (one for one in own if one["way"] == way and one["width"] == str(width)):
                _draw_ratio(ax, j + (i - (len(ways) - 1) / 2) * step, row, COLOURS[way])
        ax.plot([], [], "s", color=COLOURS[way], label=way)
    ax.axhline(1, color="0.6", lw=1, zorder=0)
    ax.text(len(widths) - 0.48, 1.04, "masked", color="0.4", ha="right", fontsize=9)
    ax.set_yscale("log")
    ax.set_xticks(range(len(widths)), [f"{width} px" for width in widths])
    ax.set(ylabel="phase error over that of masking", xlabel="width of the gap")
    ax.set_yticks(TICKS, [f"{one:g}" for one in TICKS])
    ax.minorticks_off()
    ax.legend(frameon=False, ncols=len(ways), loc="upper center", bbox_to_anchor=(0.5, 1.16))


def _draw_ratio(ax: Axes, x: float, row: dict[str, str] | object, colour: str) -> None:
    ratio, low, high, worst = (
        float(row[name])  # type: ignore[index]
        for name in ("ratio", "lower_quartile", "upper_quartile", "worst")
    )
    ax.plot([x, x], [low, high], color=colour, lw=5, alpha=0.4, solid_capstyle="butt")
    ax.plot(x, ratio, "s", color=colour, ms=5)
    ax.plot(x, worst, "_", color=colour, ms=9)
