"""A gap phased twice: pairs, and what each rule takes of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bcdi_inpaint.evaluation.crystals.comparing import (
    COMPARING_COLUMNS,
    RULES,
    Pair,
    compare_rules,
    pairs,
)


def _record(treatment: str, ratio: float, free: float, number: int = 0) -> dict[str, Any]:
    return {
        "crystal": "one",
        "width": 6,
        "number": number,
        "setting": "as users run it",
        "fringes": 1.0,
        "counts_beside": 9.0,
        "treatment": treatment,
        "phase_rms_rad": 0.1 * ratio,
        "ratio_phase_rms_rad": ratio,
        "llk_free": free,
    }


@pytest.mark.parametrize(
    ("filled", "masked", "taken"),
    [
        (0.8, 1.0, {"by free log-likelihood", "filled if 10 % better", "masked if 10 % better"}),
        (0.95, 1.0, {"by free log-likelihood", "masked if 10 % better"}),
        (1.0, 1.0, {"masked if 10 % better"}),
        (1.2, 1.0, set()),
        (math.nan, 1.0, set()),  # the retrieval with the fill failed
    ],
)
def test_the_free_voxels_decide(filled: float, masked: float, taken: set[str]) -> None:
    pair = Pair(_record("prior", 2.0, filled), _record("mask", 1.0, masked))
    judging = [name for name in RULES if name.startswith("by") or "%" in name]
    assert {name for name in judging if RULES[name](pair) is pair.filled} == taken
    assert pair.better is pair.masked


def test_knowing_nothing_is_taken_where_free_voxels_like_that_best() -> None:
    filled, known = _record("prior", 2.0, 0.8), _record("mask + found", 3.0, 0.9)
    assert Pair(filled, known).take_of_three() is filled
    plain = _record("mask", 1.0, 0.7)
    assert Pair(filled, known, plain).take_of_three() is plain
    assert Pair(filled, known, plain).better is plain


@pytest.mark.parametrize(("log_error", "is_taken"), [(0.4, True), (0.6, False), (math.nan, True)])
def test_a_random_start_needs_both_figures_against_one_from_an_object(
    log_error: float, is_taken: bool
) -> None:
    """As `phase` chooses; tables of before do not have the second figure."""
    begun = _record("mask + found", 0.9, 0.7) | {"begun": 1.0, "free_log_error": 0.5}
    plain = _record("mask", 1.0, 0.6) | {"begun": 0.0, "free_log_error": log_error}
    pair = Pair(_record("refined prior + found", 0.8, 0.9) | {"begun": 1.0}, begun, plain)
    assert pair.take_of_three() is (plain if is_taken else begun)


def test_the_masked_one_knows_what_the_filled_one_does_where_that_was_phased() -> None:
    records = [
        _record("mask", 1.0, 0.5),
        _record("mask + found", 0.9, 0.4),
        _record("refined prior + found", 0.5, 0.3),
        _record("prior", 0.7, 0.3),
        _record("prior", 0.7, 0.3, number=1),  # with nothing to compare it to
    ]
    (known,), (plain,) = pairs(records, "refined prior + found"), pairs(records, "prior")
    assert known.masked["treatment"] == "mask + found"
    assert known.plain is records[0]
    assert plain.plain is None
    assert plain.masked["treatment"] == "mask"
    (without,) = pairs([records[0], records[2]], "refined prior + found")
    assert without.masked["treatment"] == "mask"


def test_every_rule_has_a_row_for_each_advice_with_cases() -> None:
    records = [
        record
        for number, (ratio, free) in enumerate([(0.5, 0.4), (4.0, 0.9)])
        for record in (_record("mask", 1.0, 0.5, number), _record("prior", ratio, free, number))
    ]
    rows = {row["taken"]: row for row in compare_rules(records, ["prior"])}
    assert list(rows) == list(RULES)
    assert set(COMPARING_COLUMNS) == set(rows["filled"])
    assert {row["advice"] for row in rows.values()} == {"compare"}
    assert (rows["filled"]["worst"], rows["by free log-likelihood"]["worst"]) == (4.0, 1.0)
    assert [row["filled"] for row in rows.values()] == [0, 2, 1, 1, 1, 1, 1]
    assert rows["the nearer to the truth"]["ratio"] == 0.75
