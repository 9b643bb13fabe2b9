"""Crystals whose object is known, for judging what a reconstruction has of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bcdi_inpaint.arrays import Complex64Array, Complex128Array, Float32Array, Float64Array
from simulation.continuum import MARGIN, ContinuumConfig, make_crystal
from simulation.crystal_kinds import (
    KINDS,
    REAL,
    amplitude_of,
    blur_intensity,
    bring_peak_to_middle,
    deal_kinds,
    object_of,
    vary_modulus,
)
from simulation.diffraction import strained_amplitude
from simulation.particles import ParticleConfig, make_particle
from simulation.q_grid import QGrid, farthest_inv_nm, oversampled_steps
from simulation.real_objects import RealObject, read_object
from simulation.relaxation import element
from simulation.shapes import random_shape


class CrystalConfig(BaseModel):
    """What crystals are drawn; ranges are (lowest, highest), unknown keys are errors.

    Attributes
    ----------
    count, atomistic : how many in all, and how many of them are particles relaxed by LAMMPS.
    size : voxels along each side of the array, or several of which one is drawn for each crystal.
    oversampling : of each axis, over the box in which a body is drawn. A continuous body ends
        `continuum.MARGIN` voxels short of its box, so its fringes are farther apart, and those of
        particles too where another peak would come into view: `Crystal.parameters` has the ratio
        that each crystal has.
    strain_rad : range of the imposed phase.
    flux : expected photons of the brightest voxel, drawn on a logarithmic scale.
    particle : what is relaxed.
    kinds : of `crystal_kinds.KINDS`, each with its share of the crystals.
    blur_voxel : of partly coherent beams, standard deviation of the blur, drawn for each axis.
        What a measured crystal shows is 0.6; see Clark et al., Nat. Commun. 3, 993 (2012).
    tail_share : of partly coherent beams, part of the blur that is a Lorentzian, see
        `crystal_kinds.blur_intensity`. Of two measured beams it is 0.21 and 0.37; no committed
        command.
    modulus_spread : of varying crystals, standard deviation of the modulus inside over its mean.
        Of two published crystals it is 16 and 33 %.
    correlation_voxel : of varying crystals, length over which the modulus is alike.
    background_share, background : how often there is a constant background, and its photons a
        voxel, drawn on a logarithmic scale.
    centre_peak : whether the brightest voxel is brought to the middle, from where strain moves it.
    objects : files of real objects, see `real_objects.read_object`; of each that is there, two
        measurements come after the others, with a coherent beam and a partly coherent one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(12, ge=0)
    atomistic: int = Field(3, ge=0)
    size: int | tuple[int, ...] = 96
    oversampling: tuple[float, float] = (2.5, 5.0)
    strain_rad: tuple[float, float] = (0.0, 3.0)
    flux: tuple[float, float] = (1e5, 1e7)
    particle: ParticleConfig = ParticleConfig(n_atoms=(5_000, 40_000))
    kinds: dict[str, float] = {"coherent, even": 1.0}
    blur_voxel: tuple[float, float] = (0.3, 0.8)
    tail_share: tuple[float, float] = (0.0, 0.0)
    modulus_spread: tuple[float, float] = (0.10, 0.35)
    correlation_voxel: tuple[float, float] = (3.0, 6.0)
    background_share: float = Field(0.0, ge=0, le=1)
    background: tuple[float, float] = (0.01, 1.0)
    centre_peak: bool = False
    objects: tuple[str, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sides of arrays, of which one is drawn; of real objects it is the first."""
        return (self.size,) if isinstance(self.size, int) else self.size

    @model_validator(mode="after")
    def _possible(self) -> CrystalConfig:
        if not self.sizes or min(self.sizes) < 32:
            raise ValueError(f"size is {self.size}, expected 32 voxels or more")
        for kind, share in self.kinds.items():
            if kind not in KINDS:
                raise ValueError(f"kinds has {kind!r}, expected some of {'; '.join(KINDS)}")
            if not 0 <= share < np.inf:
                raise ValueError(f"the share of {kind!r} is {share:g}, expected 0 or more")
        if not sum(self.kinds.values()) > 0:
            raise ValueError(f"kinds is {self.kinds}, expected a share above 0")
        above_zero = {"oversampling", "flux", "correlation_voxel", "background"}
        others = {"strain_rad", "blur_voxel", "tail_share", "modulus_spread"}
        for name in sorted(above_zero | others):
            low, high = getattr(self, name)
            if not 0 <= low <= high < np.inf or (name in above_zero and low == 0):
                least = "above 0" if name in above_zero else "at least 0"
                raise ValueError(f"{name} is {low:g}, {high:g}, expected the lowest first, {least}")
        if self.tail_share[1] > 1:
            raise ValueError(f"tail_share is {self.tail_share[1]:g}, expected 1 at most")
        return self


@dataclass(frozen=True)
class Crystal:
    """A crystal and a measurement of it; arrays (n, n, n).

    Attributes
    ----------
    name : of its own.
    truth : complex64, the object, centred at index n // 2, as the array's extent resolves it.
    expectation : float32, expected photons: the squared modulus of the object's transform,
        blurred where the beam is partly coherent, and the background.
    counts : float32, a Poisson draw of them.
    parameters : what was drawn, in plain values.
    kind : one of `crystal_kinds.KINDS` or `crystal_kinds.REAL`.
    """

    name: str
    truth: Complex64Array
    expectation: Float32Array
    counts: Float32Array
    parameters: dict[str, object]
    kind: str = "coherent, even"


def draw_crystals(
    config: CrystalConfig, seed: int, objects: Sequence[Path] = ()
) -> Iterator[Crystal]:
    """Draw the crystals of a configuration, each from the seed and its own number alone.

    Parameters
    ----------
    config : what is drawn.
    seed : of everything that is drawn.
    objects : files of real objects, whose measurements come last.

    Yields
    ------
    One crystal after the other.

    Raises
    ------
    InputError
        A file is no object.

    Examples
    --------
    >>> crystal = next(draw_crystals(CrystalConfig(count=1, atomistic=0, size=32), seed=0))
    >>> crystal.name, crystal.kind, crystal.counts.shape
    ('continuous 0', 'coherent, even', (32, 32, 32))
    """
    for number, kind in enumerate(deal_kinds(config.kinds, config.count)):
        yield _draw_crystal(config, seed, number, kind)
    for number, path in enumerate(objects):
        real = read_object(path)
        for is_partly, kind in REAL.items():
            yield _measure_object(config, real, kind, is_partly, [seed, 0, number, int(is_partly)])


def _draw_crystal(config: CrystalConfig, seed: int, number: int, kind: str) -> Crystal:
    rng, further = np.random.default_rng([seed, number]), np.random.default_rng([seed, number, 1])
    is_atomistic = number < config.atomistic
    strain_rad = float(rng.uniform(*config.strain_rad))
    ratio = rng.uniform(*config.oversampling, 3)
    flux = _log_uniform(config.flux, rng)
    size = int(further.choice(config.sizes))
    make = _atomistic_amplitude if is_atomistic else _continuous_amplitude
    amplitude, ratio = make(config, size, ratio, strain_rad, rng)
    drawn: dict[str, object] = {"strain_rad": strain_rad, "oversampling": ratio.tolist()}
    is_partly, varies = KINDS[kind]
    if varies:
        spread, length = (
            float(further.uniform(*limits))
            for limits in (config.modulus_spread, config.correlation_voxel)
        )
        amplitude = amplitude_of(vary_modulus(object_of(amplitude), spread, length, further))
        drawn |= {"modulus_spread": spread, "correlation_voxel": length}
    name = f"{'atomistic' if is_atomistic else 'continuous'} {number}"
    beam = _Beam(config, flux, is_partly, further)
    return beam.measure(name, kind, amplitude, drawn, rng)


def _measure_object(
    config: CrystalConfig, real: RealObject, kind: str, is_partly: bool, seed: list[int]
) -> Crystal:
    """One measurement of a real object, its counts drawn anew."""
    rng = np.random.default_rng(seed)
    beam = _Beam(config, _log_uniform(config.flux, rng), is_partly, rng)
    name = f"{real.name} {'partly coherent' if is_partly else 'coherent'}"
    return beam.measure(name, kind, real.amplitude(config.sizes[0]), {}, rng)


@dataclass(frozen=True)
class _Beam:
    """What measures a crystal.

    Attributes
    ----------
    config : ranges of what is drawn.
    flux : expected photons of the brightest voxel, without the background.
    is_partly : whether it is partly coherent.
    rng : source of the blur and the background.
    """

    config: CrystalConfig
    flux: float
    is_partly: bool
    rng: np.random.Generator

    def measure(
        self,
        name: str,
        kind: str,
        amplitude: Complex128Array,
        drawn: dict[str, object],
        counting: np.random.Generator,
    ) -> Crystal:
        """Measure the crystal of an amplitude (n, n, n), the counts from `counting`."""
        if self.config.centre_peak:
            amplitude = bring_peak_to_middle(amplitude)
        amplitude = amplitude * (np.sqrt(self.flux) / np.abs(amplitude).max())
        photons = np.abs(amplitude) ** 2
        if self.is_partly:
            blurred, of_beam = self._blur(photons)
            dimmed = blurred.max() / self.flux
            amplitude, photons = amplitude / np.sqrt(dimmed), blurred / dimmed
            drawn = drawn | of_beam
        if self.rng.random() < self.config.background_share:
            background = _log_uniform(self.config.background, self.rng)
            photons, drawn = photons + background, drawn | {"background": background}
        expectation = photons.astype(np.float32)
        return Crystal(
            name,
            object_of(amplitude).astype(np.complex64),
            expectation,
            counting.poisson(expectation).astype(np.float32),
            drawn | {"flux": self.flux},
            kind,
        )

    def _blur(self, photons: Float64Array) -> tuple[Float64Array, dict[str, object]]:
        """The intensity (n, n, n) blurred, and what was drawn for that."""
        sigma = self.rng.uniform(*self.config.blur_voxel, 3)
        drawn: dict[str, object] = {"blur_voxel": sigma.tolist()}
        if not self.config.tail_share[1]:  # nothing is drawn: crystals without tails stay
            return blur_intensity(photons, sigma), drawn
        share = float(self.rng.uniform(*self.config.tail_share))
        return blur_intensity(photons, sigma, share), drawn | {"tail_share": share}


def _log_uniform(limits: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def _continuous_amplitude(
    config: CrystalConfig, n: int, ratio: Float64Array, strain_rad: float, rng: np.random.Generator
) -> tuple[Complex128Array, Float64Array]:
    """Amplitude (n, n, n) of a continuous crystal, the peak in the middle, and its own ratio."""
    box = tuple(int(side) for side in np.maximum(n / ratio, 6))
    crystal = make_crystal(ContinuumConfig(), random_shape(rng), box, rng, strain_rad)
    obj = np.zeros((n, n, n), dtype=np.complex128)
    place = tuple(slice(n // 2 - side // 2, n // 2 - side // 2 + side) for side in crystal.shape)
    obj[place] = crystal
    amplitude = np.asarray(scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(obj))))
    return amplitude, n / (np.array(box) - 2.0 * MARGIN)


def _atomistic_amplitude(
    config: CrystalConfig, n: int, ratio: Float64Array, strain_rad: float, rng: np.random.Generator
) -> tuple[Complex128Array, Float64Array]:
    """Amplitude (n, n, n) of a relaxed particle's 111 peak, in the middle, and its own ratio."""
    particle = make_particle(config.particle, rng)
    positions_nm = particle.relaxed.positions_nm
    positions_nm = positions_nm - positions_nm.mean(axis=0)
    directions = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    steps = oversampled_steps(positions_nm, directions, ratio)
    lattice_nm = element(particle.element).lattice_constant_nm
    reach = farthest_inv_nm(steps, (n, n, n), np.full(3, float(n // 2)))
    finer = max(1.0, reach * lattice_nm / np.sqrt(3))
    grid = QGrid((n, n, n), np.ones(3) / lattice_nm, steps / finer, np.full(3, n // 2))
    amplitude = strained_amplitude(positions_nm, grid, strain_rad, rng)
    return np.asarray(amplitude, dtype=np.complex128), ratio * finer
