"""How long the window takes to open a large scan, and what it holds of it.

`python -m benchmarks.window` makes a scan of 256 frames of 512 x 512 pixels in a passing folder,
opens it in a process of its own without a display, and looks through it along each axis. Printed
are seconds and the memory of that process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SHAPE = (256, 512, 512)
"""Of the scan that is made."""


def make_scan(path: Path) -> None:
    """A peak and a cross-shaped gap, compressed as beamlines do."""
    from bcdi_inpaint.files import write_scan

    rng = np.random.default_rng(0)
    row, column = np.ogrid[: SHAPE[1], : SHAPE[2]]
    counts = np.empty(SHAPE, np.uint32)
    for frame in range(SHAPE[0]):
        far = ((frame - 128) / 3) ** 2 + ((row - 240) / 6) ** 2 + ((column - 250) / 6) ** 2
        counts[frame] = rng.poisson(1e5 / (1 + far) ** 1.7 + 0.02)
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, 254:260] = mask[:, :, 254:260] = True
    counts[mask] = 0
    write_scan(path, counts, mask)


def resident_mb() -> float:
    """What this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def look_through(path: str) -> None:
    """Open a scan, look at frames along each axis, and print seconds and memory."""
    from bcdi_inpaint.window.opening import application

    application()
    from PySide6.QtTest import QTest

    from bcdi_inpaint.jobs.subject import subject_of_files
    from bcdi_inpaint.window.main_window import MainWindow

    empty_mb = resident_mb()
    begun, begun_cpu = time.monotonic(), time.process_time()
    window = MainWindow(subject_of_files([path]))
    window.show()
    _settle(QTest, window)
    took, cpu = time.monotonic() - begun, time.process_time() - begun_cpu
    print(f"opened: {took:.2f} s ({cpu:.2f} s of CPU), {resident_mb() - empty_mb:.0f} MB more")
    for axis, name in enumerate(("frames", "rows", "columns")):
        window.viewing.turn(axis)
        begun, worst = time.monotonic(), 0.0
        for line in np.linspace(100, 160, 31).astype(int):
            now = time.monotonic()
            window.viewing.go(int(line))
            _settle(QTest, window)
            worst = max(worst, time.monotonic() - now)
        mean = (time.monotonic() - begun) / 31
        held = resident_mb() - empty_mb
        print(f"{name}: {mean:.2f} s each, {worst:.2f} s at most, {held:.0f} MB more than empty")
    window.is_kept = True
    window.close()


def _settle(test: type, window: object) -> None:
    while window.reader.is_busy:  # type: ignore[attr-defined]
        test.qWait(5)  # type: ignore[attr-defined]


def main() -> None:
    """Make the scan, and look through it in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.cxi"
        make_scan(path)
        code = f"from benchmarks.window import look_through; look_through({str(path)!r})"
        environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)


if __name__ == "__main__":
    main()
