import math
from typing import Any

import pytest

from bcdi_inpaint.evaluation.fills.records import SCORES
from bcdi_inpaint.studies.averages import average_study, find_lead, find_order
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


RECORDS = [
    record(method, pattern, pearson + 0.1 * pattern, deviance)
    for pattern in range(3)
    for method, pearson, deviance in (
        ("linear", 0.2, 10.0**pattern),
        ("better", 0.6, 1.0),
        ("ceiling", 0.7, 1.0),
    )
]


def test_the_share_of_the_way_is_of_means_and_deviances_are_averaged_as_logarithms() -> None:
    rows = {row["method"]: row for row in average_study(RECORDS, 50, 0)}
    assert rows["better"]["of_the_way"].mean == pytest.approx(0.8)
    assert rows["linear"]["of_the_way"].mean == 0
    assert rows["ceiling"]["cases"] == 3
    assert rows["linear"]["poisson_deviance"].mean == pytest.approx(10)
    assert rows["linear"]["pearson_log"].low < 0.3 < rows["linear"]["pearson_log"].high


def test_without_linear_there_is_no_share_of_the_way() -> None:
    rows = average_study([each for each in RECORDS if each["method"] != "linear"], 50, 0)
    assert all(math.isnan(row["of_the_way"].mean) for row in rows)


def test_the_order_leaves_the_ceiling_out_and_a_lead_is_of_the_same_gaps() -> None:
    assert find_order(average_study(RECORDS, 50, 0), 6) == ["better", "linear"]
    lead = find_lead(RECORDS, "better", "linear", 50, 0)
    assert (lead.low, lead.mean, lead.high) == pytest.approx((0.4, 0.4, 0.4))
