"""What varies inside a crystal: its density, and a phase that bends it."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.spatial.transform import Rotation

from bcdi_inpaint.arrays import Complex64Array, Float64Array
from simulation.crystal_kinds import vary_modulus
from simulation.defects import POISSON_RATIO

Range = tuple[float, float]


class InteriorConfig(BaseModel):
    """How often a continuous crystal varies inside; ranges are (lowest, highest).

    Unknown keys are errors. By default nothing varies, and nothing is drawn.

    Attributes
    ----------
    varying_share : how often the density varies slowly inside.
    density_spread : standard deviation of the density inside, over its mean. Of two published
        crystals it is 16 and 33 %.
    density_length : over which the density is alike, as a part of the crystal's size and at most
        2, drawn on a logarithmic scale.
    bent_share : how often the crystal is bent.
    bend_rad : range of the phase that bending adds inside.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    varying_share: float = Field(0.0, ge=0, le=1)
    density_spread: Range = (0.10, 0.35)
    density_length: Range = (0.06, 0.4)
    bent_share: float = Field(0.0, ge=0, le=1)
    bend_rad: Range = (1.0, 5.0)

    @model_validator(mode="after")
    def _ranges(self) -> InteriorConfig:
        for name, most in (("density_spread", 1.0), ("density_length", 2.0), ("bend_rad", np.inf)):
            low, high = getattr(self, name)
            least = 1e-3 if name == "density_length" else 0.0
            if not least <= low <= high <= most or high == np.inf:
                raise ValueError(
                    f"{name} is {low:g}, {high:g}, expected the lowest first, at least {least:g}"
                    + (f" and at most {most:g}" if most < np.inf else "")
                )
        return self


def vary_inside(
    crystal: Complex64Array, config: InteriorConfig, rng: np.random.Generator
) -> tuple[Complex64Array, dict[str, object]]:
    """Vary the density of a crystal and bend it, as often as a configuration says.

    Parameters
    ----------
    crystal : (*box,) complex density in a box of its own, of 2 or 3 dimensions; not changed.
    config : how often, and how much.
    rng : source of what is drawn.

    Returns
    -------
    The crystal, and what was drawn for it.
    """
    drawn: dict[str, object] = {}
    if config.varying_share and rng.random() < config.varying_share:
        spread = float(rng.uniform(*config.density_spread))
        part = float(np.exp(rng.uniform(*np.log(config.density_length))))
        length = part * np.array(crystal.shape)
        crystal = vary_modulus(crystal, spread, length, rng).astype(np.complex64)
        drawn |= {"density_spread": spread, "density_length": part}
    if config.bent_share and rng.random() < config.bent_share:
        bend_rad = float(rng.uniform(*config.bend_rad))
        crystal = (crystal * np.exp(1j * bending(crystal, bend_rad, rng))).astype(np.complex64)
        drawn["bend_rad"] = bend_rad
    return crystal, drawn


def bending(crystal: Complex64Array, range_rad: float, rng: np.random.Generator) -> Float64Array:
    """Draw the phase of a crystal that is bent about a random axis, of a random reflection.

    The displacement of pure bending is u_x = -(z^2 + s (x^2 - y^2)) / 2R, u_y = -s xy / R,
    u_z = xz / R, with Poisson's ratio s (Landau & Lifshitz, Theory of Elasticity, section 17); the
    phase is its part along the reflection.

    Parameters
    ----------
    crystal : (*box,) complex density, of 2 or 3 dimensions.
    range_rad : from the lowest to the highest phase inside the crystal.
    rng : source of the axis and the reflection.

    Returns
    -------
    (*box,) radians, 0 in the box's middle.
    """
    n_dim = crystal.ndim
    axes = [np.linspace(-1, 1, n) for n in crystal.shape]
    places = np.zeros((*crystal.shape, 3))
    places[..., :n_dim] = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    x, z, y = np.moveaxis(places @ _turn(n_dim, rng).T, -1, 0)  # y is 0 in 2D
    across = -(z**2 + POISSON_RATIO * (x**2 - y**2)) / 2
    reflection = rng.standard_normal(3)
    phase = across * reflection[0] + x * z * reflection[1] - POISSON_RATIO * x * y * reflection[2]
    inside = np.abs(crystal) > 0.5 * np.abs(crystal).max()
    return np.asarray(phase * (range_rad / np.ptp(phase[inside])))


def _turn(n_dim: int, rng: np.random.Generator) -> Float64Array:
    """(3, 3) a random rotation; in 2D about the third axis."""
    if n_dim == 3:
        return np.asarray(Rotation.random(rng=rng).as_matrix())
    return np.asarray(Rotation.from_rotvec([0, 0, rng.uniform(0, 2 * np.pi)]).as_matrix())
