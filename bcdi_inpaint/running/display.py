"""Whether a window can be shown here, in our own words: Qt itself would abort the process."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def connected_display() -> Iterator[None]:
    """A display that answers, and stays there while the context is open.

    A server begins anew when its last client leaves, and refuses others meanwhile. So the
    connection by which it was asked is kept until Qt has its own.

    Raises InputError where a window cannot be shown.
    """
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM", "xcb") != "xcb":
        yield
        return
    lost = [package for name, package in LIBRARIES.items() if _library(name) is None]
    if lost:
        raise InputError(
            f"{lost[0]} is not installed, expected it for the window: apt install {' '.join(lost)}"
        )
    if os.environ.get("WAYLAND_DISPLAY"):
        yield
        return
    display = os.environ.get("DISPLAY", "")
    with _connected(display) as answers:
        if not answers:
            what = f"display {display!r} does not answer" if display else "there is no display"
            raise InputError(
                f"{what}, expected one for the window: log in with ssh -X, or look at the picture "
                "of bcdi-inpaint predict --plot"
            )
        yield


@contextmanager
def _connected(display: str) -> Iterator[bool]:
    """A connection to a display; whether there is one."""
    xcb = _library("libxcb.so.1")
    if xcb is None or not display:
        yield bool(display)
        return
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(display.encode(), None))
    try:
        yield not xcb.xcb_connection_has_error(connection)
    finally:
        xcb.xcb_disconnect(connection)


def _library(name: str) -> Any:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None
