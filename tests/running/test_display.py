from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.running import display
from bcdi_inpaint.running.display import connected_display


@pytest.fixture(autouse=True)
def _x11(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(display, "LIBRARIES", {})


def test_no_display_is_said_and_where_pictures_are() -> None:
    with pytest.raises(InputError, match=r"there is no display, .*ssh -X"), connected_display():
        pass


def test_a_display_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    with pytest.raises(InputError, match="display ':4711' does not answer"), connected_display():
        pass


def test_a_library_that_qt_would_abort_without_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "LIBRARIES", {"libnobodyhasit.so.0": "libnobody0"})
    with pytest.raises(InputError, match="apt install libnobody0"), connected_display():
        pass


def test_a_platform_that_needs_no_display_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    with connected_display():
        pass


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="no Xvfb")
def test_a_display_is_there_until_qt_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends with its last client, where others begin anew."""
    said, say = os.pipe()
    command = ["Xvfb", "-terminate", "-displayfd", str(say)]
    with subprocess.Popen(command, pass_fds=[say], stderr=subprocess.DEVNULL) as server:
        monkeypatch.setenv("DISPLAY", f":{os.read(said, 9).decode().strip()}")
        with connected_display():
            with pytest.raises(subprocess.TimeoutExpired):
                server.wait(0.5)
            with connected_display():
                pass
        assert server.wait(30) == 0
    os.close(said)
    os.close(say)
