"""Stacks of frames: TIFF by tifffile and EDF by fabio, in one file or a numbered series of files.

A series is given as ``frames_%04d.edf``. cohere's ``prep_data.tif`` holds the frames first, because
cohere turns the axes round when it writes and when it reads.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import check_readable, check_size, translate_errors
from bcdi_inpaint.files.forms import as_flags, check_counts_form, scan_of
from bcdi_inpaint.files.layout import EV_ANGSTROM
from bcdi_inpaint.scan.crop import Crop, slices_of
from bcdi_inpaint.scan.scan import Metadata, Scan

TIFF_SUFFIXES = (".tif", ".tiff")
EDF_SUFFIXES = (".edf", ".edf.gz")
STACK_SUFFIXES = TIFF_SUFFIXES + EDF_SUFFIXES

_NUMBER = re.compile(r"%0?(\d*)d")


def is_series(path: Path) -> bool:
    """Whether a name stands for many files, as ``frames_%04d.edf`` does."""
    return _NUMBER.search(path.name) is not None and not path.exists()


def read_stack(path: Path, _: str | None, crop: Crop | None) -> Scan:
    """Read the scan in a TIFF or EDF stack; its mask is ``<stem>_mask.tif`` where that is there.

    Parameters
    ----------
    path : the file, or a series such as ``frames_%04d.edf``.
    _ : not used: a stack has no path inside.
    crop : the part to read; None for all of it.

    Returns
    -------
    The scan.

    Raises
    ------
    InputError
        For files that are no intact stack of frames of one shape.
    """
    counts, metadata = _load(path)
    check_counts_form(counts.shape, counts.dtype, str(path))
    sibling = stack_mask(path)
    flags = None
    if sibling is not None:
        flags = as_flags(load_stack(sibling), counts.shape, f"mask {sibling}")
    part = slices_of(crop, counts.shape)
    return scan_of(counts[part], None if flags is None else flags[part], metadata, path)


def stack_mask(path: Path) -> Path | None:
    """The mask that lies beside a TIFF, if there is one."""
    sibling = path.with_name(f"{path.stem}_mask.tif")
    return sibling if path.suffix.lower() in TIFF_SUFFIXES and sibling.exists() else None


def load_stack(path: Path) -> np.ndarray:
    """The array of a TIFF or EDF file or series, (n_frames, n_y, n_x), or (n_y, n_x) of one."""
    return _load(path)[0]


def _load(path: Path) -> tuple[np.ndarray, Metadata]:
    load = _load_tiff if path.suffix.lower() in TIFF_SUFFIXES else _load_edf
    if not is_series(path):
        check_readable(path)
        return load(path)
    files = series_files(path)
    first, metadata = load(files[0])
    frames = [first, *(load(file)[0] for file in files[1:])]
    odd = next((i for i, f in enumerate(frames) if f.shape != first.shape or f.ndim != 2), None)
    if odd is not None:
        raise InputError(
            f"{files[odd]} has the shape {frames[odd].shape}, expected one frame of the first "
            f"file's shape {first.shape}: give the files of one rocking curve"
        )
    return np.stack(frames), metadata


def series_files(pattern: Path) -> list[Path]:
    """The files of a series by number; InputError where one between them is missing."""
    before, after = _NUMBER.split(pattern.name, maxsplit=1)[::2]
    form = re.compile(rf"{re.escape(before)}(\d+){re.escape(after)}")
    folder = pattern.parent
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    found = {int(m[1]): folder / m[0] for name in names if (m := form.fullmatch(name))}
    if not found:
        raise InputError(f"{pattern} stands for no file, expected frames: check the folder")
    numbers = sorted(found)
    if numbers != list(range(numbers[0], numbers[-1] + 1)):
        lost = next(n for n in range(numbers[0], numbers[-1]) if n not in found)
        raise InputError(
            f"{pattern} lacks frame {lost}, expected {numbers[0]} to {numbers[-1]}: bring the file"
        )
    return [found[number] for number in numbers]


@contextmanager
def _intact(library: str, what: str) -> Iterator[None]:
    """One line for whatever a library raises, and no further line of its log."""
    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with translate_errors(what, "copy the file again"):
            yield
    finally:
        logger.setLevel(level)


def _load_tiff(path: Path) -> tuple[np.ndarray, Metadata]:
    import tifffile

    with _intact("tifffile", f"{path} is no intact TIFF file"), tifffile.TiffFile(path) as file:
        series = file.series[0]
        _check_form(series.shape, series.dtype, path)
        held = sum(sum(page.databytecounts) for page in series.pages if page is not None)
        _check_whole(path, held)
        check_size(math.prod(series.shape) * series.dtype.itemsize, held, str(path))
        counts: np.ndarray = series.asarray()
    return counts, Metadata()


def _check_whole(path: Path, held: int) -> None:
    """Refuse a file that is shorter than what it says it holds; libraries fill up with zeros."""
    size = path.stat().st_size
    if held > size:
        raise InputError(
            f"{path} has {size} bytes, expected at least {held} for its frames: copy the file again"
        )


def _check_form(shape: tuple[int, ...], dtype: np.dtype | None, path: Path) -> None:
    if dtype is None or len(shape) not in (2, 3):
        raise InputError(
            f"{path} has {len(shape)} dimensions {shape}, expected 3 (rocking axis, y, x): stack "
            "the frames of one rocking curve into one file, or give frames_%04d.tif"
        )


def _load_edf(path: Path) -> tuple[np.ndarray, Metadata]:
    import fabio

    with _intact("fabio", f"{path} is no intact EDF file"), fabio.open(str(path)) as image:
        is_plain = path.suffix.lower() == ".edf" and "COMPRESSION" not in image.header
        shape, dtype = tuple(image.shape), np.dtype(image.dtype)
        n_frames = image.nframes
        _check_form(shape if n_frames == 1 else (n_frames, *shape), dtype, path)
        declared = n_frames * math.prod(shape) * dtype.itemsize
        if is_plain:
            _check_whole(path, declared)
        check_size(declared, path.stat().st_size, str(path))
        frames = [np.array(image.get_frame(i).data) for i in range(n_frames)]
        if getattr(image, "incomplete_file", False):
            raise InputError(
                f"{path} ends within a frame, expected {n_frames} whole ones: copy the file again"
            )
        metadata = _edf_metadata({str(k): str(v) for k, v in image.header.items()})
    return frames[0] if n_frames == 1 else np.stack(frames), metadata


def _edf_metadata(header: dict[str, str]) -> Metadata:
    """What ESRF's headers say, all in metres."""
    wavelength_m = _number(header, "WaveLength")
    energy_ev = None if not wavelength_m else EV_ANGSTROM / (wavelength_m * 1e10)
    return Metadata(
        energy_ev=None if energy_ev is None else float(f"{energy_ev:.12g}"),
        distance_m=_number(header, "SampleDistance"),
        x_pixel_size_m=_number(header, "PSize_1"),
        y_pixel_size_m=_number(header, "PSize_2"),
        sample=header.get("Title") or None,
    )


def _number(header: dict[str, str], name: str) -> float | None:
    try:
        return float(header[name].split()[0])
    except (KeyError, ValueError, IndexError):
        return None
