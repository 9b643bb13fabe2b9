from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="no Qt: pip install 'bcdi-inpaint[window]'")

from PySide6.QtWidgets import QFileDialog

from bcdi_inpaint.files import DETECTOR
from bcdi_inpaint.window.main_window import MainWindow

Settled = Callable[[MainWindow], None]
Opened = Callable[..., MainWindow]


def test_the_command_names_the_file_that_holds_the_bad_voxels_of_the_fill(
    opened: Opened, settled: Settled, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = opened(example)
    settled(window)
    files = [example.with_name(name) for name in ("first.cxi", "second.cxi", "first.cxi")]
    names = ["1 linear", "2 linear", "3 linear"]
    for number, file in enumerate(files):
        bad = np.zeros((48, 48), dtype=bool)
        bad[5 : 6 + number, 5] = True
        window.subject.marks.draw(0, bad, everywhere=True)
        window.filling.method.setCurrentText("linear")
        window.fill()
        settled(window)
        assert window.copy_command() == ""
        answer = str(file), ""
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, answer=answer: answer)
        window.save()
        settled(window)
        assert window.filling.words.text() == f"written: {file}"

    masks = []
    for name in names:
        window.viewing.chosen[0].setCurrentText(name)
        command = window.copy_command().split()
        masks.append([word for word in command if word.startswith("--mask=")])
    said = [[f"--mask={file}:/{DETECTOR}/marked_by_user"] for file in files]
    assert masks == [[], said[1], said[2]]
