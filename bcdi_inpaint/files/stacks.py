"""Stacks of frames in one file, in a numbered series of files, or in a folder.

A series is given as ``frames_%04d.edf``, a part of it as ``frames_%04d.edf:100-199``. cohere's
``prep_data.tif`` holds the frames first, because cohere turns the axes round when it writes and
when it reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import check_readable
from bcdi_inpaint.files.forms import (
    check_alike,
    check_counts_form,
    scan_of,
    sibling_flags,
    squeezed,
)
from bcdi_inpaint.files.images import IMAGE_SUFFIXES, load_image
from bcdi_inpaint.files.light import jumps_in_light
from bcdi_inpaint.files.npz import load_npy
from bcdi_inpaint.files.numbered import frames_in, is_series, series_files, series_in
from bcdi_inpaint.files.siblings import TIFF_SUFFIXES
from bcdi_inpaint.files.tiff import frame_shape, load_tiff
from bcdi_inpaint.scan.crop import Crop, slices_of
from bcdi_inpaint.scan.remarks import Remarks
from bcdi_inpaint.scan.scan import Metadata, Scan

_ZIPPED_TIFF = tuple(f"{end}{z}" for end in TIFF_SUFFIXES for z in (".gz", ".bz2"))
STACK_SUFFIXES = (*TIFF_SUFFIXES, *_ZIPPED_TIFF, *IMAGE_SUFFIXES)
FRAME_SUFFIXES = (*STACK_SUFFIXES, ".npy")
"""Endings of files that can hold a single frame of a series."""


def is_frames(path: Path) -> bool:
    """Whether a path stands for many files with a frame each: a series, or a folder of frames."""
    return is_series(path) or (path.is_dir() and bool(_folder_pattern(path)))


def frame_files(path: Path, numbers: str | None = None) -> list[Path]:
    """The files of a series or a folder of frames, in order; errors as `series_files`."""
    if path.is_dir():
        pattern = _folder_pattern(path)
        if not pattern:
            raise InputError(
                f"{path} is a folder without frames, expected a scan file: give a file in it"
            )
        path = path / pattern
    return series_files(path, numbers)


def _folder_pattern(folder: Path) -> str:
    scans = (*FRAME_SUFFIXES, ".npz", ".cxi", ".h5", ".hdf5", ".nxs")
    return frames_in(folder, _is_frame, scans)


def _is_frame(path: Path) -> bool:
    """Whether a file holds one frame; what cannot be read holds none."""
    name = path.name.lower()
    try:
        if name.endswith(TIFF_SUFFIXES):
            return len(frame_shape(path)) == 2
        return name.endswith(FRAME_SUFFIXES) and _load(path)[0].ndim == 2
    except InputError:
        return False


def refuse_single_frames(specs: Sequence[str]) -> None:
    """Refuse several files that are frames of one scan, as a shell makes them of ``*.edf``."""
    paths = [Path(spec) for spec in specs]
    by_folder: dict[Path, list[str]] = defaultdict(list)
    for path in paths:
        if path.name.lower().endswith(FRAME_SUFFIXES):
            by_folder[path.parent].append(path.name)
    for folder, names in by_folder.items():
        for series in series_in(names)[0]:
            if _is_frame(folder / series.files[0]):
                raise InputError(
                    f"{folder / series.files[0]} and {len(series.files) - 1} others are single "
                    f"frames, expected scans: give them as one, {folder / str(series)}"
                )


def read_stack(path: Path, numbers: str | None, crop: Crop | None) -> Scan:
    """Read the scan in a stack; its mask is ``<stem>_mask.tif`` beside a TIFF, where that is.

    Parameters
    ----------
    path : the file, a series such as ``frames_%04d.edf``, or a folder of frames.
    numbers : ``100-199``, the frames of a series that are wanted; None for all.
    crop : the part to read; None for all of it.

    Returns
    -------
    The scan.

    Raises
    ------
    InputError
        For files that are no intact stack of frames of one shape.
    """
    counts, metadata, remarks = _load_all(path, numbers)
    _check_single(counts, path)
    check_counts_form(counts.shape, counts.dtype, str(path))
    flags, of_mask = sibling_flags(path, counts.shape, load_stack)
    part = slices_of(crop, counts.shape)
    kept = None if flags is None else flags[part]
    return scan_of(counts[part], kept, metadata, path, remarks + of_mask)


def _check_single(counts: np.ndarray, path: Path) -> None:
    if counts.ndim == 2:
        raise InputError(
            f"{path} has 2 dimensions {counts.shape}, a single frame, expected 3 (rocking axis, y, "
            "x): give the files of the rocking curve as frames_%04d.tif, or their folder"
        )


def load_stack(path: Path, numbers: str | None = None) -> np.ndarray:
    """The array of a stack or series, (n_frames, n_y, n_x), or (n_y, n_x) of a single frame."""
    return _load_all(path, numbers)[0]


def _load_all(path: Path, numbers: str | None) -> tuple[np.ndarray, Metadata, Remarks]:
    if not (path.is_dir() or is_series(path)):
        check_readable(path)
        return _load(path)
    files = frame_files(path, numbers)
    loaded = [_load(file) for file in files]
    frames = [_frame_of(array) for array, _, _ in loaded]
    odd = next((i for i, frame in enumerate(frames) if frame.ndim != 2), None)
    if odd is not None:
        raise InputError(
            f"{files[odd]} has the shape {frames[odd].shape}, expected a single frame in each file "
            "of a series: give it by itself"
        )
    check_alike([(f.shape, f.dtype) for f in frames], [str(file) for file in files])
    counts = np.stack(frames)
    return counts, loaded[0][1], jumps_in_light(counts, files)


def _frame_of(array: np.ndarray) -> np.ndarray:
    """A frame without axes of length one before its rows."""
    is_single = array.ndim > 2 and all(n == 1 for n in array.shape[:-2])
    return array.reshape(array.shape[-2:]) if is_single else array


def _load(path: Path) -> tuple[np.ndarray, Metadata, Remarks]:
    """The array of one file, what its header says, and what has to be said of it."""
    name = path.name.lower()
    if name.endswith((*TIFF_SUFFIXES, *_ZIPPED_TIFF)):
        counts, remarks = load_tiff(path)
        return counts, Metadata(), remarks
    if name.endswith(".npy"):
        return squeezed(load_npy(path)), Metadata(), ()
    counts, metadata = load_image(path)
    return counts, metadata, ()
