"""A browser without a screen, spoken to through two pipes: how a page is on a phone.

The protocol is the browser's own (Chrome DevTools Protocol), a JSON text ending in a zero byte for
each message; file descriptors 3 and 4 carry it (``--remote-debugging-pipe``).
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser import FLAGS

SPOKEN_TO = ("--allow-file-access-from-files", "--remote-debugging-pipe")
"""What the browser needs besides, to be asked about pages in files."""
_LAUNCH = (
    "import os, sys; read, write = map(int, sys.argv[1:3]); "
    "os.dup2(read, 3); os.dup2(write, 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""The pipes have to be descriptors 3 and 4 of the browser: a process before it sees to it."""


class Tab:
    """A page of the browser that can be sent somewhere and asked."""

    def __init__(self, read: int, write: int) -> None:
        self._from, self._to = os.fdopen(read, "rb"), os.fdopen(write, "wb")
        self._number, self._rest, self._events = 0, b"", list[str]()
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the browser and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._from.fileno(), 1 << 16)
            if not piece:
                raise RuntimeError("the browser has ended")
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        if "method" in answer:
            self._events.append(answer["method"])
        return answer

    def resize(self, width: int, height: int) -> None:
        """Give the page a size in pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def open(self, page: Path) -> None:
        """Open a file and wait until all of it is loaded."""
        self._events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        while "Page.loadEventFired" not in self._events:
            self._receive()

    def ask(self, expression: str) -> Any:
        """What an expression of JavaScript is in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    def photograph(self, path: Path, *, whole: bool = False) -> None:
        """Write a picture of the page as it is seen, or of the whole of it."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(data["data"]))

    def close(self) -> None:
        """End the browser, and wait for nothing."""
        self._session = None
        self.call("Browser.close")
        self._from.close()
        self._to.close()


@contextmanager
def browser(path: str) -> Iterator[Tab]:
    """Start a browser with a profile of its own, and end it."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [*FLAGS, *SPOKEN_TO, f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out), path, *flags],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            tab = Tab(ours_in, ours_out)
            yield tab
            tab.close()
            process.wait(timeout=20)
        finally:
            process.kill()
            process.wait()
