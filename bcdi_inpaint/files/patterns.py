"""The HDF5 file of simulated patterns: what training and benchmarks read.

Layout (version 2), for n patterns of a shape (n_rock, n_y, n_x), or (n_y, n_x):

==============================  ==========  =====================================================
``counts``                      uint32      (n, *shape) what the detector counted
``expectation``                 float32     (n, *shape) noise-free expected photons
``bad``                         bool        (n, *shape) True = hot or saturated
``index``                       int64       (n,) number of the pattern in its recipe
``particle``                    int64       (n,) number of its particle, -1 for none
``parameters``                  text        (n,) JSON of everything that was drawn
``q_grid/reflection_inv_nm``    float64     (n, 3), NaN where there is no q-grid
``q_grid/steps_inv_nm``         float64     (n, 3, 3), column a is the step along array axis a
``q_grid/centre``               float64     (n, 3) voxel of the Bragg peak
``particles/0012``              group       a relaxed particle, see `StoredParticle`
==============================  ==========  =====================================================

The root's attributes are ``type``, ``version``, ``recipe`` (JSON) and ``recipe_sha256``. The
expectation is rounded to 12 bits of mantissa, 1.2e-4 relative, far below the photon noise of any
voxel with fewer than 6e7 photons: compressed it takes little more than half the space.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import hdf5_part

TYPE = "bcdi-inpaint patterns"
VERSION = 2

_VOLUMES = {"counts": np.uint32, "expectation": np.float32, "bad": np.bool_}
_Q_GRID = {"reflection_inv_nm": (3,), "steps_inv_nm": (3, 3), "centre": (3,)}
_ARRAYS = ("reference_nm", "positions_nm", "tied")  # of a particle
_CHUNK_VOXELS = 2**21  # a pattern of 128 x 128 x 128 is one chunk
_COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
_MANTISSA_BITS = 12
_DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError)  # what h5py raises


@dataclass(frozen=True)
class StoredPattern:
    """One pattern as the file keeps it; arrays as in the layout above, without the first axis.

    Attributes
    ----------
    index : its number in the recipe.
    particle : the number of its particle, None for a continuous crystal.
    reflection_inv_nm, steps_inv_nm, centre : the q-grid, None where there is none.
    """

    index: int
    expectation: Float32Array
    counts: NDArray[np.uint32]
    bad: BoolArray
    parameters: dict[str, Any]
    particle: int | None = None
    reflection_inv_nm: Float64Array | None = None
    steps_inv_nm: Float64Array | None = None
    centre: Float64Array | None = None


@dataclass(frozen=True)
class StoredParticle:
    """A relaxed particle as the file keeps it, exactly.

    Attributes
    ----------
    reference_nm, positions_nm : (n, 3) on the perfect lattice, and relaxed.
    tied : (n,) bool, held at the substrate.
    max_force_ev_per_nm : largest force component left on a free atom.
    """

    reference_nm: Float64Array
    positions_nm: Float64Array
    tied: BoolArray
    max_force_ev_per_nm: float
    element: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """What a pattern file holds: its recipe's hash, where each pattern lies, which particles."""

    recipe_sha256: str
    row_of: dict[int, int]
    particles: frozenset[int]


def recipe_sha256(recipe: Mapping[str, Any]) -> str:
    """The hash of a recipe without its `count`: pattern i is the same however many are made."""
    values = {key: value for key, value in recipe.items() if key != "count"}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


# --- reading -------------------------------------------------------------------------------------


def n_patterns(path: Path) -> int:
    """How many patterns a file holds; InputError for what is no pattern file of this version."""
    with _opened(path) as file:
        return len(file["index"])


def read_contents(path: Path) -> Contents:
    """What a file holds; InputError for what is no pattern file of this version."""
    with _opened(path) as file:
        particles = frozenset(int(name) for name in file["particles"])
        return Contents(str(file.attrs["recipe_sha256"]), _row_of(file), particles)


def _row_of(file: h5py.File) -> dict[int, int]:
    return {int(index): row for row, index in enumerate(file["index"][:])}


def read_log_expectation(path: Path) -> NDArray[np.float16]:
    """All patterns (n, *shape), log(1 + expected photons).

    Half precision keeps the photons to 0.4 %, in half the memory: training draws fresh Poisson
    noise from them each time. Raises InputError for a file that is absent, damaged, or of another
    type or version.
    """
    with _opened(path) as file:
        stored = file["expectation"]
        log_expectation = np.empty(stored.shape, dtype=np.float16)
        for row in range(len(stored)):
            log_expectation[row] = np.log1p(stored[row])
        return log_expectation


def read_pattern(path: Path, row: int) -> StoredPattern:
    """The pattern at place `row` of a file, counted from 0; InputError if there is none."""
    with _opened(path) as file:
        n = len(file["index"])
        if not 0 <= row < n:
            raise InputError(f"{path} has no pattern {row}, expected one of 0 to {n - 1}")
        grid = {name: file[f"q_grid/{name}"][row] for name in _Q_GRID}
        known = not any(np.isnan(values).any() for values in grid.values())
        number = int(file["particle"][row])
        return StoredPattern(
            index=int(file["index"][row]),
            **{name: file[name][row] for name in _VOLUMES},
            parameters=json.loads(file["parameters"][row]),
            particle=None if number < 0 else number,
            **(grid if known else {}),
        )


def read_particle(path: Path, number: int) -> StoredParticle:
    """The relaxed particle of that number; InputError if the file has none."""
    with _opened(path) as file:
        group = file["particles"].get(_name(number))
        if group is None:
            raise InputError(f"{path} has no particle {number}, expected one of its `particles`")
        return StoredParticle(
            **{name: group[name][:] for name in _ARRAYS},
            max_force_ev_per_nm=float(group.attrs["max_force_ev_per_nm"]),
            element=str(group.attrs["element"]),
            parameters=json.loads(group.attrs["parameters"]),
        )


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """A pattern file of this version, for reading."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            _check_type(path, file)
            yield file
    except InputError:
        raise
    except _DAMAGED as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read ({reason}): expected a pattern file") from error


def _check_type(path: Path, file: h5py.File) -> None:
    kind, version = file.attrs.get("type"), file.attrs.get("version")
    if (kind, str(version)) != (TYPE, str(VERSION)):
        raise InputError(
            f"{path} is {kind!r} version {version}, expected {TYPE!r} version {VERSION}: give "
            "another path, or make it again with this version"
        )


# --- writing -------------------------------------------------------------------------------------


def write_patterns(
    path: Path,
    recipe: Mapping[str, Any],
    patterns: Sequence[StoredPattern] = (),
    particles: Mapping[int, StoredParticle] | None = None,
) -> None:
    """A file of the patterns and particles given, in place of what is there.

    It gets its name when it is complete. Raises InputError where it cannot be written.
    """
    with _new_file(path) as file:
        _write_head(file, recipe, [pattern.index for pattern in patterns])
        for row, pattern in enumerate(patterns):
            _write_pattern(file, row, pattern)
        for number, particle in (particles or {}).items():
            _write_particle(file["particles"], number, particle)


def join(
    path: Path,
    recipe: Mapping[str, Any],
    patterns: Mapping[int, Path],
    particles: Mapping[int, Path],
) -> None:
    """One file of patterns and particles that lie in other pattern files of the same recipe.

    What is compressed is copied as it is. `path` may be one of the files: it is replaced when
    the new one is complete. Raises InputError where a file cannot be read, or the new one written.
    """
    order = sorted(patterns)
    with _new_file(path) as file:
        _write_head(file, recipe, order)
        row = 0
        for source_path, indices in groupby(order, patterns.__getitem__):
            with _opened(source_path) as source:
                rows = _row_of(source)
                for index in indices:
                    _copy_pattern(source, rows[index], file, row)
                    row += 1
        for number, source_path in sorted(particles.items()):
            with _opened(source_path) as source:
                source.copy(f"particles/{_name(number)}", file["particles"])


def _write_head(file: h5py.File, recipe: Mapping[str, Any], indices: Sequence[int]) -> None:
    """Everything but the patterns' own values."""
    n, shape = len(indices), tuple(recipe["shape"])
    file.attrs.update(type=TYPE, version=VERSION, recipe=json.dumps(recipe, sort_keys=True))
    file.attrs["recipe_sha256"] = recipe_sha256(recipe)
    chunks = (1, *_chunk(shape))
    for name, kind in _VOLUMES.items():
        chunked = {"chunks": chunks, **_COMPRESSION} if n else {}
        file.create_dataset(name, (n, *shape), kind, **chunked)
    file.create_dataset("index", data=np.array(indices, dtype=np.int64))
    file.create_dataset("particle", (n,), np.int64)
    file.create_dataset("parameters", (n,), h5py.string_dtype())
    for name, size in _Q_GRID.items():
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
    for name in _Q_GRID:
        values = getattr(pattern, name)
        file[f"q_grid/{name}"][row] = np.nan if values is None else values


def _write_particle(group: h5py.Group, number: int, particle: StoredParticle) -> None:
    own = group.create_group(_name(number))
    for name in _ARRAYS:
        own.create_dataset(name, data=getattr(particle, name), chunks=True, **_COMPRESSION)
    own.attrs["max_force_ev_per_nm"] = particle.max_force_ev_per_nm
    own.attrs["element"] = particle.element
    own.attrs["parameters"] = json.dumps(particle.parameters, default=_plain)


def _copy_pattern(source: h5py.File, from_row: int, file: h5py.File, row: int) -> None:
    for name in _VOLUMES:
        read, write = source[name].id, file[name].id
        shape, chunks = file[name].shape, file[name].chunks
        if source[name].chunks != chunks:
            raise RuntimeError(f"chunks of {name} are {source[name].chunks}, not {chunks}")
        for frame in range(0, shape[1], chunks[1]):
            corner = (frame, *(0 for _ in shape[2:]))
            filters, stored = read.read_direct_chunk((from_row, *corner))
            write.write_direct_chunk((row, *corner), stored, filters)
    for name in ("particle", "parameters", *(f"q_grid/{name}" for name in _Q_GRID)):
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


def _name(number: int) -> str:
    return f"{number:04d}"


@contextmanager
def _new_file(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file that takes its name only when it is complete, and else leaves nothing."""
    part = path.with_name(f".{path.name}-{uuid.uuid4().hex}.tmp")
    try:
        with hdf5_part(part) as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}), expected space and "
            f"permission: {_free(path.parent)}; make room or give another path"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _free(folder: Path) -> str:
    """How much room there is, for a message."""
    try:
        return f"{shutil.disk_usage(folder).free / 1e6:.0f} MB are free in {folder}"
    except OSError:
        return f"{folder} is not there"
