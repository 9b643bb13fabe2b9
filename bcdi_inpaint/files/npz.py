"""npz and npy files, and the pairs that cdiutils and bcdi write."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.faults import check_size, translate_errors
from bcdi_inpaint.files.forms import (
    check_counts_form,
    scan_of,
    sibling_flags,
    squeezed,
    squeezed_shape,
)
from bcdi_inpaint.files.siblings import is_pair_mask
from bcdi_inpaint.scan.crop import Crop, slices_of
from bcdi_inpaint.scan.remarks import Remark, Remarks
from bcdi_inpaint.scan.scan import Metadata, Scan

DATA_KEYS = ("data", "counts", "iobs", "arr_0")
MASK_KEYS = ("mask", "data", "arr_0")
OURS = "provenance"
"""An array that our own outputs hold; what else lies in them is no scan."""


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


def array_names(path: Path) -> set[str]:
    """The keys of an npz file's arrays; InputError for a file that is none."""
    with translate_errors(f"{path} is no intact npz file"), zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


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


def load_npz_mask(path: Path, key: str | None = None) -> np.ndarray:
    """The mask in an npz file, as stored; InputError where it has no array of that key."""
    arrays = load_npz(path)
    if key is not None:
        return _named(arrays, key, path)
    named = [name for name in arrays if "mask" in name.lower()]
    keys = (*MASK_KEYS[:1], *named, *MASK_KEYS[1:], *arrays)
    return arrays[next(k for k in keys if k in arrays)]


def _named(arrays: Mapping[str, np.ndarray], key: str, path: Path) -> np.ndarray:
    """The array that the user names."""
    if key not in arrays:
        raise InputError(
            f"{path} has no array {key!r}, expected one of {_listing(arrays)}: "
            f"give {path.name}:NAME"
        )
    return arrays[key]


def _listing(arrays: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"{key} {'x'.join(map(str, a.shape))}" for key, a in arrays.items())


def read_npy(path: Path, inner: str | None, crop: Crop | None) -> Scan:
    """Read the scan in an npy file, without a mask.

    Parameters
    ----------
    path : the file.
    inner : has to be None: an npy file holds one array.
    crop : the part to read; None for all of it.

    Returns
    -------
    The scan.

    Raises
    ------
    InputError
        For a file that is none, or holds no counts.
    """
    if inner is not None:
        raise InputError(
            f"{path}:{inner} names an array inside an npy file, expected the file alone: leave out "
            f":{inner}"
        )
    counts = squeezed(load_npy(path))
    check_counts_form(counts.shape, counts.dtype, str(path))
    return scan_of(counts[slices_of(crop, counts.shape)], None, Metadata(), path)


def read_npz(path: Path, key: str | None, crop: Crop | None) -> Scan:
    """Read the scan in an npz file, with its own mask or the mask in the other file of a pair.

    Parameters
    ----------
    path : the file.
    key : the name of the array; None to take the one that readers know, or the only one.
    crop : the part to read; None for all of it.

    Returns
    -------
    The scan. Its remarks name the array, where others could be meant, and masks beside it.

    Raises
    ------
    InputError
        For a file that is none, holds no counts or several that could be, or is the mask of a pair.
    """
    if is_pair_mask(path):
        raise InputError(
            f"{path} is the mask of a pair by its name, expected the counts: "
            "give the data file, its mask is found by itself"
        )
    arrays = load_npz(path)
    counts, key, remarks = _counts(arrays, key, path)
    check_counts_form(counts.shape, counts.dtype, f"{path}, array {key!r}")
    own = next((a for name, a in arrays.items() if name.lower() == "mask" and name != key), None)
    flags, of_mask = sibling_flags(path, counts.shape, load_npz_mask, own)
    part = slices_of(crop, counts.shape)
    remarks += _mask_keys(arrays, key, path) + of_mask
    kept = None if flags is None else flags[part]
    return scan_of(counts[part], kept, Metadata(), path, remarks)


def _counts(
    arrays: Mapping[str, np.ndarray], key: str | None, path: Path
) -> tuple[np.ndarray, str, Remarks]:
    """The counts among arrays, their name, and the other arrays that could be meant."""
    if key is not None:
        return squeezed(_named(arrays, key, path)), key, ()
    others = {name: a for name, a in arrays.items() if name.lower() != "mask"}
    if not others:
        raise InputError(
            f"{path} holds only a mask, expected counts in one of {', '.join(DATA_KEYS)}: "
            "give the data file, and this one with --mask"
        )
    possible = {name: a for name, a in others.items() if _can_be_counts(name, a)}
    known = [name for name in DATA_KEYS if name in possible]
    if len(possible) > 1 and not known:
        raise InputError(
            f"{path} holds {len(possible)} arrays that can be the scan, expected one or an array "
            f"called {', '.join(DATA_KEYS)}: choose one of {_listing(possible)} with "
            f"{path.name}:NAME"
        )
    unlikely = [name for name in DATA_KEYS if name in others]
    chosen = next(iter([*known, *possible, *unlikely, *others]))
    left = {name: a for name, a in possible.items() if name != chosen}
    remarks: Remarks = ()
    if left and OURS not in arrays:
        text = (
            f"array {chosen!r} of {path.name} was read, it also holds {_listing(left)}: "
            f"choose with {path.name}:NAME"
        )
        remarks = (Remark("array-chosen", text),)
    return squeezed(others[chosen]), chosen, remarks


def _can_be_counts(name: str, array: np.ndarray) -> bool:
    """Whether an array has the form of a scan, and no name of a mask."""
    is_volume = len(squeezed_shape(array.shape)) == 3 and array.size > 0
    return is_volume and array.dtype.kind in "uif" and "mask" not in name.lower()


def _mask_keys(arrays: Mapping[str, np.ndarray], key: str, path: Path) -> Remarks:
    """A remark where arrays look like masks by their names and are not used as such."""
    names = [n for n in arrays if "mask" in n.lower() and n.lower() != "mask" and n != key]
    if not names:
        return ()
    text = (
        f"array {', '.join(map(repr, names))} of {path.name} looks like a mask and is not used: "
        f"use it with --mask {path}:{names[0]}"
    )
    return (Remark("array-not-used", text),)
