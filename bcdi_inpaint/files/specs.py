"""How a user names what to read: a file, or a data set in one."""

from __future__ import annotations

import re
from pathlib import Path

HDF5_SUFFIXES = (".cxi", ".h5", ".hdf5", ".hdf", ".nxs")


def bliss_number(inner: str) -> int | None:
    """The scan's number in the path of a BLISS file's data, None for other paths."""
    form = re.fullmatch(r"(?:[^/]*_)?(\d+)\.1/measurement/[^/]+", inner)
    return None if form is None else int(form[1])


def split_spec(path_or_spec: str | Path) -> tuple[Path, str | None]:
    """``file.h5:/path`` as the file and the path inside it; the path is None where none is given.

    A file whose name holds the colon is taken as it is.

    Examples
    --------
    >>> path, inner = split_spec("raw.h5:/1.1/measurement/mpx1x4")
    >>> path.name, inner
    ('raw.h5', '1.1/measurement/mpx1x4')
    """
    form = re.fullmatch(rf"(.+?(?:{_SUFFIX_PATTERN}))::?([^:]*)", str(path_or_spec), re.IGNORECASE)
    if form is None or Path(path_or_spec).exists():
        return Path(path_or_spec), None
    return Path(form[1]), form[2].strip("/") or None


_SUFFIX_PATTERN = "|".join(re.escape(suffix) for suffix in HDF5_SUFFIXES)
