"""Where studies keep what they make and may need again: patterns, slabs, trained weights."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

CACHE_VARIABLE = "BCDI_INPAINT_CACHE"
"""The environment variable that names the folder."""


def cache_folder() -> Path:
    """The folder of things that can be made again.

    It is what ``BCDI_INPAINT_CACHE`` names, else ``bcdi-inpaint`` in ``XDG_CACHE_HOME``, else in
    ``~/.cache``.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "bcdi-inpaint"


def key_of(values: Any) -> str:
    """A short name of plain values, the same for the same values alone.

    Examples
    --------
    >>> key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    True
    >>> len(key_of([1.5]))
    12
    """
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
