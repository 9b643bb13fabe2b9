"""Crystal shapes: convex polyhedra, and the atoms of a lattice inside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from bcdi_inpaint.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Polyhedron:
    """The convex body of the points r with ``normals @ r <= distances``.

    Attributes
    ----------
    normals : (n_planes, 3) unit vectors, outward, in the crystal's cubic axes.
    distances : (n_planes,) distance of each plane from the origin, in any unit of length. The body
        has to lie in the cube of half width ``distances.max()``, so some planes close it along
        the axes.
    """

    normals: FloatArray
    distances: FloatArray

    def signed_distance(self, points: FloatArray) -> FloatArray:
        """Distance of `points` (..., 3) to the surface, negative inside.

        Exact inside and beside a face; outside, next to an edge, it is a lower bound.
        """
        return np.max(points @ self.normals.T - self.distances, axis=-1)

    def scaled(self, factor: float) -> Polyhedron:
        """The same shape, `factor` times as large."""
        return Polyhedron(self.normals, self.distances * factor)

    def volume_fraction(self, rng: np.random.Generator, samples: int = 20_000) -> float:
        """Monte Carlo volume over that of the cube of half width ``distances.max()``."""
        half_width = self.distances.max()
        points = rng.uniform(-half_width, half_width, (samples, 3))
        return float(np.mean(self.signed_distance(points) <= 0))


def family(indices: tuple[int, int, int]) -> FloatArray:
    """Unit normals (n, 3) of all planes equivalent to `indices` in a cubic crystal."""
    signed = {
        tuple(sign * index for sign, index in zip(signs, order, strict=True))
        for order in permutations(indices)
        for signs in product((1, -1), repeat=3)
    }
    normals = np.array(sorted(signed), dtype=float)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _from_families(distances: dict[tuple[int, int, int], float]) -> Polyhedron:
    normals = [family(indices) for indices in distances]
    return Polyhedron(
        np.concatenate(normals),
        np.repeat(list(distances.values()), [len(group) for group in normals]),
    )


def _jittered(shape: Polyhedron, rng: np.random.Generator, spread: float) -> Polyhedron:
    """Each face moved by its own factor: real crystals are never regular."""
    factors = rng.uniform(1 - spread, 1 + spread, len(shape.distances))
    return Polyhedron(shape.normals, shape.distances * factors)


def wulff(rng: np.random.Generator) -> Polyhedron:
    """Equilibrium shape of a free FCC crystal, with the surface energies drawn.

    The distance of a face is proportional to its surface energy (Wulff's theorem); energies are
    relative to {111}.
    """
    energies = {
        (1, 1, 1): 1.0,
        (1, 0, 0): rng.uniform(1.0, 1.3),
        (1, 1, 0): rng.uniform(1.08, 1.35),
    }
    return _jittered(_from_families(energies), rng, 0.12)


def winterbottom(rng: np.random.Generator) -> Polyhedron:
    """A Wulff shape cut by a substrate below a (111) face, as dewetted particles have it."""
    free = wulff(rng)
    interface = np.array([[-1.0, -1.0, -1.0]]) / np.sqrt(3)
    return Polyhedron(
        np.concatenate([free.normals, interface]),
        np.append(free.distances, rng.uniform(0.0, 0.7)),
    )


def cube(rng: np.random.Generator) -> Polyhedron:
    """A cube of {100} faces, its corners a little truncated, its sides unequal."""
    faces = {(1, 0, 0): 1.0, (1, 1, 1): rng.uniform(1.4, 1.75)}
    return _jittered(_from_families(faces), rng, 0.2)


def octahedron(rng: np.random.Generator) -> Polyhedron:
    """An octahedron of {111} faces, its corners truncated by {100}."""
    faces = {(1, 1, 1): 1.0, (1, 0, 0): rng.uniform(1.3, 1.75)}
    return _jittered(_from_families(faces), rng, 0.12)


def random_cut(rng: np.random.Generator) -> Polyhedron:
    """A crystal cut along random directions."""
    normals = Rotation.random(int(rng.integers(10, 24)), rng=rng).apply([0.0, 0.0, 1.0])
    box = family((1, 0, 0))  # closes the body where the random planes leave it open
    return Polyhedron(
        np.concatenate([normals, box]),
        np.concatenate([rng.uniform(0.7, 1.15, len(normals)), np.full(len(box), 1.2)]),
    )


SHAPES: dict[str, Callable[[np.random.Generator], Polyhedron]] = {
    "wulff": wulff,
    "winterbottom": winterbottom,
    "cube": cube,
    "octahedron": octahedron,
    "random": random_cut,
}


def random_shape(rng: np.random.Generator, names: tuple[str, ...] = tuple(SHAPES)) -> Polyhedron:
    """A polyhedron of a kind drawn from `names`; an unknown name raises InputError."""
    unknown = sorted(set(names) - set(SHAPES))
    if unknown:
        raise InputError(f"shape is {unknown[0]!r}, expected one of {', '.join(SHAPES)}")
    return SHAPES[names[int(rng.integers(len(names)))]](rng)


def fcc_atoms(
    shape: Polyhedron, lattice_constant_nm: float, n_atoms: int, rng: np.random.Generator
) -> FloatArray:
    """Positions (n, 3) in nm of an FCC crystal of about `n_atoms` atoms cut to `shape`.

    The lattice is shifted by a random part of its cell, so that no two cuts are alike. The count
    is met within a few per cent. Raises InputError if `n_atoms` is under 100.
    """
    if n_atoms < 100:
        raise InputError(f"n_atoms is {n_atoms}, expected at least 100")
    atom_volume_nm3 = lattice_constant_nm**3 / 4
    unit = shape.scaled(1 / shape.distances.max())
    half_width_nm = 0.5 * (n_atoms * atom_volume_nm3 / unit.volume_fraction(rng)) ** (1 / 3)
    body = unit.scaled(half_width_nm)
    n_cells = int(np.ceil(half_width_nm / lattice_constant_nm)) + 1
    corners = np.stack(np.meshgrid(*[np.arange(-n_cells, n_cells + 1)] * 3, indexing="ij"), -1)
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    sites = (corners.reshape(-1, 1, 3) + basis).reshape(-1, 3) + rng.uniform(0, 1, 3)
    positions_nm = sites * lattice_constant_nm
    return positions_nm[body.signed_distance(positions_nm) <= 0]
