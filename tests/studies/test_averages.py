import math
from typing import Any

import pytest

from bcdi_inpaint.evaluation.fills.records import SCORES
from bcdi_inpaint.studies.averages import MIDDLE_WAY, average_study, find_order
from bcdi_inpaint.studies.judging import FURTHER


def record(method: str, pattern: int, pearson: float, deviance: float = 1.0) -> dict[str, Any]:
    """A record of one method in one gap."""
    return {
        **dict.fromkeys((*SCORES, *FURTHER), 0.5),
        "scan": "simulated",
        "width": 6,
        "method": method,
        "cluster": f"pattern {pattern}",
        "pearson_log": pearson,
        "poisson_deviance": deviance,
    }


def gaps(scan: str, patterns: int) -> list[dict[str, Any]]:
    """Records of three methods in a gap of each pattern."""
    return [
        record(method, pattern, pearson + 0.1 * pattern, deviance) | {"scan": scan}
        for pattern in range(patterns)
        for method, pearson, deviance in (
            ("linear", 0.2, 10.0**pattern),
            ("better", 0.6, 1.0),
            ("ceiling", 0.7, 0.1),
        )
    ]


RECORDS = gaps("simulated", 7)


def test_the_share_of_the_way_is_of_means_and_deviances_are_averaged_as_logarithms() -> None:
    rows = {row["method"]: row for row in average_study(RECORDS, 50, 0)}
    assert rows["better"]["of_the_way"].mean == pytest.approx(0.8)
    assert rows["linear"]["of_the_way"].mean == 0
    assert rows["ceiling"]["cases"] == 7
    assert rows["linear"]["poisson_deviance"].mean == pytest.approx(1000)
    assert rows["linear"]["pearson_log"].low < 0.5 < rows["linear"]["pearson_log"].high


def test_the_share_of_the_way_in_deviance_is_of_the_deviances_in_the_table() -> None:
    rows = {row["method"]: row for row in average_study(RECORDS, 50, 0)}
    linear, better, ceiling = (rows[name]["poisson_deviance"].mean for name in rows)
    share = (linear - better) / (linear - ceiling)
    assert rows["better"]["of_the_way_deviance"].mean == pytest.approx(share)


def test_one_pattern_of_many_does_not_move_the_middle_share_of_the_way() -> None:
    easy = [
        row | {"pearson_log": 0.7}
        if row["cluster"] == "pattern 0" and row["method"] == "better"
        else row
        for row in RECORDS
    ]
    rows = {row["method"]: row for row in average_study(easy, 50, 0)}
    assert rows["better"]["of_the_way"].mean > 0.82
    assert rows["better"][MIDDLE_WAY].mean == pytest.approx(0.8)
    assert math.isnan(rows["better"][MIDDLE_WAY].low)
    (alone,) = average_study([record("better", 0, 0.6)], 50, 0)
    assert math.isnan(alone[MIDDLE_WAY].mean)


@pytest.mark.parametrize(
    ("scan", "patterns", "there"),
    [("simulated", 6, True), ("simulated", 5, False), ("S1", 9, False)],
)
def test_intervals_need_six_crystals_and_a_measured_scan_is_of_one(
    scan: str, patterns: int, there: bool
) -> None:
    for row in average_study(gaps(scan, patterns), 50, 0):
        for name in ("pearson_log", "poisson_deviance", "of_the_way"):
            assert not math.isnan(row[name].mean)
            assert math.isnan(row[name].low) == math.isnan(row[name].high) == (not there), name


def test_without_linear_there_is_no_share_of_the_way() -> None:
    rows = average_study([each for each in RECORDS if each["method"] != "linear"], 50, 0)
    assert all(math.isnan(row["of_the_way"].mean) for row in rows)


def test_of_probabilities_the_median_is_taken_where_all_gaps_have_one() -> None:
    kept = gaps("simulated", 3)
    for number, each in enumerate(kept):
        each["border_p"] = [0.9, 0.1, 0.2][number // 3]
    kept[0]["values_p"] = 0.5
    (row, *_) = average_study(kept, 50, 0)
    assert row["border_p"] == 0.2
    assert math.isnan(row["values_p"])


def test_the_order_leaves_the_ceiling_out() -> None:
    assert find_order(average_study(RECORDS, 50, 0), 6) == ["better", "linear"]
