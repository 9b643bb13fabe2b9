"""Whether a window can be shown here, in our own words: Qt itself would abort the process."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

from bcdi_inpaint.errors import InputError

LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""What Qt aborts without on Linux, and the system's packages that have it."""


def check_display() -> None:
    """InputError where a window cannot be shown; Qt itself would abort the process."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM", "xcb") != "xcb":
        return
    lost = [package for name, package in LIBRARIES.items() if _library(name) is None]
    if lost:
        raise InputError(
            f"{lost[0]} is not installed, expected it for the window: apt install {' '.join(lost)}"
        )
    if os.environ.get("WAYLAND_DISPLAY"):
        return
    display = os.environ.get("DISPLAY", "")
    if not display or not _answers(display):
        what = f"display {display!r} does not answer" if display else "there is no display"
        raise InputError(
            f"{what}, expected one for the window: log in with ssh -X, or look at the picture of "
            "bcdi-inpaint predict --plot"
        )


def _answers(display: str) -> bool:
    xcb = _library("libxcb.so.1")
    if xcb is None:
        return True
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(display.encode(), None))
    error = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not error


def _library(name: str) -> Any:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None
