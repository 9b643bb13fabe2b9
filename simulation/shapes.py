"""Crystal shapes: convex polyhedra, and the atoms of a lattice inside them.

Shapes with crystal faces come from Wulff's construction in `wulffpack` (Rahm & Erhart, J. Open
Source Softw. 5, 1944 (2020)). Its own filling with atoms takes a minute for 500 000, so the
lattice is cut here; its Winterbottom shapes come in a frame of their own, so the interface is cut
here too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations, product

import numpy as np
from scipy.spatial import ConvexHull, HalfspaceIntersection
from scipy.spatial.transform import Rotation

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.errors import InputError, require

Miller = tuple[int, int, int]

FEWEST_ATOMS = 100


@dataclass(frozen=True)
class Polyhedron:
    """The convex body of the points r with ``normals @ r <= distances``; it holds the origin.

    Attributes
    ----------
    normals : (n_planes, n_dim) unit vectors, outward, in 3D in the crystal's cubic axes.
    distances : (n_planes,) distance of each plane from the origin, in any unit of length.
    interface : which plane sits on a substrate, if any does.
    """

    normals: Float64Array
    distances: Float64Array
    interface: int | None = None

    def signed_distance(self, points: Float64Array) -> Float64Array:
        """Distance of `points` (..., n_dim) to the surface, negative inside.

        Exact inside and beside a face; outside, next to an edge, it is a lower bound.
        """
        found = points @ self.normals[0] - self.distances[0]
        for normal, distance in zip(self.normals[1:], self.distances[1:], strict=True):
            np.maximum(found, points @ normal - distance, out=found)
        return found

    def scale(self, factor: float) -> Polyhedron:
        """The shape, `factor` times as large."""
        return Polyhedron(self.normals, self.distances * factor, self.interface)

    @cached_property
    def vertices(self) -> Float64Array:
        """(n_vertices, n_dim) corners."""
        planes = np.concatenate([self.normals, -self.distances[:, None]], axis=1)
        return HalfspaceIntersection(planes, np.zeros(self.normals.shape[1])).intersections

    @cached_property
    def volume(self) -> float:
        """In the cubed unit of the distances; in 2D the area."""
        return float(ConvexHull(self.vertices).volume)


def family(indices: Miller) -> Float64Array:
    """Unit normals (n, 3) of all planes equivalent to `indices` in a cubic crystal."""
    signed = {
        tuple(sign * index for sign, index in zip(signs, order, strict=True))
        for order in permutations(indices)
        for signs in product((1, -1), repeat=3)
    }
    normals = np.array(sorted(signed), dtype=float)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _construction(energies: dict[Miller, float]) -> Polyhedron:
    """The faces that Wulff's construction leaves, each at the distance of its energy.

    MissingEngineError without `wulffpack` and `ase`, which it needs.
    """
    wulffpack = require("wulffpack", "simulate", "the shapes of crystals")
    build = require("ase.build", "simulate", "the shapes of crystals")
    lattice = build.bulk("Au", a=4.08)  # any face-centred cubic one: its size plays no role
    with warnings.catch_warnings():  # wulffpack calls spglib as spglib used to be called
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="spglib")
        particle = wulffpack.SingleCrystal(energies, lattice)
    facets = [(facet, form.miller_indices) for form in particle.forms for facet in form.facets]
    distances = np.array([facet.distance_from_origin for facet, _ in facets])
    in_energies = min(energies[tuple(sorted(map(abs, m), reverse=True))] for _, m in facets)
    return Polyhedron(
        np.array([facet.original_normal for facet, _ in facets]),
        distances * (in_energies / distances.min()),
    )


def _vary(shape: Polyhedron, rng: np.random.Generator, spread: float) -> Polyhedron:
    """Stretch a shape along a random direction, and move each face by a factor of its own.

    Real crystals are never regular.
    """
    along = rng.standard_normal(3)
    along /= np.linalg.norm(along)
    aspect = np.exp(rng.uniform(-1, 1) * 2 * spread)
    factors = rng.uniform(1 - spread, 1 + spread, len(shape.distances))
    factors *= 1 + (aspect - 1) * (shape.normals @ along) ** 2
    return Polyhedron(shape.normals, shape.distances * factors)


def _energies(rng: np.random.Generator) -> dict[Miller, float]:
    """Surface energies of a face-centred cubic metal relative to {111}, some faces rounded off."""
    energies: dict[Miller, float] = {
        (1, 1, 1): 1.0,
        (1, 0, 0): rng.uniform(1.0, 1.3),
        (1, 1, 0): rng.uniform(1.08, 1.35),
    }
    if rng.random() < 0.3:  # faces that round the edges
        energies |= {(2, 1, 0): rng.uniform(1.08, 1.3), (3, 1, 1): rng.uniform(1.05, 1.25)}
    return energies


def wulff(rng: np.random.Generator) -> Polyhedron:
    """Equilibrium shape of a free crystal, with the surface energies drawn (Wulff's theorem)."""
    return _vary(_construction(_energies(rng)), rng, 0.12)


def winterbottom(rng: np.random.Generator) -> Polyhedron:
    """A Wulff shape cut by a substrate below a (111) face, as dewetted particles have it.

    W. L. Winterbottom, Acta Metall. 15, 303 (1967): the plane of the interface lies at the distance
    of its energy: the interface's less the bare substrate's.
    """
    free = _vary(_construction(_energies(rng)), rng, 0.1)
    down = -np.ones(3) / np.sqrt(3)
    others = np.linalg.norm(free.normals - down, axis=1) > 1e-6
    return Polyhedron(
        np.concatenate([free.normals[others], down[None]]),
        np.append(free.distances[others], rng.uniform(0.05, 0.7)),
        interface=int(others.sum()),
    )


def cube(rng: np.random.Generator) -> Polyhedron:
    """A cube of {100} faces, its corners a little truncated, its sides unequal."""
    energies = {(1, 0, 0): 1.0, (1, 1, 1): rng.uniform(1.4, 1.75), (1, 1, 0): 1.38}
    return _vary(_construction(energies), rng, 0.2)


def octahedron(rng: np.random.Generator) -> Polyhedron:
    """An octahedron of {111} faces, its corners truncated by {100}."""
    energies = {(1, 1, 1): 1.0, (1, 0, 0): rng.uniform(1.3, 1.7)}
    return _vary(_construction(energies), rng, 0.12)


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


def check_shapes(names: tuple[str, ...]) -> None:
    """InputError for a name that is no shape, or none at all."""
    for name in names or ("",):
        if name not in SHAPES:
            raise InputError(f"shape is {name!r}, expected one of {', '.join(SHAPES)}")


def random_shape(rng: np.random.Generator, names: tuple[str, ...] = tuple(SHAPES)) -> Polyhedron:
    """Draw a polyhedron of a kind that is drawn from `names`.

    Raises InputError for a name that is not in `SHAPES`.

    Examples
    --------
    >>> shape = random_shape(np.random.default_rng(0), ("octahedron",))
    >>> bool((shape.signed_distance(np.zeros((1, 3))) < 0).all())  # it holds the origin
    True
    """
    check_shapes(names)
    return SHAPES[names[int(rng.integers(len(names)))]](rng)


def fcc_atoms(
    shape: Polyhedron,
    lattice_constant_nm: float,
    n_atoms: int,
    rng: np.random.Generator,
    *,
    twin_normal: Float64Array | None = None,
) -> Float64Array:
    """Cut a face-centred cubic crystal to a shape.

    The lattice is shifted by a random part of its cell, so that no two cuts are alike.

    Parameters
    ----------
    shape : of any size; it is scaled to hold the atoms.
    lattice_constant_nm : of the crystal.
    n_atoms : how many there should be; the number is met within a few per cent.
    rng : source of the shift, and of the place of a twin plane.
    twin_normal : (3,) a unit <111> vector: the lattice beyond a plane near the middle is the mirror
        image of the lattice before it. None for a single crystal.

    Returns
    -------
    (n, 3) positions of the atoms in nm.

    Raises
    ------
    InputError
        `n_atoms` is under `FEWEST_ATOMS`.

    Examples
    --------
    >>> cube = Polyhedron(family((1, 0, 0)), np.ones(6))
    >>> fcc_atoms(cube, 0.408, 500, np.random.default_rng(0)).shape
    (500, 3)
    """
    if n_atoms < FEWEST_ATOMS:
        raise InputError(f"n_atoms is {n_atoms}, expected at least {FEWEST_ATOMS}")
    body = shape.scale((n_atoms * lattice_constant_nm**3 / 4 / shape.volume) ** (1 / 3))
    reach_nm = np.abs(body.vertices).max()
    if twin_normal is not None:
        reach_nm = np.linalg.norm(body.vertices, axis=1).max() * 1.5  # the mirror turns the cube
    n_cells = int(np.ceil(reach_nm / lattice_constant_nm)) + 1
    corners = np.stack(np.meshgrid(*[np.arange(-n_cells, n_cells + 1)] * 3, indexing="ij"), -1)
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    shift = rng.uniform(0, 1, 3)
    sites_nm = ((corners.reshape(-1, 1, 3) + basis).reshape(-1, 3) + shift) * lattice_constant_nm
    if twin_normal is not None:
        height_nm = 0.2 * rng.uniform(-1, 1) * np.max(body.vertices @ twin_normal)
        nearest = np.linalg.norm(sites_nm - height_nm * twin_normal, axis=1).argmin()
        through_nm = sites_nm[nearest]
        sites_nm = make_twin(sites_nm, through_nm, twin_normal)
    return sites_nm[body.signed_distance(sites_nm) <= 0]


def make_twin(
    sites_nm: Float64Array, through_nm: Float64Array, normal: Float64Array
) -> Float64Array:
    """Replace the sites beyond a plane by the mirror images of those before it.

    Parameters
    ----------
    sites_nm : (n, 3) sites of a lattice.
    through_nm : (3,) a site on the plane.
    normal : (3,) unit normal of the plane; with a <111> one the two halves are the twins of a
        face-centred cubic crystal.

    Returns
    -------
    (m, 3) sites in nm.
    """
    beyond_nm = (sites_nm - through_nm) @ normal
    on_plane = 1e-6 * np.abs(sites_nm).max()
    kept = sites_nm[beyond_nm <= on_plane]
    before = beyond_nm < -on_plane
    mirrored = sites_nm[before] - 2 * beyond_nm[before, None] * normal
    return np.concatenate([kept, mirrored])
