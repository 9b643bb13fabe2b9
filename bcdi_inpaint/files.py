"""Scan files: the only module that opens HDF5, npz and npy files.

Read are PyNX's CXI, the npz pairs and the CXI of cdiutils, npz, npy, and any data set of an HDF5
file as ``file.h5:/path``. Written is the CXI that PyNX reads. Foreign masks become one boolean
polarity here, True = bad: CXI and NeXus use different bits, but both mean "good" by 0.

Files are opened read-only and unlocked: a locking reader can stop a running scan. No auxiliary
data set or group that is written has "mask" in its name, because PyNX takes the first one that
has when it is given the file as a mask.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  (registers bitshuffle-lz4, in which beamlines compress)
import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan import Metadata, Scan, invalid_voxels

JOULE_PER_EV = 1.602176634e-19
EV_ANGSTROM = 12398.419843320026  # h c: energy in eV times wavelength in angstrom

HDF5_SUFFIXES = (".cxi", ".h5", ".hdf5", ".hdf", ".nxs")
DETECTOR = "entry_1/instrument_1/detector_1"
PROCESS = "entry_1/data_1/process_1"
FILLED_PATH = f"{DETECTOR}/filled"  # of an output: 1 where a voxel was filled
# Where PyNX looks for the counts, in its order; cdiutils' CXI keeps them in the second place.
DATA_PATHS = (f"{DETECTOR}/data", "entry_1/image_1/data", "entry_1/data_1/data")
DATA_KEYS = ("data", "counts", "iobs", "arr_0")
MASK_KEYS = ("mask", "data", "arr_0")
# The pair of files of cdiutils, and of bcdi: the data's name, and the mask's.
SIBLINGS = (("_pynx_input_data", "_pynx_input_mask"), ("_pynx_norm_", "_maskpynx_norm_"))

# Small values under these names of an entry are carried from file to file; those of _FIELDS have
# a field of their own in Metadata.
_EXTRA = ("experiment_id", "title", "end_time", "note_1", "sample_1", "instrument_1")
_FIELDS = (
    "instrument_1/name",
    "sample_1/name",
    "instrument_1/source_1/energy",
    "instrument_1/detector_1/distance",
    "instrument_1/detector_1/x_pixel_size",
    "instrument_1/detector_1/y_pixel_size",
)
_PYNX_NAMES = ("iobs_shape", "roi_final")  # of a configuration, which keep their names
_NX_CLASSES = {
    "entry_1": "NXentry",
    "instrument_1": "NXinstrument",
    "source_1": "NXsource",
    "beam_1": "NXbeam",
    "detector_1": "NXdetector",
    "data_1": "NXdata",
    "image_1": "NXdata",
    "results": "NXcollection",
    "process_1": "NXprocess",
    "configuration": "NXcollection",
    "sample_1": "NXsample",
    "note_1": "NXnote",
}
_LIBRARY_ERRORS = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    EOFError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)

Provenance = Mapping[str, str | float | int | tuple[str | float | int, ...]]


# --- reading -------------------------------------------------------------------------------------


def read_scan(
    path_or_spec: str | Path, mask: str | Path | Iterable[str | Path] | None = None
) -> Scan:
    """Read a scan and its mask.

    Parameters
    ----------
    path_or_spec : a ``.cxi``, ``.npz``, ``.npy`` or HDF5 file, or ``file.h5:/path`` of a data set.
    mask : one or more of: a mask file (as above, 2D or 3D, non-zero = bad), which adds to the
        file's own mask; the word ``invalid``, which masks voxels whose value cannot be a count
        (see `scan.invalid_voxels`).

    Returns
    -------
    The scan, counts (n_rock, n_y, n_x) exactly as stored. `Scan.flags` is the file's own mask,
    or that of its sibling (``S1_pynx_input_mask.npz`` beside ``S1_pynx_input_data.npz``).

    Raises
    ------
    InputError
        For whatever cannot be read as a rocking curve of counts, on one line.
    """
    path, inner = split_spec(path_or_spec)
    _check_readable(path)
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise InputError(
            f"{path}: unknown extension {path.suffix!r}, expected one of {', '.join(_READERS)}, "
            "or file.h5:/path: save the counts in one of these formats"
        )
    scan = read(path, inner)
    return _with_masks(scan, _listed(mask))


def split_spec(path_or_spec: str | Path) -> tuple[Path, str | None]:
    """``file.h5:/path`` as the file and the path inside it; the path is None where none is given.

    A file whose name holds the colon is taken as it is.
    """
    form = re.fullmatch(rf"(.+?(?:{_SUFFIX_PATTERN}))::?([^:]*)", str(path_or_spec), re.IGNORECASE)
    if form is None or Path(path_or_spec).exists():
        return Path(path_or_spec), None
    return Path(form[1]), form[2].strip("/") or None


_SUFFIX_PATTERN = "|".join(re.escape(suffix) for suffix in HDF5_SUFFIXES)


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, in hexadecimal; InputError where it cannot be read."""
    _check_readable(Path(path))
    with _told(f"{path} cannot be read"), open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_readable(path: Path) -> None:
    """Refuse what is no readable file, before any library looks at it."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, expected a scan file: give a file in it")
    if not path.exists():
        raise InputError(f"{path} does not exist, expected a scan file: check the path")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} may not be read, expected read permission: change it with chmod")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes), expected a scan file: copy it again")


@contextmanager
def _told(what: str, fix: str = "copy the file again, or check it with h5ls") -> Iterator[None]:
    """Turn what a library raises about a damaged file into one line."""
    try:
        yield
    except InputError:
        raise
    except _LIBRARY_ERRORS as error:
        raise InputError(f"{what} ({_brief(error)}), expected an intact file: {fix}") from error


def _brief(error: BaseException) -> str:
    """An error of a library on one line of at most 200 characters."""
    return " ".join(str(error).split()).strip("'\"")[:200] or type(error).__name__


def _listed(mask: str | Path | Iterable[str | Path] | None) -> list[str | Path]:
    if mask is None:
        return []
    return [mask] if isinstance(mask, str | Path) else list(mask)


# Arrays from anywhere


def _check_counts_form(shape: tuple[int, ...] | None, dtype: np.dtype, where: str) -> None:
    """Refuse arrays that cannot be the counts of a rocking curve, before they are loaded."""
    if dtype.kind == "c":
        raise InputError(
            f"{where} holds complex numbers ({dtype}), expected counts: this looks like a "
            "reconstructed object, give the diffraction data"
        )
    if dtype.kind not in "uif":
        raise InputError(
            f"{where} has the type {dtype}, expected integer or float counts: "
            "give the diffraction data"
        )
    if shape is None or len(shape) != 3:
        n_axes = 0 if shape is None else len(shape)
        raise InputError(
            f"{where} has {n_axes} dimensions {shape or ()}, expected 3 (rocking axis, y, x): "
            "stack the frames of one rocking curve into one array"
        )
    if 0 in shape:
        raise InputError(f"{where} has the shape {shape}, expected no empty axis: check the scan")


def _as_flags(flags: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """A stored mask (n_y, n_x), (1, n_y, n_x) or (n_rock, n_y, n_x), broadcast to the counts."""
    if flags.dtype.kind not in "buif":
        raise InputError(
            f"{where} has the type {flags.dtype}, expected a mask of numbers or booleans "
            "(non-zero = bad): give another mask"
        )
    fits = flags.ndim in (2, 3) and flags.shape[-2:] == shape[1:]
    if not fits or (flags.ndim == 3 and flags.shape[0] not in (1, shape[0])):
        raise InputError(
            f"{where} has the shape {flags.shape}, expected {shape[1:]} or {shape} as the counts: "
            "give the mask of this scan, cropped and binned as the counts are"
        )
    return np.broadcast_to(flags, shape)


def _scan_of(
    counts: np.ndarray, flags: np.ndarray | None, metadata: Metadata, source: Path
) -> Scan:
    bad = np.zeros(counts.shape, dtype=bool) if flags is None else flags != 0
    return Scan(counts, bad, flags, metadata, source)


def _with_masks(scan: Scan, masks: list[str | Path]) -> Scan:
    """The scan with further masks added to its own."""
    bad = scan.bad_mask
    for mask in masks:
        if mask == "invalid":
            bad = bad | invalid_voxels(scan.counts)
        else:
            bad = bad | (_as_flags(_read_mask(mask), scan.shape, f"mask {mask}") != 0)
    return Scan(scan.counts, bad, scan.flags, scan.metadata, scan.source)


def _read_mask(spec: str | Path) -> np.ndarray:
    """The array of a mask file, as stored."""
    path, inner = split_spec(spec)
    _check_readable(path)
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _load_npy(path)
    if suffix == ".npz":
        arrays = _load_npz(path)
        return arrays[_chosen(arrays, MASK_KEYS)]
    if suffix in HDF5_SUFFIXES:
        return _load_hdf5_mask(path, inner)
    raise InputError(
        f"mask {path}: unknown extension {path.suffix!r}, expected .npy, .npz, .cxi, "
        "file.h5:/path, or the word invalid: save the mask in one of these formats"
    )


# Fills


@dataclass(frozen=True)
class StoredFill:
    """What an output of ours says of its fill.

    Attributes
    ----------
    filled : (n_rock, n_y, n_x) bool.
    sigma : (n_rock, n_y, n_x) float32, standard deviation of log(1 + expected counts).
    provenance : how it was made; names without ``inpaint_``.
    """

    filled: np.ndarray
    sigma: np.ndarray
    provenance: dict[str, Any]


def read_fill(path: str | Path) -> StoredFill | None:
    """The fill in a file that `write_cxi` wrote; None for other files.

    Raises InputError for a file that cannot be read, or whose fill has no uncertainty.
    """
    path, inner = split_spec(path)
    if inner is not None or path.suffix.lower() not in HDF5_SUFFIXES:
        return None
    with _opened(path) as file:
        if not isinstance(_quiet_node(file, FILLED_PATH), h5py.Dataset):
            return None
        if not isinstance(_quiet_node(file, f"{DETECTOR}/sigma"), h5py.Dataset):
            raise InputError(
                f"{path} holds a fill without its uncertainty ({DETECTOR}/sigma), expected both: "
                "fill the scan again with this version"
            )
        filled, sigma = file[FILLED_PATH][()] != 0, file[f"{DETECTOR}/sigma"][()]
        return StoredFill(filled, sigma, _provenance_of(file))


def _provenance_of(file: h5py.File) -> dict[str, Any]:
    group = _quiet_node(file, f"{PROCESS}/configuration")
    if not isinstance(group, h5py.Group):
        return {}
    return {
        name.removeprefix("inpaint_"): _plain(node[()])
        for name, node in group.items()
        if name.startswith("inpaint_") and isinstance(node, h5py.Dataset)
    }


def _plain(value: Any) -> Any:
    """A stored value as Python's own: text, a number, or a tuple of them."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    listed = np.asarray(value).tolist()
    return tuple(map(_plain, listed)) if isinstance(listed, list) else listed


# numpy files


def _load_npy(path: Path) -> np.ndarray:
    with _told(f"{path} is no intact npy file"), open(path, "rb") as stream:
        loaded: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    return loaded


def _load_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz file by key, in the file's order."""
    arrays = {}
    with _told(f"{path} is no intact npz file"), zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                with archive.open(name) as stream:
                    key = name.removesuffix(".npy")
                    arrays[key] = np.lib.format.read_array(stream, allow_pickle=False)
    if not arrays:
        raise InputError(f"{path} holds no array, expected the counts: save them with np.savez")
    return arrays


def _chosen(arrays: Mapping[str, np.ndarray], keys: tuple[str, ...]) -> str:
    """The first of `keys` that is there, else the first key."""
    return next((key for key in keys if key in arrays), next(iter(arrays)))


def _read_npy(path: Path, _: str | None) -> Scan:
    counts = _load_npy(path)
    _check_counts_form(counts.shape, counts.dtype, str(path))
    return _scan_of(counts, None, Metadata(), path)


def _read_npz(path: Path, _: str | None) -> Scan:
    if any(mask_part in path.name for _, mask_part in SIBLINGS):
        raise InputError(
            f"{path} is the mask of a pair by its name, expected the counts: "
            "give the data file, its mask is found by itself"
        )
    arrays = _load_npz(path)
    mask = arrays.pop("mask", None)
    if not arrays:
        raise InputError(
            f"{path} holds only a mask, expected counts in one of {', '.join(DATA_KEYS)}: "
            "give the data file, and this one with --mask"
        )
    key = _chosen(arrays, DATA_KEYS)
    counts = arrays[key]
    _check_counts_form(counts.shape, counts.dtype, f"{path}, array {key!r}")
    where = f"the mask in {path}"
    sibling = _mask_sibling(path)
    if mask is None and sibling is not None:
        mask, where = _read_mask(sibling), f"mask {sibling}"
    flags = None if mask is None else _as_flags(mask, counts.shape, where)
    return _scan_of(counts, flags, Metadata(), path)


def _mask_sibling(path: Path) -> Path | None:
    """The mask file that belongs to a data file of cdiutils or bcdi, if it is there."""
    for data_part, mask_part in SIBLINGS:
        sibling = path.with_name(path.name.replace(data_part, mask_part))
        if sibling != path and sibling.exists():
            return sibling
    return None


# HDF5 files


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file, open for reading without a lock."""
    with _told(f"{path} is no intact HDF5 file"):
        if not h5py.is_hdf5(path):
            raise InputError(
                f"{path} is not HDF5, expected {path.suffix} to be: check the file's format"
            )
        with h5py.File(path, "r", locking=False) as file:
            yield file


def _read_hdf5(path: Path, inner: str | None) -> Scan:
    with _opened(path) as file:
        data_path = inner or _default_data_path(file, path)
        counts = _load_counts(file, data_path, path)
        flags = _load_flags(file, data_path, counts.shape, path)
        return _scan_of(counts, flags, _metadata(file, data_path), path)


def _default_data_path(file: h5py.File, path: Path) -> str:
    for data_path in DATA_PATHS:
        if _node(file, data_path, path) is not None:
            return data_path
    raise InputError(
        f"{path} has no data set at {' or '.join(DATA_PATHS)}, expected one of these: "
        f"give {path.name}:/path{_candidates(file)}"
    )


def _load_counts(file: h5py.File, data_path: str, path: Path) -> np.ndarray:
    """The counts (n_rock, n_y, n_x) at a path of the file, as stored."""
    where = f"{path}:/{data_path}"
    node = _node(file, data_path, path)
    if node is None:
        raise InputError(
            f"{where} is absent, expected a data set: check the path{_candidates(file)}"
        )
    if not isinstance(node, h5py.Dataset):
        raise InputError(
            f"{where} is a group, expected a data set: give its path{_candidates(node)}"
        )
    _check_counts_form(node.shape, node.dtype, where)
    _check_virtual_sources(node, path, where)
    _check_centred(file, data_path, where, path)
    counts: np.ndarray = node[()]
    return counts


def _load_flags(
    file: h5py.File, data_path: str, shape: tuple[int, ...], path: Path
) -> np.ndarray | None:
    """The mask that belongs to the counts, broadcast to their shape."""
    for group in _detector_groups(data_path):
        for name in ("mask", "pixel_mask"):
            mask_path = f"{group}/{name}".strip("/")
            node = _node(file, mask_path, path)
            if isinstance(node, h5py.Dataset) and mask_path != data_path:
                return _as_flags(node[()], shape, f"mask {path}:/{mask_path}")
    return None


def _load_hdf5_mask(path: Path, inner: str | None) -> np.ndarray:
    """A mask from an HDF5 file: the given path, or where a scan of that file has it."""
    with _opened(path) as file:
        paths = [inner] if inner else [f"{p.rpartition('/')[0]}/mask" for p in DATA_PATHS]
        for mask_path in [*paths, "entry_1/detector_1/mask"][: 1 if inner else None]:
            node = _node(file, mask_path, path)
            if isinstance(node, h5py.Dataset) and node.shape is not None:
                flags: np.ndarray = node[()]
                return np.asarray(flags)
    raise InputError(
        f"mask {path}: no data set at {' or '.join(paths)}, expected the mask there: "
        f"give {path.name}:/path"
    )


def _detector_groups(data_path: str) -> list[str]:
    """Groups that may hold what belongs to the data set: its mask, distance and pixel sizes.

    Its own group; for ``1.1/measurement/mpx1x4`` of ESRF's BLISS ``1.1/instrument/mpx1x4``; the
    detector of a CXI entry as PyNX and as cdiutils write it.
    """
    *above, name = data_path.split("/")
    groups = ["/".join(above)]
    if above and above[-1] == "measurement":
        groups.append("/".join([*above[:-1], "instrument", name]))
    if above:
        groups += [f"{above[0]}/instrument_1/detector_1", f"{above[0]}/detector_1"]
    return list(dict.fromkeys(groups))


def _node(file: h5py.Group, inner: str, path: Path) -> h5py.Group | h5py.Dataset | None:
    """What lies at a path of the file, None if nothing does; InputError for a broken link."""
    try:
        link = file.get(inner, getlink=True)
    except _LIBRARY_ERRORS:  # a group on the way is absent
        return None
    if link is None:
        return None
    try:
        return file[inner]
    except _LIBRARY_ERRORS as error:
        target = getattr(link, "path", "its target")
        outside = getattr(link, "filename", "")
        raise InputError(
            f"{path}:/{inner} is a link to {outside}{':' if outside else ''}{target}, which is not "
            "there, expected a data set: bring the file it points to, or give another path"
        ) from error


def _candidates(group: h5py.Group) -> str:
    """A few 3D data sets below a group, as the end of a message."""
    found: list[str] = []

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> bool | None:
        if isinstance(node, h5py.Dataset) and node.shape is not None and len(node.shape) == 3:
            found.append(f"{group.name.rstrip('/')}/{name}")
        return True if len(found) == 3 else None  # any value but None ends the visit

    with suppress(*_LIBRARY_ERRORS):
        group.visititems(visit)
    return f" (3D data sets: {', '.join(found)})" if found else " (it holds no 3D data set)"


def _check_virtual_sources(dataset: h5py.Dataset, path: Path, where: str) -> None:
    """A virtual data set reads as zeros where the files it is made of are absent: refuse that."""
    if not dataset.is_virtual:
        return
    for source in dataset.virtual_sources():
        name = source.file_name
        if name != "." and not (path.resolve().parent / name).exists():
            raise InputError(
                f"{where} is made of other files, and {name} is not there, expected it beside "
                f"{path.name}: bring the detector's own files too"
            )


def _check_centred(file: h5py.File, data_path: str, where: str, path: Path) -> None:
    """CXI images may begin with the centre of the diffraction pattern; PyNX's data do not."""
    shifted = _node(file, f"{data_path.rpartition('/')[0]}/is_fft_shifted".strip("/"), path)
    if _scalar(shifted):
        raise InputError(
            f"{where} is marked is_fft_shifted, expected the Bragg peak inside the array: "
            "apply numpy.fft.fftshift before saving"
        )


# Metadata


def _metadata(file: h5py.File, data_path: str) -> Metadata:
    """What an HDF5 file says about the experiment, as far as it can be read."""
    groups = _detector_groups(data_path)
    entry = data_path.split("/")[0]
    instrument = f"{entry}/instrument_1"
    return Metadata(
        energy_ev=_energy_ev(file, entry),
        distance_m=_number(file, [f"{group}/distance" for group in groups]),
        x_pixel_size_m=_number(file, [f"{group}/x_pixel_size" for group in groups]),
        y_pixel_size_m=_number(file, [f"{group}/y_pixel_size" for group in groups]),
        instrument=_text(file, [f"{instrument}/name", f"{entry}/instrument/title"]),
        sample=_text(file, [f"{entry}/sample_1/{name}" for name in ("name", "sample_name")]),
        start_time=_text(file, [f"{entry}/start_time"]),
        extra=_extra(file, entry),
    )


def _energy_ev(file: h5py.File, entry: str) -> float | None:
    """The photon energy; PyNX stores joule, cdiutils eV, BLISS the wavelength in angstrom.

    Rounded to 12 digits, so that the way through joule and back changes nothing.
    """
    energy = _number(file, [f"{entry}/instrument_1/source_1/energy", f"{entry}/source_1/energy"])
    if energy is not None and energy > 0:
        energy_ev = energy / JOULE_PER_EV if energy < 1e-10 else energy  # 1e-10 J is 0.6 GeV
        return float(f"{energy_ev:.12g}")
    wavelength = _number(file, [f"{entry}/instrument/monochromator/WaveLength"])
    return float(f"{EV_ANGSTROM / wavelength:.12g}") if wavelength else None


def _number(file: h5py.File, paths: Iterable[str]) -> float | None:
    values = (_scalar(_quiet_node(file, path)) for path in paths)
    return next((float(v) for v in values if isinstance(v, int | float) and np.isfinite(v)), None)


def _text(file: h5py.File, paths: Iterable[str]) -> str | None:
    values = (_scalar(_quiet_node(file, path)) for path in paths)
    return next((v for v in values if isinstance(v, str) and v), None)


def _extra(file: h5py.File, entry: str) -> dict[str, str | float | int]:
    """Small values of the entry that no field of Metadata holds, by path below the entry."""
    found: dict[str, str | float | int] = {}

    def keep(name: str, node: h5py.Group | h5py.Dataset) -> None:
        known = name in _FIELDS or name.startswith("instrument_1/beam_1/")
        if known or "mask" in name.lower():
            return
        value = _scalar(node)
        if value is not None and len(str(value)) <= 4096:
            found[name] = value

    for top in _EXTRA:
        node = _quiet_node(file, f"{entry}/{top}")
        keep(top, node)
        if isinstance(node, h5py.Group):
            with suppress(*_LIBRARY_ERRORS):
                node.visititems(lambda name, below, top=top: keep(f"{top}/{name}", below))
    return found


def _quiet_node(file: h5py.File, inner: str) -> h5py.Group | h5py.Dataset | None:
    """What lies at a path, None also for a broken link: metadata may be missing."""
    with suppress(*_LIBRARY_ERRORS):
        return file[inner]
    return None


def _scalar(node: h5py.Group | h5py.Dataset | None) -> str | float | int | None:
    """The value of a data set of one element, None for anything else and for NaN."""
    if not isinstance(node, h5py.Dataset) or node.shape not in ((), (1,)):
        return None
    value = np.asarray(node[()]).reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.bool_ | np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value) if not np.isnan(value) else None
    return value if isinstance(value, str) else None


_READERS: dict[str, Callable[[Path, str | None], Scan]] = {
    **dict.fromkeys(HDF5_SUFFIXES, _read_hdf5),
    ".npz": _read_npz,
    ".npy": _read_npy,
}


# --- writing -------------------------------------------------------------------------------------


def default_output(path: str | Path) -> Path:
    """``<stem>_inpainted.cxi`` beside the input, which may be ``file.h5:/path``."""
    file, _ = split_spec(path)
    return file.with_name(f"{file.stem}_inpainted.cxi")


def check_output(
    path: str | Path, force: bool = False, inputs: Iterable[str | Path | None] = ()
) -> None:
    """Refuse an output that cannot or must not be written; call it before any work begins.

    Parameters
    ----------
    path : the file to be written.
    force : whether an existing file may be replaced.
    inputs : the files that are read (also ``file.h5:/path``); none may be the output, not even
        by a link, whatever `force` says.

    Raises
    ------
    InputError
        On one line, with the fix.
    """
    path = Path(path)
    if path.suffix.lower() != ".cxi":
        raise InputError(
            f"output {path} ends in {path.suffix!r}, expected .cxi, the format PyNX reads data and "
            "mask from: give a name that ends in .cxi"
        )
    if not path.parent.is_dir():
        raise InputError(f"folder {path.parent} does not exist, expected one: make it first")
    for source in inputs:
        file = None if source is None else split_spec(source)[0]
        if file is not None and path.exists() and file.exists() and path.samefile(file):
            raise InputError(
                f"output {path} is the input {source}, expected another file: inputs are never "
                "changed, give another name with -o"
            )
    if path.is_dir():
        raise InputError(f"output {path} is a folder, expected a file: give a name in it with -o")
    if os.path.lexists(path) and not force:
        raise InputError(
            f"output {path} exists, expected a new file: replace it with --force, or give another "
            "name with -o"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(
            f"folder {path.parent} may not be written to, expected write permission: "
            "give an output elsewhere with -o"
        )


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
    _check_fill(scan, filled_counts, gap_mask)
    arrays = {"filled": gap_mask.astype(np.uint8)}
    if sigma is not None:
        arrays["sigma"] = sigma
    if bounds is not None:
        arrays["lower_bound"], arrays["upper_bound"] = bounds
    if scan.flags is not None:
        arrays["original_flags"] = scan.flags
    bad = (scan.bad_mask | gap_mask) & ~(gap_mask if trusted is None else gap_mask & trusted)
    with _new_file(Path(path), force, [scan.source]) as file:
        _write_head(file, Path(path), scan.metadata)
        _write_detector(file, filled_counts, arrays)
        _write_array(file[DETECTOR], "mask", bad.astype(np.int8))
        _write_process(file, provenance)


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
    _check_counts_form(counts.shape, counts.dtype, "counts")
    bad = None if mask is None else _as_flags(mask, counts.shape, "mask") != 0
    with _new_file(Path(path), force) as file:
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
    with _new_file(Path(path), force, inputs) as file:
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
        process = _group(image, "process_1")
        _fill_process(process, provenance)
        note = _group(process, "note_1")
        note["description"], note["type"] = "log of the best run", "text/plain"
        note["data"] = "\n".join(log)
        group = _group(process, "results")
        for name, value in results.items():
            group[name] = value


def _check_fill(scan: Scan, filled_counts: np.ndarray, gap_mask: np.ndarray) -> None:
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


@contextmanager
def _new_file(
    path: Path, force: bool, inputs: Iterable[str | Path | None] = ()
) -> Iterator[h5py.File]:
    """A new HDF5 file that takes its name only when it is complete, and else leaves nothing.

    It is composed in memory, because the HDF5 library crashes where a disk runs full.
    """
    check_output(path, force, inputs)
    name = f".bcdi-inpaint-{uuid.uuid4().hex}.part"
    with h5py.File(name, "w", driver="core", backing_store=False) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    _write_bytes(path, path.with_name(name), image)


def _write_bytes(path: Path, part: Path, content: bytes) -> None:
    """Write a file under the name `part` and rename it when it is complete."""
    try:
        with open(part, "xb") as stream:
            stream.write(content)
        os.replace(part, path)
    except OSError as error:
        raise InputError(
            f"output {path} could not be written ({_brief(error)}), expected space and permission: "
            "give an output elsewhere with -o"
        ) from error
    finally:
        part.unlink(missing_ok=True)


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
    entry["program_name"] = f"bcdi-inpaint {_version()}"
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
    data = _group(file, "entry_1/data_1")
    data["data"] = h5py.SoftLink(f"/{DETECTOR}/data")
    data.attrs["signal"] = "data"
    data.attrs["interpretation"] = "image"


def _write_process(file: h5py.File, provenance: Provenance) -> None:
    """How the file was made, where PyNX keeps such things."""
    _fill_process(_group(file, PROCESS), provenance)


def _fill_process(process: h5py.Group, provenance: Provenance) -> None:
    process["program"] = "bcdi-inpaint"
    process["version"] = str(provenance.get("version", _version()))
    process["command"] = str(provenance.get("command", ""))
    configuration = _group(process, "configuration")
    for name, value in provenance.items():
        if name not in ("version", "command"):
            _check_name(name)
            own = name if name in _PYNX_NAMES else f"inpaint_{name.removeprefix('inpaint_')}"
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
        if name in _NX_CLASSES:
            group.attrs["NX_class"] = _NX_CLASSES[name]
    return group


def _check_name(name: str) -> None:
    if "mask" in name.lower():
        raise RuntimeError(f"the name {name!r} holds 'mask', by which PyNX would take it for one")


def _version() -> str:
    try:
        return importlib.metadata.version("bcdi-inpaint")
    except importlib.metadata.PackageNotFoundError:  # run from the sources, not installed
        return "unknown"
