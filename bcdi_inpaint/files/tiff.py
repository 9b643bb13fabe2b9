"""TIFF files: every page of a file that is no small picture of another is a frame of the stack.

Programs write a stack as one series of pages, as several, page by page, or with one page for all
that follows (ImageJ); tifffile groups pages by what it guesses from their descriptions.
"""

from __future__ import annotations

import bz2
import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import check_size, check_whole, intact
from bcdi_inpaint.files.forms import check_alike, squeezed_shape
from bcdi_inpaint.scan.remarks import Remark, Remarks

if TYPE_CHECKING:
    import tifffile

_ZIPPED: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open}
_REDUCED = 1
"""The bit of NewSubfileType that says: a smaller version of another picture (TIFF 6.0, page 36)."""


def load_tiff(path: Path) -> tuple[np.ndarray, Remarks]:
    """The frames of a TIFF, in file order: (n, n_y, n_x), or (n_y, n_x) of one page.

    Raises InputError for a file that is damaged, or whose pages are not all frames of one stack.
    """
    import tifffile

    with intact("tifffile", f"{path} is no intact TIFF file"):
        unzip = _ZIPPED.get(path.suffix.lower())
        if unzip is not None:
            with unzip(path) as stream, tifffile.TiffFile(stream, name=path.name) as file:
                return _frames(file, path)
        with tifffile.TiffFile(path) as file:
            return _frames(file, path)


def frame_shape(path: Path) -> tuple[int, ...]:
    """The shape of a TIFF's first series, read from its headers."""
    import tifffile

    with intact("tifffile", f"{path} is no intact TIFF file"), tifffile.TiffFile(path) as file:
        shape: tuple[int, ...] = file.series[0].shape
        return shape if len(file.pages) == 1 or len(shape) > 2 else (len(file.pages), *shape)


def _frames(file: tifffile.TiffFile, path: Path) -> tuple[np.ndarray, Remarks]:
    parts, left_out = _parts(file, path)
    held = 0
    for part in parts:
        _check_part(part, path)
        held += _held(part)
    check_whole(path, held)
    check_size(sum(math.prod(p.shape) * p.dtype.itemsize for p in parts), held, str(path))
    if len(parts) == 1:
        counts: np.ndarray = parts[0].asarray()
        return counts.reshape(squeezed_shape(counts.shape)), left_out
    forms = [(_frame(part), part.dtype) for part in parts for _ in range(_n_frames(part))]
    check_alike(forms, [f"{path}, page {number + 1}" for number in range(len(forms))])
    arrays = [p.asarray().reshape(-1, *_frame(p)) for p in parts]
    return np.concatenate(arrays), left_out


def _parts(file: tifffile.TiffFile, path: Path) -> tuple[list[Any], Remarks]:
    """The series of a file, or its pages where series leave any out or lie between one another."""
    pages = list(file.pages)
    parts: list[Any] = list(file.series)
    placed = [[page.index for page in part.pages if page is not None] for part in parts]
    if any(len(numbers) != len(p.pages) for numbers, p in zip(placed, parts, strict=True)) or any(
        page is not None and page.parent is not file for part in parts for page in part.pages
    ):
        raise InputError(
            f"{path} tells of frames in other files, expected all in one: give these files, "
            "for example as frames_%04d.tif"
        )
    order = [number for numbers in placed for number in numbers]
    if order != sorted(order) or len(order) < len(pages):
        parts = [page.aspage() for page in pages]
    return _without_small(parts, path)


def _without_small(parts: list[Any], path: Path) -> tuple[list[Any], Remarks]:
    """The parts without those that say that they are smaller versions of others."""
    largest = max((math.prod(_frame(part)) for part in parts), default=0)
    small = [p for p in parts if _is_reduced(p) and math.prod(_frame(p)) < largest]
    if not small:
        return parts, ()
    shapes = ", ".join(dict.fromkeys("x".join(map(str, _frame(part))) for part in small))
    n_pages = sum(_n_frames(part) for part in small)
    text = f"{n_pages} pages of {path.name} are smaller pictures of others ({shapes}): left out"
    left = [part for part in parts if part not in small]
    return left, (Remark("pages-left-out", text),)


def _check_part(part: Any, path: Path) -> None:
    if part.dtype is None or "S" in part.axes[-1:]:
        raise InputError(
            f"{path} holds colour pictures {part.shape}, expected counts: export the raw frames"
        )
    shape = squeezed_shape(part.shape)
    if len(shape) not in (2, 3):
        raise InputError(
            f"{path} has {len(shape)} dimensions {shape} ({part.axes}), expected 3 (rocking axis, "
            "y, x): save the frames of one rocking curve as one stack"
        )


def _frame(part: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = squeezed_shape(part.shape)
    return shape[-2:]


def _n_frames(part: Any) -> int:
    return max(1, math.prod(part.shape) // max(1, math.prod(_frame(part))))


def _is_reduced(part: Any) -> bool:
    page = getattr(part, "keyframe", part)
    return bool(int(page.subfiletype) & _REDUCED)


def _held(part: Any) -> int:
    """Bytes that the file holds of a part; all of it where only the first page is described."""
    pages = part.pages or [part]
    stored = sum(sum(page.databytecounts) for page in pages)
    is_continued = getattr(part, "dataoffset", None) is not None
    return max(stored, part.nbytes) if is_continued else stored
