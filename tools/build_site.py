"""Build the site into build/site, and look at every page of it: `make docs` calls this."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SITE = REPOSITORY / "build" / "site"
NEEDED = {
    "sphinx": "docs",
    "joblib": "docs",
    "myst_parser": "docs",
    "numpydoc": "docs",
    "pydata_sphinx_theme": "docs",
    "sphinx_click": "docs",
    "sphinx_copybutton": "docs",
    "sphinx_design": "docs",
    "sphinx_gallery": "docs",
    "finufft": "simulate",
    "lightning": "train",
}
"""Modules that a build needs, and the extra of this package that brings each."""


def complaint(absent: list[str]) -> str:
    """One line on the modules that are not here; "" where none is absent.

    Examples
    --------
    >>> complaint(["sphinx", "myst_parser"])
    "sphinx, myst_parser not installed, expected for the site: pip install '.[docs]'"
    """
    if not absent:
        return ""
    extras = ",".join(dict.fromkeys(NEEDED[module] for module in absent))
    return f"{', '.join(absent)} not installed, expected for the site: pip install '.[{extras}]'"


def build() -> int:
    """Run Sphinx, where a warning is an error; its exit status."""
    started = time.monotonic()
    options = ["-b", "html", "-W", "--keep-going", "-q", "-j", "auto"]
    command = [sys.executable, "-m", "sphinx", *options, "docs", str(SITE)]
    status = subprocess.run(command, cwd=REPOSITORY, env=_environment(), check=False).returncode
    print(
        f"the site: {SITE.relative_to(REPOSITORY)}/index.html, {time.monotonic() - started:.0f} s"
    )
    return status


def _environment() -> dict[str, str]:
    """A core for each process: Sphinx forks, which processes with threads do not survive."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def main() -> int:
    """Build, look, and say what is wrong; the exit status."""
    said = complaint([module for module in NEEDED if find_spec(module) is None])
    if said:
        print(said, file=sys.stderr)
        return 2
    status = build()
    if status:
        return status
    from docs_site.looking import look_at

    return look_at(SITE)


if __name__ == "__main__":
    sys.exit(main())
