"""What retrievals calculate in a gap, beside the truth, and the objects they found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure, SubFigure

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.closeup import closeup_of, draw_closeup
from bcdi_inpaint.plots.cuts import line_of, runs_of
from bcdi_inpaint.plots.gap_cuts import cuts_through
from bcdi_inpaint.plots.objects import draw_objects
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.slices import check_shapes
from bcdi_inpaint.plots.style import AXIS_NAMES, COLOURS, DARKEST, INDEX_NAMES, STYLE, new_figure

TRUTH = "truth"


def intensity_panel(
    expectation: np.ndarray,
    gap_mask: BoolArray,
    calculated: Mapping[str, np.ndarray],
    objects: Mapping[str, np.ndarray],
    *,
    title: str = "",
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """The intensity that each reconstruction has in the gap, against the true one.

    In the frame with the most light in the gap, and along the brightest lines through it; below,
    modulus and phase of the objects in a central slice.

    Parameters
    ----------
    expectation : (n_rock, n_y, n_x) noise-free counts.
    gap_mask : (n_rock, n_y, n_x) bool, a gap of rows or of columns, or both.
    calculated : intensities (n_rock, n_y, n_x) by name.
    objects : complex objects (n_rock, n_y, n_x) by name, all aligned on one another.
    title : heading of the picture.
    path : the picture to write; None writes none.
    force : overwrite an existing file.

    Returns
    -------
    The matplotlib figure.

    Raises
    ------
    InputError
        Arrays of different shapes, a gap that no line crosses, or a path that cannot be written.
    """
    target = None if path is None else checked_picture(path, force)
    check_shapes(expectation, gap_mask, *calculated.values())
    view = closeup_of(expectation, gap_mask, max(gap_mask.shape))
    gap = view.of(gap_mask)
    volumes = {TRUTH: expectation, **calculated}
    images = {name: view.of(volume) for name, volume in volumes.items()}
    cuts = cuts_through(np.where(gap, images[TRUTH], 0), gap)
    if view.axis != 0 or not cuts:
        raise InputError("no line crosses the gap, expected one of rows or columns: give another")
    heights = (2.9, 2.9, 7.4)
    with mpl.rc_context(STYLE):
        figure = new_figure(12, sum(heights))
        blocks: Any = figure.subfigures(3, 1, height_ratios=heights, squeeze=False)[:, 0]
        draw_closeup(blocks[0].subplots(1, len(images), squeeze=False)[0], view, images, gap)
        _draw_lines(blocks[1], cuts, images, gap)
        draw_objects(blocks[2], objects)
        if title:
            figure.suptitle(title, fontsize=12)
        return finish(figure, target)


def _draw_lines(
    part: SubFigure, cuts: list[tuple[int, int]], images: Mapping[str, FloatArray], gap: BoolArray
) -> None:
    """The intensities along lines through the gap."""
    axes: Any = part.subplots(1, len(cuts), squeeze=False)[0]
    colours = iter(mpl.colormaps["tab10"].colors)  # type: ignore[attr-defined]
    colour_of = {name: COLOURS["truth"] if name == TRUTH else next(colours) for name in images}
    for ax, (axis, index) in zip(axes, cuts, strict=True):
        along = np.arange(gap.shape[axis])
        for start, stop in runs_of(along[line_of(gap, axis, index)]):
            ax.axvspan(start - 0.5, stop + 0.5, color="0.9", lw=0)
        for name, image in images.items():
            width = 2.2 if name == TRUTH else 1.2
            values = np.maximum(line_of(image, axis, index), DARKEST)
            ax.plot(along, values, color=colour_of[name], lw=width, label=name)
        ax.set_yscale("log")
        ax.set_xlabel(AXIS_NAMES[1 + axis])
        ax.set_title(f"cut at {INDEX_NAMES[2 - axis]} {index}")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("expected counts")
    part.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
