"""What a study says of who is first, and which network is ours."""

from typing import Any

import pytest
from small_study import STUDY, study, volumes

from bcdi_inpaint.evaluation.fills import Record
from bcdi_inpaint.evaluation.fills.records import SCORES
from bcdi_inpaint.studies.averages import average_study
from bcdi_inpaint.studies.first_guess import FIRST_GUESS, table_of_earnings
from bcdi_inpaint.studies.judging import FURTHER
from bcdi_inpaint.studies.reports import (
    by_width,
    table_of_networks,
    write_beginning,
    write_findings,
)
from bcdi_inpaint.studies.trained_networks import Trained


def records_of(scores: dict[str, float]) -> list[Record]:
    """Records of methods in nine gaps each."""
    return [
        {
            **dict.fromkeys((*SCORES, *FURTHER), 0.5),
            "scan": "simulated",
            "width": 6,
            "method": name,
            "cluster": f"pattern {index}",
            "pearson_log": score + 0.01 * index,
        }
        for name, score in scores.items()
        for index in range(9)
    ]


def findings(scores: dict[str, float], **changes: Any) -> str:
    """Who is first by these correlations."""
    records = [each | changes for each in records_of({"linear": 0.1, **scores})]
    return write_findings(average_study(records, 20, 1), records, [*scores], study())


def test_ours_is_the_network_with_the_last_step_where_it_is_there() -> None:
    scores = {"gap_unet": 0.8, "unet": 0.7}
    assert findings(scores) == (
        "- simulated, 6 px: ours (`gap_unet`) is first of 2 networks trained alike\n"
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
    pairs = [name for name in names if name != "gap_unet"]
    of_guess = [r | {"method": FIRST_GUESS} for r in records if r["method"] == "gap_unet"]
    table = table_of_earnings([*records, *of_guess], pairs, 20, 1)
    assert "simulated; this table cannot tell leads from chance: of 8 comparisons" in table


def test_a_score_that_no_method_has_makes_no_table() -> None:
    rows = average_study(records_of({"cubic": 0.1, "gap_unet": 0.8}), 20, 1)
    assert by_width(rows, "of_the_way") == ""
    assert "| cubic" in by_width(rows, "pearson_log")


@pytest.mark.parametrize("minutes", [None, 40])
def test_the_head_of_a_report_says_what_ours_is(minutes: float | None) -> None:
    training: dict[str, Any] = {**STUDY["training"], "minutes": minutes}
    config = volumes(last_step={"share": 0.15}, training=training)
    text = write_beginning(config, "tiny.yaml", [])
    time = ", for which it keeps 15 % of its time" if minutes else ""
    assert (
        "- `gap_unet + last step` is ours, our network and the last step of its fill"
        f"{time}; `gap_unet` is the same network without it; `+ inputs` is a published"
    ) in text
    alone = volumes(last_step={}, left_out=["gap_unet"])
    assert "without it" not in write_beginning(alone, "tiny.yaml", [])
    assert "- `gap_unet` is ours; `+ inputs`" in write_beginning(study(), "tiny.yaml", [])
    without = volumes(last_step={}, left_out=["gap_unet + last step"])
    assert "- `gap_unet` is ours; `+ inputs`" in write_beginning(without, "tiny.yaml", [])


def test_networks_of_few_steps_are_said_to_be_too_few_to_judge_by() -> None:
    contestants = study(kinds=["gap_unet", "tunet"]).contestants()
    steps = (5000, 499, 9)
    trained = [Trained(each, "x", 7, n) for each, n in zip(contestants, steps, strict=True)]
    said = table_of_networks(trained, [])
    assert said.endswith("judge the architecture by: `tunet` (499), `tunet + inputs` (9).\n")
    assert "too few" not in table_of_networks(trained[:1], [])


def test_what_is_not_as_published_is_said_of_what_the_study_has() -> None:
    said = write_beginning(study(kinds=["msdnet"], columns=["published"], shapes={}), "x.yaml", [])
    assert said.count("not as in its paper") == 1
    assert "block of `msdnet`" in said
    ours = study(kinds=["msdnet"], columns=["ours"], shapes={})
    assert "not as in its paper" not in write_beginning(ours, "x.yaml", [])
