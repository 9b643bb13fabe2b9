from itertools import count

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.selftaught.budget import Best, Budget


def test_steps_end_it() -> None:
    seen: list[tuple[int, int]] = []
    budget = Budget(3, progress=lambda done, total: seen.append((done, total)))
    assert [*budget.spend()] == [0, 1, 2]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_time_ends_it() -> None:
    """A clock on which every look takes 10 seconds: half a minute is three steps."""
    ticks = count(0, 10)
    seen: list[int] = []
    budget = Budget(100, 0.5, lambda done, _total: seen.append(done), lambda: next(ticks))
    assert [*budget.spend()] == [0, 1, 2]
    assert seen == [33, 66, 100]  # the bar ends with the time


def test_less_time_than_one_step_takes_is_refused() -> None:
    ticks = count(0, 90)
    with pytest.raises(InputError, match=r"minutes is 1, expected more than 1\.5 for a step"):
        [*Budget(100, 1, clock=lambda: next(ticks)).spend()]


def test_a_part_too_small_names_the_minutes_that_were_given() -> None:
    ticks = count(0, 90)
    with pytest.raises(InputError, match=r"minutes is 2, expected more than 3 for a step"):
        [*Budget(100, 2, clock=lambda: next(ticks)).part(0, 0.5).spend()]


def test_less_than_the_least_steps_is_refused() -> None:
    """Each look at the clock is 6 s later: half a minute is five steps."""
    assert len([*Budget(10).spend(least=10)]) == 10
    with pytest.raises(InputError, match="networks learn are 9, expected at least 10: give more"):
        [*Budget(9).spend(least=10)]
    ticks = count(0, 6)
    with pytest.raises(InputError, match=r"minutes is 0\.5, expected more than 1 for 10 steps"):
        [*Budget(100, 0.5, clock=lambda: next(ticks)).spend(least=10)]
    ticks = count(0, 6)
    assert len([*Budget(100, 0.5, clock=lambda: next(ticks)).spend(least=4)]) == 5


@pytest.mark.parametrize(
    ("steps", "minutes", "said"), [(0, None, "steps is 0"), (5, 0, "minutes is 0")]
)
def test_no_budget_is_refused(steps: int, minutes: float | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Budget(steps, minutes)


def test_parts_share_the_whole_and_its_progress() -> None:
    seen: list[int] = []
    budget = Budget(10, 1.0, lambda done, _total: seen.append(done))
    first, second = budget.part(0, 0.6), budget.part(0.6, 1)
    assert (first.steps, second.steps) == (6, 4)
    assert first.minutes == pytest.approx(0.6)
    for part in (first, second):
        list(part.spend())
    assert seen == [*range(1, 11)]
    seen.clear()
    ticks = count(0, 5)  # two steps a part
    budget = Budget(10, 0.25, lambda done, _total: seen.append(done), lambda: next(ticks))
    for part in (budget.part(0, 0.6), budget.part(0.6, 1)):
        list(part.spend())
    assert seen == [3, 6, 9, 10]


def test_the_best_stays() -> None:
    best = Best()
    for error in (3.0, 1.0, 2.0):
        best.offer(np.array([error]), error)
    assert best.error == 1
    assert best.log_counts is not None
    assert best.log_counts[0] == 1
