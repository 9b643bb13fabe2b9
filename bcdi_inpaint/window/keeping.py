"""What a window keeps: fills, pictures, masks, the command line; and how it closes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from silx.gui import qt

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs.asked import FIND, WRITE, Answer, Question
from bcdi_inpaint.jobs.subject import add_file


@dataclass
class MadeFill:
    """A fill that Fill made: what was asked, what came, and the file that it was saved in."""

    question: Question
    answer: Answer
    saved: Path | None = None


class Keeping(qt.QMainWindow):
    """The part of the main window that has to do with files."""

    _being_saved: MadeFill

    def _add_menu(self) -> None:
        menu = self.menuBar().addMenu("&File")
        for text, keys, act in (
            ("Open a fill or a reconstruction...", "Ctrl+O", self.open_file),
            ("Save the fill...", "Ctrl+S", self.save),
            ("Save a picture...", "Ctrl+P", self.save_picture),
            ("Copy the command line", "Ctrl+L", self.copy_command),
            ("Close", "Ctrl+Q", self.close),
        ):
            action = menu.addAction(text)
            action.setShortcut(qt.QKeySequence(keys))
            action.triggered.connect(lambda _=False, act=act: act())

    def load_mask(self, path: str = "") -> None:
        """Add the bad voxels of a mask file."""
        path = path or qt.QFileDialog.getOpenFileName(self, "Load a mask")[0]
        self._try(lambda: path and self.subject.marks.load_file(path))
        self.bad.words.setText(self.subject.marks.words)
        self.viewing.draw()

    def save_mask(self, path: str = "") -> None:
        """Write the bad voxels to a file that `--mask` takes."""
        chosen = path or qt.QFileDialog.getSaveFileName(self, "Save", "bad.npy", "*.npy")[0]
        self._try(lambda: chosen and self.subject.marks.save(Path(chosen), force=not path))

    def _try(self, act: Any) -> Any:
        """Do something; what is wrong is said."""
        try:
            return act()
        except (InputError, OSError) as error:
            self.say(str(error))
            return None

    def open_file(self, path: str = "") -> None:
        """Take up a fill or a reconstruction of this scan."""
        path = path or qt.QFileDialog.getOpenFileName(self, "Open")[0]
        named = self._try(lambda: add_file(self.subject, path)) if path else None
        if named is not None:
            self._list(named)
        self._show_marks()
        self.viewing.draw()

    def save(self, path: str = "") -> None:
        """Write the fill that is shown."""
        named = self.viewing.fill_of()
        if named is None:
            return self.say("nothing was filled here, expected a fill: press Fill first")
        if named.made is None:
            return self.say(
                f"fill '{named.name}' was tried or opened, expected one that Fill made: press "
                "Fill, or choose another in the list"
            )
        default = str(self.subject.output)
        chosen = path or qt.QFileDialog.getSaveFileName(self, "Save", default, "*.cxi")[0]
        if chosen:
            made, output = named.made, Path(chosen).absolute()
            command = self.subject.command(made.question, output)
            if self._ask(WRITE, made.question, made.answer, output, not path, command):
                self._being_saved = made

    def _hear_saved(self, output: Path) -> None:
        for named in self.viewing.fills:
            if named.made is not None and named.made.saved == output:
                named.made.saved = None  # another fill has taken its place
        self._being_saved.saved = output
        self.is_kept = True
        self.say(f"written: {output}")

    def save_picture(self, path: str = "") -> None:
        """Write a picture of what is shown."""
        chosen = path or qt.QFileDialog.getSaveFileName(self, "Picture", "window.png", "*.png")[0]
        if chosen and not self.grab().save(chosen, "PNG"):
            self.say(f"picture {chosen} could not be written, expected space and permission")

    def copy_command(self) -> str:
        """Copy the command line that makes the fill that is shown; empty where there is none."""
        named = self.viewing.fill_of()
        made = None if named is None else named.made
        if made is None:
            question, saved = self.subject.question(**self.filling.wishes()), None
        else:
            question, saved = made.question, made.saved
        command = self._try(lambda: self.subject.command(question, saved))
        if command is None:
            return ""
        qt.QApplication.clipboard().setText(command)
        self.say(command)
        return str(command)

    def closeEvent(self, event: qt.QCloseEvent) -> None:  # noqa: N802  (Qt's name)
        """End the worker; what was not kept is asked about."""
        if not self._may_close():
            event.ignore()
            return
        self.worker.process.end()
        self.reader.close()
        super().closeEvent(event)

    def _may_close(self) -> bool:
        is_filling = self.worker.process.is_busy and self.task != FIND
        if self.is_kept and not is_filling:
            return True
        what = "A fill is running" if is_filling else "What you marked or filled is not saved"
        answer = qt.QMessageBox.question(self, "bcdi-inpaint", f"{what}. Close all the same?")
        return bool(answer == qt.QMessageBox.Yes)
