"""The cut: counts along a line through the gap, the fill, and how sure it is as a shaded band."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from silx.gui import qt
from silx.gui.plot import PlotWidget

from bcdi_inpaint.arrays import FloatArray
from bcdi_inpaint.jobs.shown import TITLES, Look

LEAST = 0.1
"""Counts below it are drawn at it: a logarithm knows no zero."""
MEASURED, FILL, BAND, OTHER = "#1b1b1b", "#d1352b", "#d1352b40", "#2a78c2"


class CutView(PlotWidget):
    """A plot of counts on a logarithmic scale."""

    def __init__(self, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent, backend="mpl")
        self.setActiveCurveHandling(False)
        self.getYAxis().setScale("log")
        self.setGraphYLabel("counts")
        self.setGraphGrid("major")
        self.setMinimumHeight(150)
        self.setAxesMargins(0.08, 0.14, 0.02, 0.24)

    def show_cut(self, look: Look, layers: Mapping[str, FloatArray]) -> None:
        """Draw counts along the axis of the cut, by the name of their layer."""
        axis = look.cut_axis
        at = ", ".join(f"{TITLES[a]} {p}" for a, p in enumerate(look.place) if a != axis)
        self.clear()
        self.setGraphTitle(f"cut through {at}")
        self.setGraphXLabel(TITLES[axis])
        lines = {name: np.maximum(values, LEAST) for name, values in layers.items()}
        if "lower" in lines:
            self._band(lines["lower"], lines["upper"])
        x = np.arange(len(lines["before"]))
        for name, colour, symbol in (
            ("calculated", OTHER, ""),
            ("after", FILL, ""),
            ("before", MEASURED, "o"),
        ):
            if name in lines and not np.isnan(lines[name]).all():
                self.addCurve(x, lines[name], name, color=colour, symbol=symbol, linewidth=1.6)
        for curve in self.getAllCurves():
            curve.setSymbolSize(3.5)
        for gap in look.gaps:
            if gap.axis == axis:
                for line in (gap.start, gap.stop):
                    self.addXMarker(line - 0.5, color="#888888").setLineStyle(":")
        self.resetZoom()

    def _band(self, lower: FloatArray, upper: FloatArray) -> None:
        """The interval where it is one, a shade for each run of filled voxels."""
        inside = np.flatnonzero(np.isfinite(upper) & (upper > lower))
        for run in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1):
            if run.size:
                x = run.astype(float) if run.size > 1 else run + np.array([-0.3, 0.3])
                low, high = (np.resize(side[run], x.size) for side in (lower, upper))
                self.addCurve(
                    x, high, f"band {run[0]}", color=BAND, fill=True, baseline=low, linestyle=" "
                )
