from itertools import product

import numpy as np
import pytest
from pydantic import ValidationError

from simulation.continuum import (
    ContinuumConfig,
    bragg_intensity,
    convex_hull,
    make_crystal,
    period,
)
from simulation.shapes import SHAPES

PLAIN = ContinuumConfig(modulus_noise=(0, 0))


def test_a_boxs_fringes_are_a_product_of_dirichlet_kernels() -> None:
    box, shape = (8, 6, 4), (32, 30, 28)
    found = bragg_intensity(np.ones(box, np.complex64), shape, np.zeros(3))
    expected = np.ones(shape)
    for axis, (n, total) in enumerate(zip(box, shape, strict=True)):
        turns = (np.arange(total) - total // 2) / total
        with np.errstate(invalid="ignore"):
            kernel = np.where(turns == 0, n, np.sin(np.pi * n * turns) / np.sin(np.pi * turns))
        expected = expected * (kernel**2).reshape([-1 if a == axis else 1 for a in range(3)])
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())


def test_a_cubes_pattern_is_the_analytic_one() -> None:
    """Near the peak, where a cube of 24 voxels is as good as a continuous one: sinc squared."""
    side, total, offset = 24, 120, np.array([0.25, 4.0, -2.5])
    found = bragg_intensity(np.ones((side,) * 3, np.complex64), (total,) * 3, offset)
    sides = period((total,) * 3, offset)
    places = [np.arange(total) - total // 2 - o for o in offset]
    waves = [np.sinc(side * place / n) ** 2 for place, n in zip(places, sides, strict=True)]
    expected = side**6 * np.einsum("i,j,k->ijk", *waves)
    near = (slice(total // 2 - 20, total // 2 + 21),) * 3
    np.testing.assert_allclose(found[near], expected[near], atol=1e-2 * side**6)
    weak = np.abs(places[0][near[0]]) > sides[0] / side  # fringes, without the central one
    assert weak.sum() > 20
    np.testing.assert_allclose(
        found[near][weak].sum(), expected[near][weak].sum(), rtol=0.1, err_msg="of the fringes"
    )


def test_a_spheres_pattern_is_the_analytic_one() -> None:
    n, radius, total = 41, 18.0, 120
    grids = np.meshgrid(*[np.arange(n) - n // 2] * 3, indexing="ij")
    distance = np.sqrt(sum(g.astype(float) ** 2 for g in grids))
    sphere = np.clip(radius - distance + 0.5, 0, 1).astype(np.complex64)
    found = bragg_intensity(sphere, (total,) * 3, np.zeros(3))
    q = 2 * np.pi * np.sqrt(sum((g / total) ** 2 for g in np.ogrid[-20:21, -20:21, -20:21]))
    x = np.where(q == 0, 1, q * radius)
    form = np.where(q == 0, 1, 3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
    middle = total // 2
    cut = found[tuple(slice(middle - 20, middle + 21) for _ in range(3))]
    np.testing.assert_allclose(cut / cut.max(), form, atol=1e-3)  # cubes of a voxel, no ball
    first_zero = np.abs(np.sqrt(q**2) * radius - 4.4934) < 0.1
    assert (cut / cut.max())[first_zero].max() < 1e-3


@pytest.mark.parametrize(
    ("shape", "offset"),
    [
        ((24, 20, 18), (0.3, -3.5, 7.0)),
        ((17, 30, 16), (11.0, 0.0, -9.25)),
        ((21, 16), (2.5, -13.0)),
    ],
)
def test_every_voxel_is_the_transform_at_its_place(
    shape: tuple[int, ...], offset: tuple[float, ...], rng: np.random.Generator
) -> None:
    """Also where the peak lies outside the array: nothing wraps around."""
    sides = period(shape, np.array(offset))
    box = tuple(s // 3 for s in sides)
    crystal = (rng.normal(size=box) + 1j * rng.normal(size=box)).astype(np.complex64)
    found = bragg_intensity(crystal, shape, np.array(offset))
    assert found.shape == shape
    for corner in product(*[(0, n // 2, n - 1) for n in shape]):
        turns = [
            (c - n // 2 - o) / s for c, n, o, s in zip(corner, shape, offset, sides, strict=True)
        ]
        assert max(abs(t) for t in turns) <= 0.5 + 1e-9, "beyond half a period it would repeat"
        waves = [
            np.exp(-2j * np.pi * t * np.arange(b)).reshape(
                [-1 if a == i else 1 for a in range(len(box))]
            )
            for i, (t, b) in enumerate(zip(turns, box, strict=True))
        ]
        expected = np.abs((crystal * np.prod(np.broadcast_arrays(*waves), axis=0)).sum()) ** 2
        assert found[corner] == pytest.approx(expected, rel=1e-3, abs=1e-4 * float(found.max()))


def test_a_phase_ramp_moves_the_peak() -> None:
    n, total = 10, 40
    ramp = np.exp(2j * np.pi * 3 * np.arange(n) / total).reshape(-1, 1, 1)
    crystal = (np.ones((n, n, n)) * ramp).astype(np.complex64)
    intensity = bragg_intensity(crystal, (total,) * 3, np.zeros(3))
    assert np.argwhere(intensity == intensity.max()).tolist() == [[23, 20, 20]]


def test_a_uniform_displacement_changes_no_intensity(rng: np.random.Generator) -> None:
    crystal = rng.normal(size=(9, 8, 7)).astype(np.complex64)
    shifted = (crystal * np.exp(1j * 1.3)).astype(np.complex64)
    first, second = (bragg_intensity(c, (30,) * 3, np.zeros(3)) for c in (crystal, shifted))
    np.testing.assert_allclose(second, first, atol=1e-5 * first.max())


def test_moving_a_crystal_changes_no_intensity() -> None:
    rng = np.random.default_rng(1)
    crystal = np.zeros((14, 14, 14), np.complex64)
    crystal[:8, 2:9, 1:7] = rng.normal(size=(8, 7, 6)) + 1j * rng.normal(size=(8, 7, 6))
    moved = np.roll(crystal, (5, 3, 6), (0, 1, 2))
    first, second = (bragg_intensity(c, (32,) * 3, np.zeros(3)) for c in (crystal, moved))
    np.testing.assert_allclose(second, first, atol=1e-4 * first.max())


def test_parseval(rng: np.random.Generator) -> None:
    crystal = (rng.normal(size=(7, 8, 9)) + 1j * rng.normal(size=(7, 8, 9))).astype(np.complex64)
    shape = period((20, 21, 22), np.zeros(3))
    intensity = bragg_intensity(crystal, shape, np.zeros(3))
    total = (np.abs(crystal) ** 2).sum() * intensity.size
    assert intensity.sum(dtype=float) == pytest.approx(total, rel=1e-4)


def test_torch_gives_the_same(rng: np.random.Generator) -> None:
    crystal = (rng.normal(size=(9, 7)) + 1j * rng.normal(size=(9, 7))).astype(np.complex64)
    offset = np.array([3.25, -1.0])
    first, second = (bragg_intensity(crystal, (30, 28), offset, d) for d in ("cpu", "cpu:0"))
    np.testing.assert_allclose(second, first, atol=1e-5 * first.max())


@pytest.mark.parametrize("name", SHAPES)
def test_a_crystal_fills_its_box_and_keeps_its_margin(name: str, rng: np.random.Generator) -> None:
    crystal = make_crystal(PLAIN, SHAPES[name](rng), (30, 40, 24), rng, 0.0)
    _fills(np.abs(crystal))
    np.testing.assert_allclose(np.angle(crystal), 0, atol=1e-6)


@pytest.mark.parametrize("box", [(30, 40), (30, 26, 24)])
@pytest.mark.parametrize("seed", range(3))
def test_a_hull_fills_its_box(box: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    _fills(np.abs(make_crystal(PLAIN, convex_hull(len(box), rng), box, rng, 0.0)))


def _fills(modulus: np.ndarray) -> None:
    assert modulus.max() == pytest.approx(1, abs=0.05)
    for axis in range(modulus.ndim):
        profile = modulus.max(axis=tuple(a for a in range(modulus.ndim) if a != axis))
        assert max(profile[0], profile[-1]) < 0.05
        assert min(profile[4], profile[-5]) > 0.05  # it reaches both sides


@pytest.mark.parametrize("n_dim", [2, 3])
def test_a_hull_holds_the_origin_and_is_bounded(n_dim: int, rng: np.random.Generator) -> None:
    for _ in range(5):
        hull = convex_hull(n_dim, rng)
        assert (hull.signed_distance(np.zeros((1, n_dim))) < 0).all()
        far = rng.standard_normal((50, n_dim))
        far *= 2.5 / np.linalg.norm(far, axis=1, keepdims=True)
        assert (hull.signed_distance(far) > 0).all()
        np.testing.assert_allclose(np.linalg.norm(hull.normals, axis=1), 1)


def test_the_phase_has_its_range_and_the_modulus_its_noise(rng: np.random.Generator) -> None:
    noisy = ContinuumConfig(modulus_noise=(0.1, 0.1))
    crystal = make_crystal(noisy, SHAPES["cube"](rng), (24, 24, 24), rng, 2.0)
    inside = np.abs(crystal) > 0.8
    assert 0.5 < np.ptp(np.angle(crystal[inside])) <= 2.001
    assert 0.005 < np.abs(crystal[inside]).std() < 0.1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"modulus_noise": (0.2, 0.1)}, "modulus_noise"),
        ({"correlation_length": (0, 1)}, "correlation_length"),
        ({"correlation_length": (0.1, 9)}, "expected up to 5"),
        ({"shear": -1}, "shear"),
        ({"colour": 1}, "colour"),
    ],
)
def test_impossible_values_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ContinuumConfig.model_validate(values)
