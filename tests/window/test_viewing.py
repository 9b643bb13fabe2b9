from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="no Qt: pip install 'bcdi-inpaint[window]'")

from PySide6.QtCore import Qt

from bcdi_inpaint.files import read_scan
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
