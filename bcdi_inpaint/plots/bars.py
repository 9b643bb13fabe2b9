"""Colour bars as high as the picture they stand beside."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize


def draw_bar(ax: Axes, norm: Normalize, colours: Colormap, label: str) -> None:
    """Draw the colour bar of a picture at its right.

    Parameters
    ----------
    ax : the picture, the last of those with these colours.
    norm, colours : of the pictures.
    label : what is shown, with the unit.
    """
    bar = ax.inset_axes((1.05, 0.0, 0.055, 1.0))
    figure = ax.get_figure(root=True)
    assert figure is not None, "axes of a figure"
    figure.colorbar(ScalarMappable(norm, colours), cax=bar).set_label(label)
