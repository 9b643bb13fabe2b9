"""Bragg peaks against sums that are known."""

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.pynx_engine import opencl_works
from simulation import diffraction
from simulation.diffraction import bragg_amplitude, direct_sum, strained_amplitude
from simulation.q_grid import QGrid, oversampled_steps, rocking_steps

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


def scattering_vectors(of: QGrid) -> np.ndarray:
    """(*shape, 3) of all voxels in 1/nm."""
    indices = np.stack(np.meshgrid(*map(np.arange, of.shape), indexing="ij"), axis=-1)
    return of.reflection_inv_nm + (indices - of.centre) @ of.steps_inv_nm.T


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


REFLECTIONS = ((1, 1, 1), (2, 0, 0), (2, 2, 0))
KINDS = {
    "111, barely oversampled": (0, (2.0, 2.0, 2.0), (8, 8, 8), (0, 0, 0)),
    "200, rocking curve finely sampled": (1, (10.0, 3.0, 3.0), (11, 6, 7), (0.3, 1.2, -0.7)),
    "220, odd shape": (2, (2.5, 7.0, 4.0), (5, 13, 9), (-1.5, 0.0, 2.25)),
    "111, peak outside the array": (0, (4.0, 4.0, 4.0), (8, 9, 10), (0, -30, 12)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["cpu", "opencl"])
def test_both_engines_agree_to_1e_5_on_every_kind_of_grid(
    language: str,
    kind: str,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    pynx: str,
) -> None:
    if language == "opencl" and not opencl_works():
        pytest.skip("PyNX finds no working OpenCL")
    monkeypatch.setattr(diffraction, "opencl_works", lambda: language == "opencl")
    monkeypatch.setattr(diffraction, "PYNX_ATOMS", 1000)  # in several parts
    number, ratio, shape, offset = KINDS[kind]
    sites = np.stack(np.meshgrid(*[np.arange(-12, 13)] * 3, indexing="ij"), -1).reshape(-1, 3)
    sites = sites[(sites.sum(axis=1) % 2 == 0) & (np.linalg.norm(sites, axis=1) < 12)]
    positions_nm = A_NM / 2 * sites + rng.normal(0, 0.005, sites.shape)  # FCC, some disorder
    reflection = np.array(REFLECTIONS[number]) / A_NM
    steps = rocking_steps(positions_nm, reflection, np.array(ratio), 0.12, rng)
    of = QGrid(shape, reflection, steps, np.array(shape) / 2 + offset)
    strained = np.exp(1j * rng.uniform(0, 2, len(positions_nm)))
    for weights in (None, strained):
        ours = bragg_amplitude(positions_nm, of, weights=weights, device="cpu")
        theirs = bragg_amplitude(positions_nm, of, weights=weights, engine="pynx", device="cpu")
        peak = abs((weights if weights is not None else np.ones(len(positions_nm))).sum())
        assert np.abs(theirs - ours).max() < 1e-5 * peak
        assert np.abs(ours).max() > 1e-3 * peak, "nothing to compare"


def test_direct_summation_gives_the_same(
    positions_nm: np.ndarray, rng: np.random.Generator
) -> None:
    of = grid((7, 10, 12), rng, centre=(3.0, -4.5, 5.0))
    weights = np.exp(1j * rng.uniform(0, 6, len(positions_nm)))
    box = (slice(1, 6), slice(0, 7), slice(2, 12))
    found = direct_sum(positions_nm, weights, of, box, "cpu")
    expected = bragg_amplitude(positions_nm, of, weights=weights, box=box, device="cpu")
    np.testing.assert_allclose(found, expected, atol=1e-5 * len(positions_nm))


def test_a_shifted_crystal_has_a_phase_ramp(
    positions_nm: np.ndarray, rng: np.random.Generator
) -> None:
    of, shift_nm = grid((8, 8, 8), rng), np.array([0.3, -0.2, 0.7])
    ramp = np.exp(2j * np.pi * scattering_vectors(of) @ shift_nm)
    moved = bragg_amplitude(positions_nm + shift_nm, of)
    expected = bragg_amplitude(positions_nm, of) * ramp
    np.testing.assert_allclose(moved, expected, atol=1e-4)


def test_a_cube_of_atoms_is_a_product_of_dirichlet_kernels() -> None:
    """sin(pi n q a) / sin(pi q a) along each axis, for n atoms a apart."""
    n = 6
    sites = np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2] * 3, indexing="ij"), -1)
    positions_nm = A_NM * sites.reshape(-1, 3)
    of = QGrid((16, 16, 16), np.zeros(3), np.diag([0.05, 0.06, 0.07]), np.array([7.5, 7.5, 7.5]))
    turns = scattering_vectors(of) * A_NM
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


def test_a_displacement_of_all_atoms_turns_the_phase_by_g_u(rng: np.random.Generator) -> None:
    sites = np.stack(np.meshgrid(*[np.arange(8)] * 3, indexing="ij"), -1).reshape(-1, 3)
    positions_nm, displacement_nm = A_NM * sites, np.array([0.03, -0.01, 0.02])
    reflection = np.array([1.0, 1.0, 1.0]) / A_NM
    of = QGrid((3, 3, 3), reflection, 0.01 * np.eye(3), np.ones(3))
    before, after = (
        bragg_amplitude(r, of)[1, 1, 1] for r in (positions_nm, positions_nm + displacement_nm)
    )
    assert np.angle(after / before) == pytest.approx(2 * np.pi * reflection @ displacement_nm)


def test_the_peak_grows_with_the_square_of_the_atoms() -> None:
    peaks = []
    for n in (6, 12):
        sites = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
        of = QGrid((3, 3, 3), np.array([1.0, 1.0, 1.0]) / A_NM, 0.01 * np.eye(3), np.ones(3))
        peaks.append(np.abs(bragg_amplitude(A_NM * sites, of)[1, 1, 1]) ** 2)
    assert peaks[1] / peaks[0] == pytest.approx((12 / 6) ** 6, rel=1e-5)


def test_parseval_over_a_whole_period(rng: np.random.Generator) -> None:
    """Atoms on a grid of n sites, seen on n voxels a period: the mean intensity is their number."""
    n = 8
    sites = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    chosen = sites[rng.random(len(sites)) < 0.3]
    of = QGrid((n, n, n), np.zeros(3), np.eye(3) / (n * A_NM), np.full(3, 3.3))
    intensity = np.abs(bragg_amplitude(A_NM * chosen, of)) ** 2
    assert intensity.mean() == pytest.approx(len(chosen), rel=1e-6)


def test_an_unknown_engine_is_refused(positions_nm: np.ndarray, rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="'fft', expected auto, nufft or pynx"):
        bragg_amplitude(positions_nm, grid((4, 4, 4), rng), engine="fft")


def test_a_slow_strain_keeps_the_intensity_and_moves_it(rng: np.random.Generator) -> None:
    """On n voxels a period the summed intensity is the number of atoms, whatever their phase."""
    n = 8
    sites = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    positions_nm = A_NM * (sites - (n - 1) / 2)
    of = QGrid((n, n, n), np.zeros(3), np.eye(3) / (n * A_NM), np.full(3, n // 2))
    calm, strained = (
        np.abs(strained_amplitude(positions_nm, of, strain_rad, rng)) ** 2 for strain_rad in (0, 4)
    )
    np.testing.assert_allclose(calm, np.abs(bragg_amplitude(positions_nm, of)) ** 2, atol=1e-3)
    assert strained.sum() == pytest.approx(calm.sum(), rel=1e-6)
    assert strained.max() < 0.8 * calm.max()
