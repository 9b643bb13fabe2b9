"""Median and quartiles where some values are infinite."""

import math

import numpy as np
import pytest

from bcdi_inpaint.evaluation.crystals.quartiles import quartiles


@pytest.mark.parametrize("n", [1, 2, 5, 8, 12])
def test_of_finite_values_they_are_numpys(n: int, rng: np.random.Generator) -> None:
    values = rng.random(n)
    assert quartiles(values) == pytest.approx(np.percentile(values, [25, 50, 75]))


@pytest.mark.parametrize("n_failed", range(6))
def test_what_failed_is_worse_than_everything(n_failed: int) -> None:
    """They are the limit of what ever larger values would give."""
    finite = [0.2, 0.4, 0.6, 0.8, 1.0][n_failed:]
    large = quartiles([*finite, *[1e30] * n_failed])
    expected = [math.inf if value > 1e20 else value for value in large]
    assert quartiles([math.inf] * n_failed + finite) == pytest.approx(expected)
