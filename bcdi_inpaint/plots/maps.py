"""Maps of an object, such as its modulus and its phase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import SubFigure

from bcdi_inpaint.arrays import FloatArray
from bcdi_inpaint.plots.style import N_COLOURS


def draw_maps(
    part: SubFigure,
    maps: Mapping[str, FloatArray],
    label: str,
    cmap: str,
    limits: tuple[float, float],
) -> None:
    """Show maps side by side, without ticks, and their colour bar.

    Parameters
    ----------
    part : of the figure, to draw in.
    maps : images (n_down, n_across) by name.
    label : of the colour bar.
    cmap : name of matplotlib's colours.
    limits : lowest and highest value of the colours.
    """
    axes: Any = part.subplots(1, len(maps), squeeze=False)[0]
    norm, colours = Normalize(*limits), mpl.colormaps[cmap].resampled(N_COLOURS // 2)
    for ax, (name, image) in zip(axes, maps.items(), strict=True):
        ax.imshow(image, cmap=colours, norm=norm, interpolation="nearest")
        ax.set_title(name)
        ax.set_xticks([])
        ax.set_yticks([])
    part.colorbar(ScalarMappable(norm, colours), ax=axes, aspect=14, shrink=0.8).set_label(label)
