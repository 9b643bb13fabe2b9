"""Particles of atoms: drawn, cut, given defects and relaxed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.errors import InputError, MissingEngineError
from simulation.defects import add_dislocation, add_vacancies, random_close_packed
from simulation.relaxation import Element, Relaxed, element, relax
from simulation.shapes import FEWEST_ATOMS, SHAPES, Polyhedron, check_shapes, fcc_atoms

TIED_LAYERS = 2
"""Atomic layers at the interface that the substrate holds."""
TRIES = 3
"""Particles drawn before giving up: rarely, one does not relax."""


class ParticleConfig(BaseModel):
    """What a particle is drawn with; ranges are (lowest, highest), unknown keys are errors.

    Attributes
    ----------
    elements : one is drawn for each particle.
    shapes : names of `shapes.SHAPES`, one drawn.
    n_atoms : drawn on a logarithmic scale.
    substrate_strain : of the substrate's lattice against the particle's, where it has one.
    dislocation, twin, vacancies : how often a particle has each.
    vacancy_fraction : of the atoms, drawn on a logarithmic scale.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    elements: tuple[str, ...] = ("Au",)
    shapes: tuple[str, ...] = tuple(SHAPES)
    n_atoms: tuple[int, int] = (10_000, 150_000)
    substrate_strain: tuple[float, float] = (-0.02, 0.02)
    dislocation: float = Field(0.08, ge=0, le=1)
    twin: float = Field(0.08, ge=0, le=1)
    vacancies: float = Field(0.1, ge=0, le=1)
    vacancy_fraction: tuple[float, float] = (1e-4, 1e-2)

    @model_validator(mode="after")
    def _possible(self) -> ParticleConfig:
        try:
            check_shapes(self.shapes)
            for symbol in self.elements or ("",):
                element(symbol)
        except InputError as error:
            raise ValueError(str(error)) from error
        limits = (
            ("n_atoms", FEWEST_ATOMS, np.inf),
            ("substrate_strain", -0.2, 0.2),
            ("vacancy_fraction", 1e-9, 0.5),
        )
        for name, least, most in limits:
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(
                    f"{name} is {low:g}, {high:g}, expected the lowest first, from {least:g} on "
                    f"and at most {most:g}"
                )
        return self


@dataclass(frozen=True)
class Particle:
    """A relaxed particle, its element's symbol, and what was drawn for it in plain values."""

    relaxed: Relaxed
    element: str
    parameters: dict[str, object]


def make_particle(config: ParticleConfig, rng: np.random.Generator) -> Particle:
    """Draw and relax a particle.

    A particle that LAMMPS cannot relax is given up and another is drawn; ``parameters["tries"]``
    says how many it took.

    Raises
    ------
    InputError
        `TRIES` particles have failed; the message is the last one's.
    MissingEngineError
        LAMMPS is not installed.
    """
    for attempt in range(1, TRIES + 1):
        try:
            particle = _draw(config, rng)
        except MissingEngineError:
            raise
        except InputError as error:
            failure = error
            continue
        particle.parameters["tries"] = attempt
        return particle
    raise failure


def _draw(config: ParticleConfig, rng: np.random.Generator) -> Particle:
    metal = element(config.elements[int(rng.integers(len(config.elements)))])
    name = config.shapes[int(rng.integers(len(config.shapes)))]
    shape = SHAPES[name](rng)
    n_atoms = int(np.exp(rng.uniform(*np.log(config.n_atoms))))
    has_twin, has_dislocation, has_vacancies = (
        rng.random(3) < (config.twin, config.dislocation, config.vacancies)
    ).tolist()
    twin_normal = random_close_packed(rng) if has_twin else None
    positions_nm = fcc_atoms(
        shape, metal.lattice_constant_nm, n_atoms, rng, twin_normal=twin_normal
    )
    parameters: dict[str, object] = {
        "element": metal.symbol,
        "shape": name,
        "twin": has_twin,
        "dislocation": has_dislocation,
        "vacancy_fraction": 0.0,
        "substrate_strain": 0.0,
    }
    if has_dislocation:
        positions_nm = add_dislocation(positions_nm, metal.lattice_constant_nm, rng)
    if has_vacancies:
        fraction = float(np.exp(rng.uniform(*np.log(config.vacancy_fraction))))
        positions_nm = add_vacancies(positions_nm, fraction, rng)
        parameters["vacancy_fraction"] = fraction
    tied = tied_layers(positions_nm, shape, metal)
    strain = float(rng.uniform(*config.substrate_strain)) if tied.any() else 0.0
    relaxed = relax(positions_nm, metal, tied=tied, substrate_strain=strain)
    parameters |= {"n_atoms": len(positions_nm), "substrate_strain": strain}
    return Particle(relaxed, metal.symbol, parameters)


def tied_layers(positions_nm: Float64Array, shape: Polyhedron, metal: Element) -> BoolArray:
    """Find the atoms that the substrate holds.

    Parameters
    ----------
    positions_nm : (n, 3) atoms.
    shape : the body that they fill; only one with an interface has such atoms.
    metal : whose lattice constant sets the height of a layer.

    Returns
    -------
    (n,) bool, True in the lowest `TIED_LAYERS` {111} layers at the interface.
    """
    if shape.interface is None:
        return np.zeros(len(positions_nm), dtype=bool)
    depth_nm = positions_nm @ shape.normals[shape.interface]
    layer_nm = metal.lattice_constant_nm / np.sqrt(3)
    return depth_nm > depth_nm.max() - (TIED_LAYERS - 0.5) * layer_nm
