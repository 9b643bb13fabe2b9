"""Images of counts with the outline of the gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import SubFigure

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.plots.style import AXIS_NAMES, DARKEST, OUTLINE, colormap, log_norm


def show_frame(
    ax: Axes,
    image: FloatArray,
    norm: LogNorm,
    outline: BoolArray,
    box: tuple[slice, slice] | None = None,
) -> None:
    """Show an image of counts with the outline of the gap, in array indices.

    Parameters
    ----------
    ax : axes to draw in.
    image : (n_y, n_x) counts, NaN = unknown.
    norm : scale of the colours.
    outline : (n_y, n_x) bool, the gap.
    box : the part to show; all by default.
    """
    rows, columns = box or (slice(0, image.shape[0]), slice(0, image.shape[1]))
    edges = (columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5)
    # Counts of 0 are dark, not unknown: a log scale would mask them.
    ax.imshow(
        np.maximum(image[rows, columns], DARKEST),
        norm=norm,
        cmap=colormap(),
        extent=edges,
        aspect="auto",
        interpolation="nearest",
    )
    _outline(ax, outline[rows, columns], rows.start, columns.start)
    ax.locator_params(nbins=5, integer=True)


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


def draw_frames(
    part: SubFigure,
    images: Mapping[str, FloatArray],
    gap: BoolArray,
    box: tuple[slice, slice],
    frame: int,
) -> None:
    """Show frames side by side in common colours, with their colour bar.

    Parameters
    ----------
    part : of the figure, to draw in.
    images : frames (n_y, n_x) of counts by name.
    gap : (n_y, n_x) bool, outlined.
    box : the part to show.
    frame : index of the frame, for the label.
    """
    rows, columns = box
    norm = log_norm([image[rows, columns] for image in images.values()])
    axes: Any = part.subplots(1, len(images), squeeze=False)[0]
    for ax, (name, image) in zip(axes, images.items(), strict=True):
        show_frame(ax, image, norm, gap, box)
        first = ax is axes[0]
        ax.set_title(name)
        ax.set_xlabel(AXIS_NAMES[2])
        ax.set_ylabel(AXIS_NAMES[1] if first else "")
        ax.tick_params(labelleft=first)
        ax.set_aspect("equal")
    bar = part.colorbar(ScalarMappable(norm, colormap()), ax=axes, aspect=25, pad=0.01)
    bar.set_label(f"counts, frame {frame}")
