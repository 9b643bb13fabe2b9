"""Lines through a gap: what was counted, what was put there, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.plots.cuts import brightest_cut, line_of, runs_of, widen
from bcdi_inpaint.plots.style import AXIS_NAMES, COLOURS, DARKEST, INDEX_NAMES

BAND = "95 % interval"
"""What the legend calls the band about a fill."""


@dataclass(frozen=True)
class Curve:
    """An image whose values are drawn along the cuts.

    Attributes
    ----------
    image : (n_down, n_across) counts.
    colour, style, width : of the line.
    of_gap : it is a fill, which is the measurement elsewhere: drawn from one known pixel to the
        next.
    """

    image: FloatArray
    colour: str
    style: str = "-"
    width: float = 1.8
    of_gap: bool = True


@dataclass(frozen=True)
class CutView:
    """An image that is cut, all arrays (n_down, n_across).

    Attributes
    ----------
    measured : counts, NaN = unknown.
    gap : bool, shaded.
    hidden : counts that were measured in the gap all the same, NaN elsewhere; None for none.
    band : lower and upper bounds of what was expected in the gap; None for none.
    axes : array axes down and across the image.
    corner : index of the image's first pixel along them.
    """

    measured: FloatArray
    gap: BoolArray
    hidden: FloatArray | None = None
    band: tuple[FloatArray, FloatArray] | None = None
    axes: tuple[int, int] = (1, 2)
    corner: tuple[int, int] = (0, 0)


def cuts_through(light: FloatArray, gap: BoolArray) -> list[tuple[int, int]]:
    """The brightest line through the gap along each axis that some line crosses it on."""
    found = (brightest_cut(light, gap, axis) for axis in (0, 1))
    return [cut for cut in found if cut is not None]


def draw_cuts(
    part: SubFigure,
    cuts: Sequence[tuple[int, int]],
    view: CutView,
    curves: Mapping[str, Curve],
) -> None:
    """Draw counts and curves along lines through the gap, with one legend.

    Parameters
    ----------
    part : of the figure, to draw in.
    cuts : axis of the image along which each runs, and its index on the other one.
    view : what is cut.
    curves : what is drawn, by name.
    """
    axes: Any = part.subplots(1, len(cuts), squeeze=False)[0]
    for ax, (axis, index) in zip(axes, cuts, strict=True):
        _draw_cut(ax, axis, index, view, curves)
    axes[0].set_ylabel("counts")
    handles, labels = axes[0].get_legend_handles_labels()
    part.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)


def _draw_cut(ax: Axes, axis: int, index: int, view: CutView, curves: Mapping[str, Curve]) -> None:
    """One cut, along `axis` of the image."""
    gap = line_of(view.gap, axis, index)
    along = np.arange(len(gap)) + view.corner[axis]
    for start, stop in runs_of(along[gap]):
        ax.axvspan(start - 0.5, stop + 0.5, color="0.93", lw=0)
    _draw_band(ax, along, gap, axis, index, view.band)
    measured = line_of(view.measured, axis, index)
    ax.plot(along, np.maximum(measured, DARKEST), "o", ms=3.4, color="0.4", label="counts")
    brightest = [measured]
    if view.hidden is not None:
        hidden = line_of(view.hidden, axis, index)
        shown = np.where(gap, np.maximum(hidden, DARKEST), np.nan)
        label = "counts hidden in the gap"
        ax.plot(along, shown, "o", ms=3.6, mfc="white", mec="0.3", mew=0.9, label=label)
        brightest.append(hidden)
    for name, curve in curves.items():
        values = np.maximum(line_of(curve.image, axis, index), DARKEST)
        drawn = np.where(widen(gap), values, np.nan) if curve.of_gap else values
        ax.plot(along, drawn, curve.style, color=curve.colour, lw=curve.width, label=name)
        brightest.append(drawn)
    _finish_cut(ax, along, max(float(np.nanmax(line, initial=10)) for line in brightest))
    ax.set_xlabel(AXIS_NAMES[view.axes[axis]])
    other = 1 - axis
    ax.set_title(f"cut at {INDEX_NAMES[view.axes[other]]} {index + view.corner[other]}")


def _draw_band(
    ax: Axes,
    along: np.ndarray,
    gap: BoolArray,
    axis: int,
    index: int,
    band: tuple[FloatArray, FloatArray] | None,
) -> None:
    """The interval in the gap, as steps that are a voxel wide: each is of its own voxel."""
    if band is None:
        return
    low, high = (np.maximum(line_of(bound, axis, index), DARKEST) for bound in band)
    known = gap & np.isfinite(high)
    edges = np.append(along - 0.5, along[-1] + 0.5)
    low, high = (np.where(known, bound, np.nan) for bound in (low, high))
    ax.stairs(
        high, edges, baseline=low, fill=True, color=COLOURS["ours"], alpha=0.22, lw=0, label=BAND
    )


def _finish_cut(ax: Axes, along: np.ndarray, brightest: float) -> None:
    """A log scale that the band does not stretch, and no frame around it."""
    ax.set_yscale("log")
    ax.set_ylim(DARKEST * 0.7, brightest * 3)
    ax.set_xlim(along[0] - 0.5, along[-1] + 0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.locator_params(axis="x", nbins=6, integer=True)
