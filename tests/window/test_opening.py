from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets", reason="no Qt: pip install 'bcdi-inpaint[window]'")

from click.testing import CliRunner

import bcdi_inpaint as bcdi
from bcdi_inpaint.cli import main
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.window.opening import application


def test_without_qt_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PySide6.QtWidgets", None)
    with pytest.raises(InputError, match=r"pip install 'bcdi-inpaint\[window\]'"):
        application()


def test_a_broken_file_is_refused_in_one_line(tmp_path: Path, qtbot: Any) -> None:
    broken = tmp_path / "scan.cxi"
    broken.write_bytes(b"no scan")
    done = CliRunner().invoke(main, ["view", str(broken)])
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    assert "is not HDF5" in done.output


def test_a_scan_in_memory_is_looked_at_with_its_gaps(qtbot: Any) -> None:
    counts = np.random.default_rng(0).poisson(30, (4, 24, 24))
    mask = np.zeros(counts.shape, dtype=bool)
    mask[:, 10:14] = True
    window = bcdi.view(counts, mask, block=False)
    qtbot.waitUntil(lambda: not window.reader.is_busy, timeout=60_000)
    assert [str(gap) for gap in window.subject.marks.gaps] == ["rows 10:14"]
    np.testing.assert_array_equal(window.viewing.views[0].picture.image, counts[2])
    pid = window.worker.process.pid
    window.is_kept = True
    window.close()
    assert not Path(f"/proc/{pid}").exists()
