"""Where the voxels of a rocking scan lie in reciprocal space."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.errors import InputError

LATTICE_REACH = 0.85
"""How near the array's corners may come to the next Bragg peak, as a part of the way there.

A simulated particle has some tens of lattice planes, a measured one thousands: there, the next
peak is never in view.
"""


@dataclass(frozen=True)
class QGrid:
    """The scattering vectors of a scan's voxels, around one reflection.

    Voxel n (an index triple) sees ``q = reflection + steps @ (n - centre)``, in 1/nm without 2 pi.
    The steps need not be orthogonal: a rocking scan's frames are sheared.

    Attributes
    ----------
    shape : (n_rock, n_y, n_x).
    reflection_inv_nm : (3,) the reciprocal-lattice vector, in the crystal's axes.
    steps_inv_nm : (3, 3), column a is the step along array axis a.
    centre : (3,) voxel of the Bragg peak, may be fractional.
    """

    shape: tuple[int, int, int]
    reflection_inv_nm: Float64Array
    steps_inv_nm: Float64Array
    centre: Float64Array


def oversampled_steps(
    positions_nm: Float64Array, directions: Float64Array, oversampling: Float64Array
) -> Float64Array:
    """Grid steps that sample a particle with the given ratio on each array axis.

    Parameters
    ----------
    positions_nm : (n, 3) the particle's atoms.
    directions : (3, 3) the array axes as unit columns, in the crystal's axes; they need not be
        orthogonal.
    oversampling : (3,) ratio along each axis. With a ratio of s the particle fills 1/s of the
        period of the Fourier transform: fringes are s voxels apart.

    Returns
    -------
    (3, 3) in 1/nm, column a is the step along array axis a.
    """
    extent_nm = np.ptp(positions_nm @ directions, axis=0)
    return directions / (extent_nm * oversampling)


def rocking_directions(
    reflection_inv_nm: Float64Array, wavelength_nm: float, rng: np.random.Generator
) -> Float64Array:
    """Draw the directions of a rocking scan's array axes in reciprocal space.

    Turning the crystal about an axis w moves the reflection G by w x G, at right angles to it; the
    detector's axes are at right angles to the diffracted beam. So the frames are sheared by the
    Bragg angle. The azimuth about G, the rocking axis (within 30 degrees of the normal of the
    scattering plane, or of the plane itself) and a small roll of the detector are drawn.

    Parameters
    ----------
    reflection_inv_nm : (3,) the reciprocal-lattice vector G in 1/nm, in the crystal's axes.
    wavelength_nm : of the beam.
    rng : source of what is drawn.

    Returns
    -------
    (3, 3) unit vectors as columns, one for each array axis.

    Raises
    ------
    InputError
        The wavelength is too long to reach the reflection (Bragg's law).
    """
    length = float(np.linalg.norm(reflection_inv_nm))
    sine = wavelength_nm * length / 2
    if not 0 < sine < 1:
        raise InputError(
            f"wavelength is {wavelength_nm:g} nm, expected less than {2 / length:.3g} nm to reach "
            "the reflection: take a shorter one or a lower reflection"
        )
    along = reflection_inv_nm / length
    normal = np.cross(along, rng.standard_normal(3))
    normal /= np.linalg.norm(normal)  # of the scattering plane
    forward = np.cross(normal, along)
    beam = sine * along + np.sqrt(1 - sine**2) * forward  # diffracted, unit
    tilt = np.radians(rng.uniform(-30, 30))
    rocking = np.cos(tilt) * forward + np.sin(tilt) * normal
    roll = np.radians(rng.normal(0, 3)) + np.pi / 2 * rng.integers(4)
    upward = np.cross(beam, normal)
    rows = np.cos(roll) * upward + np.sin(roll) * normal
    return np.stack([rocking, rows, np.cross(beam, rows)], axis=1)


def rocking_steps(
    positions_nm: Float64Array,
    reflection_inv_nm: Float64Array,
    oversampling: Float64Array,
    wavelength_nm: float,
    rng: np.random.Generator,
) -> Float64Array:
    """Draw the grid steps of a rocking scan that samples a particle with the given ratio.

    Parameters
    ----------
    positions_nm : (n, 3) the particle's atoms.
    reflection_inv_nm : (3,) the reciprocal-lattice vector in 1/nm.
    oversampling : (3,) ratio along each array axis, as of `oversampled_steps`.
    wavelength_nm : of the beam.
    rng : source of the directions, as of `rocking_directions`.

    Returns
    -------
    (3, 3) in 1/nm, column a is the step along array axis a.

    Raises
    ------
    InputError
        The wavelength is too long to reach the reflection.
    """
    directions = rocking_directions(reflection_inv_nm, wavelength_nm, rng)
    return oversampled_steps(positions_nm, directions, oversampling)


def farthest_inv_nm(
    steps_inv_nm: Float64Array, shape: tuple[int, ...], centre: Float64Array
) -> float:
    """Distance of an array's farthest corner from the peak, over `LATTICE_REACH`.

    Parameters
    ----------
    steps_inv_nm : (3, 3) in 1/nm, column a is the step along array axis a.
    shape : (n_rock, n_y, n_x).
    centre : (3,) voxel of the peak.

    Returns
    -------
    In 1/nm.
    """
    corners = np.array(list(product(*[(0, n - 1) for n in shape]))) - centre
    return float(np.linalg.norm(corners @ steps_inv_nm.T, axis=1).max() / LATTICE_REACH)
