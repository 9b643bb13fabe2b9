"""The schedule that both engines take their cycles from."""

import numpy as np
import pytest

from bcdi_inpaint.phasing.schedule import ALGORITHMS, HALF_WAY, Schedule, half_way


def test_numbers_of_cycles_have_names() -> None:
    """Two engines once had schedules whose numbers came in another order."""
    with pytest.raises(TypeError):
        Schedule(100, 50)  # type: ignore[misc]


def test_stages_come_in_order_and_are_divided_between_updates() -> None:
    schedule = Schedule(hio=5, raar=4, er=7, update_every=3)
    stages = [(s.algorithm, s.cycles, s.begin) for s in schedule.stages()]
    assert stages == [("HIO", 3, 0), ("HIO", 2, 3), ("RAAR", 3, 5), ("RAAR", 1, 8), ("ER", 7, 9)]
    done = [stage.done for stage in schedule.stages()]
    np.testing.assert_allclose(done, [0, 3 / 9, 5 / 9, 8 / 9, 1])


def test_where_nothing_changes_an_algorithm_is_one_stage() -> None:
    stages = list(Schedule(hio=5, raar=0, er=7, update_every=3).stages(divided=False))
    assert [(stage.algorithm, stage.cycles) for stage in stages] == [("HIO", 5), ("ER", 7)]


@pytest.mark.parametrize("cycles", [(0, 0, 9), (4, 0, 0), (0, 7, 2), (10, 20, 30)])
def test_stages_are_all_cycles_and_no_more(cycles: tuple[int, int, int]) -> None:
    hio, raar, er = cycles
    schedule = Schedule(hio=hio, raar=raar, er=er, update_every=4)
    assert sum(stage.cycles for stage in schedule.stages()) == schedule.cycles == sum(cycles)
    assert all(0 <= stage.done <= 1 for stage in schedule.stages())


def test_the_support_has_a_threshold_of_its_own_in_hio_where_it_is_given() -> None:
    plain, tight = Schedule(support_threshold=0.2), Schedule(hio_threshold=0.5)
    assert [plain.threshold_in(name) for name in ALGORITHMS] == [0.2] * 3
    assert [tight.threshold_in(name) for name in ALGORITHMS] == [0.5, 0.25, 0.25]


def test_a_prior_pulls_less_and_less() -> None:
    first, last = HALF_WAY
    np.testing.assert_allclose(
        [half_way(done) for done in (0, 0.5, 1, 2)], [first, (first * last) ** 0.5, last, last]
    )
