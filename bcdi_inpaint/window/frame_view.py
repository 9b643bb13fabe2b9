"""One view of the scan: an image, its colours, the gaps and the peak over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from silx.gui import qt
from silx.gui.colors import Colormap
from silx.gui.plot import PlotWidget
from silx.gui.plot.ColorBar import ColorBarWidget

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.jobs.shown import ACROSS, TITLES, Picture

DARKEST = 0.5
"""Counts; below one, so that single counts stand out from none."""
_Colours = dict[tuple[bool, bool], Colormap]
"""Colours by whether they are of counts, and of a sum."""
EDGE, BAD, PEAK = "#ffffff", (255, 60, 200, 150), "#ffffff"


class FrameView(qt.QWidget):
    """An image with gaps that can be dragged; `pointed` and `clicked` give (across, down)."""

    pointed = qt.Signal(float, float)
    clicked = qt.Signal(float, float)
    gap_dragged = qt.Signal(int, str, float)

    def __init__(self, other: FrameView | None = None, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = PlotWidget(self, backend="mpl")
        self.plot.setKeepDataAspectRatio(False)
        self.plot.getYAxis().setInverted(True)
        self.plot.setActiveCurveHandling(False)
        self.plot.setAxesMargins(0.13, 0.08, 0.03, 0.12)
        # the same colours in both views, so that they can be compared
        self._colours: _Colours = _colours() if other is None else other._colours
        self._bar = ColorBarWidget(self, self.plot)
        layout = qt.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self._bar)
        self._gaps: Sequence[Gap] = ()
        self._axis = -1
        self.picture: Picture | None = None
        self.plot.sigPlotSignal.connect(self._heed)

    def show_picture(self, picture: Picture) -> None:
        """Show an image; the zoom stays while the axis does."""
        is_new = picture.look.axis != self._axis
        self._axis, self.picture = picture.look.axis, picture
        colours = self.colours_of(picture)
        _reach(colours, picture)
        across, down = ACROSS[self._axis]
        self.plot.addImage(
            picture.image,
            legend="image",
            colormap=colours,
            resetzoom=is_new,
            copy=False,
            xlabel=TITLES[across],
            ylabel=TITLES[down],
        )
        self.plot.setActiveImage("image")
        self.plot.setGraphTitle(picture.title)
        self._show_bad(picture.bad)
        x, y = picture.look.at
        self.plot.addMarker(x + 0.5, y + 0.5, "cut", color="#ffd21f", symbol="x")

    def colours_of(self, picture: Picture) -> Colormap:
        """The colours of a picture; sums have their own, which reach further up than planes'."""
        return self._colours[picture.is_counts, picture.look.is_sum]

    def _show_bad(self, bad: BoolArray | None) -> None:
        if bad is None or not bad.any():
            self.plot.remove("bad", kind="image")
            return
        over = np.zeros((*bad.shape, 4), np.uint8)
        over[bad] = BAD
        self.plot.addImage(over, legend="bad", resetzoom=False, copy=False, z=2)

    def show_peak(self, place: tuple[int, int] | None) -> None:
        """Mark where the Bragg peak's centre is, (across, down)."""
        self.plot.remove("peak", kind="marker")
        if place is not None:
            x, y = place
            self.plot.addMarker(x + 0.5, y + 0.5, "peak", color=PEAK, symbol="+")

    def show_gaps(self, gaps: Sequence[Gap], chosen: int = -1) -> None:
        """Outline the gaps; an edge is dragged by itself, the dotted middle moves all."""
        self._gaps = gaps
        for item in self.plot.getItems():
            if item.getName().startswith("gap "):
                self.plot.removeItem(item)
        if self._axis < 0:
            return
        for number, gap in enumerate(gaps):
            if gap.axis != self._axis:
                self._outline(number, gap, number == chosen)

    def _outline(self, number: int, gap: Gap, is_chosen: bool) -> None:
        is_across = ACROSS[self._axis][0] == gap.axis
        add = self.plot.addXMarker if is_across else self.plot.addYMarker
        middle = (gap.start + gap.stop) / 2
        for part, line in (("start", gap.start), ("middle", middle), ("stop", gap.stop)):
            marker = add(
                line,
                f"gap {number} {part}",
                text=str(gap) if part == "middle" else None,
                color="#ffd21f" if is_chosen else EDGE,
                draggable=True,
            )
            marker.setLineStyle(":" if part == "middle" else "-")
            marker.setLineWidth(0.6 if part == "middle" else 1.3)

    def _heed(self, event: dict) -> None:
        """Mouse and markers, in the words of silx."""
        kind = event["event"]
        if kind == "mouseMoved":
            self.pointed.emit(event["x"], event["y"])
        elif kind == "mouseClicked" and event["button"] == "left":
            self.clicked.emit(event["x"], event["y"])
        elif kind == "markerMoved" and event["label"].startswith("gap "):
            number, part = event["label"].split()[1:]
            across = ACROSS[self._axis][0] == self._gaps[int(number)].axis
            self.gap_dragged.emit(int(number), part, event["x" if across else "y"])


def _colours() -> _Colours:
    """Colours that reach no picture yet."""
    found: _Colours = {}
    for is_sum in (False, True):
        found[True, is_sum] = Colormap("turbo", normalization="log", vmin=DARKEST, vmax=10)
        found[False, is_sum] = Colormap("viridis", vmin=0, vmax=1)
    for colours in found.values():
        colours.setNaNColor("#b8b8b8")
    return found


def _reach(colours: Colormap, picture: Picture) -> None:
    """Let colours reach up to a picture, never down, so that frames can be compared."""
    known = picture.image[np.isfinite(picture.image)]
    brightest = float(known.max()) if known.size else 0.0
    if brightest > (colours.getVMax() or 0):
        colours.setVMax(brightest)
