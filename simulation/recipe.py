"""The recipe of training patterns: what is drawn for each, and from which ranges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from scipy.spatial.transform import Rotation

from bcdi_inpaint.errors import one_line
from simulation.continuum import CrystalMaker, bragg_intensity
from simulation.diffraction import QGrid, bragg_amplitude, oversampled_steps
from simulation.fields import smooth_phase
from simulation.realism import Realism
from simulation.relaxation import Relaxed, element, relax
from simulation.shapes import fcc_atoms, random_shape

FloatArray = NDArray[np.float64]
REFLECTIONS = ((1, 1, 1), (2, 0, 0), (2, 2, 0))


class Recipe(BaseModel):
    """How a set of patterns is made. Ranges are (lowest, highest); unknown keys are errors.

    Attributes
    ----------
    count, seed : how many patterns, and the seed that makes them again.
    shape : (n_rock, n_y, n_x) of each pattern.
    atomistic_share : the part of the patterns made from relaxed atoms, the rest being continuous.
    particles : how many particles are relaxed; each serves several patterns.
    n_atoms : atoms of a particle.
    oversampling : ratio, drawn on a logarithmic scale for the pattern, then varied for each axis.
    phase_range_rad : slow strain added to a relaxed particle.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(gt=0)
    seed: int = Field(ge=0)
    shape: tuple[int, int, int] = (128, 128, 128)
    atomistic_share: float = Field(0.4, ge=0, le=1)
    particles: int = Field(40, ge=1)
    element: str = "Au"
    n_atoms: tuple[int, int] = (8_000, 60_000)
    oversampling: tuple[float, float] = (2.8, 8.0)
    phase_range_rad: tuple[float, float] = (0.0, 5.0)
    flux: tuple[float, float] = (1e4, 1e8)

    @model_validator(mode="after")
    def _possible(self) -> Recipe:
        if self.oversampling[0] < 1:
            raise ValueError(f"oversampling is {self.oversampling}, expected at least 1")
        if self.n_atoms[0] < 100:
            raise ValueError(f"n_atoms is {self.n_atoms}, expected at least 100")
        if min(self.shape) < 16:
            raise ValueError(f"shape is {self.shape}, expected at least 16 voxels on each axis")
        for name in ("n_atoms", "oversampling", "phase_range_rad", "flux"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} is {low}, {high}, expected the lowest first")
        element(self.element)
        return self


def as_recipe(values: dict[str, object], where: str) -> Recipe:
    """A recipe of plain values; one line that names the key (InputError) if they make none."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise one_line(error, where) from error


@dataclass(frozen=True)
class Pattern:
    """One pattern: its expected photons (n_rock, n_y, n_x) and what was drawn for it."""

    expectation: NDArray[np.float32]
    parameters: dict[str, object]


def relaxed_particle(recipe: Recipe, index: int) -> Relaxed:
    """Particle `index` of the recipe, the same wherever and whenever it is made."""
    rng = np.random.default_rng([recipe.seed, 0, index])
    metal = element(recipe.element)
    shape = random_shape(rng)
    n_atoms = int(np.exp(rng.uniform(*np.log(recipe.n_atoms))))
    positions_nm = fcc_atoms(shape, metal.lattice_constant_nm, n_atoms, rng)
    return relax(positions_nm, metal)


def _oversampling(recipe: Recipe, rng: np.random.Generator) -> FloatArray:
    """(3,) ratio along each array axis; rocking curves vary more than the detector's axes."""
    common = np.exp(rng.uniform(*np.log(recipe.oversampling)))
    return np.clip(common * np.exp(rng.normal(0, [0.35, 0.2, 0.2])), 2.0, 12.0)


def _peak_offset(recipe: Recipe, rng: np.random.Generator) -> FloatArray:
    """(3,) voxels between the array's middle and the Bragg peak."""
    return np.clip(rng.normal(0, 0.08, 3), -0.3, 0.3) * np.array(recipe.shape)


def _atomistic(recipe: Recipe, particle: Relaxed, rng: np.random.Generator) -> Pattern:
    positions_nm = particle.positions_nm - particle.positions_nm.mean(axis=0)
    ratio, offset = _oversampling(recipe, rng), _peak_offset(recipe, rng)
    ratio = np.maximum(ratio, 3.5)  # else the next Bragg peak of a small particle comes into view
    rotation = Rotation.random(rng=rng)
    indices = REFLECTIONS[int(rng.integers(len(REFLECTIONS)))]
    grid = QGrid(
        recipe.shape,
        np.array(indices) / element(recipe.element).lattice_constant_nm,
        oversampled_steps(positions_nm, rotation.as_matrix(), ratio, rng.uniform(-0.4, 0.4)),
        np.array(recipe.shape) // 2 + offset,
    )
    size_nm = np.ptp(positions_nm, axis=0).max()
    strain_rad = rng.uniform(*recipe.phase_range_rad)
    phase = smooth_phase(positions_nm * 2 / size_nm, strain_rad, 8, rng)
    amplitude = bragg_amplitude(positions_nm, grid, weights=np.exp(1j * phase))
    intensity = (np.abs(amplitude) ** 2).astype(np.float32)
    parameters = {
        "kind": "atomistic",
        "n_atoms": len(positions_nm),
        "reflection": indices,
        "oversampling": ratio.tolist(),
        "offset": offset.tolist(),
        "strain_rad": strain_rad,
    }
    return Pattern(Realism(flux=recipe.flux).expectation(intensity, rng), parameters)


def _continuous(recipe: Recipe, rng: np.random.Generator) -> Pattern:
    shape, ratio, offset = random_shape(rng), _oversampling(recipe, rng), _peak_offset(recipe, rng)
    box = tuple(int(n) + 4 for n in np.maximum(np.array(recipe.shape) / ratio, 6))
    maker = CrystalMaker(phase_range_rad=recipe.phase_range_rad)
    crystal = maker.crystal(shape, box, rng)
    intensity = bragg_intensity(crystal, recipe.shape, offset)
    parameters = {
        "kind": "continuous",
        "oversampling": ratio.tolist(),
        "offset": offset.tolist(),
        "strain_rad": float(np.ptp(np.angle(crystal[np.abs(crystal) > 0.5]))),
    }
    return Pattern(Realism(flux=recipe.flux).expectation(intensity, rng), parameters)


def is_atomistic(recipe: Recipe, index: int) -> bool:
    """Whether pattern `index` is made from relaxed atoms: evenly spread over the set."""
    share = recipe.atomistic_share
    return int((index + 1) * share) > int(index * share)


def make_pattern(recipe: Recipe, index: int, particle: Relaxed | None) -> Pattern:
    """Pattern `index` of the recipe, from its relaxed particle where it has one.

    Depends on the recipe and the index alone, so any number of workers makes the same set.
    """
    rng = np.random.default_rng([recipe.seed, 1, index])
    if particle is None:
        return _continuous(recipe, rng)
    return _atomistic(recipe, particle, rng)
