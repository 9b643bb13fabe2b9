"""Draw the picture of the window in the docs: the shipped example, filled.

`python tools/picture_of_window.py docs/window.png`; no display is needed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from bcdi_inpaint.files.example import EXAMPLE
from bcdi_inpaint.window.opening import application


def main(target: str) -> None:
    """Open the example, fill it, and write the picture."""
    app = application()
    from PySide6.QtTest import QTest

    from bcdi_inpaint.jobs.subject import subject_of_files
    from bcdi_inpaint.window.main_window import MainWindow

    window = MainWindow(subject_of_files([str(EXAMPLE)]))
    window.resize(1280, 820)
    window.show()

    def settle() -> None:
        while window.worker.process.is_busy or window.reader.is_busy:
            QTest.qWait(20)

    settle()
    window.filling.buttons["Fill"].click()
    settle()
    window.viewing.go(22)
    window.viewing.compare_button.click()
    settle()
    app.processEvents()
    window.grab().save(target, "PNG")
    window.is_kept = True
    window.close()
    print(f"{target}: {Path(target).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1])
