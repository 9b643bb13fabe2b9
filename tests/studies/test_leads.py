"""Who is ahead in the same gaps, and what chance alone could make of as many."""

import math
from typing import Any

import numpy as np
import pytest

from bcdi_inpaint.evaluation.fills import Interval
from bcdi_inpaint.studies.leads import (
    Lead,
    chance_of,
    find_blindness,
    find_lead,
    find_sure,
    leads_of,
)


def gaps(leads: list[float], scan: str = "simulated", width: int = 6) -> list[dict[str, Any]]:
    """Records of two methods in gaps, each of a pattern of its own."""
    return [
        {
            "scan": scan,
            "width": width,
            "method": name,
            "cluster": f"pattern {index:02d}",
            "pearson_log": 0.5 + of * lead,
        }
        for index, lead in enumerate(leads)
        for of, name in enumerate(("other", "one"))
    ]


def lead_of(leads: list[float], scan: str = "simulated") -> Lead:
    """The lead of one method on the other."""
    return find_lead(gaps(leads, scan), "one", "other", 200, 0)


def test_a_lead_is_of_the_same_gaps_and_has_the_chance_of_its_signs() -> None:
    lead = lead_of([0.1, 0.1, 0.2, 0.1, 0.1, 0.3])
    assert lead.mean == pytest.approx(0.15)
    assert (lead.subjects, lead.alike) == (6, 6)
    assert lead.chance == pytest.approx(2 / 2**6)
    assert lead.interval.low > 0
    assert lead_of([-each for each in (0.1, 0.2, 0.1, 0.2, 0.1, 0.2)]).chance == pytest.approx(
        2 / 64
    )


@pytest.mark.parametrize(
    ("leads", "scan", "said"),
    [
        ([0.1] * 5, "simulated", "0.1 in all 5 patterns"),
        ([0.3, 0.3, -0.3], "S1398", "0.1 in 2 of 3 gaps"),
        ([-0.1] * 3, "S1398", "-0.1 in all 3 gaps"),
        ([-0.1] * 30, "S1398", "-0.1 in all 30 gaps"),
        ([0.2], "S1398", "0.2 in one gap"),
    ],
)
def test_few_patterns_and_one_measured_crystal_are_counted_and_not_tested(
    leads: list[float], scan: str, said: str
) -> None:
    lead = lead_of(leads, scan)
    assert str(lead) == said
    assert math.isnan(lead.chance)
    assert math.isnan(lead.interval.low)
    assert not find_sure({"one": lead})


def test_gaps_of_one_pattern_go_together() -> None:
    records = [each | {"cluster": f"pattern {i // 8}"} for i, each in enumerate(gaps([0.1] * 24))]
    lead = find_lead(records, "one", "other", 200, 0)
    assert lead.subjects == 6
    assert lead.chance == pytest.approx(2 / 2**6)


def test_the_chance_of_many_is_drawn_and_that_of_nothing_is_one() -> None:
    assert chance_of(np.zeros(8), 0) == 1
    assert chance_of(np.ones(60), 0) == pytest.approx(2 / 10_000)
    assert chance_of(np.tile([1.0, -1.0], 30), 0) > 0.9


def test_holm_allows_for_all_of_a_table() -> None:
    of = {
        name: Lead(Interval(1, 0.5, 2), 9, 9, p, "simulated")
        for name, p in {"a": 0.01, "b": 0.02, "c": 0.04, "d": math.nan}.items()
    }
    assert find_sure(of) == {"a", "b", "c"}  # 0.05 / 3, / 2, / 1
    assert find_sure(of | {"e": Lead(Interval(0, -1, 1), 9, 5, 0.9, "simulated")}) == {"a"}
    assert not find_sure(of | {str(i): of["c"] for i in range(6)})


@pytest.mark.parametrize(("patterns", "number"), [(6, 1), (6, 2), (7, 3), (7, 4), (8, 6), (8, 7)])
def test_a_table_is_blind_where_not_even_all_signs_alike_are_sure(
    patterns: int, number: int
) -> None:
    leads = {name: lead_of([0.1] * patterns) for name in range(number)}
    blind = find_blindness(leads)
    assert bool(blind) == (not find_sure(leads))
    if blind:
        assert blind.endswith(f"it takes {patterns + 1} patterns, it has {patterns}")
    assert not find_blindness({0: lead_of([0.1] * 5), 1: lead_of([0.1] * 5, "S1398")})


@pytest.mark.parametrize("patterns", [6, 8])
def test_where_nothing_differs_a_table_has_something_bold_in_one_of_twenty(patterns: int) -> None:
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(100):
        records = [
            each | {"method": f"{network}" if each["method"] == "one" else "guess"}
            for network in range(3)
            for width in (3, 6)
            for each in gaps([*rng.normal(size=patterns)], width=width)
            if network == 0 or each["method"] == "one"
        ]
        pairs = [(str(network), "guess") for network in range(3)]
        leads = leads_of(records, pairs, 1, 0)
        assert len(leads) == 6
        wrong += bool(find_sure(leads))
    assert wrong <= 9  # as binomial numbers of 100 at 0.05 are in 97 of 100
