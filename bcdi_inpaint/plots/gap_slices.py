"""Frames through gaps, as each method fills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.frames import show_frame, window_around
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.style import STYLE, log_norm, new_figure


def fill_slices(
    rows: Sequence[tuple[str, Mapping[str, np.ndarray], np.ndarray]],
    *,
    window: int = 64,
    title: str = "",
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """Frames through gaps: what was counted, and what each method made of the gap; a row for each.

    Parameters
    ----------
    rows : for each gap a label, the frames (n_y, n_x) by name, and the gap's mask (n_y, n_x). The
        first frame is the truth, which sets the row's colours; NaN = unknown.
    window : widest region to show, in pixels, around the brightest part of the gap.
    title : heading of the picture.
    path : the picture to write; None writes none.
    force : overwrite an existing file.

    Returns
    -------
    The matplotlib figure.

    Raises
    ------
    InputError
        No gap, frames of different shapes, or a path that cannot be written.
    """
    target = None if path is None else checked_picture(path, force)
    if not rows or any(not gap.any() for _, _, gap in rows):
        raise InputError(f"{len(rows)} rows to draw, expected at least one, each with a gap")
    for label, images, gap in rows:
        for name, image in images.items():
            if image.shape != gap.shape:
                raise InputError(
                    f"{label}, {name}: a frame of shape {image.shape} does not fit its gap "
                    f"{gap.shape}, expected one shape: crop them alike"
                )
    n_columns = max(len(images) for _, images, _ in rows)
    with mpl.rc_context(STYLE):
        figure = new_figure(1.55 * n_columns, 1.75 * len(rows) + 0.4)
        axes = figure.subplots(len(rows), n_columns, squeeze=False)
        for line, row in zip(axes, rows, strict=True):
            _draw_slices(line, *row, window)
        if title:
            figure.suptitle(title, fontsize=12)
        return finish(figure, target)


def _draw_slices(
    axes: Any, label: str, images: Mapping[str, FloatArray], gap: BoolArray, window: int
) -> None:
    """A row of frames, all in the colours of the first."""
    truth = next(iter(images.values()))
    light = np.where(gap, np.nan_to_num(truth, nan=0.0), 0.0)
    box = window_around(gaussian_filter(light.astype(float), 3), window)
    norm = log_norm([truth[box]])
    for ax in axes:
        ax.set_axis_off()
    for ax, (name, image) in zip(axes, images.items(), strict=False):
        ax.set_axis_on()
        show_frame(ax, image, norm, gap, box)
        ax.set_aspect("equal")
        ax.tick_params(labelbottom=False, labelleft=False, length=0)
        ax.set_title(name.replace("_", " "), fontsize=8)
    axes[0].set_ylabel(label, fontsize=8)
