"""Outputs: their names, and when they may be written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.left_masks import is_our_mask
from bcdi_inpaint.files.specs import bliss_name, split_spec

FORMATS = {"cxi": ".cxi", "npz": ".npz", "tiff": ".tif"}
"""What can be written, and the extension of each."""
_SERIES = re.compile(r"%0?\d*d")
_ZIPPED = (".gz", ".bz2")


def default_output(
    path: str | Path, form: str = "cxi", folder: Path | None = None, numbered: bool = False
) -> Path:
    """``<stem>_inpainted.cxi`` beside the input, never among raw frames.

    The output of a folder of frames, or of a series in it, lies beside the folder, or in the
    folder the program runs in where that place may not be written to.

    Parameters
    ----------
    path : the scan, which may be ``file.h5:/path``, a series, or a folder of frames.
    form : one of `FORMATS`, which has its own extension; the data of an npz pair are named as
        cdiutils does.
    folder : where the output lies; by default beside the input.
    numbered : whether a scan of a BLISS file has its number in the name.

    Returns
    -------
    The output's path.

    Examples
    --------
    >>> default_output("scan.cxi").name
    'scan_inpainted.cxi'
    >>> default_output("raw.h5:/7.1/measurement/mpx1x4", numbered=True).name
    'raw_S7_inpainted.cxi'
    """
    file, inner = split_spec(path)
    stem = _stem(file, inner)
    if numbered and inner is not None:
        stem = bliss_name(inner, stem) or stem
    if form == "npz":
        stem = stem.removesuffix(PAIR_DATA)
    end = PAIR_DATA if form == "npz" else ""
    return (folder or _place(file)) / f"{stem}_inpainted{end}{FORMATS[form]}"


def _stem(file: Path, inner: str | None) -> str:
    """What an output's name begins with."""
    if file.is_dir():
        return file.resolve().name
    name = file.name
    if _SERIES.search(name):
        before, after = _SERIES.split(name, maxsplit=1)
        own = f"{before.strip('_-')}{after.partition('.')[0]}"
        return "_".join(word for word in (file.parent.resolve().name, own, inner) if word)
    stem = file.stem
    return stem.removesuffix(Path(stem).suffix) if file.suffix.lower() in _ZIPPED else stem


def _place(file: Path) -> Path:
    """The folder of an output: the input's, or for raw frames the one beside theirs."""
    is_series = _SERIES.search(file.name) and not file.exists()
    if not (is_series or file.is_dir()):
        return file.parent
    frames = file if file.is_dir() else file.parent
    beside = frames.resolve().parent if frames.name in ("", "..") else frames.parent
    is_here = Path.cwd() == frames.resolve()
    return Path() if not (may_write(beside) or is_here) and may_write(Path()) else beside


def may_write(folder: Path) -> bool:
    """Whether files can be made in a folder."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


PAIR_DATA, PAIR_MASK = "_pynx_input_data", "_pynx_input_mask"


def companion(path: Path) -> Path | None:
    """The file that holds the mask of an output, None for a CXI, which holds its own."""
    if path.suffix.lower() == FORMATS["cxi"]:
        return None
    if path.stem.endswith(PAIR_DATA):
        return path.with_name(f"{path.stem.removesuffix(PAIR_DATA)}{PAIR_MASK}{path.suffix}")
    return path.with_name(f"{path.stem}_mask{path.suffix}")


def check_output(
    path: str | Path,
    force: bool = False,
    inputs: Iterable[str | Path | None] = (),
    form: str = "cxi",
) -> None:
    """Refuse an output that cannot or must not be written; call it before any work begins.

    Parameters
    ----------
    path : the file to be written.
    force : whether an existing file may be replaced.
    inputs : the files that are read (also ``file.h5:/path``); none may be the output, not even
        by a link, whatever `force` says.
    form : one of `FORMATS`, whose extension the file must have.

    Raises
    ------
    InputError
        On one line, with the fix.
    """
    path = Path(path)
    if path.suffix.lower() != FORMATS[form]:
        why = ", the format PyNX reads data and mask from" if form == "cxi" else ""
        raise InputError(
            f"output {path} ends in {path.suffix!r}, expected {FORMATS[form]}{why}: "
            f"give a name that ends in {FORMATS[form]}"
        )
    check_place(path, force, inputs)
    mask = companion(path)
    if mask is not None:  # one without its output may be what a killed process left
        is_left = not os.path.lexists(path) and is_our_mask(mask)
        check_place(mask, force or is_left, inputs)


def check_place(path: Path, force: bool, inputs: Iterable[str | Path | None]) -> None:
    """Refuse a file that cannot or must not be written, whatever its format.

    Parameters
    ----------
    path, force, inputs : see `check_output`.

    Raises
    ------
    InputError
        On one line, with the fix.
    """
    if not path.parent.is_dir():
        raise InputError(f"folder {path.parent} does not exist, expected one: make it first")
    for source in inputs:
        file = None if source is None else split_spec(source)[0]
        if file is not None and path.exists() and file.exists() and path.samefile(file):
            raise InputError(
                f"output {path} is the input {source}, expected another file: inputs are never "
                "changed, give another name with -o"
            )
    if path.is_dir():
        raise InputError(f"output {path} is a folder, expected a file: give a name in it with -o")
    if os.path.lexists(path) and not force:
        raise InputError(
            f"output {path} exists, expected a new file: replace it with --force, or give another "
            "name with -o"
        )
    if not may_write(path.parent):
        raise InputError(
            f"folder {path.parent} may not be written to, expected write permission: "
            "give an output elsewhere with -o"
        )
