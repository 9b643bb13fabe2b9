"""The colours of a phase: of the crystal's interior, because its rim may have any phase.

Where the modulus falls to nothing the phase is noise; a few such voxels would stretch the colours
to plus and minus pi, and strain of half a radian would be lost in them.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import binary_erosion

from bcdi_inpaint.arrays import BoolArray, ComplexArray, FloatArray

NARROWEST = 0.2
"""Radians to either side that the colours have at least: noise is no strain."""
RIM = 2
"""Voxels that are taken for the rim; fewer where nothing would be left."""


def centred_phase(obj: ComplexArray, inside: BoolArray) -> FloatArray:
    """The phase in radians about the interior's mean; nan outside.

    Parameters are of one shape, of two or three axes: the object, and True where the crystal is.

    Examples
    --------
    >>> centred_phase(np.array([[2.0 + 0j, 1j]]), np.array([[True, False]]))
    array([[ 0., nan]])
    """
    within = interior(inside)
    mean = np.conj((np.abs(obj[within]) * obj[within]).sum())
    phase: FloatArray = np.where(inside, np.angle(obj * mean), np.nan)
    return phase


def interior(inside: BoolArray) -> BoolArray:
    """What is left of a crystal without its rim; all of it where that is nothing."""
    for rim in range(RIM, 0, -1):
        left: BoolArray = binary_erosion(inside, iterations=rim)
        if left.any():
            return left
    return inside


def widest_phase(phase: FloatArray, inside: BoolArray) -> float:
    """Radians to either side that hold 99 of 100 voxels of the interior.

    Examples
    --------
    >>> phase = np.zeros((9, 9, 9))
    >>> phase[0], phase[3:6, 3:6, 3:6] = 3.0, 0.5
    >>> widest_phase(phase, np.ones(phase.shape, bool))
    0.5
    """
    there = np.abs(phase[interior(inside)])
    there = there[np.isfinite(there)]
    widest = float(np.percentile(there, 99)) if there.size else math.pi
    return min(math.pi, max(NARROWEST, widest))
