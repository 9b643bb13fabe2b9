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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.errors import InputError

TYPE = "bcdi-inpaint patterns"
VERSION = 2

VOLUMES = {"counts": np.uint32, "expectation": np.float32, "bad": np.bool_}
Q_GRID = {"reflection_inv_nm": (3,), "steps_inv_nm": (3, 3), "centre": (3,)}
PARTICLE_ARRAYS = ("reference_nm", "positions_nm", "tied")  # of a particle
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


def n_patterns(path: Path) -> int:
    """How many patterns a file holds; InputError for what is no pattern file of this version."""
    with open_patterns(path) as file:
        return len(file["index"])


def read_contents(path: Path) -> Contents:
    """What a file holds; InputError for what is no pattern file of this version."""
    with open_patterns(path) as file:
        particles = frozenset(int(name) for name in file["particles"])
        return Contents(str(file.attrs["recipe_sha256"]), rows_of(file), particles)


def rows_of(file: h5py.File) -> dict[int, int]:
    """The place of each pattern in an open file, by its number in the recipe."""
    return {int(index): row for row, index in enumerate(file["index"][:])}


def read_log_expectation(path: Path) -> NDArray[np.float16]:
    """All patterns (n, *shape), log(1 + expected photons).

    Half precision keeps the photons to 0.4 %, in half the memory: training draws fresh Poisson
    noise from them each time. Raises InputError for a file that is absent, damaged, or of another
    type or version.
    """
    with open_patterns(path) as file:
        stored = file["expectation"]
        log_expectation = np.empty(stored.shape, dtype=np.float16)
        for row in range(len(stored)):
            log_expectation[row] = np.log1p(stored[row])
        return log_expectation


def read_pattern(path: Path, row: int) -> StoredPattern:
    """The pattern at place `row` of a file, counted from 0; InputError if there is none."""
    with open_patterns(path) as file:
        n = len(file["index"])
        if not 0 <= row < n:
            raise InputError(f"{path} has no pattern {row}, expected one of 0 to {n - 1}")
        grid = {name: file[f"q_grid/{name}"][row] for name in Q_GRID}
        known = not any(np.isnan(values).any() for values in grid.values())
        number = int(file["particle"][row])
        return StoredPattern(
            index=int(file["index"][row]),
            **{name: file[name][row] for name in VOLUMES},
            parameters=json.loads(file["parameters"][row]),
            particle=None if number < 0 else number,
            **(grid if known else {}),
        )


def read_particle(path: Path, number: int) -> StoredParticle:
    """The relaxed particle of that number; InputError if the file has none."""
    with open_patterns(path) as file:
        group = file["particles"].get(particle_name(number))
        if group is None:
            raise InputError(f"{path} has no particle {number}, expected one of its `particles`")
        return StoredParticle(
            **{name: group[name][:] for name in PARTICLE_ARRAYS},
            max_force_ev_per_nm=float(group.attrs["max_force_ev_per_nm"]),
            element=str(group.attrs["element"]),
            parameters=json.loads(group.attrs["parameters"]),
        )


@contextmanager
def open_patterns(path: Path) -> Iterator[h5py.File]:
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


def particle_name(number: int) -> str:
    """The name of a particle's group."""
    return f"{number:04d}"
