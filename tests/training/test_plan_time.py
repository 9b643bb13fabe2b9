"""The time of a plan's network: when it runs, and what of it a resumed training has."""

import time

import pytest
from small_training import changed

from bcdi_inpaint.training.plan_time import PlanTime


@pytest.mark.parametrize(("clock", "name"), [("processor", "process_time"), ("wall", "monotonic")])
def test_it_goes_on_where_a_checkpoint_left_it(
    clock: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, name, lambda: now[0])
    first, second, before = (PlanTime(changed(minutes=2.0, clock=clock)) for _ in "abc")
    now[0] += 500  # while slabs are made
    first.begin()
    now[0] += 30
    assert first.share == 0.25
    kept = first.spent()
    assert kept == {"seconds": 30, "is_over": False}
    now[0] += 500
    second.go_on(kept)
    before.go_on(None)
    for each in (second, before):
        each.begin()
    now[0] += 30
    assert (second.share, before.share) == (0.5, 0.25)
    second.go_on({"seconds": 120, "is_over": True})
    assert second.is_over


def test_a_plan_without_minutes_spends_no_share() -> None:
    assert PlanTime(changed()).share == 0
