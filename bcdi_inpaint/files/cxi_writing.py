"""What every CXI that we write has: root, entry, instrument, sample, arrays, and its provenance.

No auxiliary data set or group that is written has "mask" in its name, because PyNX takes the first
one that has when it is given the file as a mask.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files.forms import as_flags, check_counts_form
from bcdi_inpaint.files.hdf5_writing import new_hdf5
from bcdi_inpaint.files.layout import (
    DETECTOR,
    EV_ANGSTROM,
    JOULE_PER_EV,
    NX_CLASSES,
    PROCESS,
    PYNX_NAMES,
)
from bcdi_inpaint.safe_files import as_utf8
from bcdi_inpaint.scan.scan import Metadata

Provenance = Mapping[str, str | float | int | tuple[str | float | int, ...]]
"""How an output was made. ``version`` and ``command`` go to the process, everything else to its
configuration with ``inpaint_`` before the name, from where PyNX copies it to every result."""


def write_scan(
    path: str | Path,
    counts: np.ndarray,
    mask: np.ndarray | None = None,
    metadata: Metadata | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
    provenance: Provenance | None = None,
    force: bool = False,
) -> None:
    """Write a scan as PyNX would.

    Parameters
    ----------
    path : the file to write.
    counts : (n_rock, n_y, n_x), stored in its own type.
    mask : (n_rock, n_y, n_x), non-zero = bad; stored as 0 or 1 where any voxel is bad.
    metadata : what is known about the experiment.
    arrays : further arrays by name, stored beside the counts, for example ``expectation``.
    provenance : how it was made; see `Provenance`.
    force : whether an existing file may be replaced.

    Raises
    ------
    InputError
        See `check_output`; also for counts or a mask that `read_scan` would refuse.
    RuntimeError
        Where a name holds the word "mask", which would lead PyNX astray.
    """
    check_counts_form(counts.shape, counts.dtype, "counts")
    bad = None if mask is None else as_flags(mask, counts.shape, "mask") != 0
    with new_hdf5(Path(path), force) as file:
        write_head(file, Path(path), metadata or Metadata())
        _write_detector(file, counts, arrays or {})
        if bad is not None and bad.any():
            write_array(file[DETECTOR], "mask", bad.astype(np.int8))
        write_process(file, provenance or {})


def write_head(file: h5py.File, path: Path, metadata: Metadata) -> None:
    """Write everything but arrays and process: root, entry, instrument, sample.

    Parameters
    ----------
    file : the open file.
    path : its final name, which the file records.
    metadata : what is known about the experiment.
    """
    file.attrs["file_name"] = as_utf8(path.name)
    file.attrs["file_time"] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    file.attrs["creator"] = "bcdi-inpaint"
    file.attrs["HDF5_Version"] = h5py.version.hdf5_version
    file.attrs["h5py_version"] = h5py.version.version
    file.attrs["default"] = "entry_1"
    file["cxi_version"] = 140
    entry = require_group(file, "entry_1")
    entry.attrs["default"] = "data_1"
    entry["program_name"] = f"bcdi-inpaint {own_version()}"
    if metadata.instrument is not None:
        file.attrs["instrument"] = metadata.instrument
    energy_ev = metadata.energy_ev
    energy_j = None if energy_ev is None else energy_ev * JOULE_PER_EV
    wavelength_m = None if energy_ev is None else EV_ANGSTROM / energy_ev * 1e-10
    for name, value, units in (
        ("start_time", metadata.start_time, ""),
        ("sample_1/name", metadata.sample, ""),
        ("instrument_1/name", metadata.instrument, ""),
        ("instrument_1/source_1/energy", energy_j, "J"),
        ("instrument_1/beam_1/incident_energy", energy_j, "J"),
        ("instrument_1/beam_1/incident_wavelength", wavelength_m, "m"),
        ("instrument_1/detector_1/distance", metadata.distance_m, "m"),
        ("instrument_1/detector_1/x_pixel_size", metadata.x_pixel_size_m, "m"),
        ("instrument_1/detector_1/y_pixel_size", metadata.y_pixel_size_m, "m"),
        *((name, value, "") for name, value in metadata.extra.items()),
    ):
        _write_value(entry, name, value, units)


def _write_value(entry: h5py.Group, name: str, value: str | float | int | None, units: str) -> None:
    """A small value at a path below the entry, unless there is none or the place is taken."""
    if value is None or name in entry:
        return
    _check_name(name)
    *groups, last = name.split("/")
    dataset = require_group(entry, "/".join(groups)).create_dataset(last, data=value)
    if units:
        dataset.attrs["units"] = units


def _write_detector(file: h5py.File, counts: np.ndarray, arrays: Mapping[str, np.ndarray]) -> None:
    """The counts and further arrays, and the plot that a viewer opens on."""
    detector = require_group(file, DETECTOR)
    write_array(detector, "data", counts)
    for name, array in arrays.items():
        _check_name(name)
        write_array(detector, name, array)
    write_plot(file)


def write_plot(file: h5py.File) -> None:
    """The plot that a viewer opens on."""
    data = require_group(file, "entry_1/data_1")
    data["data"] = h5py.SoftLink(f"/{DETECTOR}/data")
    data.attrs["signal"] = "data"
    data.attrs["interpretation"] = "image"


def write_process(file: h5py.File, provenance: Provenance, path: str = PROCESS) -> None:
    """Write how the file was made, where PyNX keeps it.

    Parameters
    ----------
    file : the open file.
    provenance : how it was made; see `Provenance`.
    path : of the process in the file.
    """
    process = require_group(file, path)
    process["program"] = "bcdi-inpaint"
    process["version"] = str(provenance.get("version", own_version()))
    process["command"] = as_utf8(str(provenance.get("command", "")))
    configuration = require_group(process, "configuration")
    for name, value in provenance.items():
        if name not in ("version", "command"):
            _check_name(name)
            own = name if name in PYNX_NAMES else f"inpaint_{name.removeprefix('inpaint_')}"
            configuration[own] = as_utf8(value) if isinstance(value, str) else value


def write_array(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """Write an array, compressed, one chunk a frame.

    Parameters
    ----------
    group : where it is written.
    name : of the data set.
    array : (n_rock, n_y, n_x), of any number type.
    """
    chunks = (1, *array.shape[1:]) if array.ndim == 3 else True
    group.create_dataset(name, data=array, chunks=chunks, shuffle=True, compression="gzip")


def require_group(parent: h5py.Group, path: str) -> h5py.Group:
    """The group at a path, made where it is missing, each part with its NeXus class."""
    group = parent
    for name in filter(None, path.split("/")):
        group = group.require_group(name)
        if name in NX_CLASSES:
            group.attrs["NX_class"] = NX_CLASSES[name]
    return group


def _check_name(name: str) -> None:
    if "mask" in name.lower():
        raise RuntimeError(f"the name {name!r} holds 'mask', by which PyNX would take it for one")


def own_version() -> str:
    """The version of this program."""
    try:
        return importlib.metadata.version("bcdi-inpaint")
    except importlib.metadata.PackageNotFoundError:  # run from the sources, not installed
        return "unknown"
