"""npz and npy files, and the pairs that cdiutils and bcdi write."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import check_readable, check_size, translate_errors
from bcdi_inpaint.files.forms import as_flags, check_counts_form, scan_of
from bcdi_inpaint.scan.crop import Crop, slices_of
from bcdi_inpaint.scan.scan import Metadata, Scan

DATA_KEYS = ("data", "counts", "iobs", "arr_0")
MASK_KEYS = ("mask", "data", "arr_0")
# The pair of files of cdiutils, and of bcdi: the data's name, and the mask's.
SIBLINGS = (("_pynx_input_data", "_pynx_input_mask"), ("_pynx_norm_", "_maskpynx_norm_"))


def load_npy(path: Path) -> np.ndarray:
    """The array of an npy file."""
    with translate_errors(f"{path} is no intact npy file"), open(path, "rb") as stream:
        _check_header(stream, path.stat().st_size, str(path))
        loaded: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    return loaded


def _check_header(stream: IO[bytes], held: int, where: str) -> None:
    """Refuse an npy stream of `held` bytes that declares more; the stream is left at its start."""
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise InputError(f"{where} has npy version {version}, expected 1.0 or 2.0: save it again")
    shape, _, dtype = read(stream)
    declared = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and declared > held:
        raise InputError(
            f"{where} declares {declared} bytes and holds {held}, expected as many: it is no "
            "intact array, copy the file again"
        )
    stream.seek(0)


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz file by key, in the file's order."""
    arrays = {}
    with translate_errors(f"{path} is no intact npz file"), zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name = entry.filename
            if name.endswith(".npy"):
                check_size(entry.file_size, entry.compress_size, f"{path}, array {name}")
                with archive.open(entry) as stream:
                    _check_header(stream, entry.file_size, f"{path}, array {name}")
                    key = name.removesuffix(".npy")
                    arrays[key] = np.lib.format.read_array(stream, allow_pickle=False)
    if not arrays:
        raise InputError(f"{path} holds no array, expected the counts: save them with np.savez")
    return arrays


def _chosen(arrays: Mapping[str, np.ndarray], keys: tuple[str, ...]) -> str:
    """The first of `keys` that is there, else the first key."""
    return next((key for key in keys if key in arrays), next(iter(arrays)))


def load_npz_mask(path: Path) -> np.ndarray:
    """The mask in an npz file, as stored."""
    arrays = load_npz(path)
    return arrays[_chosen(arrays, MASK_KEYS)]


def read_npy(path: Path, _: str | None, crop: Crop | None) -> Scan:
    """Read the scan in an npy file, without a mask.

    Parameters
    ----------
    path : the file.
    _ : not used: an npy file has no path inside.
    crop : the part to read; None for all of it.

    Returns
    -------
    The scan.

    Raises
    ------
    InputError
        For a file that is none, or holds no counts.
    """
    counts = load_npy(path)
    check_counts_form(counts.shape, counts.dtype, str(path))
    return scan_of(counts[slices_of(crop, counts.shape)], None, Metadata(), path)


def read_npz(path: Path, _: str | None, crop: Crop | None) -> Scan:
    """Read the scan in an npz file, with its own mask or the mask in the other file of a pair.

    Parameters
    ----------
    path : the file.
    _ : not used: an npz file has no path inside.
    crop : the part to read; None for all of it.

    Returns
    -------
    The scan.

    Raises
    ------
    InputError
        For a file that is none, holds no counts, or is the mask of a pair.
    """
    if is_pair_mask(path):
        raise InputError(
            f"{path} is the mask of a pair by its name, expected the counts: "
            "give the data file, its mask is found by itself"
        )
    arrays = load_npz(path)
    mask = arrays.pop("mask", None)
    if not arrays:
        raise InputError(
            f"{path} holds only a mask, expected counts in one of {', '.join(DATA_KEYS)}: "
            "give the data file, and this one with --mask"
        )
    key = _chosen(arrays, DATA_KEYS)
    counts = arrays[key]
    check_counts_form(counts.shape, counts.dtype, f"{path}, array {key!r}")
    where = f"the mask in {path}"
    sibling = mask_sibling(path)
    if mask is None and sibling is not None:
        check_readable(sibling)
        mask, where = load_npz_mask(sibling), f"mask {sibling}"
    flags = None if mask is None else as_flags(mask, counts.shape, where)
    part = slices_of(crop, counts.shape)
    return scan_of(counts[part], None if flags is None else flags[part], Metadata(), path)


def is_pair_mask(path: Path) -> bool:
    """Whether a file is the mask of a pair by its name."""
    return any(mask_part in path.name for _, mask_part in SIBLINGS)


def mask_sibling(path: Path) -> Path | None:
    """The mask file that belongs to a data file of cdiutils or bcdi, if it is there."""
    for data_part, mask_part in SIBLINGS:
        sibling = path.with_name(path.name.replace(data_part, mask_part))
        if sibling != path and sibling.exists():
            return sibling
    return None
