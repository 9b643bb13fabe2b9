"""A scan before and after the fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.plots.closeup import SIGMA, closeup_of, draw_closeup
from bcdi_inpaint.plots.frames import show_frame
from bcdi_inpaint.plots.gap_cuts import Curve, CutView, cuts_through, draw_cuts
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.slices import (
    brightest_voxel,
    check_shapes,
    slice_indices,
    slice_of,
    sum_of,
    turn,
)
from bcdi_inpaint.plots.style import (
    COLOURS,
    INDEX_NAMES,
    OUTLINE,
    SHORT_NAMES,
    STYLE,
    UNKNOWN,
    VIEWS,
    colormap,
    log_norm,
    new_figure,
)


def before_after(
    counts_before: np.ndarray,
    counts_after: np.ndarray,
    gap_mask: np.ndarray,
    bad_mask: np.ndarray | None = None,
    *,
    sigma: np.ndarray | None = None,
    interval: tuple[np.ndarray, np.ndarray] | None = None,
    title: str = "",
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """A close-up of the gap before and after the fill, cuts through it, and all of the scan.

    The close-up is of the brightest part of the gap. The scan is shown in three slices through the
    Bragg peak and three sums. A slice that would lie in the gap is moved beside it. A sum leaves
    out what is unknown and is grey where nothing is known.

    Parameters
    ----------
    counts_before : (n_rock, n_y, n_x) measured counts.
    counts_after : (n_rock, n_y, n_x) counts with the gap filled.
    gap_mask : (n_rock, n_y, n_x) bool, True = filled; outlined.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid; grey before, and after unless it was filled.
    sigma : (n_rock, n_y, n_x) standard deviation of log(1 + counts) of the fill, see `Fill`; None
        shows none.
    interval : lower and upper bounds that hold with 95 %, each (n_rock, n_y, n_x), as
        `Fill.interval` gives them; None shows none.
    title : heading of the picture.
    path : the picture to write; None writes none.
    force : overwrite an existing file.

    Returns
    -------
    The matplotlib figure.

    Raises
    ------
    InputError
        Arrays of different shapes, or a path that cannot be written.
    """
    target = None if path is None else checked_picture(path, force)
    bad = np.zeros_like(gap_mask) if bad_mask is None else bad_mask
    extras = [array for array in (sigma, *(interval or ())) if array is not None]
    check_shapes(counts_before, counts_after, gap_mask, bad, *extras)
    volumes = {
        "as measured": np.where(gap_mask | bad, np.nan, counts_before),
        "filled": np.where(bad & ~gap_mask, np.nan, counts_after),
    }
    has_gap = bool(gap_mask.any())
    with mpl.rc_context(STYLE):
        figure = new_figure(15.5 if has_gap else 8.0, 7.8)
        widths = [8.4, 7.1] if has_gap else [1.0]
        parts: Any = figure.subfigures(1, len(widths), width_ratios=widths, squeeze=False)[0]
        if has_gap:
            _draw_gap(parts[0], volumes, gap_mask, sigma, interval)
        _draw_scan(parts[-1], volumes, gap_mask)
        if title:
            figure.suptitle(title, fontsize=13)
        return finish(figure, target)


def _draw_gap(
    part: SubFigure,
    volumes: Mapping[str, np.ndarray],
    gap_mask: BoolArray,
    sigma: np.ndarray | None,
    interval: tuple[np.ndarray, np.ndarray] | None,
) -> None:
    """The close-up, and the cuts through it."""
    view = closeup_of(volumes["filled"], gap_mask)
    images = {name: view.of(volume) for name, volume in volumes.items()}
    gap = view.of(gap_mask)
    cuts = cuts_through(np.where(gap, np.nan_to_num(images["filled"]), 0), gap)
    blocks: Any = part.subfigures(
        1 + bool(cuts), 1, height_ratios=[4.2, 4][: 1 + bool(cuts)], squeeze=False
    )[:, 0]
    doubts = {} if sigma is None else {SIGMA: view.of(sigma)}
    axes = blocks[0].subplots(1, len(images) + len(doubts), squeeze=False)[0]
    draw_closeup(axes, view, images, gap, doubts)
    if not cuts:
        return
    band = None if interval is None else (view.of(interval[0]), view.of(interval[1]))
    cut = CutView(images["as measured"], gap, None, band, view.axes, view.corner)
    draw_cuts(blocks[1], cuts, cut, {"fill": Curve(images["filled"], COLOURS["ours"])})


def _draw_scan(part: SubFigure, volumes: Mapping[str, np.ndarray], gap_mask: BoolArray) -> None:
    """Slices and sums of the whole scan, before and after."""
    centre = slice_indices(brightest_voxel(volumes["filled"]), gap_mask)
    slices = {
        name: [slice_of(volume, axis, centre[axis]) for axis in VIEWS]
        for name, volume in volumes.items()
    }
    sums = {name: [sum_of(volume, axis) for axis in VIEWS] for name, volume in volumes.items()}
    norm = log_norm([i for views in (slices, sums) for images in views.values() for i in images])
    box_aspect = float(np.clip(gap_mask.shape[1] / gap_mask.shape[2], 0.6, 0.8))
    left, right = part.subfigures(1, 2, width_ratios=[9, 1], squeeze=False)[0]
    blocks = left.subfigures(2, 1, squeeze=False)[:, 0]
    outlines = [slice_of(gap_mask, axis, centre[axis]) for axis in VIEWS]
    titles = [f"slice at {INDEX_NAMES[axis]} {centre[axis]}" for axis in VIEWS]
    _draw_views(blocks[0], slices, outlines, titles, norm, box_aspect)
    outlines = [turn(np.asarray(gap_mask.all(axis=axis)), axis) for axis in VIEWS]
    titles = [f"sum over {INDEX_NAMES[axis]}s" for axis in VIEWS]
    _draw_views(blocks[1], sums, outlines, titles, norm, box_aspect)
    bar_axes = right.subplots()
    bar_axes.set_box_aspect(30)
    part.colorbar(ScalarMappable(norm, colormap()), cax=bar_axes, label="counts")
    part.legend(handles=_mask_legend(), loc="outside lower center", ncols=3, frameon=False)


def _name_axes(ax: Axes, axis: int, *, bottom: bool, left: bool) -> None:
    across, down = VIEWS[axis]
    ax.tick_params(labelbottom=bottom, labelleft=left)
    ax.set_xlabel(SHORT_NAMES[across] if bottom else "")
    ax.set_ylabel(SHORT_NAMES[down] if left else "")


def _draw_views(
    part: SubFigure,
    views: Mapping[str, Sequence[FloatArray]],
    outlines: Sequence[BoolArray],
    titles: Sequence[str],
    norm: LogNorm,
    box_aspect: float,
) -> None:
    """A row of three views for each state of the scan."""
    grid: Any = part.subplots(len(views), 3)
    for row, (name, images) in zip(grid, views.items(), strict=True):
        for ax, axis, image, outline, title in zip(
            row, VIEWS, images, outlines, titles, strict=True
        ):
            show_frame(ax, image, norm, outline)
            _name_axes(ax, axis, bottom=name == list(views)[-1], left=axis != 2)
            ax.set_box_aspect(box_aspect)
            ax.set_title(title if name == next(iter(views)) else "")
        row[0].annotate(
            name,
            (-0.3, 0.5),
            xycoords="axes fraction",
            rotation=90,
            ha="right",
            va="center",
            fontsize=12,
            fontweight="bold",
        )


def _mask_legend() -> list[Patch | Line2D]:
    dark = withStroke(linewidth=7, foreground=mpl.colormaps["turbo"](0))
    line = Line2D([], [], color=OUTLINE, lw=1.2, path_effects=[dark], label="outline of the gap")
    mark = Line2D([], [], color="black", lw=2.5, label="lines of the gap")
    return [Patch(facecolor=UNKNOWN, label="not measured or masked"), line, mark]
