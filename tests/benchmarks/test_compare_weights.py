"""Two weights side by side: the tables, from records whose answer is known."""

from __future__ import annotations

from bcdi_inpaint.evaluation.fills.methods import CEILING, NETWORK
from bcdi_inpaint.evaluation.fills.records import Record
from benchmarks.compare_weights import ALL, deviance_rows, side_by_side, way_rows


def records(network: float, deviance: float, scan: str = "even") -> list[Record]:
    """Of four crystals at two widths; the network's score is alike in all of them."""
    scores = {"linear": 0.5, NETWORK: network, CEILING: 1.0}
    return [
        {
            "scan": scan,
            "cluster": str(crystal),
            "kind": "row",
            "width": width,
            "method": method,
            "pearson_log": score,
            "poisson_deviance": deviance,
        }
        for crystal in range(4)
        for width in (3, 6)
        for method, score in scores.items()
    ]


def test_a_gain_is_the_difference_of_ways_in_the_same_gaps() -> None:
    table = list(way_rows(side_by_side(records(0.7, 9.0), records(0.75, 8.0))))
    assert [(row["crystals"], row["gap (px)"]) for row in table] == [
        (kind, width) for kind in ("even", ALL) for width in (3, 6, ALL)
    ]
    for row in table:
        assert (row["before (%)"], row["after (%)"]) == ("40.0", "50.0")
        assert row["difference"] == "+10.0 [+10.0, +10.0]"
    assert [row["cases"] for row in table[:3]] == [4, 4, 8]


def test_the_same_weights_gain_nothing() -> None:
    same = records(0.7, 9.0)
    assert {row["difference"] for row in way_rows(side_by_side(same, same))} == {
        "+0.0 [+0.0, +0.0]"
    }


def test_a_change_of_the_deviance_is_told_in_per_cent() -> None:
    measured = side_by_side(records(0.7, 8.0, "S1398"), records(0.75, 6.0, "S1398"))
    rows = list(deviance_rows(measured))
    assert [row["gap (px)"] for row in rows] == [3, 6]
    assert rows[0]["change (%)"] == "-25.0 [-25.0, -25.0]"
    assert (rows[0]["deviance before"], rows[0]["after"]) == ("8", "6")
