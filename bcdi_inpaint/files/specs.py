"""How a user names what to read: a file, or a data set in one."""

from __future__ import annotations

import re
from pathlib import Path

HDF5_SUFFIXES = (".cxi", ".h5", ".hdf5", ".hdf", ".nxs")


def bliss_name(inner: str, stem: str) -> str | None:
    """A name for the scan at a path of a BLISS file `stem`, None for other paths.

    It holds the sample and the data set where the entry does: a collection has many scans 1.

    Examples
    --------
    >>> bliss_name("7.1/measurement/mpx1x4", "raw"), bliss_name("S_0002_1.1", "S")
    ('raw_S7', 'S_0002_S1')
    """
    form = re.fullmatch(r"(?:([^/]*)_)?(\d+)\.1(?:/measurement(?:/[^/]+)?)?", inner)
    if form is None:
        return None
    sample = form[1] or ""
    before = sample if sample.startswith(stem) else "_".join(filter(None, (stem, sample)))
    return f"{before}_S{form[2]}"


def split_spec(path_or_spec: str | Path) -> tuple[Path, str | None]:
    """``file.h5:/path`` as the file and the path inside it; the path is None where none is given.

    A file whose name holds the colon is taken as it is. What comes before a colon is the file
    where one lies there, whatever its ending. So are ``scan.npz:key``, an array, and
    ``frames_%04d.edf:100-199``, a part of a series (also ``frames_%04d.edf[100-199]``).

    Examples
    --------
    >>> path, inner = split_spec("raw.h5:/1.1/measurement/mpx1x4")
    >>> path.name, inner
    ('raw.h5', '1.1/measurement/mpx1x4')
    """
    text = str(path_or_spec)
    part = _SERIES_PART.fullmatch(text)
    if part is not None and not _exists(Path(text)):
        return Path(part[1]), part[2]
    if ":" not in text or _exists(Path(text)):
        return Path(path_or_spec), None
    colons = [place for place, letter in enumerate(text) if letter == ":"]
    for place in reversed(colons):
        if _is_file(Path(text[:place])):
            return Path(text[:place]), _inner(text[place:])
    form = re.fullmatch(rf"(.+?(?:{_SUFFIX_PATTERN}))(:[^:]*|::[^:]*)", text, re.IGNORECASE)
    return (Path(text), None) if form is None else (Path(form[1]), _inner(form[2]))


def _inner(after: str) -> str | None:
    return after.lstrip(":").strip("/") or None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # no name of a file
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


_SUFFIX_PATTERN = "|".join(re.escape(suffix) for suffix in HDF5_SUFFIXES)
_SERIES_PART = re.compile(r"(.*%0?\d*d[^/:\[\]]*)(?::/?|\[)(\d+-\d+)\]?")
