"""Images of counts with the outline of the gap."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.plots.cuts import runs_of
from bcdi_inpaint.plots.style import DARKEST, OUTLINE, colormap

HIDES = 30
"""Times its width that a gap's picture is large, from which on an outline would hide the gap."""


def show_frame(
    ax: Axes,
    image: FloatArray,
    norm: Normalize,
    outline: BoolArray,
    box: tuple[slice, slice] | None = None,
    *,
    first: tuple[int, int] = (0, 0),
    cmap: Colormap | None = None,
) -> None:
    """Show an image of counts with the outline of the gap, in array indices.

    A gap that is too narrow for an outline is marked at the edges of the picture instead.

    Parameters
    ----------
    ax : axes to draw in.
    image : (n_y, n_x) counts, NaN = unknown.
    norm : scale of the colours.
    outline : (n_y, n_x) bool, the gap.
    box : the part to show; all by default.
    first : index along each axis of the image's first pixel.
    cmap : other colours than those of counts.
    """
    rows, columns = box or (slice(0, image.shape[0]), slice(0, image.shape[1]))
    row, column = rows.start + first[0], columns.start + first[1]
    shown, gap = image[rows, columns], outline[rows, columns]
    edges = (column - 0.5, column + shown.shape[1] - 0.5, row + shown.shape[0] - 0.5, row - 0.5)
    # Counts of 0 are dark, not unknown: a log scale would mask them.
    ax.imshow(
        np.maximum(shown, DARKEST) if cmap is None else shown,
        norm=norm,
        cmap=cmap or colormap(),
        extent=edges,
        aspect="auto",
        interpolation="nearest",
    )
    if not _is_narrow(gap):
        _outline(ax, gap, row, column)
    _mark_edges(ax, gap, row, column)
    ax.locator_params(nbins=5, integer=True)


def _is_narrow(gap: BoolArray) -> bool:
    """Whether lines around a gap would hide what is in it."""
    lines = [np.asarray(line) for axis in (0, 1) for line in (gap.any(axis), gap.all(axis))]
    return any(
        (last - start + 1) * HIDES < line.size
        for line in lines
        for start, last in runs_of(np.flatnonzero(line))
    )


def _mark_edges(ax: Axes, gap: BoolArray, first_row: int, first_column: int) -> None:
    """Bars beside the picture where the lines of a gap end there."""
    rows, columns = gap.all(axis=1), gap.all(axis=0)
    bar: dict[str, Any] = {"color": "black", "lw": 2.5, "clip_on": False, "solid_capstyle": "butt"}
    for start, last in [] if rows.all() else runs_of(np.flatnonzero(rows)):
        ends = [start + first_row - 0.5, last + first_row + 0.5]
        ax.plot([1.015, 1.015], ends, transform=ax.get_yaxis_transform(), **bar)
    for start, last in [] if columns.all() else runs_of(np.flatnonzero(columns)):
        ends = [start + first_column - 0.5, last + first_column + 0.5]
        ax.plot(ends, [1.015, 1.015], transform=ax.get_xaxis_transform(), **bar)


def _outline(ax: Axes, mask: BoolArray, first_row: int, first_column: int) -> None:
    """Lines around the True pixels, along the pixels' edges but not along the picture's."""
    row, column = np.nonzero(mask[1:] != mask[:-1])
    level = np.stack([column - 0.5, column + 0.5, row + 0.5, row + 0.5])  # x, x, y, y of each edge
    row, column = np.nonzero(mask[:, 1:] != mask[:, :-1])
    upright = np.stack([column + 0.5, column + 0.5, row - 0.5, row + 0.5])
    edges = np.concatenate([level, upright], axis=1)  # (4, n_edges)
    across, down = edges[:2] + first_column, edges[2:] + first_row
    lift = np.full((1, edges.shape[1]), np.nan)  # ends each edge
    x, y = (np.concatenate([ends, lift]).T.ravel() for ends in (across, down))
    ax.plot(x, y, color=OUTLINE, lw=0.7, antialiased=False, scalex=False, scaley=False)


def window_around(brightness: FloatArray, size: int) -> tuple[slice, slice]:
    """A box of at most `size` pixels a side around the brightest pixel, inside the image."""
    box = []
    centre = np.unravel_index(int(brightness.argmax()), brightness.shape)
    for index, n in zip(centre, brightness.shape, strict=True):
        start = int(np.clip(int(index) - size // 2, 0, max(0, n - size)))
        box.append(slice(start, min(n, start + size)))
    return box[0], box[1]
