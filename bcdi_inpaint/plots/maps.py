"""Maps of an object, such as its modulus and its phase, with a scale bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from bcdi_inpaint.arrays import FloatArray
from bcdi_inpaint.plots.bars import draw_bar
from bcdi_inpaint.plots.style import N_COLOURS


@dataclass(frozen=True)
class MapScale:
    """The colours of maps that are shown together.

    Attributes
    ----------
    label : of the colour bar, with the unit.
    cmap : name of matplotlib's colours.
    limits : lowest and highest value of the colours.
    """

    label: str
    cmap: str
    limits: tuple[float, float]


def draw_maps(
    axes: Sequence[Axes],
    maps: Mapping[str, FloatArray | str],
    scale: MapScale,
    *,
    titles: bool = True,
    voxel_nm: tuple[float, float] | None = None,
) -> None:
    """Show maps side by side, without ticks, and their colour bar.

    Parameters
    ----------
    axes : a row of them, one for each map.
    maps : images (n_down, n_across) by name, NaN = nothing there; or a text to stand in its place.
    scale : of the colours.
    titles : whether each has its name above it.
    voxel_nm : sides of a voxel down and across in nm; None where that is not known.
    """
    norm = Normalize(*scale.limits)
    colours = mpl.colormaps[scale.cmap].resampled(N_COLOURS // 2)
    down, across = (1.0, 1.0) if voxel_nm is None else voxel_nm
    for ax, (name, image) in zip(axes, maps.items(), strict=True):
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_title(name if titles else "")
        if isinstance(image, str):
            ax.set_axis_off()
            ax.text(0.5, 0.5, image, transform=ax.transAxes, ha="center", va="center", color="0.4")
            continue
        ax.imshow(image, cmap=colours, norm=norm, interpolation="nearest", aspect=down / across)
    draw_bar(axes[-1], norm, colours, scale.label)


def draw_scale_bar(ax: Axes, voxel_nm: float | None) -> None:
    """A bar of a round length in nm, or else in voxels, about a third of the picture wide."""
    low, high = sorted(ax.get_xlim())
    width = high - low
    size = round_length(width * (voxel_nm or 1.0) / 3)
    length = size / (voxel_nm or 1.0)
    bottom, top = ax.get_ylim()
    y, x = bottom + 0.05 * (top - bottom), low + 0.05 * width
    ax.plot([x, x + length], [y, y], color="white", lw=3, solid_capstyle="butt")
    text = f"{size:g} {'nm' if voxel_nm else 'voxels'}"
    ax.text(x + length + 0.03 * width, y, text, color="white", va="center", fontsize=9)
    ax.set_xlim(low, high)
    ax.set_ylim(bottom, top)


def round_length(longest: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... that is not longer.

    Examples
    --------
    >>> round_length(34.0), round_length(7.2)
    (20.0, 5.0)
    """
    power = 10.0 ** np.floor(np.log10(max(longest, 1e-9)))
    return float(max(factor for factor in (1, 2, 5) if factor * power <= longest * 1.0001) * power)
