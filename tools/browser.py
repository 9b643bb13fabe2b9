"""Pages in a headless Chromium: what they become there, and a picture of them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Without a screen, and without asking anything of the network."""


def find_browser() -> str | None:
    """The path of a Chromium; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def dumped(browser: str, page: Path, hash_: str = "", size: tuple[int, int] = (1280, 800)) -> str:
    """The page's HTML after its script has run.

    Parameters
    ----------
    browser : the path of a Chromium.
    page : the file.
    hash_ : what follows ``#`` in the address.
    size : width and height of the window in pixels.
    """
    return _run(browser, _address(page, hash_), "--dump-dom", _window(size)).decode()


def shoot(browser: str, page: Path, png: Path, size: tuple[int, int], hash_: str = "") -> None:
    """Take a picture of a page.

    Parameters
    ----------
    browser : the path of a Chromium.
    page : the file.
    png : the picture to write.
    size : width and height of the window in pixels.
    hash_ : what follows ``#`` in the address.
    """
    _run(browser, _address(page, hash_), f"--screenshot={png.absolute()}", _window(size))


def _window(size: tuple[int, int]) -> str:
    return f"--window-size={size[0]},{size[1]}"


def _address(page: Path, hash_: str) -> str:
    return page.absolute().as_uri() + (f"#{hash_}" if hash_ else "")


def _run(browser: str, address: str, *flags: str) -> bytes:
    """The browser's output; it runs with a profile of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            browser,
            *FLAGS,
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            *flags,
            address,
        ]
        done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return done.stdout
