"""Opening the window: what it needs, a display among it, is asked for in its own words."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bcdi_inpaint.errors import require
from bcdi_inpaint.running.display import connected_display

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from bcdi_inpaint.filling.fill import Filled
    from bcdi_inpaint.gaps.gap import Gap
    from bcdi_inpaint.scan.scan import Measured


def view(
    scan: str | Path | Measured | np.ndarray,
    gaps: np.ndarray | Gap | Iterable[Gap] | None = None,
    fill: Filled | Sequence[Filled] | None = None,
    *,
    block: bool | None = None,
) -> Any:
    """Look at a scan and its fills in a window, mark gaps, fill them, and keep what came of it.

    Parameters
    ----------
    scan : a scan, its file, or (n_rock, n_y, n_x) photon counts.
    gaps : what `find_gaps` returns, gaps, or a mask; by default the window looks for them.
    fill : a fill of the scan, or several, to be compared.
    block : whether to return when the window is closed; by default so in a script, while in
        IPython and Jupyter the window lives beside the notebook.

    Returns
    -------
    The window.

    Raises
    ------
    InputError
        For a scan that cannot be read, arrays that do not fit, no display, or no Qt.
    """
    app = application()
    from bcdi_inpaint.jobs.subject import subject_of
    from bcdi_inpaint.window.main_window import MainWindow

    fills = () if fill is None else fill if isinstance(fill, Sequence) else (fill,)
    window = MainWindow(subject_of(scan, gaps, fills))
    window.show()
    if _blocks() if block is None else block:
        app.exec()
    return window


def view_files(files: Sequence[str]) -> None:
    """Look at a scan's file, and at files of its fills and reconstructions, until it is closed."""
    app = application()
    from bcdi_inpaint.jobs.subject import subject_of_files
    from bcdi_inpaint.window.main_window import MainWindow

    window = MainWindow(subject_of_files(files))
    window.show()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C, which Qt would keep waiting
    app.exec()


def application() -> Any:
    """The application of Qt, made where there is none.

    Raises InputError where there is no Qt or no display.
    """
    widgets: Any = require("PySide6.QtWidgets", "window", "the window")
    app = widgets.QApplication.instance()
    if app is None:
        with connected_display():
            app = widgets.QApplication(sys.argv[:1])
        app.setStyle("Fusion")
    require("silx.gui.qt", "window", "the window")
    return app


def _blocks() -> bool:
    """Whether a call waits for the window; in IPython its own loop keeps the window alive."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return True
    shell.enable_gui("qt")
    return False
