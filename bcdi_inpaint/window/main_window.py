"""The window: views in the middle, panels beside them, a worker behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from silx.gui import qt

from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.jobs.asked import FILL, FIND, TRY, Answer, Found, Question, Tried
from bcdi_inpaint.jobs.calculated import Calculated
from bcdi_inpaint.jobs.shown import Look, Named
from bcdi_inpaint.jobs.subject import Subject
from bcdi_inpaint.running.watched import Watched
from bcdi_inpaint.window.keeping import Keeping, MadeFill
from bcdi_inpaint.window.panels import BadPanel, FillPanel, GapPanel
from bcdi_inpaint.window.reading import Reader
from bcdi_inpaint.window.viewing import Viewing
from bcdi_inpaint.window.worker import Worker

TRY_WIDTH = 6
"""Lines of a gap that is new: a MAXIPIX has them."""


class MainWindow(Keeping):
    """A scan in a window; `subject` is what it shows."""

    def __init__(self, subject: Subject, process: Watched | None = None) -> None:
        super().__init__()
        self.subject, self.reader = subject, Reader(self)
        self.worker = Worker(process or Watched(), self)
        self.reader.failed = self.say
        self.worker.told.connect(self._hear_told)
        self.worker.ended.connect(self._hear_end)
        self.lines: list[str] = []
        self._asked: Question | None = None
        self.task, self.is_kept = "", True
        self.viewing = Viewing(subject.shown, self.reader, self)
        self.setCentralWidget(self.viewing)
        self._add_panels()
        self._add_menu()
        self.viewing.chosen[0].currentIndexChanged.connect(self._tell_about)
        self.viewing.pointed.connect(self.statusBar().showMessage)
        drag = subject.marks.drag
        self.viewing.gap_dragged.connect(lambda *to: self._change(lambda: drag(*to)))
        self.viewing.shown_now.connect(self._show_drawn)
        self.setWindowTitle(f"{subject.name} - bcdi-inpaint")
        self.resize(1320, 860)
        for named in subject.fills:
            self._list(named)
        self._show_marks()
        self._tell_about()

    def _add_panels(self) -> None:
        self.gaps, self.filling = GapPanel(self), FillPanel(self)
        self.bad = BadPanel(self.viewing.views[0].plot, self)
        self.about = qt.QPlainTextEdit(self)
        self.about.setReadOnly(True)
        self.tabs = qt.QTabWidget(self)
        for name, panel in (
            ("Gaps", self.gaps),
            ("Bad voxels", self.bad),
            ("Fill", self.filling),
            ("About", self.about),
        ):
            self.tabs.addTab(panel, name)
        dock = qt.QDockWidget(self)
        dock.setTitleBarWidget(qt.QWidget(dock))
        dock.setWidget(self.tabs)
        self.addDockWidget(qt.Qt.RightDockWidgetArea, dock)
        self.gaps.changed.connect(self.move_gap)
        self.gaps.chosen.connect(lambda n: self.viewing.update_gaps(self.subject.marks.gaps, n))
        acts = (self.find_gaps, self.add_gap, self.delete_gap, self.try_it)
        for button, act in zip(self.gaps.buttons.values(), acts, strict=True):
            button.clicked.connect(act)
        self.filling.buttons["Fill"].clicked.connect(self.fill)
        self.filling.buttons["Stop"].clicked.connect(self.stop)
        self.bad.tools.sigMaskChanged.connect(self._take_drawn)
        self.bad.buttons["Load..."].clicked.connect(lambda: self.load_mask())
        self.bad.buttons["Save..."].clicked.connect(lambda: self.save_mask())

    def say(self, line: str) -> None:
        """Say something in the window's own words."""
        self.filling.words.setText(line)
        self.statusBar().showMessage(line)

    # --- marking --------------------------------------------------------------------------------

    def _show_marks(self) -> None:
        marks = self.subject.marks
        self.gaps.show_marks(marks)
        self.viewing.update_gaps(marks.gaps, self.gaps.current)

    def move_gap(self, number: int | None, lines: tuple[int, int, int]) -> None:
        """Put a gap elsewhere, or a new one where `number` is None."""
        self._change(lambda: self.subject.marks.put(number, *lines))

    def _change(self, act: Callable[[], Any]) -> None:
        """Change the gaps; what is wrong is said, and they stay."""
        self._try(act)
        self.is_kept = False
        self._show_marks()

    def _gap_here(self) -> tuple[int, int, int]:
        """A gap of the usual width at the voxel that is marked."""
        chosen = self.viewing.cut_axis
        start = self.viewing.place[chosen] - TRY_WIDTH // 2
        return chosen, start, start + TRY_WIDTH

    def add_gap(self) -> None:
        """A new gap at the voxel that is marked."""
        self.move_gap(None, self._gap_here())

    def delete_gap(self) -> None:
        """Take the chosen gap out."""
        if self.gaps.current >= 0:
            self._change(lambda: self.subject.marks.delete(self.gaps.current))

    def _show_drawn(self, look: Look) -> None:
        """The user's bad voxels in the frame that is shown; they are drawn in frames alone."""
        can_draw, self._frame = look.axis == 0 and not look.is_sum, look.place[0]
        self.bad.show_plane(self.subject.marks.plane(self._frame) if can_draw else None)
        if not self.task:  # the first picture is there: now the worker may take the processor
            self._ask(FIND, self.subject.question())

    def _take_drawn(self) -> None:
        plane = self.bad.tools.getSelectionMask(copy=False)
        if plane is None or not self.bad.can_draw:
            return
        marks = self.subject.marks
        marks.draw(self._frame, plane > 0, everywhere=self.bad.everywhere.isChecked())
        self.bad.words.setText(marks.words)
        self.is_kept = False

    # --- the worker -----------------------------------------------------------------------------

    def _ask(self, task: str, question: Question, *more: Any) -> bool:
        """Let the worker do something; whether it is free to."""
        if self.worker.process.is_busy:
            self.say("the worker is busy, expected it to be free: stop it first")
            return False
        self._asked, self.task = question, task
        self.worker.do(task, question, *more)
        self._set_busy(True)
        return True

    def _set_busy(self, is_busy: bool) -> None:
        self.filling.set_busy(is_busy)
        for name, button in self.gaps.buttons.items():
            button.setEnabled(not is_busy or name == "Add")

    def _hear_told(self, message: tuple[Any, ...]) -> None:
        what, *value = message
        if what == "line":
            self.say(value[0])
        elif what == "methods":
            self.filling.offer(*value)
        elif what == "progress":
            self.filling.show_progress(*value)
        elif what == "filled":
            self._show_now("being filled", value[0])
        elif what == "retrieved":
            self.subject.shown.calculated = Calculated(*value)
            self.viewing.draw()

    def _show_now(self, name: str, made: Any) -> None:
        """Show a fill that is being made in the place of the one before."""
        self.subject.shown.forget()
        fills = self.viewing.fills
        if fills and fills[-1].name == name:
            fills[-1].fill = made
            self.viewing.draw()
        else:
            self.viewing.add_fill(Named(name, made))

    def _hear_end(self, kind: str, value: Any) -> None:
        self._set_busy(False)
        self.viewing.drop("being filled")
        if kind in ("failed", "died"):
            kept = "; what you marked is kept" if kind == "died" else ""
            self.say(f"{value}{kept}")
        elif isinstance(value, Found):
            self._hear_found(value)
        elif isinstance(value, Answer):
            self._hear_made(value)
        elif isinstance(value, Tried):
            self._hear_tried(value)
        else:
            self._hear_saved(value)

    def _hear_found(self, found: Found) -> None:
        if not self.subject.marks.is_by_hand:
            self.subject.marks.take(found.finding)
        self.lines = list(found.lines)
        if found.peak is not None:
            self.viewing.go_to_peak(found.peak)
        self._show_marks()
        self.gaps.table.selectRow(0)
        self._tell_about()
        self.say(found.lines[0])

    def _hear_made(self, made: Answer) -> None:
        question = self._asked
        assert question is not None, "it was asked"
        self.is_kept = False
        name = str(question.wishes["method"]) + ", refined" * made.is_refined
        self._list_made(made, name, MadeFill(question, made))

    def _hear_tried(self, tried: Tried) -> None:
        """Show a fill that hides measured voxels: it is looked at, and cannot be saved."""
        at = ", ".join(map(str, tried.hidden))
        self._list_made(tried.answer, f"tried at {at}")
        self.gaps.scores.setText(tried.words)

    def _list_made(self, made: Answer, name: str, to_save: MadeFill | None = None) -> None:
        name += "" if made.is_whole else ", stopped"
        number = len(self.viewing.fills) + 1
        self._list(Named(f"{number} {name}", made.fill, made.words, to_save))
        self.say(made.said or f"filled by {name}")

    def _list(self, named: Named) -> None:
        self.subject.shown.forget()
        self.viewing.add_fill(named)
        self._tell_about()

    def _tell_about(self) -> None:
        named = self.viewing.fill_of()
        parts = ["\n".join(self.lines), *([] if named is None else [named.name, named.words])]
        self.about.setPlainText("\n\n".join(filter(None, parts)))

    def find_gaps(self) -> None:
        """Look for the gaps."""
        self.subject.marks.forget_gaps()
        self._show_marks()
        self._ask(FIND, self.subject.question())
        self.say("looking for the gaps")

    def fill(self) -> None:
        """Fill the gaps as they are marked now."""
        self._ask(FILL, self.subject.question(**self.filling.wishes()))

    def try_it(self) -> None:
        """Hide a gap at the marked voxel, fill it, and score it."""
        hidden = (Gap(*self._gap_here()),)
        self._ask(TRY, self.subject.question(**self.filling.wishes()), hidden)

    def stop(self) -> None:
        """Stop with the best so far."""
        self.worker.process.stop()
        self.say("stopping: the best so far is kept")
