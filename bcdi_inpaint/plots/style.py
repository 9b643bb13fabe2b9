"""What all pictures have in common: sizes, colours, the names of the axes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bcdi_inpaint.arrays import FloatArray

AXIS_NAMES = ("rocking curve (frame)", "detector vertical (row)", "detector horizontal (column)")
SHORT_NAMES = ("frame", "row (vertical)", "column (horizontal)")
"""Of the axes, where pictures stand close to each other."""
INDEX_NAMES = ("frame", "row", "column")
#: Axes across and down the picture when looking along an axis; rows run down in both their views.
VIEWS = {0: (2, 1), 2: (0, 1), 1: (2, 0)}
DARKEST = 0.5  # counts; below one count, so that single counts stand out from none
N_COLOURS = 96  # of a map: fewer than the eye tells apart, so that a palette holds them all
UNKNOWN = "0.72"
NOT_FILLED = "#ecedf0"
OUTLINE = "white"
COLOURS = {"truth": "black", "linear": "#2a78c2", "ours": "#d1352b"}
_DPI = 100
STYLE: Any = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 9.5,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
}


class Picture(Figure):
    """A figure that a notebook shows, also where nobody has imported pyplot."""

    def _repr_png_(self) -> bytes:
        """What a notebook asks for."""
        stream = io.BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, which are `_DPI` pixels."""
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.05)
    return Picture(figsize=(width, height), dpi=_DPI, layout=layout)


def log_norm(images: Sequence[FloatArray]) -> LogNorm:
    """The colour scale of some images of counts together: from less than one to the brightest."""
    brightest = max((float(np.nanmax(i)) for i in images if not np.isnan(i).all()), default=1.0)
    return LogNorm(DARKEST, max(brightest, 10.0), clip=False)


def colormap() -> Colormap:
    """The colours of counts; what is unknown is grey, what is dark not."""
    turbo = mpl.colormaps["turbo"].resampled(N_COLOURS)
    return turbo.with_extremes(bad=UNKNOWN, under=turbo(0))
