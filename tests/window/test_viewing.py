from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="no Qt: pip install 'bcdi-inpaint[window]'")

from PySide6.QtCore import Qt

from bcdi_inpaint.files import read_scan
from bcdi_inpaint.jobs.predict import predict
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.window.main_window import MainWindow

Settled = Callable[[MainWindow], None]
Opened = Callable[..., MainWindow]


def test_frames_and_sums_are_shown_until_the_file_disappears(
    opened: Opened, settled: Settled, example: Path, qtbot: Any
) -> None:
    window = opened(example)
    settled(window)
    scan = read_scan(example)
    known = np.where(scan.bad_mask, np.nan, scan.counts)
    for key, axis in ((Qt.Key.Key_C, 2), (Qt.Key.Key_R, 1), (Qt.Key.Key_F, 0)):
        qtbot.keyClick(window, key)
        qtbot.waitUntil(lambda axis=axis: window.viewing.axis == axis)
        window.viewing.slider.setValue(20)
        settled(window)
        picture = window.viewing.views[0].picture
        assert picture is not None
        plane = known.take(20, axis)
        np.testing.assert_array_equal(picture.image, plane.T if axis == 2 else plane)
    assert window.gaps.table.rowCount() == 2
    assert window.viewing.peak == (16, 24, 24)
    assert "advice: gap of 6" in window.about.toPlainText()

    window.viewing.sum_button.click()
    settled(window)
    picture = window.viewing.views[0].picture
    assert picture is not None
    total = np.where(scan.bad_mask.all(axis=0), np.nan, (scan.counts * ~scan.bad_mask).sum(axis=0))
    np.testing.assert_array_equal(picture.image, total)
    assert picture.words_at(3.2, 5.9) == f"frame all, row 5, column 3: before {total[5, 3]:.6g}"

    window.viewing.sum_button.click()
    settled(window)
    picture = window.viewing.views[0].picture
    example.unlink()
    window.viewing.slider.setValue(3)
    settled(window)
    assert str(example) in window.filling.words.text()
    assert window.viewing.views[0].picture is picture


def test_fills_whose_files_have_one_name_are_compared(
    opened: Opened, settled: Settled, example: Path
) -> None:
    files = []
    for method in ("linear", "kriging"):
        file = example.parent / method / "fill.cxi"
        file.parent.mkdir()
        predict(Request(str(example), file, method=method))
        files.append(file)
    window = opened(example, *files)
    settled(window)
    viewing = window.viewing
    for named in viewing.fills:
        named.name = "fill.cxi"  # places in the list tell them apart, not names
    viewing.compare_button.click()
    viewing.chosen[0].setCurrentIndex(0)
    viewing.chosen[1].setCurrentIndex(2)
    settled(window)
    left, right = (view.picture for view in viewing.views)
    assert left is not None
    assert right is not None
    assert (left.image != right.image).any()
    assert "method: linear" in window.about.toPlainText()
    viewing.chosen[0].setCurrentIndex(1)
    settled(window)
    assert "method: kriging" in window.about.toPlainText()
    now = viewing.views[0].picture
    assert now is not None
    np.testing.assert_array_equal(now.image, right.image)


def test_a_sum_leaves_the_colours_of_frames_as_they_are(
    opened: Opened, settled: Settled, example: Path
) -> None:
    file = example.with_name("fill.cxi")
    predict(Request(str(example), file, method="linear"))
    window = opened(example, file)
    settled(window)
    view = window.viewing.views[0]
    reach: dict[str, list[float]] = {}
    for layer in ("sigma", "after"):
        window.viewing.look(layer)
        settled(window)
        reach[layer] = []
        for _ in range(3):  # a frame, the sum, the frame again
            assert view.picture is not None
            image = view.plot.getImage("image")
            reach[layer].append(image.getColormap().getVMax())
            assert np.nanmax(view.picture.image) <= reach[layer][-1]
            window.viewing.sum_button.click()
            settled(window)
        window.viewing.sum_button.click()
    for frame, total, again in reach.values():
        assert frame == again < total
