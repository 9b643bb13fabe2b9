"""Intact scans of each format, and copies of them that are damaged at random."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import tifffile

DETECTOR = "entry_1/instrument_1/detector_1"
SHAPE = (6, 40, 36)
BOMBS = 0.004
"""How often a file is small and its array is large: one takes as long as a hundred others."""
ODD_TYPES = ("S3", "c8", "f2", "i1", "u8", "f8", ">f4", "?", "V4")


def write_good(folder: Path) -> list[Path]:
    """One intact scan of each format: level 300, a gap of 6 rows."""
    counts = np.full(SHAPE, 300, dtype=np.uint16)
    counts[:, 16:22] = 0
    mask = (counts == 0).astype(np.int8)
    paths = [folder / name for name in ("good.cxi", "good.npz", "good.tif")]
    with h5py.File(paths[0], "w") as file:
        file.create_dataset(f"{DETECTOR}/data", data=counts, chunks=(1, 40, 36), compression="gzip")
        file[f"{DETECTOR}/mask"] = mask
        file[f"{DETECTOR}/distance"] = 0.8
        file["entry_1/instrument_1/source_1/energy"] = 1.4e-15
        file["entry_1/sample_1/name"] = "gold"
        file["entry_1/data_1/data"] = h5py.SoftLink(f"/{DETECTOR}/data")
    np.savez_compressed(paths[1], data=counts, mask=mask)
    tifffile.imwrite(paths[2], counts, photometric="minisblack")
    return paths


def mutate(good: Path, path: Path, rng: np.random.Generator) -> None:
    """A damaged copy of a good file."""
    kinds: list[Callable[[Path, Path, np.random.Generator], None]] = [_flip, _truncate, _overwrite]
    if good.suffix == ".cxi":
        kinds += [_drop, _retype, _reshape, _relink, _relink]
    elif good.suffix == ".npz":
        kinds += [_other_arrays, _other_arrays]
    if rng.random() < BOMBS:
        kinds = [_bomb]
    kinds[int(rng.integers(len(kinds)))](good, path, rng)


def _bomb(good: Path, path: Path, rng: np.random.Generator) -> None:
    """A small file of a large array, all zeros or all ones."""
    shape = (int(rng.integers(1, 40)), *(int(n) for n in rng.integers(500, 4000, 2)))
    counts = np.full(shape, rng.integers(2), dtype=rng.choice(["u1", "u2"]))
    if good.suffix == ".cxi":
        path.write_bytes(good.read_bytes())
        with h5py.File(path, "a") as file:
            for name in ("data", "mask")[: int(rng.integers(1, 3))]:
                del file[f"{DETECTOR}/{name}"]
                file.create_dataset(f"{DETECTOR}/{name}", data=counts, compression="gzip")
    elif good.suffix == ".npz":
        np.savez_compressed(path, data=counts, mask=counts)
    else:
        tifffile.imwrite(path, counts, compression="zlib", photometric="minisblack")


def _flip(good: Path, path: Path, rng: np.random.Generator) -> None:
    """Some bytes are others; half the time in the head, where they matter most."""
    content = np.frombuffer(good.read_bytes(), dtype=np.uint8).copy()
    end = len(content) if rng.random() < 0.5 else min(len(content), 2048)
    places = rng.integers(0, end, int(rng.integers(1, 20)))
    content[places] = rng.integers(0, 256, len(places))
    path.write_bytes(content.tobytes())


def _overwrite(good: Path, path: Path, rng: np.random.Generator) -> None:
    """A run of bytes is all ones or all zeros: huge numbers, lost pointers."""
    content = bytearray(good.read_bytes())
    start, length = int(rng.integers(0, len(content))), int(rng.integers(1, 64))
    run = content[start : start + length]
    content[start : start + length] = bytes([int(rng.choice([0, 255, 127]))]) * len(run)
    path.write_bytes(content)


def _truncate(good: Path, path: Path, rng: np.random.Generator) -> None:
    content = good.read_bytes()
    path.write_bytes(content[: int(rng.integers(0, len(content)))])


def _names(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


def _drop(good: Path, path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(good.read_bytes())
    with h5py.File(path, "a") as file:
        del file[str(rng.choice(_names(file)))]


def _retype(good: Path, path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(good.read_bytes())
    with h5py.File(path, "a") as file:
        name = f"{DETECTOR}/{rng.choice(['data', 'mask', 'distance'])}"
        shape = file[name].shape
        del file[name]
        file.create_dataset(name, shape, str(rng.choice(ODD_TYPES)))


def _reshape(good: Path, path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(good.read_bytes())
    with h5py.File(path, "a") as file:
        name = f"{DETECTOR}/{rng.choice(['data', 'mask'])}"
        del file[name]
        n_axes = int(rng.integers(0, 5))
        shape = tuple(int(n) for n in rng.choice([0, 1, 2, 36, 40, 10**5, 2**31], n_axes))
        chunks = tuple(min(max(n, 1), 16) for n in shape)
        file.create_dataset(name, shape, "u2", chunks=chunks if shape and all(shape) else None)


def _relink(good: Path, path: Path, rng: np.random.Generator) -> None:
    """A link in a circle, to nowhere, or out of the folder; or a virtual data set."""
    path.write_bytes(good.read_bytes())
    outside = str(rng.choice(["/etc/passwd", "../good.cxi", path.name, "gone.h5", "/dev/zero"]))
    with h5py.File(path, "a") as file:
        name = f"{DETECTOR}/{rng.choice(['data', 'mask', 'distance'])}"
        del file[name]
        kind = int(rng.integers(4))
        if kind == 0:
            file[name] = h5py.SoftLink(f"/{name}")
        elif kind == 1:
            file[name] = h5py.ExternalLink(outside, f"/{name}")
        elif kind == 2:
            layout = h5py.VirtualLayout(shape=SHAPE, dtype="u2")
            layout[...] = h5py.VirtualSource(outside, name, shape=SHAPE)
            file.create_virtual_dataset(name, layout)
        else:
            file.create_dataset(name, SHAPE, "u2", external=[(outside, 0, 10**6)])


def _other_arrays(good: Path, path: Path, rng: np.random.Generator) -> None:
    """An npz whose header declares something else."""
    shape = tuple(int(n) for n in rng.choice([0, 1, 40, 10**6, 2**40], int(rng.integers(0, 5))))
    header = {"descr": str(rng.choice(["|u1", "<f8", "|O", "<c16"])), "shape": shape}
    with zipfile.ZipFile(path, "w") as archive, archive.open("data.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, header | {"fortran_order": False})
        stream.write(rng.bytes(int(rng.integers(0, 4096))))
