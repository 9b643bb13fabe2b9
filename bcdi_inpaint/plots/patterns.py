"""Many patterns at a glance."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from bcdi_inpaint.arrays import FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.picture import checked_picture, save
from bcdi_inpaint.plots.style import DARKEST, STYLE, colormap, log_norm, new_figure


def contact_sheet(
    path: str | os.PathLike[str],
    volumes: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    columns: int = 6,
    force: bool = False,
) -> Path:
    """Many patterns at a glance: of each the slice through its peak, on a log scale of its own.

    Parameters
    ----------
    path : the picture to write.
    volumes : counts (n_rock, n_y, n_x), of which the brightest frame is shown, or (n_y, n_x).
    titles : a heading for each.
    columns : patterns side by side.
    force : overwrite an existing file.

    Raises
    ------
    InputError : no pattern, not one title for each, or a path that cannot be written.
    """
    path = checked_picture(path, force)
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
        return save(figure, path)


def _peak_slice(volume: np.ndarray) -> FloatArray:
    """The frame (n_y, n_x) of the brightest voxel."""
    if volume.ndim == 3:
        volume = volume[np.unravel_index(int(volume.argmax()), volume.shape)[0]]
    return volume.astype(float)
