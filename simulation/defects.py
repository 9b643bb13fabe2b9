"""Defects put into a perfect crystal before it is relaxed; twins are in `shapes`."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import Float64Array

POISSON_RATIO = 0.4
"""Of isotropic elasticity, about as the metals here have it; relaxation mends the rest."""


def burgers_vector(lattice_constant_nm: float, rng: np.random.Generator) -> Float64Array:
    """Draw a perfect dislocation's Burgers vector a/2 <110> from the twelve: (3,) in nm."""
    signs = rng.choice((-1.0, 1.0), 2)
    vector = np.zeros(3)
    vector[rng.permutation(3)[:2]] = signs
    return vector * lattice_constant_nm / 2


def screw_displacement(
    positions_nm: Float64Array, burgers_nm: Float64Array, normal: Float64Array
) -> Float64Array:
    """Displacement of atoms by a screw dislocation through the origin.

    u = b angle / (2 pi) (Hirth & Lothe, Theory of Dislocations, eq. 3-1).

    Parameters
    ----------
    positions_nm : (n, 3).
    burgers_nm : (3,) the Burgers vector b, which is the line's direction.
    normal : (3,) unit vector at right angles to b; the angle is a quarter turn there.

    Returns
    -------
    (n, 3) in nm.
    """
    x, y = _across(positions_nm, burgers_nm / np.linalg.norm(burgers_nm), normal)
    return np.arctan2(y, x)[:, None] / (2 * np.pi) * burgers_nm


def edge_displacement(
    positions_nm: Float64Array, burgers_nm: Float64Array, normal: Float64Array
) -> Float64Array:
    """Displacement of atoms by an edge dislocation through the origin.

    Hirth & Lothe, Theory of Dislocations, eqs. 3-45 and 3-46. The line runs along the cross product
    of the Burgers vector and the normal.

    Parameters
    ----------
    positions_nm : (n, 3).
    burgers_nm : (3,) the Burgers vector.
    normal : (3,) unit normal of the glide plane, at right angles to the Burgers vector.

    Returns
    -------
    (n, 3) in nm.
    """
    length = float(np.linalg.norm(burgers_nm))
    along = burgers_nm / length
    x, y = positions_nm @ along, positions_nm @ normal
    squared = np.maximum(x**2 + y**2, 1e-6 * length**2)
    stiff = 4 * (1 - POISSON_RATIO)
    slip = np.arctan2(y, x) + 2 * x * y / (stiff * squared)
    climb = (1 - 2 * POISSON_RATIO) / stiff * np.log(squared / length**2)
    climb = climb + (x**2 - y**2) / (stiff * squared)
    return length / (2 * np.pi) * (slip[:, None] * along - climb[:, None] * normal)


def _across(
    positions_nm: Float64Array, line: Float64Array, normal: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Coordinates of positions (n, 3) in the plane at right angles to a line."""
    return positions_nm @ np.cross(normal, line), positions_nm @ normal


def add_dislocation(
    positions_nm: Float64Array, lattice_constant_nm: float, rng: np.random.Generator
) -> Float64Array:
    """Put an edge or a screw dislocation through the middle third of a crystal.

    Parameters
    ----------
    positions_nm : (n, 3) atoms of a face-centred cubic crystal.
    lattice_constant_nm : of the crystal.
    rng : source of the kind of dislocation, its place and its direction.

    Returns
    -------
    (n, 3) in nm, the atoms moved.
    """
    burgers_nm = burgers_vector(lattice_constant_nm, rng)
    normals = np.array([n for n in _close_packed() if abs(n @ burgers_nm) < 1e-9])
    normal = normals[int(rng.integers(len(normals)))]  # of a {111} plane it may glide on
    centre_nm = positions_nm.mean(axis=0)
    centre_nm = centre_nm + rng.uniform(-1, 1, 3) * np.ptp(positions_nm, axis=0) / 6
    displacement = screw_displacement if rng.random() < 0.5 else edge_displacement
    return positions_nm + displacement(positions_nm - centre_nm, burgers_nm, normal)


def _close_packed() -> Float64Array:
    """(4, 3) unit normals of the {111} planes, one of each pair."""
    return np.array([[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / np.sqrt(3)


def random_close_packed(rng: np.random.Generator) -> Float64Array:
    """Draw the unit normal (3,) of a {111} plane."""
    return _close_packed()[int(rng.integers(4))] * rng.choice((-1.0, 1.0))


def add_vacancies(
    positions_nm: Float64Array, fraction: float, rng: np.random.Generator
) -> Float64Array:
    """Take atoms out of a crystal at random.

    Parameters
    ----------
    positions_nm : (n, 3).
    fraction : of the atoms that is taken out, rounded to whole atoms.
    rng : source of which.

    Returns
    -------
    (m, 3) in nm, the atoms that stay, in the same order.

    Examples
    --------
    >>> add_vacancies(np.zeros((100, 3)), 0.02, np.random.default_rng(0)).shape
    (98, 3)
    """
    kept = rng.permutation(len(positions_nm))[round(fraction * len(positions_nm)) :]
    return positions_nm[np.sort(kept)]
