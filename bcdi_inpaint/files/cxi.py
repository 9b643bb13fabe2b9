"""Writing the CXI that PyNX reads.

No auxiliary data set or group that is written has "mask" in its name, because PyNX takes the first
one that has when it is given the file as a mask.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bcdi_inpaint.files.chunks import new_chunked, put_together
from bcdi_inpaint.files.forms import as_flags, check_counts_form
from bcdi_inpaint.files.layout import (
    DETECTOR,
    EV_ANGSTROM,
    JOULE_PER_EV,
    NX_CLASSES,
    PROCESS,
    PYNX_NAMES,
    RESULT_PROCESS,
)
from bcdi_inpaint.files.output import new_hdf5
from bcdi_inpaint.running.threads import in_threads
from bcdi_inpaint.scan.boxes import BLOCK, Box, blocks
from bcdi_inpaint.scan.scan import Measured, Metadata, Scan

Provenance = Mapping[str, str | float | int | tuple[str | float | int, ...]]


def write_cxi(
    path: str | Path,
    scan: Scan,
    filled_counts: np.ndarray,
    gap_mask: np.ndarray,
    provenance: Provenance,
    force: bool = False,
    sigma: np.ndarray | None = None,
    trusted: np.ndarray | None = None,
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Write a filled scan as the CXI that PyNX reads.

    The mask of the file is the scan's without the filled voxels, strictly 0 or 1: PyNX casts it
    to int8, where 128, 256 and their like would become good, and discards the fill of any voxel
    that is masked.

    Parameters
    ----------
    path : the file to write.
    scan : the measured scan.
    filled_counts : (n_rock, n_y, n_x) float32, positive in the gap, else the measured counts.
    gap_mask : (n_rock, n_y, n_x) bool, True where a voxel was filled.
    provenance : how the fill was made; ``version`` and ``command`` go to the process, everything
        else to its configuration with ``inpaint_`` before the name, from where PyNX copies it
        to every result.
    force : whether an existing file may be replaced.
    sigma : (n_rock, n_y, n_x) float32, standard deviation of the logarithm of 1 + the filled
        counts, stored beside them.
    trusted : (n_rock, n_y, n_x) bool, filled voxels that PyNX is to take as measured; the others
        stay masked, their fill in place. By default all.
    bounds : lower and upper bounds of the expected counts, each (n_rock, n_y, n_x), stored beside
        them.

    Raises
    ------
    InputError
        See `check_output`; also where the disk is full.
    RuntimeError
        Where the fill is no fill of this scan. That would be our own mistake.
    """
    check_fill(scan, filled_counts, gap_mask)
    mask = remaining_mask(scan, gap_mask, trusted)
    beside = {name: a for name, a in fill_arrays(gap_mask, sigma, bounds).items() if name in ASIDE}

    def frame(box: Box) -> Frame:
        flags = None if scan.flags is None else scan.flags[box]
        return Frame(filled_counts[box], gap_mask[box], mask[box], flags)

    def aside(box: Box) -> dict[str, np.ndarray]:
        return {name: array[box] for name, array in beside.items()}

    write_parts(path, scan, frame, aside, tuple(beside), provenance, force)


ASIDE = {"sigma": 0.0, "lower_bound": 0.0, "upper_bound": np.inf}
"""What is stored of the fill alone, and its value where nothing was filled."""
TILE = 64
"""Side of the chunks of such arrays, of which those without a fill are not even written."""


@dataclass(frozen=True)
class Frame:
    """One frame of an output, all (1, n_y, n_x).

    `counts` are float32 with the fill, `filled` (bool) says where that is, `mask` what is not to be
    taken as measured; `flags` is the scan's mask as stored, or None.
    """

    counts: np.ndarray
    filled: np.ndarray
    mask: np.ndarray
    flags: np.ndarray | None


def write_parts(
    path: str | Path,
    scan: Measured,
    frame: Callable[[Box], Frame],
    aside: Callable[[Box], Mapping[str, np.ndarray]],
    names: tuple[str, ...],
    provenance: Provenance,
    force: bool = False,
) -> None:
    """Write a filled scan as `write_cxi`, part by part, none of which is kept.

    Parameters
    ----------
    path, provenance, force : see `write_cxi`.
    scan : what was filled.
    frame : gives the frame of a box that is one.
    aside : gives the arrays of `ASIDE` in a box, by name; nothing where nothing was filled there.
    names : those it gives.
    """
    n_rock, n_y, n_x = scan.shape
    tile = min(BLOCK, n_rock), min(TILE, n_y), min(TILE, n_x)
    whole_frame = 1, n_y, n_x
    layout: dict[str, tuple[Any, tuple[int, int, int], float]] = {
        "data": (np.float32, whole_frame, 0),
        "filled": (np.uint8, whole_frame, 0),
        **{name: (np.float32, tile, ASIDE[name]) for name in names},
    }
    if scan.flags_dtype is not None:
        layout["original_flags"] = (scan.flags_dtype, whole_frame, 0)
    layout["mask"] = (np.int8, whole_frame, 0)

    def packed(block: Box) -> list[Packed]:
        return [*_packed_frames(block, frame), *_packed_tiles(block, tile, aside)]

    with new_hdf5(Path(path), force, [scan.source]) as file:
        _write_head(file, Path(path), scan.metadata)
        detector = _group(file, DETECTOR)
        arrays = {
            name: new_chunked(detector, name, scan.shape, np.dtype(dtype), chunks, fill)
            for name, (dtype, chunks, fill) in layout.items()
        }
        for parts in in_threads(packed, blocks(scan.shape)):
            for name, corner, content in parts:
                arrays[name].id.write_direct_chunk(corner, content)
        _write_plot(file)
        _write_process(file, provenance)


Packed = tuple[str, tuple[int, int, int], bytes]
"""A chunk: the name of its data set, its first voxel, its bytes."""


def _packed_frames(block: Box, frame: Callable[[Box], Frame]) -> Iterator[Packed]:
    """The chunks of a block's frames; masks are mostly those of the frame before."""
    before: dict[str, tuple[np.ndarray, bytes]] = {}
    frames, rows, columns = block
    for k in range(frames.start, frames.stop):
        made = frame((slice(k, k + 1), rows, columns))
        shape = made.counts.shape
        yield "data", (k, 0, 0), put_together(made.counts, shape)
        flags = {} if made.flags is None else {"original_flags": made.flags}
        masks = {"filled": made.filled.astype(np.uint8), "mask": made.mask.astype(np.int8), **flags}
        for name, mask in masks.items():
            if name not in before or not np.array_equal(before[name][0], mask):
                before[name] = mask, put_together(mask, shape)
            yield name, (k, 0, 0), before[name][1]


def _packed_tiles(
    block: Box, tile: tuple[int, int, int], aside: Callable[[Box], Mapping[str, np.ndarray]]
) -> Iterator[Packed]:
    """The chunks of a block for what is stored of the fill alone."""
    frames, rows, columns = block
    for y in range(0, rows.stop, tile[1]):
        for x in range(0, columns.stop, tile[2]):
            box = (
                frames,
                slice(y, min(y + tile[1], rows.stop)),
                slice(x, min(x + tile[2], columns.stop)),
            )
            for name, array in aside(box).items():
                yield name, (frames.start, y, x), put_together(array, tile)


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
    provenance, force : see `write_cxi`.

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
        _write_head(file, Path(path), metadata or Metadata())
        _write_detector(file, counts, arrays or {})
        if bad is not None and bad.any():
            _write_array(file[DETECTOR], "mask", bad.astype(np.int8))
        _write_process(file, provenance or {})


def write_result(
    path: str | Path,
    obj: np.ndarray,
    support: np.ndarray,
    metadata: Metadata,
    results: Mapping[str, float | int],
    log: Iterable[str],
    provenance: Provenance,
    force: bool = False,
    inputs: Iterable[str | Path | None] = (),
) -> None:
    """Write a reconstruction as PyNX does, where its analysis looks for it.

    Parameters
    ----------
    path : the file to write.
    obj : (n_rock, n_y, n_x) complex64, centred.
    support : (n_rock, n_y, n_x) bool.
    metadata : what is known about the experiment.
    results : log-likelihoods and the like, by PyNX's names.
    log : a line for each stage.
    provenance : as for `write_cxi`; ``iobs_shape`` and ``roi_final`` keep their names, which are
        PyNX's.
    force : whether an existing file may be replaced.
    inputs : files that were read; none may be the output.

    Raises
    ------
    InputError
        See `check_output`; also where the disk is full.
    """
    with new_hdf5(Path(path), force, inputs) as file:
        _write_head(file, Path(path), metadata)
        image = _group(file, "entry_1/image_1")
        image.attrs["signal"] = "data"
        _write_array(image, "data", obj)
        _write_array(image, "mask", support.astype(np.int8))  # PyNX's name for its support
        image["support"] = h5py.SoftLink("/entry_1/image_1/mask")
        image["data_type"], image["data_space"] = "electron density", "real"
        data = _group(file, "entry_1/data_1")
        data["data"] = h5py.SoftLink("/entry_1/image_1/data")
        data.attrs["signal"] = "data"
        file["entry_last"] = h5py.SoftLink("/entry_1")
        _write_process(file, provenance, RESULT_PROCESS)
        process = file[RESULT_PROCESS]
        note = _group(process, "note_1")
        note["description"], note["type"] = "log of the best run", "text/plain"
        note["data"] = "\n".join(log)
        group = _group(process, "results")
        for name, value in results.items():
            group[name] = value


def fill_arrays(
    gap_mask: np.ndarray,
    sigma: np.ndarray | None,
    bounds: tuple[np.ndarray, np.ndarray] | None,
) -> dict[str, np.ndarray]:
    """What is stored beside the counts of a fill, by name; arguments as for `write_cxi`."""
    arrays = {"filled": gap_mask.astype(np.uint8)}
    if sigma is not None:
        arrays["sigma"] = sigma
    if bounds is not None:
        arrays["lower_bound"], arrays["upper_bound"] = bounds
    return arrays


def remaining_mask(
    scan: Scan, gap_mask: np.ndarray, trusted: np.ndarray | None = None
) -> np.ndarray:
    """What is not to be taken as measured, (n_rock, n_y, n_x) int8, 0 or 1.

    That is the scan's mask and the fill, without what is `trusted` of it; by default all is.
    """
    good = gap_mask if trusted is None else gap_mask & trusted
    return np.asarray(((scan.bad_mask | gap_mask) & ~good).astype(np.int8))


def check_fill(scan: Scan, filled_counts: np.ndarray, gap_mask: np.ndarray) -> None:
    """Our own promise: the measurement stays bit for bit, and every filled voxel is positive."""
    if filled_counts.dtype != np.float32 or gap_mask.dtype != np.bool_:
        raise RuntimeError(f"fill is {filled_counts.dtype}, gap mask {gap_mask.dtype}")
    if not filled_counts.shape == gap_mask.shape == scan.shape:
        raise RuntimeError(f"fill {filled_counts.shape}, gap {gap_mask.shape}, scan {scan.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        measured = scan.counts.astype(np.float32)
    differs = filled_counts.view(np.uint32) != measured.view(np.uint32)
    if (differs & ~gap_mask).any():
        raise RuntimeError("the fill differs from the measurement outside the gap")
    fill = filled_counts[gap_mask]
    if not (np.isfinite(fill) & (fill > 0)).all():
        raise RuntimeError("the fill is not finite and positive everywhere in the gap")


def _write_head(file: h5py.File, path: Path, metadata: Metadata) -> None:
    """Everything but arrays and process: root, entry, instrument, sample."""
    file.attrs["file_name"] = path.name
    file.attrs["file_time"] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    file.attrs["creator"] = "bcdi-inpaint"
    file.attrs["HDF5_Version"] = h5py.version.hdf5_version
    file.attrs["h5py_version"] = h5py.version.version
    file.attrs["default"] = "entry_1"
    file["cxi_version"] = 140
    entry = _group(file, "entry_1")
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
    dataset = _group(entry, "/".join(groups)).create_dataset(last, data=value)
    if units:
        dataset.attrs["units"] = units


def _write_detector(file: h5py.File, counts: np.ndarray, arrays: Mapping[str, np.ndarray]) -> None:
    """The counts and further arrays, and the plot that a viewer opens on."""
    detector = _group(file, DETECTOR)
    _write_array(detector, "data", counts)
    for name, array in arrays.items():
        _check_name(name)
        _write_array(detector, name, array)
    _write_plot(file)


def _write_plot(file: h5py.File) -> None:
    """The plot that a viewer opens on."""
    data = _group(file, "entry_1/data_1")
    data["data"] = h5py.SoftLink(f"/{DETECTOR}/data")
    data.attrs["signal"] = "data"
    data.attrs["interpretation"] = "image"


def _write_process(file: h5py.File, provenance: Provenance, where: str = PROCESS) -> None:
    """How the file was made, where PyNX keeps such things."""
    process = _group(file, where)
    process["program"] = "bcdi-inpaint"
    process["version"] = str(provenance.get("version", own_version()))
    process["command"] = str(provenance.get("command", ""))
    configuration = _group(process, "configuration")
    for name, value in provenance.items():
        if name not in ("version", "command"):
            _check_name(name)
            own = name if name in PYNX_NAMES else f"inpaint_{name.removeprefix('inpaint_')}"
            configuration[own] = value


def _write_array(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """An array, compressed, one chunk a frame."""
    chunks = (1, *array.shape[1:]) if array.ndim == 3 else True
    group.create_dataset(name, data=array, chunks=chunks, shuffle=True, compression="gzip")


def _group(parent: h5py.Group, path: str) -> h5py.Group:
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
