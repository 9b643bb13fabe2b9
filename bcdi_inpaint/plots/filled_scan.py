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
from bcdi_inpaint.plots.frames import show_frame
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
    AXIS_NAMES,
    INDEX_NAMES,
    OUTLINE,
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
    title: str = "",
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """Three slices through the Bragg peak and three sums, before and after the fill.

    A slice that would lie in the gap is moved beside it. A sum leaves out what is unknown and is
    grey where nothing is known.

    Parameters
    ----------
    counts_before : (n_rock, n_y, n_x) measured counts.
    counts_after : (n_rock, n_y, n_x) counts with the gap filled.
    gap_mask : (n_rock, n_y, n_x) bool, True = filled; outlined.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid; grey before, and after unless it was filled.
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
    check_shapes(counts_before, counts_after, gap_mask, bad)
    volumes = {
        "as measured": np.where(gap_mask | bad, np.nan, counts_before),
        "filled": np.where(bad & ~gap_mask, np.nan, counts_after),
    }
    centre = slice_indices(brightest_voxel(volumes["filled"]), gap_mask)
    slices = {
        name: [slice_of(volume, axis, centre[axis]) for axis in VIEWS]
        for name, volume in volumes.items()
    }
    sums = {name: [sum_of(volume, axis) for axis in VIEWS] for name, volume in volumes.items()}
    norm = log_norm([i for views in (slices, sums) for images in views.values() for i in images])
    box_aspect = float(np.clip(gap_mask.shape[1] / gap_mask.shape[2], 0.6, 1.25))
    with mpl.rc_context(STYLE):
        figure = new_figure(10, 2.2 + 4 * 2.6 * box_aspect)
        left, right = figure.subfigures(1, 2, width_ratios=[11, 1], squeeze=False)[0]
        blocks = left.subfigures(2, 1, squeeze=False)[:, 0]
        outlines = [slice_of(gap_mask, axis, centre[axis]) for axis in VIEWS]
        titles = [f"slice at {INDEX_NAMES[axis]} {centre[axis]}" for axis in VIEWS]
        _draw_views(blocks[0], slices, outlines, titles, norm, box_aspect)
        outlines = [turn(np.asarray(gap_mask.all(axis=axis)), axis) for axis in VIEWS]
        titles = [f"sum over {INDEX_NAMES[axis]}s" for axis in VIEWS]
        _draw_views(blocks[1], sums, outlines, titles, norm, box_aspect)
        bar_axes = right.subplots()
        bar_axes.set_box_aspect(30)
        figure.colorbar(ScalarMappable(norm, colormap()), cax=bar_axes, label="counts")
        figure.legend(handles=_mask_legend(), loc="outside lower center", ncols=2, frameon=False)
        if title:
            figure.suptitle(title, fontsize=12)
        return finish(figure, target)


def _name_axes(ax: Axes, axis: int, *, bottom: bool, left: bool) -> None:
    across, down = VIEWS[axis]
    ax.tick_params(labelbottom=bottom, labelleft=left)
    ax.set_xlabel(AXIS_NAMES[across] if bottom else "")
    ax.set_ylabel(AXIS_NAMES[down] if left else "")


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
    return [Patch(facecolor=UNKNOWN, label="not measured or masked"), line]
