"""Many patterns at a glance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bcdi_inpaint.arrays import FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.slices import brightest_voxel
from bcdi_inpaint.plots.style import DARKEST, STYLE, colormap, log_norm, new_figure


def contact_sheet(
    volumes: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    columns: int = 6,
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """Many patterns at a glance: of each the slice through its peak, on a log scale of its own.

    Parameters
    ----------
    volumes : counts (n_rock, n_y, n_x), of which the frame of the peak is shown, or (n_y, n_x).
    titles : a heading for each.
    columns : patterns side by side.
    path : the picture to write; None writes none.
    force : overwrite an existing file.

    Returns
    -------
    The matplotlib figure.

    Raises
    ------
    InputError
        No pattern, not one title for each, or a path that cannot be written.
    """
    target = None if path is None else checked_picture(path, force)
    if not volumes or len(titles) != len(volumes):
        raise InputError(
            f"{len(volumes)} patterns and {len(titles)} titles, expected as many of both and at "
            "least one: give a title for each pattern"
        )
    columns = min(columns, len(volumes))
    rows = math.ceil(len(volumes) / columns)
    with mpl.rc_context(STYLE):
        figure = new_figure(1.75 * columns, 2.3 * rows)
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, volume, title in zip(axes.flat, volumes, titles, strict=False):
            image = _peak_slice(np.asarray(volume))
            lit, norm = np.maximum(image, DARKEST), log_norm([image])
            ax.imshow(lit, norm=norm, cmap=colormap(), aspect="auto", interpolation="nearest")
            ax.set_title(title, fontsize=7)
        return finish(figure, target)


def _peak_slice(volume: np.ndarray) -> FloatArray:
    """The frame (n_y, n_x) of the Bragg peak."""
    if volume.ndim == 3:
        volume = volume[brightest_voxel(volume)[0]]
    return volume.astype(float)
