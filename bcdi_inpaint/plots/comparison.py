"""How methods compare: scores against something, and ratios to a common case."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.style import COLOURS, STYLE, new_figure

_METHOD_COLOURS = {
    "ceiling": "black",
    "network": COLOURS["ours"],
    "gap_unet": COLOURS["ours"],  # the same, trained for a study
    "linear": COLOURS["linear"],
}
_OTHER_COLOURS = (
    *("#8a8a8a", "#e69f00", "#2e9e6b", "#9467bd"),
    *("#17a2b8", "#8c6d31", "#e377c2", "#bcbd22"),
    *("#5b3a1e", "#1b7837", "#5e4fa2", "#c994c7"),
)
Curve = tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]]
"""Places along x, values there, and the lower and upper ends of their error bars (or NaN)."""


def score_curves(
    panels: Mapping[str, Mapping[str, Curve]],
    *,
    xlabel: str,
    ylabel: str,
    log_x: bool = False,
    columns: int = 3,
    title: str = "",
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """A score of each method against something, such as the width of the gap: a panel for each set.

    Parameters
    ----------
    panels : for each heading, the curve of each method.
    xlabel, ylabel : names of the axes.
    log_x : a logarithmic x axis.
    columns : panels side by side.
    title : heading of the picture.
    path : the picture to write; None writes none.
    force : overwrite an existing file.

    Returns
    -------
    The matplotlib figure.

    Raises
    ------
    InputError
        No curve, or a path that cannot be written.
    """
    target = None if path is None else checked_picture(path, force)
    colours = _colours_of(list(dict.fromkeys(name for panel in panels.values() for name in panel)))
    if not colours:
        raise InputError("0 curves to draw, expected at least one: judge a method in some gap")
    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    with mpl.rc_context(STYLE):
        figure = new_figure(max(4.2 * columns, 6.4), 3.2 * rows + 0.7)
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax, (heading, curves) in zip(axes.flat, panels.items(), strict=False):
            _draw_curves(ax, curves, colours)
            ax.set_xscale("log" if log_x else "linear")
            ax.set_title(heading)
            ax.set_xlabel(xlabel)
        for ax in axes[:, 0]:
            ax.set_ylabel(ylabel)
        lines = [Line2D([], [], color=colour, marker="o", ms=3) for colour in colours.values()]
        names = [name.replace("_", " ") for name in colours]
        ncols = 5 if columns > 1 else 4
        figure.legend(lines, names, loc="outside lower center", ncols=ncols, frameon=False)
        if title:
            figure.suptitle(title, fontsize=12)
        return finish(figure, target)


def _colours_of(methods: Sequence[str]) -> dict[str, str]:
    """A colour for each method: those that are always there keep theirs."""
    others = [name for name in methods if name not in _METHOD_COLOURS]
    given = {name: _OTHER_COLOURS[i % len(_OTHER_COLOURS)] for i, name in enumerate(others)}
    return {name: _METHOD_COLOURS.get(name) or given[name] for name in methods}


def _draw_curves(ax: Axes, curves: Mapping[str, Curve], colours: Mapping[str, str]) -> None:
    for name, (x, values, low, high) in curves.items():
        strong = name in _METHOD_COLOURS
        style = "--" if name == "ceiling" else "-"
        ax.plot(x, values, style, marker="o", ms=3, lw=1.8 if strong else 1.0, color=colours[name])
        ax.vlines(x, low, high, color=colours[name], lw=0.8)
    ax.grid(color="0.9", lw=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def ratio_strips(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    ylabel: str,
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """Ratios to a common case: a point for each, a bar at the median, a line at 1.

    How many failed is said below; the median is of them too.

    Parameters
    ----------
    panels : for each heading, the ratios of each method; infinite where it failed, nan where there
        is none.
    ylabel : name of the ratio.
    path : the picture to write; None writes none.
    force : overwrite an existing file.

    Returns
    -------
    The matplotlib figure.

    Raises
    ------
    InputError
        No panel, or a path that cannot be written.
    """
    target = None if path is None else checked_picture(path, force)
    if not panels:
        raise InputError("0 panels to draw, expected at least one: judge a crystal")
    columns = min(4, len(panels))
    rows = math.ceil(len(panels) / columns)
    with mpl.rc_context(STYLE):
        figure = new_figure(max(3.2 * columns, 4.8), 3.2 * rows)
        axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax, (heading, methods) in zip(axes.flat, panels.items(), strict=False):
            ax.axhline(1, color="0.6", lw=1)
            for place, ratios in enumerate(methods.values()):
                known = np.asarray(ratios)[np.isfinite(ratios)]
                spread = np.linspace(-0.15, 0.15, len(known)) if len(known) > 1 else np.zeros(1)
                ax.plot(place + spread[: len(known)], known, "o", ms=3, color="0.55")
                middle = _median(ratios)
                if np.isfinite(middle):
                    ax.hlines(middle, place - 0.3, place + 0.3, color=COLOURS["ours"], lw=2)
            names = [_with_failures(*one) for one in methods.items()]
            ax.set_xticks(range(len(names)), names, rotation=60, ha="right")
            ax.set_title(heading)
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter("{x:g}")
            ax.grid(axis="y", color="0.9", lw=0.6)
            ax.spines[["top", "right"]].set_visible(False)
        for ax in axes[:, 0]:
            ax.set_ylabel(ylabel)
        return finish(figure, target)


def _median(ratios: Sequence[float]) -> float:
    """Of all that there are, with those that failed."""
    there = [ratio for ratio in ratios if not math.isnan(ratio)]
    return float(np.median(there)) if there else math.nan


def _with_failures(name: str, ratios: Sequence[float]) -> str:
    failed = sum(map(math.isinf, ratios))
    return name.replace("_", " ") + (f" ({failed} failed)" if failed else "")
