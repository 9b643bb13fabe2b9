"""Writing the HDF5 file of simulated patterns; its layout is in `files.patterns`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.hdf5_writing import hdf5_part
from bcdi_inpaint.files.patterns import (
    PARTICLE_ARRAYS,
    Q_GRID,
    TYPE,
    VERSION,
    VOLUMES,
    StoredParticle,
    StoredPattern,
    open_patterns,
    particle_name,
    recipe_sha256,
    rows_of,
)
from bcdi_inpaint.safe_files import new_file

_CHUNK_VOXELS = 2**21  # a pattern of 128 x 128 x 128 is one chunk
_COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
_MANTISSA_BITS = 12


def write_patterns(
    path: Path,
    recipe: Mapping[str, Any],
    patterns: Sequence[StoredPattern] = (),
    particles: Mapping[int, StoredParticle] | None = None,
) -> None:
    """Write a file of patterns and particles, in place of what is there.

    It gets its name when it is complete.

    Parameters
    ----------
    path : the file to write.
    recipe : what the patterns were made by.
    patterns : the patterns.
    particles : relaxed particles by number; None for none.

    Raises
    ------
    InputError
        Where it cannot be written.
    """
    with _new_patterns(path) as file:
        _write_head(file, recipe, [pattern.index for pattern in patterns])
        for row, pattern in enumerate(patterns):
            _write_pattern(file, row, pattern)
        for number, particle in (particles or {}).items():
            _write_particle(file["particles"], number, particle)


def join_patterns(
    path: Path,
    recipe: Mapping[str, Any],
    patterns: Mapping[int, Path],
    particles: Mapping[int, Path],
) -> None:
    """Write one file of patterns and particles that lie in other files of the same recipe.

    What is compressed is copied as it is.

    Parameters
    ----------
    path : the file to write; it may be one of the files, and is replaced at the end.
    recipe : what the patterns were made by.
    patterns : the file of each pattern, by index.
    particles : the file of each particle, by number.

    Raises
    ------
    InputError
        Where a file cannot be read, or the new one written.
    """
    order = sorted(patterns)
    with _new_patterns(path) as file:
        _write_head(file, recipe, order)
        row = 0
        for source_path, indices in groupby(order, patterns.__getitem__):
            with open_patterns(source_path) as source:
                rows = rows_of(source)
                for index in indices:
                    _copy_pattern(source, rows[index], file, row)
                    row += 1
        for number, source_path in sorted(particles.items()):
            with open_patterns(source_path) as source:
                source.copy(f"particles/{particle_name(number)}", file["particles"])


def _write_head(file: h5py.File, recipe: Mapping[str, Any], indices: Sequence[int]) -> None:
    """Everything but the patterns' own values."""
    n, shape = len(indices), tuple(recipe["shape"])
    file.attrs.update(type=TYPE, version=VERSION, recipe=json.dumps(recipe, sort_keys=True))
    file.attrs["recipe_sha256"] = recipe_sha256(recipe)
    chunks = (1, *_chunk(shape))
    for name, kind in VOLUMES.items():
        chunked = {"chunks": chunks, **_COMPRESSION} if n else {}
        file.create_dataset(name, (n, *shape), kind, **chunked)
    file.create_dataset("index", data=np.array(indices, dtype=np.int64))
    file.create_dataset("particle", (n,), np.int64)
    file.create_dataset("parameters", (n,), h5py.string_dtype())
    for name, size in Q_GRID.items():
        file.create_dataset(f"q_grid/{name}", (n, *size), np.float64)
    file.create_group("particles")


def _chunk(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Whole patterns, or as many whole frames as make some 2 million voxels."""
    frames = _CHUNK_VOXELS // int(np.prod(shape[1:]))
    return (int(np.clip(frames, 1, shape[0])), *shape[1:])


def _write_pattern(file: h5py.File, row: int, pattern: StoredPattern) -> None:
    file["counts"][row] = pattern.counts
    file["expectation"][row] = _rounded(pattern.expectation)
    file["bad"][row] = pattern.bad
    file["particle"][row] = -1 if pattern.particle is None else pattern.particle
    file["parameters"][row] = json.dumps(pattern.parameters, default=_plain)
    for name in Q_GRID:
        values = getattr(pattern, name)
        file[f"q_grid/{name}"][row] = np.nan if values is None else values


def _write_particle(group: h5py.Group, number: int, particle: StoredParticle) -> None:
    own = group.create_group(particle_name(number))
    for name in PARTICLE_ARRAYS:
        own.create_dataset(name, data=getattr(particle, name), chunks=True, **_COMPRESSION)
    own.attrs["max_force_ev_per_nm"] = particle.max_force_ev_per_nm
    own.attrs["element"] = particle.element
    own.attrs["parameters"] = json.dumps(particle.parameters, default=_plain)


def _copy_pattern(source: h5py.File, from_row: int, file: h5py.File, row: int) -> None:
    for name in VOLUMES:
        read, write = source[name].id, file[name].id
        shape, chunks = file[name].shape, file[name].chunks
        if source[name].chunks != chunks:
            raise RuntimeError(f"chunks of {name} are {source[name].chunks}, not {chunks}")
        for frame in range(0, shape[1], chunks[1]):
            corner = (frame, *(0 for _ in shape[2:]))
            filters, stored = read.read_direct_chunk((from_row, *corner))
            write.write_direct_chunk((row, *corner), stored, filters)
    for name in ("particle", "parameters", *(f"q_grid/{name}" for name in Q_GRID)):
        file[name][row] = source[name][from_row]


def _rounded(photons: Float32Array) -> Float32Array:
    """Rounded to the nearest 12 bits of mantissa, half to even, so that the rest compresses."""
    dropped = np.uint32(23 - _MANTISSA_BITS)
    bits = np.ascontiguousarray(photons, dtype=np.float32).view(np.uint32)
    half = (np.uint32(1) << (dropped - np.uint32(1))) - np.uint32(1) + ((bits >> dropped) & 1)
    return ((bits + half) >> dropped << dropped).view(np.float32)


def _plain(value: Any) -> Any:
    """A numpy value as JSON knows it."""
    return value.tolist()


@contextmanager
def _new_patterns(path: Path) -> Iterator[h5py.File]:
    """A new pattern file that takes its name when it is complete, and else leaves nothing."""
    try:
        with new_file(path) as part, hdf5_part(part) as file:
            yield file
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}), expected space and "
            f"permission: {_free(path.parent)}; make room or give another path"
        ) from error


def _free(folder: Path) -> str:
    """How much room there is, for a message."""
    try:
        return f"{shutil.disk_usage(folder).free / 1e6:.0f} MB are free in {folder}"
    except OSError:
        return f"{folder} is not there"
