"""Scans in HDF5 files: PyNX's CXI, cdiutils' CXI, and any data set by its path."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.bliss import bliss_scans
from bcdi_inpaint.files.forms import as_flags, check_counts_form, scan_of
from bcdi_inpaint.files.hdf5 import (
    candidates,
    check_virtual_sources,
    load,
    node_at,
    open_file,
    scalar,
)
from bcdi_inpaint.files.layout import DATA_PATHS, detector_groups
from bcdi_inpaint.files.metadata import metadata_of
from bcdi_inpaint.scan.crop import Crop, slices_of
from bcdi_inpaint.scan.scan import Scan


def read_hdf5(path: Path, inner: str | None, crop: Crop | None) -> Scan:
    """Read the scan at a path of an HDF5 file, or where PyNX would look for it.

    Parameters
    ----------
    path : the file.
    inner : path of the counts in the file; None to look where PyNX does.
    crop : the part to read; None for all of it.

    Returns
    -------
    The scan, in memory.

    Raises
    ------
    InputError
        For a file or a path that holds no scan.
    """
    with open_file(path) as file:
        data_path = inner or default_data_path(file, path)
        node = counts_at(file, data_path, path)
        part = slices_of(crop, node.shape)
        flags = _load_flags(file, data_path, node.shape, path)
        counts = load(node, part)
        flags = None if flags is None else flags[part]
        return scan_of(counts, flags, metadata_of(file, data_path), path)


def default_data_path(file: h5py.File, path: Path) -> str:
    """Where the counts of a file lie whose user does not say it."""
    for data_path in DATA_PATHS:
        if node_at(file, data_path, path) is not None:
            return data_path
    inside = bliss_scans(path)
    if len(inside) == 1:
        return next(iter(inside.values()))
    if inside:
        raise InputError(
            f"{path} holds {len(inside)} scans ({', '.join(map(str, list(inside)[:8]))}, ...), "
            "expected one: say which with --scans"
        )
    raise InputError(
        f"{path} has no data set at {' or '.join(DATA_PATHS)}, expected one of these: "
        f"give {path.name}:/path{candidates(file)}"
    )


def counts_at(file: h5py.File, data_path: str, path: Path) -> h5py.Dataset:
    """Find the data set of the counts (n_rock, n_y, n_x) at a path of the file.

    Parameters
    ----------
    file : the open file.
    data_path : path of the counts in it.
    path : the file's name, for messages.

    Returns
    -------
    The data set.

    Raises
    ------
    InputError
        Where nothing lies there, or nothing that can be counts.
    """
    where = f"{path}:/{data_path}"
    node = node_at(file, data_path, path)
    if node is None:
        raise InputError(
            f"{where} is absent, expected a data set: check the path{candidates(file)}"
        )
    if not isinstance(node, h5py.Dataset):
        raise InputError(
            f"{where} is a group, expected a data set: give its path{candidates(node)}"
        )
    check_counts_form(node.shape, node.dtype, where)
    check_virtual_sources(node, path, where)
    _check_centred(file, data_path, where, path)
    return node


def _load_flags(
    file: h5py.File, data_path: str, shape: tuple[int, ...], path: Path
) -> np.ndarray | None:
    """The mask that belongs to the counts, broadcast to their shape."""
    node = flags_at(file, data_path, path)
    return None if node is None else as_flags(load(node), shape, f"mask {path}:{node.name}")


def flags_at(file: h5py.File, data_path: str, path: Path) -> h5py.Dataset | None:
    """Find the data set of the mask that belongs to the counts at a path.

    Parameters
    ----------
    file : the open file.
    data_path : path of the counts in it.
    path : the file's name, for messages.

    Returns
    -------
    The data set, or None where the file has no mask for these counts.

    Raises
    ------
    InputError
        For a mask that leads nowhere.
    """
    for group in detector_groups(data_path):
        for name in ("mask", "pixel_mask"):
            mask_path = f"{group}/{name}".strip("/")
            node = node_at(file, mask_path, path)
            if isinstance(node, h5py.Dataset) and mask_path != data_path:
                return node
    return None


def load_hdf5_mask(path: Path, inner: str | None) -> np.ndarray:
    """A mask from an HDF5 file: the given path, or where a scan of that file has it."""
    with open_file(path) as file:
        paths = [inner] if inner else [f"{p.rpartition('/')[0]}/mask" for p in DATA_PATHS]
        for mask_path in [*paths, "entry_1/detector_1/mask"][: 1 if inner else None]:
            node = node_at(file, mask_path, path)
            if isinstance(node, h5py.Dataset) and node.shape is not None:
                return load(node)
    raise InputError(
        f"mask {path}: no data set at {' or '.join(paths)}, expected the mask there: "
        f"give {path.name}:/path"
    )


def _check_centred(file: h5py.File, data_path: str, where: str, path: Path) -> None:
    """CXI images may begin with the centre of the diffraction pattern; PyNX's data do not."""
    shifted = node_at(file, f"{data_path.rpartition('/')[0]}/is_fft_shifted".strip("/"), path)
    if scalar(shifted):
        raise InputError(
            f"{where} is marked is_fft_shifted, expected the Bragg peak inside the array: "
            "apply numpy.fft.fftshift before saving"
        )
