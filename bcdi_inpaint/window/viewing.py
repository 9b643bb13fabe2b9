"""What is looked at: axis, line, layer; two views side by side whose sliders are one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from silx.gui import qt

from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.jobs.shown import ACROSS, LAYERS, TITLES, Look, Named, Picture, Shown
from bcdi_inpaint.scan.boxes import Shape, as_shape
from bcdi_inpaint.window.cut_view import CutView
from bcdi_inpaint.window.frame_view import FrameView
from bcdi_inpaint.window.reading import Reader

MEASURED = "as measured"
"""What the second view shows besides fills: the true counts where a gap was hidden."""
KEYS = dict(zip(LAYERS, "123456", strict=True))


class Viewing(qt.QWidget):
    """The views of a scan and what they show; `pointed` says what is under the mouse."""

    pointed = qt.Signal(str)
    gap_dragged = qt.Signal(int, str, float)
    shown_now = qt.Signal(object)

    def __init__(self, shown: Shown, reader: Reader, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown, self._reader = shown, reader
        self.fills: list[Named] = []
        self.gaps: Sequence[Gap] = ()
        self.place: list[int] = [n // 2 for n in shown.shape]
        self.peak: Shape | None = None
        self._chosen = -1
        self.axis, self.layer, self.cut_axis = 0, "before", 1
        first = FrameView(parent=self)
        self.views = [first, FrameView(first, self)]
        self.cut = CutView(self)
        self._lay_out()
        for view in self.views:
            view.pointed.connect(partial(self._point, view))
            view.clicked.connect(self._click)
            view.gap_dragged.connect(self.gap_dragged)
        self.views[0].plot.getXAxis().sigLimitsChanged.connect(self._link_zoom)
        self.views[1].setVisible(False)
        self.turn(0)

    def _lay_out(self) -> None:
        both, over = qt.QSplitter(self), qt.QSplitter(qt.Qt.Vertical, self)
        for view in self.views:
            both.addWidget(view)
        over.addWidget(both)
        over.addWidget(self.cut)
        over.setSizes([620, 240])
        line = qt.QHBoxLayout()
        self.slider, self.number = qt.QSlider(qt.Qt.Horizontal, self), qt.QSpinBox(self)
        self._of = qt.QLabel(self)
        for widget in (self.slider, self.number, self._of):
            line.addWidget(widget)
        for widget in (self.slider, self.number):
            widget.valueChanged.connect(self.go)
        layout = qt.QVBoxLayout(self)
        layout.addLayout(self._choices())
        layout.addLayout(line)
        layout.addWidget(over, 1)

    def _choices(self) -> qt.QHBoxLayout:
        """The buttons of axes and layers, the sum, and the second view."""
        line = qt.QHBoxLayout()
        self.axis_buttons = [
            self._button(line, f"{title}s", key, partial(self.turn, axis))
            for axis, (title, key) in enumerate(zip(TITLES, "FRC", strict=True))
        ]
        self.sum_button = self._button(line, "sum", "S", self.draw)
        line.addSpacing(16)
        self.layer_buttons = {
            name: self._button(line, name, key, partial(self.look, name), LAYERS[name])
            for name, key in KEYS.items()
        }
        line.addStretch(1)
        self.compare_button = self._button(line, "compare", "X", self.compare)
        self.chosen = [qt.QComboBox(self), qt.QComboBox(self)]
        for box in self.chosen:
            box.setSizeAdjustPolicy(qt.QComboBox.AdjustToContents)
            box.currentIndexChanged.connect(self.draw)
            line.addWidget(box)
        self.chosen[1].addItem(MEASURED)
        self.chosen[1].setVisible(False)
        return line

    def _button(
        self, line: qt.QHBoxLayout, text: str, key: str, act: Callable[[], None], tip: str = ""
    ) -> qt.QToolButton:
        button = qt.QToolButton(self)
        button.setText(text)
        button.setCheckable(True)
        button.setShortcut(qt.QKeySequence(key))
        button.setToolTip(f"{tip or text} (key {key})")
        button.clicked.connect(lambda _: act())
        line.addWidget(button)
        return button

    # --- what is shown --------------------------------------------------------------------------

    def turn(self, axis: int) -> None:
        """Look along another axis."""
        self.axis = axis
        for number, button in enumerate(self.axis_buttons):
            button.setChecked(number == axis)
        n = self.shown.shape[axis]
        for widget in (self.slider, self.number):
            widget.blockSignals(True)
            widget.setRange(0, n - 1)
            widget.blockSignals(False)
        self._of.setText(f"of {n}")
        self.go(self.place[axis])

    def go(self, line: int) -> None:
        """Look at another line of the axis."""
        self.place[self.axis] = line
        for widget in (self.slider, self.number):
            widget.blockSignals(True)
            widget.setValue(line)
            widget.blockSignals(False)
        self.draw()

    def look(self, layer: str) -> None:
        """Look at another layer."""
        self.layer = layer
        self.draw()

    def compare(self) -> None:
        """Show or hide the second view."""
        for widget in (self.views[1], self.chosen[1]):
            widget.setVisible(self.compare_button.isChecked())
        self.draw()

    def add_fill(self, named: Named) -> None:
        """Take a fill up into the list and show it."""
        self.fills.append(named)
        for box in self.chosen:
            box.addItem(named.name)
        self.chosen[0].setCurrentIndex(len(self.fills) - 1)
        self.look("after")

    def drop(self, name: str) -> None:
        """Take a fill that was only shown out of the list."""
        numbers = [n for n, named in enumerate(self.fills) if named.name == name]
        for n in reversed(numbers):
            del self.fills[n]
            self.chosen[0].removeItem(n)
            self.chosen[1].removeItem(n + 1)  # after MEASURED
        self.draw()

    def fill_of(self, number: int = 0) -> Named | None:
        """The fill that a view shows; names may be alike, places in the list are not."""
        place = self.chosen[number].currentIndex() - number  # the second list begins with MEASURED
        return self.fills[place] if 0 <= place < len(self.fills) else None

    def update_gaps(self, gaps: Sequence[Gap], chosen: int = -1) -> None:
        """Outline other gaps."""
        self.gaps, self._chosen = gaps, chosen
        if 0 <= chosen < len(gaps):
            self.cut_axis = gaps[chosen].axis
        for view in self.views:
            view.show_gaps(gaps, chosen)
        self.draw()

    def go_to_peak(self, peak: Shape) -> None:
        """Mark the peak's centre, and look there."""
        self.peak, self.place = peak, list(peak)
        self.turn(self.axis)

    # --- drawing --------------------------------------------------------------------------------

    @property
    def where(self) -> Look:
        """Where it looks now."""
        is_sum, gaps = self.sum_button.isChecked(), tuple(self.gaps)
        return Look(self.axis, as_shape(self.place), self.layer, is_sum, gaps, self.cut_axis)

    def draw(self) -> None:
        """Read what is to be seen, and show it when it is there."""
        look, shown = self.where, self.shown
        for name, button in self.layer_buttons.items():
            there = shown.calculated if name == "calculated" else self.fill_of()
            button.setEnabled(name == "before" or there is not None)
            button.setChecked(name == self.layer)
        for number, view in enumerate(self.views):
            if number == 0 or self.compare_button.isChecked():
                is_measured = number and self.chosen[1].currentIndex() == 0
                own = replace(look, layer="before") if is_measured else look
                read = partial(shown.picture, own, self.fill_of(number))
                self._reader.ask(f"view {number}", read, partial(self._show, view))
        named = self.fill_of()
        self._reader.ask("cut", lambda _: shown.cuts(look, named), partial(self.cut.show_cut, look))

    def _show(self, view: FrameView, picture: Picture) -> None:
        view.show_picture(picture)
        view.show_gaps(self.gaps, self._chosen)
        across, down = ACROSS[picture.look.axis]
        view.show_peak(None if self.peak is None else (self.peak[across], self.peak[down]))
        if view is self.views[0]:
            self.shown_now.emit(picture.look)

    def _link_zoom(self) -> None:
        """The second view shows the same part as the first."""
        plot = self.views[0].plot
        x, y = plot.getXAxis().getLimits(), plot.getYAxis().getLimits()
        self.views[1].plot.setLimits(*x, *y)

    def _click(self, x: float, y: float) -> None:
        self.place = list(self.where.moved(x, y, self.shown.shape))
        self.draw()

    def _point(self, view: FrameView, x: float, y: float) -> None:
        picture = view.picture
        self.pointed.emit("" if picture is None else picture.words_at(x, y))
