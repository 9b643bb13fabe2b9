"""A close-up of the gap: so near that a gap of six lines is seen, and its outline hides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.plots.bars import draw_bar
from bcdi_inpaint.plots.frames import show_frame, window_around
from bcdi_inpaint.plots.slices import slice_of
from bcdi_inpaint.plots.style import (
    INDEX_NAMES,
    N_COLOURS,
    NOT_FILLED,
    SHORT_NAMES,
    VIEWS,
    colormap,
    log_norm,
)

SMALLEST, WIDEST = 30, 72
"""Sides of a close-up in voxels."""
SIGMA, ERROR = "how sure: sigma", "how far off: |error|"
"""What maps of a fill's doubt and of its error are called."""


@dataclass(frozen=True)
class Closeup:
    """Where to look: a slice of the volume, and a box of it.

    Attributes
    ----------
    axis, index : of the slice.
    box : rows and columns of the slice, as `slices.slice_of` turns it.
    """

    axis: int
    index: int
    box: tuple[slice, slice]

    @property
    def axes(self) -> tuple[int, int]:
        """Array axes down and across the picture."""
        across, down = VIEWS[self.axis]
        return down, across

    @property
    def corner(self) -> tuple[int, int]:
        """Index of its first pixel along them."""
        return self.box[0].start, self.box[1].start

    @property
    def name(self) -> str:
        """Which slice it is."""
        return f"{INDEX_NAMES[self.axis]} {self.index}"

    def of(self, volume: np.ndarray) -> np.ndarray:
        """What is seen of a volume (n_rock, n_y, n_x)."""
        image: np.ndarray = slice_of(volume, self.axis, self.index)[self.box]
        return image


def closeup_of(light: FloatArray, gap: BoolArray, size: int | None = None) -> Closeup:
    """The close-up of the brightest part of a gap; without a gap of the brightest frame.

    It is of a frame, or across the rows where the gap is whole frames.

    Parameters
    ----------
    light : (n_rock, n_y, n_x) counts, NaN = unknown.
    gap : (n_rock, n_y, n_x) bool.
    size : side in voxels at most; by default some times the gap's width.
    """
    where = gap if gap.any() else np.ones_like(gap)
    shining = np.where(where, np.maximum(np.nan_to_num(light), 0), 0)
    if not shining.any():
        shining = where.astype(float)
    axis, index = 0, int(shining.sum(axis=(1, 2)).argmax())
    if gap[index].all():
        axis, index = 1, int(shining[index].sum(axis=1).argmax())
    around = gaussian_filter(slice_of(shining, axis, index).astype(float), 2)
    image = slice_of(where, axis, index)
    around = np.where(image, around, -1)
    if size is None:
        middle = np.unravel_index(int(around.argmax()), image.shape)
        size = int(np.clip(5 * _width(image, middle), SMALLEST, WIDEST))
    return Closeup(axis, index, window_around(around, size))


def _width(gap: BoolArray, at: tuple[Any, ...]) -> int:
    """How many pixels wide a gap is at one of its pixels, along the axis where it is less."""
    widths = []
    for line, place in ((gap[:, at[1]], at[0]), (gap[at[0]], at[1])):
        edges = np.flatnonzero(~line)
        before, after = edges[edges < place], edges[edges > place]
        first = int(before[-1]) + 1 if before.size else 0
        widths.append((int(after[0]) if after.size else len(line)) - first)
    return min(widths)


def draw_closeup(
    axes: Sequence[Axes],
    view: Closeup,
    images: Mapping[str, FloatArray],
    gap: BoolArray,
    doubts: Mapping[str, FloatArray] | None = None,
    *,
    norm: Normalize | None = None,
    corner: tuple[int, int, int] = (0, 0, 0),
) -> None:
    """Draw what `view` shows: images of counts in common colours, then how sure the fill is.

    Parameters
    ----------
    axes : a row of them, one for each image and each doubt.
    view : where to look.
    images : of counts by name, as `view` shows them.
    gap : bool, as `view` shows it.
    doubts : standard deviations or errors of log(1 + counts) by name, as `view` shows them.
    norm : colours of counts of a row above, which has their bar; by default those of `images`.
    corner : of the volume in the scan, for the indices along the axes.
    """
    down, across = view.axes
    first = (view.corner[0] + corner[down], view.corner[1] + corner[across])
    colours = norm or log_norm(list(images.values()))
    for ax, (name, image) in zip(axes, images.items(), strict=False):
        show_frame(ax, image, colours, gap, first=first)
        ax.set_title(name, pad=8)
    if norm is None:
        label = f"counts, {INDEX_NAMES[view.axis]} {view.index + corner[view.axis]}"
        draw_bar(axes[len(images) - 1], colours, colormap(), label)
    _draw_doubts(axes[len(images) :], doubts or {}, gap, first)
    for ax in axes:
        ax.set_aspect("equal")
        ax.set_xlabel(SHORT_NAMES[across])
        ax.tick_params(labelleft=ax is axes[0])
    axes[0].set_ylabel(SHORT_NAMES[down])


def _draw_doubts(
    axes: Sequence[Axes], doubts: Mapping[str, FloatArray], gap: BoolArray, first: tuple[int, int]
) -> None:
    """How sure a fill is, in common colours; outside the gap it is as it was counted: pale."""
    shown = {name: np.where(gap, image, np.nan) for name, image in doubts.items()}
    if not shown or not gap.any():
        return
    widest = max(float(np.nanpercentile(image, 99)) for image in shown.values())
    norm = Normalize(0, max(widest, 0.1))
    colours = mpl.colormaps["inferno"].resampled(N_COLOURS // 2).with_extremes(bad=NOT_FILLED)
    for ax, (name, image) in zip(axes, shown.items(), strict=True):
        show_frame(ax, image, norm, gap & False, first=first, cmap=colours)
        ax.set_title(name, pad=8)
    draw_bar(axes[-1], norm, colours, "of log(1 + counts)")
