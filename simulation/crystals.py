"""Crystals whose object is known, for judging what a reconstruction has of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from pydantic import BaseModel, ConfigDict, Field

from bcdi_inpaint.arrays import Complex64Array, Complex128Array, Float32Array, Float64Array
from simulation.continuum import ContinuumConfig, make_crystal
from simulation.diffraction import strained_amplitude
from simulation.particles import ParticleConfig, make_particle
from simulation.q_grid import QGrid, oversampled_steps
from simulation.relaxation import element
from simulation.shapes import random_shape


class CrystalConfig(BaseModel):
    """What crystals are drawn; ranges are (lowest, highest), unknown keys are errors.

    Attributes
    ----------
    count, atomistic : how many in all, and how many of them are particles relaxed by LAMMPS.
    size : voxels along each side of the array.
    oversampling : of each axis; fringes are as many voxels apart.
    strain_rad : range of the imposed phase.
    flux : expected photons of the brightest voxel, drawn on a logarithmic scale.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(12, ge=1)
    atomistic: int = Field(3, ge=0)
    size: int = Field(96, ge=32)
    oversampling: tuple[float, float] = (2.5, 5.0)
    strain_rad: tuple[float, float] = (0.0, 3.0)
    flux: tuple[float, float] = (1e5, 1e7)
    particle: ParticleConfig = ParticleConfig(n_atoms=(5_000, 40_000))


@dataclass(frozen=True)
class Crystal:
    """A crystal and a measurement of it; arrays (n, n, n).

    Attributes
    ----------
    name : of its own.
    truth : complex64, the object, centred at index n // 2, as the array's extent resolves it.
    expectation : float32, expected photons: the squared modulus of the object's transform.
    counts : float32, a Poisson draw of them.
    parameters : what was drawn, in plain values.
    """

    name: str
    truth: Complex64Array
    expectation: Float32Array
    counts: Float32Array
    parameters: dict[str, object]


def draw_crystals(config: CrystalConfig, seed: int) -> Iterator[Crystal]:
    """Draw the crystals of a configuration, each from the seed and its own number alone.

    Examples
    --------
    >>> crystal = next(draw_crystals(CrystalConfig(count=1, atomistic=0, size=32), seed=0))
    >>> crystal.name, crystal.counts.shape
    ('continuous 0', (32, 32, 32))
    """
    for number in range(config.count):
        rng = np.random.default_rng([seed, number])
        is_atomistic = number < config.atomistic
        strain_rad = float(rng.uniform(*config.strain_rad))
        ratio = rng.uniform(*config.oversampling, 3)
        flux = float(np.exp(rng.uniform(*np.log(config.flux))))
        make = _atomistic_amplitude if is_atomistic else _continuous_amplitude
        amplitude = make(config, ratio, strain_rad, rng)
        amplitude *= np.sqrt(flux) / np.abs(amplitude).max()
        truth = scipy.fft.fftshift(scipy.fft.ifftn(scipy.fft.ifftshift(amplitude), norm="ortho"))
        expectation = (np.abs(amplitude) ** 2).astype(np.float32)
        kind = "atomistic" if is_atomistic else "continuous"
        yield Crystal(
            f"{kind} {number}",
            truth.astype(np.complex64),
            expectation,
            rng.poisson(expectation).astype(np.float32),
            {"strain_rad": strain_rad, "oversampling": ratio.tolist(), "flux": flux},
        )


def _continuous_amplitude(
    config: CrystalConfig, ratio: Float64Array, strain_rad: float, rng: np.random.Generator
) -> Complex128Array:
    """Amplitude (n, n, n) of a continuous crystal, the peak in the middle."""
    n = config.size
    box = tuple(int(side) for side in np.maximum(n / ratio, 6))
    crystal = make_crystal(ContinuumConfig(), random_shape(rng), box, rng, strain_rad)
    obj = np.zeros((n, n, n), dtype=np.complex128)
    place = tuple(slice(n // 2 - side // 2, n // 2 - side // 2 + side) for side in crystal.shape)
    obj[place] = crystal
    return np.asarray(scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(obj))))


def _atomistic_amplitude(
    config: CrystalConfig, ratio: Float64Array, strain_rad: float, rng: np.random.Generator
) -> Complex128Array:
    """Amplitude (n, n, n) of a relaxed particle's 111 peak, in the middle."""
    particle = make_particle(config.particle, rng)
    positions_nm = particle.relaxed.positions_nm
    positions_nm = positions_nm - positions_nm.mean(axis=0)
    directions = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    steps = oversampled_steps(positions_nm, directions, ratio)
    reflection_inv_nm = np.ones(3) / element(particle.element).lattice_constant_nm
    n = config.size
    grid = QGrid((n, n, n), reflection_inv_nm, steps, np.full(3, n // 2))
    amplitude = strained_amplitude(positions_nm, grid, strain_rad, rng)
    return np.asarray(amplitude, dtype=np.complex128)
