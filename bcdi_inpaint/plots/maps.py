"""Maps of an object, such as its modulus and its phase, with a scale bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import SubFigure

from bcdi_inpaint.arrays import FloatArray
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
    part: SubFigure,
    maps: Mapping[str, FloatArray | None],
    scale: MapScale,
    *,
    titles: bool = True,
    voxel_nm: tuple[float, float] | None = None,
    bar: bool = False,
) -> None:
    """Show maps side by side, without ticks, and their colour bar.

    Parameters
    ----------
    part : of the figure, to draw in.
    maps : images (n_down, n_across) by name, NaN = nothing there; None leaves a place empty.
    scale : of the colours.
    titles : whether each has its name above it.
    voxel_nm : sides of a voxel down and across in nm; None where that is not known.
    bar : whether the first has a scale bar, in nm or else in voxels.
    """
    axes: Any = part.subplots(1, len(maps), squeeze=False)[0]
    norm, colours = (
        Normalize(*scale.limits),
        mpl.colormaps[scale.cmap].resampled(N_COLOURS // 2),
    )
    down, across = (1.0, 1.0) if voxel_nm is None else voxel_nm
    for ax, (name, image) in zip(axes, maps.items(), strict=True):
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_title(name if titles else "")
        if image is None:
            ax.set_axis_off()
            continue
        ax.imshow(image, cmap=colours, norm=norm, interpolation="nearest", aspect=down / across)
    if bar:
        _draw_scale_bar(axes[0], None if voxel_nm is None else across)
    part.colorbar(ScalarMappable(norm, colours), ax=axes, aspect=14, pad=0.012).set_label(
        scale.label
    )


def _draw_scale_bar(ax: Axes, voxel_nm: float | None) -> None:
    """A bar of a round length, about a third of the picture wide."""
    low, high = sorted(ax.get_xlim())
    width = high - low
    size = round_length(width * (voxel_nm or 1.0) / 3)
    length = size / (voxel_nm or 1.0)
    bottom, top = ax.get_ylim()
    y, x = bottom + 0.07 * (top - bottom), low + 0.06 * width
    ax.plot([x, x + length], [y, y], color="white", lw=3, solid_capstyle="butt")
    text = f"{size:g} {'nm' if voxel_nm else 'voxels'}"
    ax.text(x, y + 0.03 * (top - bottom), text, color="white", va="bottom", fontsize=9)
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
