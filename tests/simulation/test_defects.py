"""Defects against what their theory says."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from simulation.defects import (
    add_dislocation,
    add_vacancies,
    burgers_vector,
    edge_displacement,
    random_close_packed,
    screw_displacement,
)
from simulation.shapes import Polyhedron, family, fcc_atoms, make_twin

A_NM = 0.408
BURGERS_NM = np.array([1.0, -1.0, 0.0]) * A_NM / 2
NORMAL = np.array([1.0, 1.0, 1.0]) / np.sqrt(3)


@pytest.mark.parametrize("displacement", [screw_displacement, edge_displacement])
def test_a_burgers_circuit_closes_to_the_burgers_vector(displacement) -> None:
    line = (
        BURGERS_NM if displacement is screw_displacement else np.cross(BURGERS_NM, NORMAL)
    ) / np.linalg.norm(BURGERS_NM)
    first = np.cross(NORMAL, line)
    angles = np.linspace(-np.pi + 1e-9, np.pi - 1e-9, 2000)
    for radius_nm in (0.5, 3.0):
        circuit_nm = radius_nm * (
            np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * NORMAL
        )
        moved_nm = displacement(circuit_nm, BURGERS_NM, NORMAL)
        steps = np.linalg.norm(np.diff(moved_nm, axis=0), axis=1)
        assert steps.max() < 0.01 * A_NM, "the field is smooth along the circuit"
        gained = moved_nm[-1] - moved_nm[0]
        assert np.abs(np.abs(gained) - np.abs(BURGERS_NM)).max() < 1e-6 * A_NM
        np.testing.assert_allclose(np.cross(gained, BURGERS_NM), 0, atol=1e-9)


def test_a_screw_moves_atoms_along_its_line_only(rng: np.random.Generator) -> None:
    moved = screw_displacement(rng.normal(size=(50, 3)), BURGERS_NM, NORMAL)
    np.testing.assert_allclose(np.cross(moved, BURGERS_NM), 0, atol=1e-12)


def test_an_edge_keeps_its_line_and_dilates_where_theory_says() -> None:
    """The trace of the strain is -b (1 - 2 nu) y / (2 pi (1 - nu) r^2) (Hirth & Lothe)."""
    along = BURGERS_NM / np.linalg.norm(BURGERS_NM)
    h, b = 1e-5, float(np.linalg.norm(BURGERS_NM))
    for x, y in ((0.9, 0.7), (-0.4, 1.1), (0.8, -0.6)):
        place = x * along + y * NORMAL
        trace = sum(
            (
                edge_displacement((place + h * d)[None], BURGERS_NM, NORMAL)
                - edge_displacement((place - h * d)[None], BURGERS_NM, NORMAL)
            )[0]
            @ d
            / (2 * h)
            for d in (along, NORMAL)
        )
        expected = -b * (1 - 0.8) * y / (2 * np.pi * 0.6 * (x**2 + y**2))
        assert trace == pytest.approx(expected, rel=1e-4)


def test_burgers_vectors_are_the_twelve_perfect_ones(rng: np.random.Generator) -> None:
    found = {tuple(np.round(2 * burgers_vector(A_NM, rng) / A_NM)) for _ in range(300)}
    assert len(found) == 12
    assert all(sorted(np.abs(b)) == [0, 1, 1] for b in found)


def test_a_dislocated_crystal_is_perfect_but_for_its_core(rng: np.random.Generator) -> None:
    cube = Polyhedron(family((1, 0, 0)), np.ones(6))
    perfect = fcc_atoms(cube, A_NM, 8000, rng)
    for _ in range(4):
        moved = add_dislocation(perfect, A_NM, rng)
        distances, _ = cKDTree(moved).query(moved, k=13)
        full = (distances[:, 1:] < 1.2 * A_NM / np.sqrt(2)).sum(axis=1) == 12
        inside = np.abs(perfect - perfect.mean(axis=0)).max(axis=1) < 1.5
        assert full[inside].mean() > 0.85
        strained = np.abs(distances[inside, 1:] / (A_NM / np.sqrt(2)) - 1)
        assert strained.max() > 0.1, "there is a core"
        assert np.abs(moved - perfect).max() > 0.2 * A_NM


def test_a_twins_halves_are_mirror_images_that_fit() -> None:
    cells = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    sites_nm = (cells + basis).reshape(-1, 3) * A_NM
    found = make_twin(sites_nm, np.zeros(3), NORMAL)
    height = found @ NORMAL
    below, above = found[height < -1e-6], found[height > 1e-6]
    mirrored = above - 2 * (above @ NORMAL)[:, None] * NORMAL
    distance, _ = cKDTree(below).query(mirrored)
    assert distance.max() < 1e-9
    inner = found[np.linalg.norm(found, axis=1) < 1.5]
    nearest, _ = cKDTree(found).query(inner, k=13)
    np.testing.assert_allclose(nearest[:, 1:], A_NM / np.sqrt(2), rtol=1e-9)  # still close packed
    # No lattice vector any more across the plane: that is what makes it a twin.
    assert cKDTree(sites_nm).query(above)[0].max() > 0.2 * A_NM


def test_vacancies_are_as_many_as_asked(rng: np.random.Generator) -> None:
    positions = rng.normal(size=(1000, 3))
    left = add_vacancies(positions, 0.013, rng)
    assert len(left) == 987
    assert {tuple(p) for p in left} < {tuple(p) for p in positions}


def test_close_packed_normals(rng: np.random.Generator) -> None:
    for _ in range(20):
        np.testing.assert_allclose(np.abs(random_close_packed(rng)), 1 / np.sqrt(3))
