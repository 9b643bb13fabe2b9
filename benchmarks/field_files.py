"""The files in which people keep their scans; each writer leaves what `predict` is to be given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import tifffile

from benchmarks.field_scans import OddScan

Write = Callable[[OddScan, Path, np.random.Generator], str]
"""Writes a scan into a folder; returns the file as the command is given it, in the folder."""
DETECTOR = "entry_1/instrument_1/detector_1"


def write_odd(scan: OddScan, folder: Path, rng: np.random.Generator) -> tuple[str, list[str]]:
    """Write a scan in some way.

    Parameters
    ----------
    scan : the scan.
    folder : where its files go.
    rng : chooses the way.

    Returns
    -------
    The way, and the arguments of the command.
    """
    way = str(rng.choice(sorted(WAYS)))
    name = WAYS[way](scan, folder, rng)
    for other, array in scan.arrays.items():
        np.save(folder / other, array)
    options = list(scan.options)
    if scan.mask is not None and way in _WITHOUT_MASK:
        np.save(folder / "bad.npy", scan.mask.astype(np.uint8))
        options += ["--mask", "bad.npy"]
    return way, [name, *options]


def _flags(scan: OddScan) -> np.ndarray | None:
    return None if scan.mask is None else scan.mask.astype(np.uint8)


def _cxi(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    with h5py.File(folder / "s.cxi", "w") as file:
        file.create_dataset(f"{DETECTOR}/data", data=scan.stored, compression="gzip")
        if scan.mask is not None:
            file[f"{DETECTOR}/mask"] = _flags(scan)
    return "s.cxi"


def _npy(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    np.save(folder / "s.npy", scan.stored)
    return "s.npy"


def _npz(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    arrays = {"data": scan.stored} | ({} if scan.mask is None else {"mask": _flags(scan)})
    np.savez_compressed(folder / "s.npz", **arrays)  # type: ignore[arg-type]
    return "s.npz"


def _pair(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    data, mask = ("S11_pynx{}.npz", "S11_maskpynx{}.npz")
    if rng.random() < 0.5:
        data, mask = ("S11_pynx_input_data{}.npz", "S11_pynx_input_mask{}.npz")
        end = ""
    else:
        end = str(rng.choice(["", "_norm", "_28_48_48_1_1_1"]))
    np.savez(folder / data.format(end), data=scan.stored)
    if scan.mask is not None:
        np.savez(folder / mask.format(end), mask=_flags(scan))
    return data.format(end)


def _tiff(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    """A stack in one part, in several, or page by page."""
    stored = scan.stored.astype(np.float32) if scan.stored.dtype.kind != "u" else scan.stored
    cuts = [[], [len(stored) // 2], list(range(1, len(stored)))][int(rng.integers(3))]
    with tifffile.TiffWriter(folder / "s.tif") as file:
        for part in np.split(stored, cuts):
            file.write(part if len(part) > 1 else part[0], photometric="minisblack")
    return "s.tif"


def _frames(folder: Path, scan: OddScan) -> None:
    for number, frame in enumerate(scan.stored):
        whole = frame.astype(np.float32) if frame.dtype.kind != "u" else frame
        tifffile.imwrite(folder / f"f_{number:04d}.tif", whole, photometric="minisblack")


def _series(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    _frames(folder, scan)
    return "f_%04d.tif"


def _folder(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    (folder / "frames").mkdir()
    _frames(folder / "frames", scan)
    return "frames"


def _bliss(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    """A file of several scans, of which one is linked to from a collection file."""
    with h5py.File(folder / "raw.h5", "w") as file:
        file["1.1/measurement/mpx1x4"] = scan.stored[::-1]
        file["2.1/measurement/mpx1x4"] = scan.stored
        if scan.mask is not None:
            file["2.1/instrument/mpx1x4/pixel_mask"] = _flags(scan)
    if rng.random() < 0.5:
        return "raw.h5:/2.1/measurement/mpx1x4"
    with h5py.File(folder / "all.h5", "w") as file:
        file["7.1"] = h5py.ExternalLink("raw.h5", "2.1")
    return "all.h5:/7.1/measurement/mpx1x4"


def _eiger(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    n = int(rng.integers(1, 4))
    for number, part in enumerate(np.array_split(scan.stored, n), start=1):
        with h5py.File(folder / f"e_data_{number:06d}.h5", "w") as file:
            file["entry/data/data"] = part
    with h5py.File(folder / "e_master.h5", "w") as file:
        for number in range(1, n + 1 + int(rng.integers(2))):  # the last may never be written
            link = h5py.ExternalLink(f"e_data_{number:06d}.h5", "entry/data/data")
            file[f"entry/data/data_{number:06d}"] = link
        if scan.mask is not None:
            place = rng.choice(["pixel_mask", "detectorSpecific/pixel_mask"])
            file[f"entry/instrument/detector/{place}"] = scan.mask.astype(np.uint32)
    return "e_master.h5"


def _virtual(scan: OddScan, folder: Path, rng: np.random.Generator) -> str:
    with h5py.File(folder / "part.h5", "w") as file:
        file["data"] = scan.stored
    layout = h5py.VirtualLayout(scan.stored.shape, scan.stored.dtype)
    layout[...] = h5py.VirtualSource(
        str(rng.choice(["part.h5", "/gone/part.h5"])), "data", scan.stored.shape
    )
    with h5py.File(folder / "v.h5", "w") as file:
        file.create_virtual_dataset("entry_1/data_1/data", layout)
    return "v.h5"


WAYS: dict[str, Write] = {
    "cxi": _cxi,
    "npy": _npy,
    "npz": _npz,
    "pair": _pair,
    "tiff": _tiff,
    "series": _series,
    "folder": _folder,
    "bliss": _bliss,
    "eiger": _eiger,
    "virtual": _virtual,
}
"""The ways to keep a scan, by name."""
_WITHOUT_MASK = ("npy", "tiff", "series", "folder", "virtual")
