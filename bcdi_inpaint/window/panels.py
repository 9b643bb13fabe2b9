"""The panels beside the views: the list of gaps, the bad voxels, how to fill, what is known."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from silx.gui import qt
from silx.gui.plot.MaskToolsWidget import MaskToolsWidget

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.jobs.hand_marks import HandMarks
from bcdi_inpaint.running.progress import time_left
from bcdi_inpaint.scan.boxes import AXIS_NAMES

NETWORK = "network"
"""The method that is there before the worker has told of others."""


class GapPanel(qt.QWidget):
    """The gaps, how each was found, and their lines as numbers that can be changed."""

    changed = qt.Signal(int, object)
    chosen = qt.Signal(int)

    def __init__(self, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = qt.QTableWidget(0, 4, self)
        self.table.setHorizontalHeaderLabels(["across", "from", "to", "found"])
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.horizontalHeader().setDefaultAlignment(qt.Qt.AlignLeft)
        self.table.verticalHeader().hide()
        self.table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        self.table.setWordWrap(True)
        self.table.itemSelectionChanged.connect(lambda: self.chosen.emit(self.current))
        self.buttons = button_row(self, "Find", "Add", "Delete", "Try it")
        tips = ("look for the gaps again", "a new gap at the marked voxel", "take the gap out")
        tip = "hide a gap at the marked voxel, in measured voxels, fill it and score the fill"
        for button, words in zip(self.buttons.values(), (*tips, tip), strict=True):
            button.setToolTip(words)
        self.scores = said(self)
        fill_up(self, self.table, row(*self.buttons.values()), self.scores)

    @property
    def current(self) -> int:
        """The number of the chosen gap, -1 for none."""
        return self.table.currentRow() if self.table.selectedItems() else -1

    def show_marks(self, marks: HandMarks) -> None:
        """Show the list as it is now."""
        current = self.current
        self.table.blockSignals(True)
        self.table.setRowCount(0)
        for number, (gap, how) in enumerate(zip(marks.gaps, marks.how, strict=True)):
            self.table.insertRow(number)
            axis = qt.QComboBox()
            axis.addItems(AXIS_NAMES)
            axis.setCurrentIndex(gap.axis)
            axis.activated.connect(lambda _, n=number: self._emit(n))
            self.table.setCellWidget(number, 0, axis)
            for column, line in ((1, gap.start), (2, gap.stop)):
                box = qt.QSpinBox()
                box.setRange(0, max(marks.shape))
                box.setKeyboardTracking(False)
                box.setValue(line)
                box.valueChanged.connect(lambda _, n=number: self._emit(n))
                self.table.setCellWidget(number, column, box)
            item = qt.QTableWidgetItem(how)
            item.setToolTip(how)
            item.setFlags(item.flags() & ~qt.Qt.ItemIsEditable)
            self.table.setItem(number, 3, item)
        self.table.resizeColumnsToContents()
        self.table.blockSignals(False)
        if 0 <= current < len(marks.gaps):
            self.table.selectRow(current)

    def _emit(self, number: int) -> None:
        axis, start, stop = (self.table.cellWidget(number, column) for column in range(3))
        self.changed.emit(number, (axis.currentIndex(), start.value(), stop.value()))


class BadPanel(qt.QWidget):
    """silx's tools for masks, and whether they draw in one frame or in all."""

    def __init__(self, plot: Any, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self.tools = MaskToolsWidget(self, plot)
        self.tools.setDirection(qt.QBoxLayout.TopToBottom)
        self.everywhere = qt.QCheckBox("draw in all frames")
        self.words = said(self)
        self.buttons = button_row(self, "Load...", "Save...")
        self.can_draw = False
        fill_up(self, self.everywhere, self.tools, self.words, row(*self.buttons.values()))

    def show_plane(self, plane: BoolArray | None) -> None:
        """Show what is bad in a frame, None where nothing can be drawn."""
        self.can_draw = plane is not None
        self.tools.setEnabled(self.can_draw)
        self.tools.blockSignals(True)
        if plane is None:
            self.tools.resetSelectionMask()
        else:
            self.tools.setSelectionMask(plane.astype(np.uint8))
        self.tools.blockSignals(False)


class FillPanel(qt.QWidget):
    """How to fill, and how far it is."""

    def __init__(self, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self.method, self.model = qt.QComboBox(), qt.QLineEdit("default")
        self.method.addItem(NETWORK)
        self._learning: tuple[str, ...] = ()
        self.refine = qt.QCheckBox("refine by a short phase retrieval")
        self.minutes = qt.QDoubleSpinBox()
        self.minutes.setRange(0.1, 600)
        self.minutes.setValue(10)
        form = qt.QFormLayout()
        for name, widget in (
            ("method", self.method),
            ("model", self.model),
            ("minutes", self.minutes),
            ("", self.refine),
        ):
            form.addRow(name, widget)
        self.buttons = button_row(self, "Fill", "Stop")
        self.bar = qt.QProgressBar()
        self.words = said(self)
        fill_up(self, form, row(*self.buttons.values()), self.bar, self.words)
        self.layout().addStretch(1)
        self.method.currentTextChanged.connect(self._allow)
        self._began = 0.0
        self._allow()
        self.set_busy(False)

    def offer(self, methods: tuple[str, ...], learning: tuple[str, ...]) -> None:
        """Take up the names of all methods, and of those that learn for some minutes."""
        self._learning = learning
        known = {self.method.itemText(number) for number in range(self.method.count())}
        self.method.addItems([name for name in methods if name not in known])

    def wishes(self) -> dict[str, Any]:
        """What is asked for, by the names of a request."""
        method = self.method.currentText()
        is_network = method == NETWORK
        return {
            "method": method,
            "model": (self.model.text().strip() or "default") if is_network else "default",
            "refine": is_network and self.refine.isChecked(),
            "minutes": self.minutes.value() if method in self._learning else None,
        }

    def _allow(self) -> None:
        """Show what the method heeds."""
        method = self.method.currentText()
        self.model.setEnabled(method == NETWORK)
        self.refine.setEnabled(method == NETWORK)
        self.minutes.setEnabled(method in self._learning)

    def set_busy(self, is_busy: bool) -> None:
        """Say whether the worker is at work."""
        self.buttons["Fill"].setEnabled(not is_busy)
        self.buttons["Stop"].setEnabled(is_busy)
        self.bar.setRange(0, 0 if is_busy else 1)
        self.bar.setValue(0)

    def show_progress(self, what: str, done: int, total: int) -> None:
        """How far it is, and how long it takes still.

        Parameters
        ----------
        what : is being done, in a word.
        done, total : steps done, and in all.
        """
        if done == 0 or what not in self.bar.format():
            self._began = time.monotonic()
        left = time_left(time.monotonic() - self._began, done, total)
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        self.bar.setFormat(f"{what} {done} of {total}{left}")


def button_row(parent: qt.QWidget, *names: str) -> dict[str, qt.QPushButton]:
    """Buttons by their names."""
    return {name: qt.QPushButton(name, parent) for name in names}


def row(*widgets: qt.QWidget) -> qt.QHBoxLayout:
    """Widgets side by side."""
    line = qt.QHBoxLayout()
    for widget in widgets:
        line.addWidget(widget)
    return line


def said(parent: qt.QWidget) -> qt.QLabel:
    """A line of text that wraps, and can be copied."""
    label = qt.QLabel(parent)
    label.setWordWrap(True)
    label.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
    return label


def fill_up(widget: qt.QWidget, *parts: Any) -> None:
    """Widgets and layouts below one another."""
    layout = qt.QVBoxLayout(widget)
    for part in parts:
        add = layout.addLayout if isinstance(part, qt.QLayout) else layout.addWidget
        add(part)
