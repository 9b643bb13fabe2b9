"""The process behind the window: its words become signals, its death a line."""

from __future__ import annotations

from typing import Any

from silx.gui import qt

from bcdi_inpaint.running.watched import Watched


class Worker(qt.QObject):
    """One task at a time; `told` is what it has so far, `ended` its kind and what came of it."""

    told = qt.Signal(object)
    ended = qt.Signal(str, object)

    def __init__(self, process: Watched, parent: qt.QObject) -> None:
        super().__init__(parent)
        self.process = process
        self._bell: qt.QSocketNotifier | None = None

    def do(self, task: str, *args: Any) -> None:
        """Begin a task; see `running.watched`."""
        self.process.do(task, *args)
        self._bell = qt.QSocketNotifier(self.process.fileno(), qt.QSocketNotifier.Read, self)
        self._bell.activated.connect(self._hear)

    def _hear(self) -> None:
        bell = self._bell
        if bell is not None:
            bell.setEnabled(False)
        for kind, value in self.process.messages():
            if kind == "told":
                self.told.emit(value)
            else:
                self._bell = bell = None
                self.ended.emit(kind, value)
        if bell is not None:
            bell.setEnabled(True)
