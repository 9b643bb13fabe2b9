"""Reading a scan, whatever its format, and its masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.axis_order import (
    STANDARD,
    check_axes,
    remark_on_order,
    reorder,
    stored_axes,
)
from bcdi_inpaint.files.dataset import load_hdf5_mask, read_hdf5
from bcdi_inpaint.files.faults import check_readable
from bcdi_inpaint.files.forms import as_flags, squeezed
from bcdi_inpaint.files.kinds import HDF5, NPY, NPZ, SCAN_SUFFIXES, STACK, kind_of
from bcdi_inpaint.files.npz import load_npy, load_npz_mask, read_npy, read_npz
from bcdi_inpaint.files.siblings import LONE, lone_sibling, mask_sibling, unused_masks
from bcdi_inpaint.files.specs import split_spec
from bcdi_inpaint.files.stacks import is_frames, load_stack, read_stack
from bcdi_inpaint.files.streaming import StoredScan, open_hdf5
from bcdi_inpaint.scan.boxes import as_box
from bcdi_inpaint.scan.crop import Crop, slices_of
from bcdi_inpaint.scan.remarks import Remarks
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.scan.validity import invalid_voxels


def read_scan(
    path_or_spec: str | Path,
    mask: str | Path | Iterable[str | Path] | None = None,
    crop: Crop | None = None,
) -> Scan:
    """Read a scan and its mask.

    Parameters
    ----------
    path_or_spec : a ``.cxi``, ``.npz``, ``.npy``, TIFF, EDF, CBF or HDF5 file, ``file.h5:/path``
        of a data set, ``file.npz:key`` of an array, ``frames_%04d.edf`` for a series of files or
        ``frames_%04d.edf:100-199`` for a part of one, or a folder of single frames.
    mask : one or more of: a mask file (as above, 2D or 3D, non-zero = bad), which adds to the
        file's own mask; the word ``invalid``, which masks voxels whose value cannot be a count
        (see `validity.invalid_voxels`); the word ``negative``, which masks those below zero.
    crop : the part of the array that is wanted. Mask files may have the shape of the array or that
        of the part.

    Returns
    -------
    The scan, counts (n_rock, n_y, n_x) exactly as stored. `Scan.flags` is the file's own mask,
    or the mask of its sibling (``S1_pynx_input_mask.npz`` beside ``S1_pynx_input_data.npz``).

    Raises
    ------
    InputError
        For whatever cannot be read as a rocking curve of counts, on one line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "scan.npz"
    ...     np.savez(path, data=np.full((2, 4, 5), 7), mask=np.eye(4, 5))
    ...     scan = read_scan(path)
    >>> scan.shape, int(scan.counts.sum()), int(scan.bad_mask.sum())
    ((2, 4, 5), 280, 8)
    """
    path, inner = split_spec(path_or_spec)
    kind = _known_kind(path)
    return _with_masks(_READERS[kind](path, inner, crop), _listed(mask), crop)


def _known_kind(path: Path) -> str:
    """The kind of a file that can be a scan; InputError for any other."""
    if not is_frames(path):
        check_readable(path)
    kind = kind_of(path)
    if kind is None:
        raise InputError(
            f"{path}: unknown extension {path.suffix!r}, expected one of "
            f"{', '.join(SCAN_SUFFIXES)}, or file.h5:/path: save the counts in one of these formats"
        )
    return kind


def open_scan(
    path_or_spec: str | Path,
    mask: str | Path | Iterable[str | Path] | None = None,
    crop: Crop | None = None,
    axes: str = STANDARD,
) -> Scan | StoredScan:
    """Open a scan that stays in its file where that is HDF5; else read it.

    What is damaged is found when it is read.

    Parameters
    ----------
    path_or_spec : as for `read_scan`.
    mask : as for `read_scan`.
    crop : as for `read_scan`.
    axes : the file's order of axes; see `axis_order.check_axes`. Any but ``nyx`` is read whole, and
        put in the usual order; `crop` and `mask` are in that order.

    Returns
    -------
    The scan, which is read part by part where it stays in its file.

    Raises
    ------
    InputError
        As `read_scan`.
    """
    if check_axes(axes) != STANDARD:
        with stored_axes(axes):
            scan = reorder(read_scan(path_or_spec), axes)
        return _with_masks(_cropped(scan, crop), _listed(mask), crop)
    path, inner = split_spec(path_or_spec)
    stored = None
    if "negative" not in _listed(mask) and _known_kind(path) == HDF5:
        stored = open_hdf5(path, inner, crop)
    if stored is None:
        scan = read_scan(path_or_spec, mask, crop)
        return scan if crop else replace(scan, remarks=scan.remarks + remark_on_order(scan.shape))
    masks = _listed(mask)
    bad = [read_mask(spec, stored.shape, crop) for spec in masks if spec != "invalid"]
    bad = [mask[0] if mask.strides[0] == 0 else mask for mask in bad]
    order = () if crop else remark_on_order(stored.shape)
    return replace(
        stored.with_masks(bad, without_invalid="invalid" in masks),
        remarks=stored.remarks + order + _unused(path, masks),
    )


def _cropped(scan: Scan, crop: Crop | None) -> Scan:
    return scan if crop is None else scan.part(as_box(slices_of(crop, scan.shape)))


def read_mask(spec: str | Path, shape: tuple[int, ...], crop: Crop | None = None) -> BoolArray:
    """Read a mask file for a scan.

    Parameters
    ----------
    spec : the file, as for `read_scan`; 2D or 3D, non-zero = True.
    shape : (n_rock, n_y, n_x) of the scan, cropped.
    crop : the part of the array that the scan is.

    Returns
    -------
    (n_rock, n_y, n_x) bool; a view of one frame where all are the same.

    Raises
    ------
    InputError
        For what cannot be read, or does not fit.
    """
    flags = as_flags(_fitting(_read_mask(spec), shape, crop), shape, f"mask {spec}")
    is_one_frame = flags.strides[0] == 0
    return np.broadcast_to(flags[0] != 0, shape) if is_one_frame else np.asarray(flags != 0)


def is_mask_of(spec: str | Path, scan: str | Path) -> bool:
    """Whether a mask file is the scan's own: the scan itself, or the sibling that has its mask."""
    file, path = split_spec(spec)[0].absolute(), split_spec(scan)[0].absolute()
    return file in (path, mask_sibling(path), lone_sibling(path))


def _listed(mask: str | Path | Iterable[str | Path] | None) -> list[str | Path]:
    if mask is None:
        return []
    return [mask] if isinstance(mask, str | Path) else list(mask)


def _with_masks(scan: Scan, masks: list[str | Path], crop: Crop | None) -> Scan:
    """The scan with further masks added to its own."""
    bad = scan.bad_mask
    for mask in masks:
        if mask == "invalid":
            bad = bad | invalid_voxels(scan.counts)
        elif mask == "negative":
            bad = bad | (scan.counts < 0)
        else:
            flags = _fitting(_read_mask(mask), scan.shape, crop)
            bad = bad | (as_flags(flags, scan.shape, f"mask {mask}") != 0)
    with_lone = any(remark.kind == LONE for remark in scan.remarks)
    remarks = () if scan.source is None else _unused(scan.source, masks, with_lone)
    given = {split_spec(mask)[0] for mask in masks if mask != "invalid"}
    stale = {"mask-not-used", *(["array-not-used"] if scan.source in given else [])}
    kept = tuple(remark for remark in scan.remarks if remark.kind not in stale)
    return replace(scan, bad_mask=bad, remarks=kept + remarks)


def _unused(path: Path, masks: list[str | Path], with_lone: bool = False) -> Remarks:
    """What looks like the scan's mask and is none that was read; see `siblings.lone_sibling`."""
    given = [split_spec(mask)[0] for mask in masks if mask != "invalid"]
    own = mask_sibling(path) or (lone_sibling(path) if with_lone else None)
    return unused_masks(path, given if own is None else [*given, own])


def _fitting(flags: np.ndarray, shape: tuple[int, ...], crop: Crop | None) -> np.ndarray:
    """A mask of the part that was read; one of the whole array is cropped like it."""
    if crop is None or flags.ndim not in (2, 3) or flags.shape[-2:] == shape[1:]:
        return flags
    frames = flags if flags.ndim == 3 else flags[None]
    stack = np.broadcast_to(frames, (max(len(frames), shape[0]), *frames.shape[1:]))
    _, rows, columns = Crop(rows=crop.rows, columns=crop.columns).slices(stack.shape)
    cut = frames[:, rows, columns]
    return cut if len(cut) in (1, shape[0]) else cut[slices_of(crop, flags.shape)[0]]


def _read_mask(spec: str | Path) -> np.ndarray:
    """The array of a mask file, as stored."""
    path, inner = split_spec(spec)
    if not is_frames(path):
        check_readable(path)
    load = _MASK_LOADERS.get(kind_of(path) or "")
    if load is None:
        raise InputError(
            f"mask {path}: unknown extension {path.suffix!r}, expected .npy, .npz, .cxi, .tif, "
            ".edf, .msk, file.h5:/path, or the word invalid: save the mask in one of these formats"
        )
    return squeezed(load(path, inner))


MASK_WORDS = ("invalid", "negative")
"""Masks by a word: voxels whose value cannot be a count, and voxels below zero."""

_READERS: dict[str, Callable[[Path, str | None, Crop | None], Scan]] = {
    HDF5: read_hdf5,
    NPZ: read_npz,
    NPY: read_npy,
    STACK: read_stack,
}
_MASK_LOADERS: dict[str, Callable[[Path, str | None], np.ndarray]] = {
    HDF5: load_hdf5_mask,
    NPZ: load_npz_mask,
    NPY: lambda path, _: load_npy(path),
    STACK: load_stack,
}
