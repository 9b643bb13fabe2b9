"""The recipe of training patterns: what is drawn for each, and from which ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core.core_schema import SerializerFunctionWrapHandler

from bcdi_inpaint.arrays import BoolArray, Complex64Array, Float32Array, Float64Array
from bcdi_inpaint.errors import one_line
from simulation.continuum import (
    MARGIN,
    ContinuumConfig,
    bragg_intensity,
    convex_hull,
    make_crystal,
    period,
)
from simulation.diffraction import strained_amplitude
from simulation.interiors import InteriorConfig, vary_inside
from simulation.particles import Particle, ParticleConfig, make_particle
from simulation.q_grid import QGrid, farthest_inv_nm, rocking_steps
from simulation.realism import RealismConfig, measure
from simulation.relaxation import check_reflections, element
from simulation.shapes import random_shape


class Recipe(BaseModel):
    """How a set of patterns is made. Ranges are (lowest, highest); unknown keys are errors.

    Attributes
    ----------
    count, seed : how many patterns, and the seed that makes them again.
    shape : (n_rock, n_y, n_x) of each pattern, or (n_y, n_x) for the 2D set.
    atomistic_share : the part of the patterns made from relaxed atoms, the rest being continuous;
        0 in 2D.
    particles : how many particles are relaxed; each serves several patterns.
    particle, continuum, interior, realism : what a particle, a continuous crystal, its inside and
        a measurement are drawn from.
    hull_share : the part of the continuous crystals that are hulls of random points; all in 2D.
    reflections : Miller indices, one drawn for each atomistic pattern.
    wavelength_nm : of the beam; with the reflection it sets the shear of the frames.
    oversampling : ratio, drawn on a logarithmic scale for the pattern, then varied by
        `oversampling_spread` (standard deviation of its logarithm) for each axis and kept within
        `oversampling_limits`; rocking curves vary more than the detector's axes.
    strain_rad : range of the slow phase added to the relaxation's, or of a continuous crystal's.
    peak_offset : standard deviation of the peak's distance from the array's middle along each
        axis, as a part of the array.
    peak_outside : how often the array is cropped beside the peak, which then lies outside.
    engine : of the sum over atoms, as of `diffraction.bragg_amplitude`.

    Examples
    --------
    >>> recipe = Recipe(count=1, seed=0, shape=(16, 20, 24), atomistic_share=0)
    >>> make_pattern(recipe, 0, None).counts.shape
    (16, 20, 24)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(gt=0)
    seed: int = Field(ge=0)
    shape: tuple[int, ...] = (128, 128, 128)
    atomistic_share: float = Field(0.4, ge=0, le=1)
    particles: int = Field(40, ge=1)
    particle: ParticleConfig = ParticleConfig()
    continuum: ContinuumConfig = ContinuumConfig()
    interior: InteriorConfig = InteriorConfig()
    realism: RealismConfig = RealismConfig()
    hull_share: float = Field(0.25, ge=0, le=1)
    reflections: tuple[tuple[int, int, int], ...] = ((1, 1, 1), (2, 0, 0), (2, 2, 0))
    wavelength_nm: tuple[float, float] = (0.095, 0.155)
    oversampling: tuple[float, float] = (2.5, 8.0)
    oversampling_spread: tuple[float, ...] = (0.4, 0.2, 0.2)
    oversampling_limits: tuple[float, float] = (2.0, 12.0)
    strain_rad: tuple[float, float] = (0.0, 5.0)
    peak_offset: float = Field(0.08, ge=0, le=0.5)
    peak_outside: float = Field(0.03, ge=0, le=1)
    engine: Literal["auto", "nufft", "pynx"] = "auto"

    @model_validator(mode="after")
    def _possible(self) -> Recipe:
        if len(self.shape) not in (2, 3) or min(self.shape) < 16:
            raise ValueError(f"shape is {self.shape}, expected 2 or 3 axes of at least 16 voxels")
        if len(self.shape) == 2 and self.atomistic_share > 0:
            raise ValueError(
                f"atomistic_share is {self.atomistic_share} in 2D, expected 0: atoms are 3D"
            )
        if len(self.oversampling_spread) < len(self.shape) or min(self.oversampling_spread) < 0:
            raise ValueError(
                f"oversampling_spread is {self.oversampling_spread}, expected a number of at "
                f"least 0 for each of the {len(self.shape)} axes"
            )
        check_reflections(self.reflections)
        limits = (
            ("oversampling", 1.0),
            ("oversampling_limits", 1.0),
            ("strain_rad", 0.0),
            ("wavelength_nm", 1e-3),
        )
        for name, least in limits:
            low, high = getattr(self, name)
            if not least <= low <= high < np.inf:
                raise ValueError(
                    f"{name} is {low:g}, {high:g}, expected the lowest first, at least {least:g}"
                )
        return self

    @model_serializer(mode="wrap")
    def _plain(self, serialize: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Without an interior that is not used: the hash of older sets of patterns stays."""
        values: dict[str, object] = serialize(self)
        if self.interior == InteriorConfig():
            values.pop("interior", None)
        return values


def as_recipe(values: dict[str, object], where: str) -> Recipe:
    """Make a recipe of plain values; `where` they are from begins the message if they make none.

    Raises InputError, one line that names the key.
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise one_line(error, where, Recipe) from error


@dataclass(frozen=True)
class Pattern:
    """One pattern and what was drawn for it; all arrays have the recipe's `shape`.

    Attributes
    ----------
    expectation : float32, expected photons, free of noise.
    counts : uint32, photons as the detector gave them, hot and saturated pixels included.
    bad : bool, True = a hot or saturated pixel.
    grid : where the voxels lie in reciprocal space; None for a continuous crystal, which has no
        lattice.
    parameters : everything drawn, in plain values.
    crystal : complex density of a continuous crystal in a box of its own, None for atoms.
    amplitude : complex amplitude that atoms scatter, None for a continuous crystal.
    """

    expectation: Float32Array
    counts: NDArray[np.uint32]
    bad: BoolArray
    grid: QGrid | None
    parameters: dict[str, object]
    crystal: Complex64Array | None = None
    amplitude: Complex64Array | None = None


def is_atomistic(recipe: Recipe, index: int) -> bool:
    """Whether pattern `index` is made from relaxed atoms: evenly spread over the set."""
    share = recipe.atomistic_share
    return int((index + 1) * share) > int(index * share)


def particle_number(recipe: Recipe, index: int) -> int | None:
    """Which particle pattern `index` is made from; None for a continuous crystal."""
    if not is_atomistic(recipe, index):
        return None
    return int(index * recipe.atomistic_share) % recipe.particles


def make_particle_of(recipe: Recipe, number: int) -> Particle:
    """Make particle `number` of the recipe; it depends on the recipe and the number alone."""
    return make_particle(recipe.particle, np.random.default_rng([recipe.seed, 0, number]))


def make_pattern(recipe: Recipe, index: int, particle: Particle | None) -> Pattern:
    """Make one pattern of the recipe.

    It depends on the recipe and the index alone, so that any number of workers makes the same set.

    Parameters
    ----------
    recipe : what is drawn, and from which ranges.
    index : of the pattern, 0 or more; the recipe's count is no limit.
    particle : particle ``particle_number(recipe, index)``, None where that is None.

    Returns
    -------
    The pattern, and what was drawn for it.
    """
    rng = np.random.default_rng([recipe.seed, 1, index])
    if particle is None:
        peak = _continuous_peak(recipe, rng)
    else:
        peak = _atomistic_peak(recipe, particle, rng)
    measured = measure(peak.intensity, recipe.realism, rng)
    return Pattern(
        measured.expectation,
        measured.counts,
        measured.bad,
        peak.grid,
        peak.parameters | measured.parameters,
        peak.crystal,
        peak.amplitude,
    )


@dataclass(frozen=True)
class _Peak:
    """A perfect Bragg peak; the fields are those of a `Pattern`."""

    intensity: Float32Array
    parameters: dict[str, object]
    grid: QGrid | None = None
    crystal: Complex64Array | None = None
    amplitude: Complex64Array | None = None


def _oversampling(recipe: Recipe, rng: np.random.Generator) -> Float64Array:
    """(n_dim,) ratio along each array axis."""
    common = np.exp(rng.uniform(*np.log(recipe.oversampling)))
    spread = np.array(recipe.oversampling_spread[-len(recipe.shape) :])
    return np.clip(common * np.exp(rng.normal(0, spread)), *recipe.oversampling_limits)


def _peak_offset(recipe: Recipe, rng: np.random.Generator) -> Float64Array:
    """(n_dim,) voxels from the array's middle to the Bragg peak."""
    part = np.clip(rng.normal(0, recipe.peak_offset, len(recipe.shape)), -0.4, 0.4)
    if rng.random() < recipe.peak_outside:
        axis = int(rng.integers(len(recipe.shape)))
        part[axis] = rng.choice((-1, 1)) * rng.uniform(0.5, 0.6)
    return part * np.array(recipe.shape)


def _continuous_peak(recipe: Recipe, rng: np.random.Generator) -> _Peak:
    """Intensity of a continuous crystal."""
    n_dim = len(recipe.shape)
    is_hull = rng.random() < recipe.hull_share or n_dim == 2
    body = convex_hull(n_dim, rng) if is_hull else random_shape(rng)
    ratio, offset = _oversampling(recipe, rng), _peak_offset(recipe, rng)
    strain_rad = rng.uniform(*recipe.strain_rad)
    sides = np.array(period(recipe.shape, offset))
    extent = np.maximum(sides / ratio, 6).astype(int)
    box = tuple(int(n) + 2 * MARGIN for n in extent)
    even = make_crystal(recipe.continuum, body, box, rng, strain_rad)
    crystal, inside = vary_inside(even, recipe.interior, rng)
    intensity = bragg_intensity(crystal, recipe.shape, offset)
    parameters: dict[str, object] = {
        "kind": "continuous",
        "shape": "hull" if is_hull else "polyhedron",
        "oversampling": (sides / extent).tolist(),
        "peak": (np.array(recipe.shape) // 2 + offset).tolist(),
        "strain_rad": strain_rad,
    }
    return _Peak(intensity, parameters | inside, crystal=crystal)


def _atomistic_peak(recipe: Recipe, particle: Particle, rng: np.random.Generator) -> _Peak:
    """Intensity of a relaxed particle around one of its reflections."""
    positions_nm = particle.relaxed.positions_nm
    positions_nm = positions_nm - positions_nm.mean(axis=0)
    lattice_nm = element(particle.element).lattice_constant_nm
    indices = recipe.reflections[int(rng.integers(len(recipe.reflections)))]
    reflection_inv_nm = np.array(indices) / lattice_nm
    offset = _peak_offset(recipe, rng)
    ratio, wavelength_nm = _oversampling(recipe, rng), rng.uniform(*recipe.wavelength_nm)
    steps = rocking_steps(positions_nm, reflection_inv_nm, ratio, wavelength_nm, rng)
    centre = np.array(recipe.shape) // 2 + offset
    finer = max(1.0, farthest_inv_nm(steps, recipe.shape, centre) * lattice_nm / np.sqrt(3))
    ratio, steps = ratio * finer, steps / finer
    n_rock, n_y, n_x = recipe.shape
    grid = QGrid((n_rock, n_y, n_x), reflection_inv_nm, steps, np.array(recipe.shape) // 2 + offset)
    strain_rad = rng.uniform(*recipe.strain_rad)
    amplitude = strained_amplitude(positions_nm, grid, strain_rad, rng, engine=recipe.engine)
    parameters: dict[str, object] = {
        "kind": "atomistic",
        "reflection": list(indices),
        "wavelength_nm": wavelength_nm,
        "oversampling": ratio.tolist(),
        "peak": grid.centre.tolist(),
        "strain_rad": strain_rad,
        "particle": particle.parameters,
    }
    intensity = (np.abs(amplitude) ** 2).astype(np.float32)
    return _Peak(intensity, parameters, grid, amplitude=amplitude.astype(np.complex64))
