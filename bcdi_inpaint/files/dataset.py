"""Scans in HDF5 files: PyNX's CXI, cdiutils' CXI, BLISS, NeXus, and any data set by its path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.bits import bad_of, rejecting_bits
from bcdi_inpaint.files.flags import StoredFlags, find_flags
from bcdi_inpaint.files.forms import check_counts_form, squeezed_shape
from bcdi_inpaint.files.frames import Stack, StoredArray, stored_array
from bcdi_inpaint.files.hdf5 import load, node_at, scalar
from bcdi_inpaint.files.inside import candidates
from bcdi_inpaint.files.layout import DATA_PATHS
from bcdi_inpaint.files.locating import Located, locate
from bcdi_inpaint.files.metadata import metadata_of
from bcdi_inpaint.files.opening import open_file, writer_remarks
from bcdi_inpaint.files.series import series_stack
from bcdi_inpaint.scan.crop import Crop, slices_of
from bcdi_inpaint.scan.remarks import Remark, Remarks
from bcdi_inpaint.scan.scan import Metadata, Scan

MASTER = "_master"
"""What the name of an EIGER master holds, where its frames' files have ``_data_000001``."""


@dataclass(frozen=True)
class StoredCounts:
    """What there is to know of a scan in an HDF5 file before its counts are read.

    Attributes
    ----------
    data_path : the path that was walked to the counts; of several data sets, to the first.
    stack : the counts.
    flags : their mask, or None.
    metadata : what the file says about the experiment.
    remarks : what has to be said about how it is read.
    """

    data_path: str
    stack: Stack
    flags: StoredFlags | None
    metadata: Metadata
    remarks: Remarks

    @property
    def arrays(self) -> tuple[StoredArray, ...]:
        """The data sets that the counts and the mask are."""
        return (*self.stack.arrays, *(() if self.flags is None else (self.flags.array,)))


def find_counts(path: Path, inner: str | None) -> StoredCounts:
    """Find the counts and the mask of a scan, and what else its file says.

    Parameters
    ----------
    path : the file.
    inner : path of the counts in the file; None to look where such files have them.

    Returns
    -------
    What there is to know before they are read.

    Raises
    ------
    InputError
        For a file or a path that holds no scan.
    """
    with open_file(path) as file:
        located = locate(file, inner, path)
        stack, remarks = _stack_at(file, located, path)
        flags = find_flags(file, located.data_path, stack.shape, path)
        metadata = metadata_of(file, located.data_path, path)
    own = () if flags is None else flags.remarks(path)
    files = [path, *(file for array in stack.arrays for file in array.files)]
    said = located.remarks + remarks + own + _alone(path) + writer_remarks(files)
    return StoredCounts(located.data_path, stack, flags, metadata, said)


def _stack_at(file: h5py.File, located: Located, path: Path) -> tuple[Stack, Remarks]:
    if len(located.place) > 1:
        return series_stack(file, located.place, path)
    return Stack((stored_array(counts_at(file, located.data_path, path)),)), ()


def read_hdf5(path: Path, inner: str | None, crop: Crop | None) -> Scan:
    """Read the scan at a path of an HDF5 file, or where such files have it.

    Parameters
    ----------
    path : the file.
    inner : path of the counts in the file; None to look for them.
    crop : the part to read; None for all of it.

    Returns
    -------
    The scan, in memory.

    Raises
    ------
    InputError
        For a file or a path that holds no scan.
    """
    found = find_counts(path, inner)
    spans = slices_of(crop, found.stack.shape)
    frames, rows, columns = (
        slice(*span.indices(n)[:2]) for span, n in zip(spans, found.stack.shape, strict=True)
    )
    box = frames, rows, columns
    found.stack.check_size(box, f"{path}:/{found.data_path}")
    counts = found.stack.read(box)
    flags = None if found.flags is None else found.flags.read(box)
    bad = np.zeros(counts.shape, bool)
    if found.flags is not None and flags is not None:
        bad = found.flags.bad(flags)
    return Scan(counts, bad, flags, found.metadata, path, found.remarks)


def counts_at(file: h5py.File, data_path: str, path: Path) -> h5py.Dataset:
    """Find the data set of the counts (n_rock, n_y, n_x) at a path of the file.

    Parameters
    ----------
    file : the open file.
    data_path : path of the counts in it.
    path : the file's name, for messages.

    Returns
    -------
    The data set, which may have axes of length one besides.

    Raises
    ------
    InputError
        Where nothing lies there, or nothing that can be counts.
    """
    where = f"{path}:/{data_path}"
    node = node_at(file, data_path, path)
    if node is None:
        raise InputError(
            f"{where} is absent, expected a data set: check the path{candidates(file, '', path)}"
        )
    if not isinstance(node, h5py.Dataset):
        raise InputError(f"{where} is a group, expected a data set: give its path")
    shape = None if node.shape is None else squeezed_shape(node.shape)
    check_counts_form(shape, node.dtype, where)
    _check_centred(file, data_path, where, path)
    return node


def load_hdf5_mask(path: Path, inner: str | None) -> np.ndarray:
    """A mask from an HDF5 file: the given path, or where a scan of that file has it.

    Of a `pixel_mask` it holds the bits alone that reject a pixel.
    """
    with open_file(path) as file:
        paths = [inner] if inner else [f"{p.rpartition('/')[0]}/mask" for p in DATA_PATHS]
        further = () if inner else ("entry_1/detector_1/mask", *_NEXUS_MASKS)
        for mask_path in (*paths, *further):
            node = node_at(file, mask_path, path)
            if isinstance(node, h5py.Dataset) and node.shape is not None:
                bits = rejecting_bits(mask_path.rpartition("/")[2], node.dtype)
                loaded = load(node)
                return loaded if bits is None else bad_of(loaded, bits)
    raise InputError(
        f"mask {path}: no data set at {' or '.join(paths)}, expected the mask there: "
        f"give {path.name}:/path"
    )


_NEXUS_MASKS = (
    "entry/instrument/detector/pixel_mask",
    "entry/instrument/detector/detectorSpecific/pixel_mask",
)


def _check_centred(file: h5py.File, data_path: str, where: str, path: Path) -> None:
    """CXI images may begin with the centre of the diffraction pattern; PyNX's data do not."""
    shifted = node_at(file, f"{data_path.rpartition('/')[0]}/is_fft_shifted".strip("/"), path)
    if scalar(shifted):
        raise InputError(
            f"{where} is marked is_fft_shifted, expected the Bragg peak inside the array: "
            "apply numpy.fft.fftshift before saving"
        )


def master_of(path: Path) -> Path | None:
    """The master beside one of EIGER's files of frames; None where there is none."""
    stem, _, number = path.stem.rpartition("_data_")
    if not stem or not number.isdigit():
        return None
    master = path.with_name(f"{stem}{MASTER}{path.suffix}")
    return master if master.is_file() else None


def _alone(path: Path) -> Remarks:
    """What to say of one of EIGER's files of frames whose master lies beside it."""
    master = master_of(path)
    if master is None:
        return ()
    text = (
        f"{path.name} is one file of frames of {master.name}: the other frames, the mask and the "
        f"geometry are read with {master.name}"
    )
    return (Remark("one-of-several-files", text),)
