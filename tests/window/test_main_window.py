from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="no Qt: pip install 'bcdi-inpaint[window]'")

from click.testing import CliRunner
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from small_network import write_tiny_weights

from bcdi_inpaint.cli import main
from bcdi_inpaint.files import DETECTOR, read_provenance, read_scan
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.window.main_window import MainWindow

Settled = Callable[[MainWindow], None]
Opened = Callable[..., MainWindow]


def point(window: MainWindow, x: float, y: float) -> tuple[Any, QPoint]:
    """The canvas of the first view, and where in it a point of the picture is."""
    plot = window.viewing.views[0].plot
    left, top = plot.dataToPixel(x, y)
    canvas = plot.getWidgetHandle()
    return canvas, QPoint(int(left), int(top))


def drag(window: MainWindow, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press the left button at a point of the picture, and let it go at another."""
    canvas, first = point(window, *start)
    _, last = point(window, *end)
    QTest.mouseMove(canvas, first)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=first)
    for part in (0.3, 0.7, 1.0):
        QTest.mouseMove(canvas, first + (last - first) * part, delay=20)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=last)


def test_the_whole_story(opened: Opened, settled: Settled, example: Path, qtbot: Any) -> None:
    window = opened(example)
    settled(window)
    marks = window.subject.marks
    assert marks.gaps == [Gap(1, 30, 36), Gap(2, 31, 37)]

    drag(window, (10, 36), (10, 37))
    assert marks.gaps[0] == Gap(1, 30, 37)
    assert marks.how[0] == "given by the user"
    window.gaps.table.cellWidget(0, 2).setValue(36)
    assert marks.gaps[0] == Gap(1, 30, 36)

    settled(window)
    window.tabs.setCurrentWidget(window.bad)
    window.bad.tools.pencilAction.trigger()
    canvas, place = point(window, 12.5, 20.5)
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
    assert [tuple(voxel) for voxel in np.argwhere(marks.drawn)] == [(16, 20, 12)]

    weights = write_tiny_weights(example.with_name("tiny.safetensors"))
    window.filling.model.setText(str(weights))
    window.filling.refine.setChecked(True)
    window.filling.buttons["Fill"].click()
    qtbot.waitUntil(lambda: "refining" in window.filling.bar.format(), timeout=120_000)
    window.filling.buttons["Stop"].click()
    settled(window)
    assert "interrupted" in window.filling.words.text()
    named = window.viewing.fill_of()
    assert named is not None
    assert named.name == "1 network, stopped"

    QApplication.clipboard().setText("nothing")
    assert window.copy_command() == ""
    assert window.filling.words.text().endswith("save the fill first (Ctrl+S)")
    assert QApplication.clipboard().text() == "nothing"
    output = example.with_name("by_hand.cxi")
    window.save(str(output))
    settled(window)
    copied = shlex.split(window.copy_command())
    assert QApplication.clipboard().text() == shlex.join(copied)
    assert f"--mask={output}:/{DETECTOR}/marked_by_user" in copied
    window.filling.refine.setChecked(False)
    question = window.subject.question(**window.filling.wishes())
    command = shlex.split(window.subject.command(question, output))
    assert f"--model={weights}" in command
    assert command[:3] == ["bcdi-inpaint", "predict", str(example)]
    done = CliRunner().invoke(main, [*command[1:], "-o", str(example.with_name("other.cxi"))])
    assert done.exit_code == 0, done.output
    with h5py.File(output) as ours, h5py.File(example.with_name("other.cxi")) as theirs:
        for name in ("data", "filled", "sigma", "lower_bound", "upper_bound", "mask"):
            np.testing.assert_array_equal(
                ours[f"{DETECTOR}/{name}"], theirs[f"{DETECTOR}/{name}"], err_msg=name
            )
    told = read_provenance(output)
    assert told["by_hand"] == "rows 30:36, cols 31:37, 1 bad voxels"
    assert told["job_sha256"] == "interrupted"
    assert told["input"] == "scan.cxi"

    again = opened(example, output)
    settled(again)
    assert again.subject.marks.gaps == marks.gaps
    np.testing.assert_array_equal(again.subject.marks.drawn, marks.drawn)
    assert again.viewing.layer == "after"
    picture = again.viewing.views[0].picture
    assert picture is not None
    assert np.isfinite(picture.image[33]).all()


def test_a_gap_is_hidden_filled_scored_and_compared_and_no_file_is_replaced(
    opened: Opened, settled: Settled, example: Path
) -> None:
    window = opened(example)
    settled(window)
    for method in ("linear", "kriging"):
        window.filling.method.setCurrentText(method)
        window.viewing.cut_axis = 1
        window.viewing.place[1] = 15
        window.gaps.buttons["Try it"].click()
        settled(window)
    assert "rows 12:18 hidden" in window.gaps.scores.text()
    assert "Pearson 0.9" in window.gaps.scores.text()
    assert len(window.subject.marks.gaps) == 2
    window.viewing.compare_button.click()
    window.viewing.chosen[1].setCurrentText("1 tried at rows 12:18")
    window.viewing.slider.setValue(17)
    settled(window)
    left, right = (view.picture for view in window.viewing.views)
    assert left is not None
    assert right is not None
    assert (left.title, right.title) == (
        "frame 17: after, 2 tried at rows 12:18",
        "frame 17: after, 1 tried at rows 12:18",
    )
    assert (left.image != right.image).any()
    np.testing.assert_array_equal(left.image[:12, :31], right.image[:12, :31])
    window.viewing.chosen[1].setCurrentText("as measured")
    settled(window)
    truth = window.viewing.views[1].picture
    assert truth is not None
    np.testing.assert_array_equal(
        truth.image[12:18, :31], read_scan(example).counts[17, 12:18, :31]
    )
    assert window.save_picture(str(example.with_suffix(".png"))) is None
    assert example.with_suffix(".png").stat().st_size > 10_000

    assert window.is_kept
    output = example.with_name("tried.cxi")
    window.save(str(output))
    settled(window)
    said = window.filling.words.text()
    assert said.startswith("fill '2 tried at rows 12:18' was tried or opened, expected one that")
    assert not output.exists()

    window.filling.buttons["Fill"].click()
    settled(window)
    assert not window.is_kept
    before = example.read_bytes()
    window.save(str(example))
    settled(window)
    assert "is the input" in window.filling.words.text()
    assert example.read_bytes() == before
    other = example.with_name("other.cxi")
    other.write_bytes(b"mine")
    window.save(str(other))
    settled(window)
    assert "exists" in window.filling.words.text()
    assert other.read_bytes() == b"mine"


def test_a_worker_that_dies_is_told_and_closing_amid_a_fill_asks(
    opened: Opened, settled: Settled, example: Path, qtbot: Any
) -> None:
    window = opened(example)
    settled(window)
    window.gaps.buttons["Add"].click()
    window.filling.buttons["Fill"].click()
    pid = window.worker.process.pid
    assert pid is not None
    os.kill(pid, 9)
    settled(window)
    said = window.filling.words.text()
    assert said.startswith("its process died (exit code -9)")
    assert said.endswith("what you marked is kept")
    assert not Path(f"/proc/{pid}").exists()
    assert len(window.subject.marks.gaps) == 3

    window.filling.buttons["Fill"].click()
    pid = window.worker.process.pid
    asked: list[str] = []

    def answer(button: Any) -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        asked.append(box.text())
        box.button(button).click()

    QTimer.singleShot(300, lambda: answer(QMessageBox.StandardButton.No))
    assert not window.close()
    QTimer.singleShot(300, lambda: answer(QMessageBox.StandardButton.Yes))
    assert window.close()
    assert asked == ["A fill is running. Close all the same?"] * 2
    assert not Path(f"/proc/{pid}").exists()
