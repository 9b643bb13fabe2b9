"""Means on shells against peaks whose falling off is known."""

import numpy as np
import pytest

from bcdi_inpaint.peak.falloff import shell_means

SHAPE = (40, 44, 48)
CENTRE = (18.0, 23.5, 25.0)


def distance(shape: tuple[int, ...] = SHAPE, centre: tuple[float, ...] = CENTRE) -> np.ndarray:
    away = [(np.arange(n) - c) ** 2 for n, c in zip(shape, centre, strict=True)]
    return np.sqrt(sum(np.ix_(*away))).astype(np.float32)


def test_what_depends_on_the_distance_alone_is_found_again() -> None:
    falling = 12 - 2.5 * np.log(4 + distance())
    known = np.ones(SHAPE, dtype=bool)
    known[:, 20:30] = False
    found = shell_means(np.where(known, falling, np.nan).astype(np.float32), known, CENTRE)
    assert found.dtype == np.float32
    away = (distance() > 6) & (distance() < 38)  # no shells end there, nor change within a voxel
    np.testing.assert_allclose(found[away], falling[away], atol=0.06)


def test_what_averages_out_on_shells_does(rng: np.random.Generator) -> None:
    noise = rng.standard_normal(SHAPE).astype(np.float32)
    found = shell_means(5 + noise, np.ones(SHAPE, dtype=bool), CENTRE)
    assert np.abs(found - 5)[distance() > 5].max() < 0.2


def test_fringes_are_no_falling_off() -> None:
    """What changes from shell to shell is smoothed away, not handed on to the trend."""
    rings = np.where(np.floor(distance()) % 2, 6, 4).astype(np.float32)
    found = shell_means(rings, np.ones(SHAPE, dtype=bool), CENTRE)
    within = (distance() > 3) & (distance() < 36)
    np.testing.assert_allclose(found[within], 5, atol=0.1)


def test_the_centre_may_lie_outside() -> None:
    falling = (9 - 0.1 * distance(SHAPE, (-30.0, 20.0, 80.0))).astype(np.float32)
    known = np.ones(SHAPE, dtype=bool)
    found = shell_means(falling, known, (-30.0, 20.0, 80.0))
    np.testing.assert_allclose(found, falling, atol=0.2)


def test_a_shell_without_known_voxels_lies_between_its_neighbours() -> None:
    radius = distance()
    known = (radius < 10) | (radius > 16)
    found = shell_means((30 - radius).astype(np.float32), known, CENTRE)
    np.testing.assert_allclose(found[~known], 30 - radius[~known], atol=0.4)


@pytest.mark.parametrize("n_known", [0, 1, 3])
def test_next_to_nothing_known(n_known: int) -> None:
    known = np.zeros(SHAPE, dtype=bool)
    known.flat[:n_known] = True
    found = shell_means(np.full(SHAPE, 2, dtype=np.float32), known, CENTRE)
    np.testing.assert_allclose(found, 2 if n_known else 0, rtol=1e-6)


def test_two_dimensions() -> None:
    radius = distance((50, 60), (20.0, 31.0))
    found = shell_means(8 - 0.1 * radius, np.ones(radius.shape, dtype=bool), (20.0, 31.0))
    away = radius < 38
    np.testing.assert_allclose(found[away], 8 - 0.1 * radius[away], atol=0.2)
