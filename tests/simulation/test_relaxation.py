"""Relaxation in LAMMPS itself: forces, and where atoms move."""

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError, MissingEngineError
from simulation import relaxation
from simulation.relaxation import ELEMENTS, FORCE_TOLERANCE_EV_PER_NM, element, load_lammps, relax
from simulation.shapes import Polyhedron, family, fcc_atoms


@pytest.fixture(scope="module", autouse=True)
def _lammps() -> None:
    try:
        load_lammps()
    except MissingEngineError as error:
        pytest.skip(str(error))


def particle(symbol: str, n_atoms: int = 3000) -> np.ndarray:
    """A truncated octahedron."""
    shape = Polyhedron(
        np.concatenate([family((1, 1, 1)), family((1, 0, 0))]), np.repeat([1.0, 1.15], [8, 6])
    )
    lattice_nm = element(symbol).lattice_constant_nm
    return fcc_atoms(shape, lattice_nm, n_atoms, np.random.default_rng(0))


def test_a_free_particle_moves_at_its_surface() -> None:
    positions_nm = particle("Au")
    before = positions_nm.copy()
    relaxed = relax(positions_nm, element("Au"))
    assert relaxed.max_force_ev_per_nm <= FORCE_TOLERANCE_EV_PER_NM
    np.testing.assert_array_equal(positions_nm, before)
    radius_nm = np.linalg.norm(positions_nm - positions_nm.mean(axis=0), axis=1)
    moved_nm = np.linalg.norm(relaxed.displacement_nm, axis=1)
    outer, inner = radius_nm > 0.9 * radius_nm.max(), radius_nm < 0.5 * radius_nm.max()
    assert moved_nm[outer].mean() > 3 * moved_nm[inner].mean()
    # Surface tension presses a metal particle together.
    centred_nm = relaxed.positions_nm - relaxed.positions_nm.mean(axis=0)
    assert np.linalg.norm(centred_nm, axis=1)[outer].mean() < radius_nm[outer].mean()


def test_tied_atoms_sit_on_the_strained_substrate_and_bend_what_is_above() -> None:
    positions_nm = particle("Au")
    up = np.ones(3) / np.sqrt(3)
    height_nm = positions_nm @ up
    positions_nm = positions_nm[height_nm > 0]
    height_nm = positions_nm @ up
    tied = height_nm < height_nm.min() + 0.3
    relaxed = relax(positions_nm, element("Au"), tied=tied, substrate_strain=0.02)
    centre = positions_nm[tied].mean(axis=0)
    in_plane = np.eye(3) - np.outer(up, up)
    expected = positions_nm[tied] + 0.02 * (positions_nm[tied] - centre) @ in_plane
    np.testing.assert_allclose(relaxed.positions_nm[tied], expected, atol=5e-5)
    moved_nm = np.linalg.norm(relaxed.displacement_nm, axis=1)
    layer = (height_nm > height_nm.min() + 0.3) & (height_nm < height_nm.min() + 0.8)
    radius_nm = np.linalg.norm(positions_nm - positions_nm.mean(axis=0), axis=1)
    inner = radius_nm < 0.4 * radius_nm.max()
    assert moved_nm[layer].mean() > 1.5 * moved_nm[inner].mean()


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_each_lattice_constant_is_the_potentials_own(symbol: str) -> None:
    """At it, the pressure of a periodic crystal crosses zero."""
    metal, lammps = element(symbol), load_lammps()
    energies = []
    for strain in (-0.002, 0.0, 0.002):
        engine = lammps.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
        engine.commands_list(
            [
                "units metal",
                "boundary p p p",
                f"lattice fcc {10 * metal.lattice_constant_nm * (1 + strain)}",
                "region box block 0 4 0 4 0 4",
                "create_box 1 box",
                "create_atoms 1 box",
                f"mass 1 {metal.mass_u}",
                "pair_style eam",
                f'pair_coeff * * "{relaxation._potential_path(lammps, metal.potential)}"',
                "run 0",
            ]
        )
        energies.append(engine.get_thermo("pe"))
        engine.close()
    low, middle, high = energies
    slope, curvature = (high - low) / 0.004, (high - 2 * middle + low) / 0.002**2
    assert -slope / curvature == pytest.approx(0, abs=1e-3)


def test_a_wide_interface_is_held_whole() -> None:
    """20 000 tied atoms of a flat crystal: more than lists of atoms could name to LAMMPS."""
    up, along = np.ones(3) / np.sqrt(3), np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
    normals = np.array([up, along, np.cross(up, along)])
    plate = Polyhedron(np.concatenate([normals, -normals]), np.tile([0.04, 1.0, 1.0], 2))
    positions_nm = fcc_atoms(plate, 0.408, 40_000, np.random.default_rng(0))
    height_nm = positions_nm @ up
    tied = height_nm < np.median(height_nm)
    assert tied.sum() > 16_000
    with pytest.raises(InputError, match="is left after 1 iterations"):
        relax(positions_nm, element("Au"), tied=tied, max_iterations=1)


def test_an_unknown_element_is_refused() -> None:
    with pytest.raises(InputError, match="'Xx', expected one of Au"):
        element("Xx")


def test_what_lammps_cannot_do_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = relaxation.Element("Au", 0.408, -1.0, "Au_u3.eam")
    with pytest.raises(InputError, match="LAMMPS failed") as error:
        relax(particle("Au", 200), broken)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="is left after 1 iterations"):
        relax(particle("Au", 500), element("Au"), max_iterations=1)
