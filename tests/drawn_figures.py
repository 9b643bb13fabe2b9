"""What a figure shows, read back from its axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

PEAK = (12, 20, 26)
"""Of the fixture `scan`."""
LOSSES = np.array([[1, 1.0], [2, 0.5]])


def pictured(ax) -> np.ndarray:
    """The values that an axes' image shows, NaN = unknown."""
    return np.ma.filled(ax.images[0].get_array().astype(float), np.nan)


def panels(figure: Figure, row: str) -> list:
    """The three axes of a row of views whose first panel carries this label."""
    axes = figure.axes
    starts = [i for i, ax in enumerate(axes) if row in [t.get_text() for t in ax.texts]]
    return [axes[i : i + 3] for i in starts]


def titled(part: Figure | SubFigure) -> dict[str, Axes]:
    """The axes of a part of a figure, and of the parts of it, by their titles."""
    found = {ax.get_title(): ax for ax in part.axes}
    for inner in part.subfigs:
        found |= titled(inner)
    return found
