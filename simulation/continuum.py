"""Crystals as continuous media: a smooth-edged polyhedron with a phase, and its Bragg peak by FFT.

Atoms repeat their Bragg peaks too soon for a fringe-rich pattern of a large crystal; a continuous
crystal has as many fringes as the array has room for, at the cost of an idealised strain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.optimize import linprog
from scipy.spatial.transform import Rotation

from simulation.fields import correlated_field
from simulation.shapes import Polyhedron

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex64]


@dataclass(frozen=True)
class CrystalMaker:
    """What a continuous crystal is drawn with; ranges are (lowest, highest).

    The defaults of edges, noise and phase are those of Masto et al., J. Appl. Cryst. 57, 966
    (2024), the phase reaching down to an unstrained crystal.
    """

    edge_sigma_voxel: tuple[float, float] = (0.45, 0.75)
    modulus_noise: tuple[float, float] = (0.0, 0.1)
    phase_range_rad: tuple[float, float] = (0.0, 6.0)
    correlation_length: tuple[float, float] = (0.15, 1.2)
    """Of the phase, as a part of the crystal's size."""
    shear: float = 0.4

    def crystal(
        self, shape: Polyhedron, box: tuple[int, ...], rng: np.random.Generator
    ) -> ComplexArray:
        """A complex density of `shape` in an array of `box` voxels, two voxels short of its sides.

        The shape is turned at random and sheared as a rocking scan's frame shears it.
        """
        modulus = self._modulus(shape, box, rng)
        length = np.array(box) * np.exp(rng.uniform(*np.log(self.correlation_length)))
        phase_range = rng.uniform(*self.phase_range_rad)
        phase = phase_range * correlated_field(box, length, rng)
        grain = correlated_field(box, 2.0, rng) - 0.5
        modulus = modulus * (1 + 2 * rng.uniform(*self.modulus_noise) * grain)
        return (modulus * np.exp(1j * phase)).astype(np.complex64)

    def _modulus(
        self, shape: Polyhedron, box: tuple[int, ...], rng: np.random.Generator
    ) -> FloatArray:
        # Two voxels of margin on each side hold the soft edge.
        axes = [(np.arange(n) - (n - 1) / 2) / ((n - 4) / 2) for n in box]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)  # (*box, 3)
        mapping = Rotation.random(rng=rng).as_matrix()
        tilt = np.eye(3)
        tilt[0, 1], tilt[0, 2] = rng.uniform(-self.shear, self.shear, 2)
        mapping = mapping @ tilt
        # The largest copy of the shape that this mapping keeps inside the box.
        corners = _extent(shape, mapping)
        inside = shape.signed_distance((grid * corners) @ mapping.T)
        # A face is soft over about a voxel: signed distances in voxels, through a narrow ramp.
        voxel = float(np.mean(2 * corners / np.array(box)))
        sharp = np.clip(0.5 - inside / voxel, 0, 1)
        return gaussian_filter(sharp, rng.uniform(*self.edge_sigma_voxel), mode="constant")


def _extent(shape: Polyhedron, mapping: FloatArray) -> FloatArray:
    """(3,) half widths, along the array's axes, of the shape seen through `mapping`."""
    planes = shape.normals @ mapping
    reach = [
        -linprog(-sign * axis, A_ub=planes, b_ub=shape.distances, bounds=(None, None)).fun
        for axis in np.eye(3)
        for sign in (1, -1)
    ]
    return np.array(reach).reshape(3, 2).max(axis=1)


def bragg_intensity(
    crystal: ComplexArray, shape: tuple[int, ...], offset: FloatArray
) -> NDArray[np.float32]:
    """Squared Fourier transform of `crystal`, zero-padded to `shape`, its peak off the middle.

    `offset` (n_dim,) is in voxels and may be fractional. The ratio of `shape` to the crystal's size
    is the oversampling ratio along each axis.
    """
    ramp = np.zeros(crystal.shape)
    for axis, (n, shift) in enumerate(zip(shape, offset, strict=True)):
        along = 2 * np.pi * shift * np.arange(crystal.shape[axis]) / n
        ramp = ramp + along.reshape([-1 if a == axis else 1 for a in range(crystal.ndim)])
    amplitude = scipy.fft.fftn(crystal * np.exp(1j * ramp).astype(np.complex64), s=shape)
    return scipy.fft.fftshift(np.abs(amplitude) ** 2)
