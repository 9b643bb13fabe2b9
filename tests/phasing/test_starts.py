"""Several starts: what fails is left out."""

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.starts import random_object, run_starts


def test_starts_that_fail_are_reported_and_left_out() -> None:
    told: list[tuple[int, object]] = []

    def attempt(rng: np.random.Generator) -> float:
        value = float(rng.random())
        if value < 0.3:
            raise InputError("lost")
        return value

    generators = np.random.default_rng(0).spawn(8)
    found = run_starts(attempt, generators, lambda number, outcome: told.append((number, outcome)))
    values = [float(rng.random()) for rng in np.random.default_rng(0).spawn(8)]
    assert found == [value for value in values if value >= 0.3]
    assert 0 < len(found) < 8
    assert [number for number, _ in told] == list(range(8))
    assert sum(isinstance(outcome, InputError) for _, outcome in told) == 8 - len(found)


def test_if_all_fail_it_is_the_last_error() -> None:
    numbers = iter(range(9))

    def attempt(rng: np.random.Generator) -> None:
        raise InputError(f"start {next(numbers)} was lost")

    with pytest.raises(InputError, match="start 2 was lost"):
        run_starts(attempt, np.random.default_rng(0).spawn(3))


def test_a_random_object_is_inside_its_support() -> None:
    inside = np.zeros((6, 7, 8), bool)
    inside[1:4, 2:5, 3:6] = True
    obj = random_object(inside, np.random.default_rng(0))
    assert not obj[~inside].any()
    assert (np.abs(obj[inside]) > 0).all()
