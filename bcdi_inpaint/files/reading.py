"""Reading a scan, whatever its format, and its masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.axis_order import STANDARD, check_axes, reorder, stored_axes
from bcdi_inpaint.files.dataset import load_hdf5_mask, read_hdf5
from bcdi_inpaint.files.faults import check_readable
from bcdi_inpaint.files.forms import as_flags
from bcdi_inpaint.files.npz import load_npy, load_npz_mask, read_npy, read_npz
from bcdi_inpaint.files.opening import is_hdf5
from bcdi_inpaint.files.specs import HDF5_SUFFIXES, split_spec
from bcdi_inpaint.files.stacks import STACK_SUFFIXES, is_series, load_stack, read_stack
from bcdi_inpaint.files.streaming import StoredScan, open_hdf5
from bcdi_inpaint.scan.boxes import as_box
from bcdi_inpaint.scan.crop import Crop, slices_of
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
    path_or_spec : a ``.cxi``, ``.npz``, ``.npy``, TIFF, EDF or HDF5 file, ``file.h5:/path`` of a
        data set, or ``frames_%04d.edf`` for a series of files.
    mask : one or more of: a mask file (as above, 2D or 3D, non-zero = bad), which adds to the
        file's own mask; the word ``invalid``, which masks voxels whose value cannot be a count
        (see `validity.invalid_voxels`).
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
    if not is_series(path):
        check_readable(path)
    suffix = _suffix(path)
    read = read_hdf5 if is_hdf5(path) else _READERS.get(suffix)
    if read is None:
        raise InputError(
            f"{path}: unknown extension {suffix!r}, expected one of {', '.join(_READERS)}, "
            "or file.h5:/path: save the counts in one of these formats"
        )
    return _with_masks(read(path, inner, crop), _listed(mask), crop)


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
    if is_hdf5(path):
        check_readable(path)
        stored = open_hdf5(path, inner, crop)
    if stored is None:
        return read_scan(path_or_spec, mask, crop)
    masks = _listed(mask)
    flags = [
        as_flags(_fitting(_read_mask(spec), stored.shape, crop), stored.shape, f"mask {spec}")
        for spec in masks
        if spec != "invalid"
    ]
    bad = [(flag[0] if flag.strides[0] == 0 else flag) != 0 for flag in flags]
    return stored.with_masks(bad, without_invalid="invalid" in masks)


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
    (n_rock, n_y, n_x) bool.

    Raises
    ------
    InputError
        For what cannot be read, or does not fit.
    """
    return as_flags(_fitting(_read_mask(spec), shape, crop), shape, f"mask {spec}") != 0


def _suffix(path: Path) -> str:
    """The extension, in small letters; ``.edf.gz`` for ``scan.edf.gz``."""
    name = path.name.lower()
    return ".edf.gz" if name.endswith(".edf.gz") else path.suffix.lower()


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
        else:
            flags = _fitting(_read_mask(mask), scan.shape, crop)
            bad = bad | (as_flags(flags, scan.shape, f"mask {mask}") != 0)
    return replace(scan, bad_mask=bad)


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
    check_readable(path)
    if is_hdf5(path):
        return load_hdf5_mask(path, inner)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return load_npy(path)
    if suffix == ".npz":
        return load_npz_mask(path)
    if _suffix(path) in STACK_SUFFIXES:
        return load_stack(path)
    raise InputError(
        f"mask {path}: unknown extension {path.suffix!r}, expected .npy, .npz, .cxi, .tif, .edf, "
        "file.h5:/path, or the word invalid: save the mask in one of these formats"
    )


_READERS: dict[str, Callable[[Path, str | None, Crop | None], Scan]] = {
    **dict.fromkeys(HDF5_SUFFIXES, read_hdf5),
    ".npz": read_npz,
    ".npy": read_npy,
    **dict.fromkeys(STACK_SUFFIXES, read_stack),
}
SCAN_SUFFIXES = tuple(_READERS)
