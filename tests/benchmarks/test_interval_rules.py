"""The rule of intervals: the part of what is told and the offset that were put in are found."""

import numpy as np
import pytest

from benchmarks.interval_rules import Told, fit


def test_a_rule_that_was_put_in_is_found() -> None:
    rng = np.random.default_rng(0)
    half = np.array([[0.994], [1.96]])  # of a normal distribution
    those = []
    for log_f in np.linspace(-0.5, 1.0, 6):
        error = np.abs(rng.standard_normal(4000)) * np.exp(0.5 * log_f + 0.2)
        those.append(Told(np.full(4000, log_f), np.zeros(4000), error, half))
    sigma, tail = fit(those)
    assert sigma.part == 0.5
    assert sigma.start == pytest.approx(0.2, abs=0.03)
    assert tail.start == pytest.approx(0.0, abs=0.03)
