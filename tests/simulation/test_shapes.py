import numpy as np
import pytest
from scipy.spatial import cKDTree

from bcdi_inpaint.errors import InputError
from simulation.shapes import SHAPES, Polyhedron, family, fcc_atoms, random_shape

A_NM = 0.408


@pytest.mark.parametrize(
    ("indices", "count"),
    [((1, 0, 0), 6), ((1, 1, 1), 8), ((1, 1, 0), 12), ((2, 1, 1), 24), ((3, 2, 1), 48)],
)
def test_families_have_all_their_planes(indices: tuple[int, int, int], count: int) -> None:
    normals = family(indices)
    assert len(normals) == count
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    np.testing.assert_allclose(normals.sum(axis=0), 0, atol=1e-12)


def test_volumes_of_a_cube_and_an_octahedron() -> None:
    cube = Polyhedron(family((1, 0, 0)), np.ones(6))
    assert cube.volume == pytest.approx(8)
    octahedron = Polyhedron(family((1, 1, 1)), np.ones(8))  # its corners reach sqrt(3)
    assert octahedron.volume == pytest.approx(4 * np.sqrt(3))
    assert np.abs(octahedron.vertices).max() == pytest.approx(np.sqrt(3))
    square = Polyhedron(np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]), np.ones(4))
    assert square.scale(0.5).volume == pytest.approx(1)


def test_signed_distance_of_a_cube() -> None:
    cube = Polyhedron(family((1, 0, 0)), np.ones(6))
    points = np.array([[0, 0, 0], [0.5, 0, 0], [1, 0.2, 0], [3, 0, 0]], dtype=float)
    np.testing.assert_allclose(cube.signed_distance(points), [-1, -0.5, 0, 2])


@pytest.mark.parametrize("name", SHAPES)
def test_atoms_fill_the_shape_at_the_crystals_density(name: str, rng: np.random.Generator) -> None:
    shape = SHAPES[name](rng)
    positions_nm = fcc_atoms(shape, A_NM, 5000, rng)
    assert len(positions_nm) == pytest.approx(5000, rel=0.06)
    nearest, _ = cKDTree(positions_nm).query(positions_nm, k=2)
    np.testing.assert_allclose(nearest[:, 1], A_NM / np.sqrt(2), rtol=1e-9)
    reach_nm = (positions_nm @ shape.normals.T).max(axis=0)
    scale = (reach_nm / np.maximum(shape.distances, 0.2)).max()  # nm per unit of the shape
    assert (reach_nm <= scale * shape.distances + A_NM).all()


def test_a_truncated_octahedron_of_atoms_has_its_planes_in_place(
    rng: np.random.Generator,
) -> None:
    normals = np.concatenate([family((1, 1, 1)), family((1, 0, 0))])
    shape = Polyhedron(normals, np.repeat([1.0, 1.5], [8, 6]))
    positions_nm = fcc_atoms(shape, A_NM, 20_000, rng)
    volume_nm3 = 20_000 * A_NM**3 / 4
    # An octahedron of 4 sqrt(3) d^3, less six pyramids of (4 / 3) h^3 over the {100} faces.
    per_d3 = 4 * np.sqrt(3) - 6 * (2 / 3) * (np.sqrt(3) - 1.5) ** 3
    expected_nm = shape.distances * (volume_nm3 / per_d3) ** (1 / 3)
    reach_nm = (positions_nm @ normals.T).max(axis=0)
    np.testing.assert_allclose(reach_nm, expected_nm, atol=1.1 * A_NM / np.sqrt(3))


def test_a_winterbottom_particle_is_flat_below(rng: np.random.Generator) -> None:
    shape = SHAPES["winterbottom"](rng)
    assert shape.interface is not None
    np.testing.assert_allclose(shape.normals[shape.interface], -np.ones(3) / np.sqrt(3))
    assert shape.distances[shape.interface] < 0.75 * np.median(shape.distances)
    assert all(SHAPES[name](rng).interface is None for name in SHAPES if name != "winterbottom")


@pytest.mark.parametrize(
    ("name", "indices"), [("wulff", (1, 1, 1)), ("cube", (1, 0, 0)), ("octahedron", (1, 1, 1))]
)
def test_the_main_faces_of_a_shape_are_there(
    name: str, indices: tuple[int, int, int], rng: np.random.Generator
) -> None:
    for _ in range(3):
        shape = SHAPES[name](rng)
        for face in family(indices):
            assert np.linalg.norm(shape.normals - face, axis=1).min() < 1e-6


def test_no_two_particles_of_a_kind_are_alike(rng: np.random.Generator) -> None:
    for name in SHAPES:
        first, second = SHAPES[name](rng), SHAPES[name](rng)
        assert first.volume != pytest.approx(second.volume, rel=1e-4)


def test_an_unknown_shape_and_too_few_atoms_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="sphere"):
        random_shape(rng, ("wulff", "sphere"))
    with pytest.raises(InputError, match="n_atoms is 3"):
        fcc_atoms(SHAPES["cube"](rng), A_NM, 3, rng)
