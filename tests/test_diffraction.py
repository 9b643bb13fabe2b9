"""Bragg peaks against sums that are known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bcdi_inpaint.engines import opencl_works
from bcdi_inpaint.errors import InputError
from simulation import diffraction
from simulation.diffraction import QGrid, bragg_amplitude, oversampled_steps

A_NM = 0.408


@pytest.fixture
def positions_nm(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(-2, 2, (300, 3))


def grid(shape: tuple[int, int, int], rng: np.random.Generator, centre: object = None) -> QGrid:
    """A sheared, turned grid about the 111 reflection."""
    return QGrid(
        shape,
        np.array([1.0, 1.0, 1.0]) / A_NM,
        0.05 * rng.normal(size=(3, 3)),
        np.array(shape) / 2 + 0.3 if centre is None else np.asarray(centre, dtype=float),
    )


def direct(positions_nm: np.ndarray, of: QGrid, weights: np.ndarray | float = 1.0) -> np.ndarray:
    indices = np.stack(np.meshgrid(*map(np.arange, of.shape), indexing="ij"), axis=-1)
    q = of.reflection_inv_nm + np.einsum("xyzk,jk->xyzj", indices - of.centre, of.steps_inv_nm)
    return np.exp(2j * np.pi * np.einsum("xyzj,nj->xyzn", q, positions_nm)) @ (
        weights * np.ones(len(positions_nm))
    )


@pytest.mark.parametrize("shape", [(8, 8, 8), (7, 10, 13)])
def test_the_nufft_is_the_direct_sum(
    shape: tuple[int, int, int], positions_nm: np.ndarray, rng: np.random.Generator
) -> None:
    of = grid(shape, rng)
    weights = np.exp(1j * rng.uniform(0, 6, len(positions_nm)))
    expected = direct(positions_nm, of, weights)
    found = bragg_amplitude(positions_nm, of, weights=weights)
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_a_box_is_a_part_of_the_whole(positions_nm: np.ndarray, rng: np.random.Generator) -> None:
    of = grid((9, 10, 11), rng)
    box = (slice(2, 5), slice(0, 10), slice(7, 8))
    np.testing.assert_array_equal(
        bragg_amplitude(positions_nm, of, box=box), bragg_amplitude(positions_nm, of)[box]
    )


@pytest.mark.parametrize("language", ["cpu", "opencl"])
def test_pynx_gives_the_same(
    language: str,
    positions_nm: np.ndarray,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    pynx: str,
) -> None:
    if language == "opencl" and not opencl_works():
        pytest.skip("PyNX finds no working OpenCL")
    monkeypatch.setattr(diffraction, "opencl_works", lambda: language == "opencl")
    of = grid((6, 7, 8), rng)
    weights = np.exp(1j * rng.uniform(0, 6, len(positions_nm)))
    box = (slice(1, 6), slice(0, 7), slice(2, 8))
    for given in (None, weights):
        ours = bragg_amplitude(positions_nm, of, weights=given, box=box)
        theirs = bragg_amplitude(positions_nm, of, weights=given, box=box, engine="pynx")
        np.testing.assert_allclose(theirs, ours, atol=1e-5 * np.sqrt(len(positions_nm)) * 20)


def test_a_shifted_crystal_has_a_phase_ramp(
    positions_nm: np.ndarray, rng: np.random.Generator
) -> None:
    of, shift_nm = grid((8, 8, 8), rng), np.array([0.3, -0.2, 0.7])
    ramp = np.exp(2j * np.pi * of.scattering_vectors((slice(None),) * 3) @ shift_nm)
    moved = bragg_amplitude(positions_nm + shift_nm, of)
    expected = bragg_amplitude(positions_nm, of) * ramp
    np.testing.assert_allclose(moved, expected, atol=1e-4)


def test_a_cube_of_atoms_is_a_product_of_dirichlet_kernels() -> None:
    """sin(pi n q a) / sin(pi q a) along each axis, for n atoms a apart."""
    n = 6
    sites = np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2] * 3, indexing="ij"), -1)
    positions_nm = A_NM * sites.reshape(-1, 3)
    of = QGrid((16, 16, 16), np.zeros(3), np.diag([0.05, 0.06, 0.07]), np.array([7.5, 7.5, 7.5]))
    turns = of.scattering_vectors((slice(None),) * 3) * A_NM
    kernel = np.sin(np.pi * n * turns) / np.sin(np.pi * turns)
    found = bragg_amplitude(positions_nm, of)
    np.testing.assert_allclose(found, kernel.prod(axis=-1), atol=1e-5 * n**3)


def test_fringes_are_as_many_voxels_apart_as_the_oversampling_ratio_says() -> None:
    sites = np.stack(np.meshgrid(*[np.arange(20)] * 3, indexing="ij"), -1)
    positions_nm = A_NM * sites.reshape(-1, 3)
    ratio = np.array([5.0, 4.0, 8.0])
    steps = oversampled_steps(positions_nm, np.eye(3), ratio * 20 / 19)  # edge to edge of 20 cells
    of = QGrid((33, 33, 33), np.zeros(3), steps, np.array([16.0, 16.0, 16.0]))
    intensity = np.abs(bragg_amplitude(positions_nm, of)) ** 2
    for axis, period in enumerate(ratio):
        cut = np.moveaxis(intensity, axis, 0)[:, 16, 16]
        zero = 16 + int(period)
        assert cut[zero] < 1e-6 * cut[16]
        assert cut[zero - 1] > 1e-3 * cut[16]


def test_steps_of_a_turned_and_sheared_frame(rng: np.random.Generator) -> None:
    """On every array axis the particle spans 1 / ratio of a period."""
    positions_nm, ratio = rng.uniform(-1, 1, (400, 3)) * [3, 2, 1], np.array([3.0, 5.0, 7.0])
    rotation = Rotation.random(rng=rng).as_matrix()
    steps = oversampled_steps(positions_nm, rotation, ratio, shear=0.5)
    turns = positions_nm @ steps  # (n_atoms, 3) phase in turns per voxel
    np.testing.assert_allclose(np.ptp(turns, axis=0), 1 / ratio)
    directions = steps / np.linalg.norm(steps, axis=0)
    np.testing.assert_allclose(directions[:, 1:], rotation[:, 1:])
    np.testing.assert_allclose(
        rotation.T @ directions[:, 0], np.array([1, 0.5, 0]) / np.sqrt(1.25), atol=1e-12
    )


def test_an_unknown_engine_is_refused(positions_nm: np.ndarray, rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="'fft', expected one of nufft, pynx"):
        bragg_amplitude(positions_nm, grid((4, 4, 4), rng), engine="fft")
