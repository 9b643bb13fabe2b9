import numpy as np
import pytest

from simulation.fields import correlated_field, smooth_phase


def test_a_field_spans_zero_to_one_and_its_correlation_grows_with_its_length(
    rng: np.random.Generator,
) -> None:
    steps = []
    for length in (1.0, 4.0, 12.0):
        field = correlated_field((48, 40), length, rng)
        assert (field.min(), field.max()) == (0, 1)
        steps.append(np.abs(np.diff(field, axis=0)).mean())
    assert steps[0] > 2 * steps[1] > 2 * steps[2]


def test_the_correlation_is_a_gaussian_of_its_length(rng: np.random.Generator) -> None:
    field = correlated_field((400, 400), np.array([4.0, 8.0]), rng)
    for axis, length in ((0, 4), (1, 8)):
        for lag in (length // 2, length, 2 * length):
            moved = np.roll(field, lag, axis)  # the field is periodic
            found = np.corrcoef(field.ravel(), moved.ravel())[0, 1]
            assert found == pytest.approx(np.exp(-0.5 * (lag / length) ** 2), abs=0.06)


def test_the_longest_correlation_still_is_smooth(rng: np.random.Generator) -> None:
    field = correlated_field((20, 20, 20), 100.0, rng)
    assert np.abs(np.diff(field, axis=0)).max() < 0.2


def test_each_axis_has_its_own_length(rng: np.random.Generator) -> None:
    field = correlated_field((64, 64, 33), np.array([12.0, 2.0, 2.0]), rng)
    assert np.abs(np.diff(field, axis=0)).mean() < 0.4 * np.abs(np.diff(field, axis=1)).mean()


def test_the_phase_of_scattered_points_spans_its_range(rng: np.random.Generator) -> None:
    points = rng.uniform(-1, 1, (5000, 3))
    phase = smooth_phase(points, 2.5, rng)
    assert np.ptp(phase) == pytest.approx(2.5)
    assert abs(phase.mean()) < 1e-9
    near = smooth_phase(np.array([[0, 0, 0], [1e-6, 0, 0], [1, 1, 1]]), 2.5, rng)
    assert abs(near[0] - near[1]) < 1e-3
