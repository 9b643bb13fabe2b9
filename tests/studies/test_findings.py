"""What a study says of who is first, and which network is ours."""

from typing import Any

from small_study import records_of, study

from bcdi_inpaint.studies.averages import average_study
from bcdi_inpaint.studies.findings import write_findings
from bcdi_inpaint.studies.first_guess import FIRST_GUESS, table_of_earnings


def findings(scores: dict[str, float], **changes: Any) -> str:
    """Who is first by these correlations."""
    records = [each | changes for each in records_of({"linear": 0.1, **scores})]
    return write_findings(average_study(records, 20, 1), records, [*scores], study())


def test_ours_is_the_network_with_the_last_step_where_it_is_there() -> None:
    scores = {"gap_unet": 0.8, "unet": 0.7}
    assert findings(scores) == (
        "- simulated, 6 px: ours (`gap_unet`) is first of 2 networks trained alike: "
        "beyond chance ahead of **`unet`**\n"
    )
    with_step = findings(scores | {"gap_unet + last step": 0.9})
    assert "ours (`gap_unet + last step`) is first of 3 networks" in with_step
    behind = findings(scores | {"gap_unet + last step": 0.75})
    assert "ours (`gap_unet + last step`) is number 2 of 3, behind **`gap_unet`** by" in behind


def test_a_lead_on_a_measured_scan_says_in_how_many_of_its_gaps() -> None:
    said = findings({"gap_unet": 0.8, "unet": 0.85}, scan="S1398")
    assert said == (
        "- S1398, 6 px: ours (`gap_unet`) is number 2 of 2, behind `unet` by 0.05 in all 9 gaps\n"
    )


def test_a_lead_that_chance_may_make_is_said_to_be_one() -> None:
    records = records_of({"linear": 0.1, "gap_unet": 0.8, "unet": 0.8})
    for number, record in enumerate(each for each in records if each["method"] == "unet"):
        record["pearson_log"] += 0.03 * (-1) ** number
    rows = average_study(records, 20, 1)
    said = write_findings(rows, records, ["gap_unet", "unet"], study())
    assert "behind `unet` by 0.00333 [" in said
    assert said.endswith("]; chance alone may make each of these leads\n")


def test_where_ours_is_first_its_leads_are_tested_too() -> None:
    names = ["gap_unet", "near", "also near", *(f"far {i}" for i in range(6))]
    records = records_of({"linear": 0.1, **dict.fromkeys(names, 0.7), "gap_unet": 0.8})
    for record in records:
        sign = (-1) ** int(record["cluster"].split()[1])
        if "near" in record["method"]:
            record["pearson_log"] += 0.095 - 0.03 * sign
    said = write_findings(average_study(records, 20, 1), records, names, study())
    assert said == (
        "- simulated, 6 px: ours (`gap_unet`) is first of 9 networks trained alike: beyond chance "
        "ahead of **`far 0`**, **`far 1`**, **`far 2`**, **`far 3`** and 2 more; not to be told "
        "from `near` (0.0083), `also near` (0.0083)\n"
    )
    near = ["gap_unet", "near"]
    said = write_findings(average_study(records, 20, 1), records, near, study())
    assert said.endswith(" networks trained alike: not to be told from `near` (0.0083)\n")


def test_a_lead_is_beyond_chance_at_its_own_width_alone() -> None:
    """At 6 px the other one is behind in every pattern, at 12 px now behind and now ahead."""
    records = records_of({"linear": 0.1, "gap_unet": 0.8, "unet": 0.7})
    wide = [record | {"width": 12} for record in records]
    for record in wide:
        if record["method"] == "unet":
            record["pearson_log"] += 0.095 - 0.03 * (-1) ** int(record["cluster"].split()[1])
    both = [*records, *wide]
    said = write_findings(average_study(both, 20, 1), both, ["gap_unet", "unet"], study())
    narrow, other = said.splitlines()
    assert narrow.endswith(
        "6 px: ours (`gap_unet`) is first of 2 networks trained alike: "
        "beyond chance ahead of **`unet`**"
    )
    assert other.endswith(
        "12 px: ours (`gap_unet`) is first of 2 networks trained alike: "
        "not to be told from `unet` (0.0083)"
    )


def test_where_ours_is_first_of_too_few_patterns_or_of_one_crystal_no_test_is_told() -> None:
    scores = {"gap_unet": 0.8, "unet": 0.7}
    plain = "6 px: ours (`gap_unet`) is first of 2 networks trained alike\n"
    assert findings(scores, scan="S1398") == f"- S1398, {plain}"
    few = [r for r in records_of({"linear": 0.1, **scores}) if r["cluster"] < "pattern 3"]
    said = write_findings(average_study(few, 20, 1), few, [*scores], study())
    assert said == f"- simulated, {plain}"


def test_a_table_of_too_few_patterns_is_said_to_tell_nothing() -> None:
    names = ["gap_unet", *(f"other {i}" for i in range(8))]
    scores = {name: 0.8 + 0.01 * bool(i) for i, name in enumerate(["linear", *names])}
    scores["gap_unet"] = 0.75
    records = [r for r in records_of(scores) if r["cluster"] < "pattern 6"]
    said = write_findings(average_study(records, 20, 1), records, names, study())
    assert said.endswith(
        "; this table cannot tell leads from chance: of 8 comparisons it takes 9 patterns, "
        "it has 6\n"
    )
    first = [r | {"pearson_log": r["pearson_log"] + (r["method"] == "gap_unet")} for r in records]
    said = write_findings(average_study(first, 20, 1), first, names, study())
    assert "is first of 9 networks trained alike; this table cannot tell leads from chance" in said
    pairs = [name for name in names if name != "gap_unet"]
    of_guess = [r | {"method": FIRST_GUESS} for r in records if r["method"] == "gap_unet"]
    table = table_of_earnings([*records, *of_guess], pairs, 20, 1)
    assert "simulated; this table cannot tell leads from chance: of 8 comparisons" in table
