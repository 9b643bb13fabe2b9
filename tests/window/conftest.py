"""A real window on a part of the example, on a display of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="no Qt: pip install 'bcdi-inpaint[window]'")
pytest.importorskip("silx.gui.qt", reason="no silx: pip install 'bcdi-inpaint[window]'")
pytest.importorskip("pytestqt", reason="no pytest-qt, which drives the window")

from bcdi_inpaint.files import write_scan
from bcdi_inpaint.files.example import load_example
from bcdi_inpaint.jobs.subject import subject_of_files
from bcdi_inpaint.running.watched import Watched
from bcdi_inpaint.window.main_window import MainWindow

PATIENCE_MS = 120_000


@pytest.fixture(scope="session")
def process() -> Iterator[Watched]:
    """One process for the windows of all tests: it takes seconds to load torch."""
    worker = Watched()
    yield worker
    worker.end()


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The middle of the example, 32 x 48 x 48 voxels, in a file."""
    scan = load_example().part((slice(8, 40), slice(8, 56), slice(8, 56)))
    write_scan(tmp_path / "scan.cxi", scan.counts, scan.bad_mask)
    return tmp_path / "scan.cxi"


@pytest.fixture
def settled(qtbot: Any) -> Callable[[MainWindow], None]:
    """Waits until a window has read all that it shows, and its worker is done."""

    def wait(window: MainWindow) -> None:
        def is_settled() -> bool:
            return not (window.worker.process.is_busy or window.reader.is_busy)

        qtbot.waitUntil(is_settled, timeout=PATIENCE_MS)

    return wait


@pytest.fixture
def opened(qtbot: Any, process: Watched) -> Iterator[Callable[..., MainWindow]]:
    """Opens windows on files, and closes them in the end."""
    windows: list[MainWindow] = []

    def open_window(*files: Path | str) -> MainWindow:
        window = MainWindow(subject_of_files([str(file) for file in files]), process)
        windows.append(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield open_window
    for window in windows:
        if window.worker.process.is_busy:
            process.end()
        window.worker.process = Watched()  # the one that is closed with the window
        window.is_kept = True
        window.close()
        window.deleteLater()
