"""What a study says at its head, and in its tables."""

from typing import Any

import pytest
from small_study import STUDY, records_of, study, volumes

from bcdi_inpaint.studies.averages import average_study
from bcdi_inpaint.studies.reports import (
    by_width,
    table_of_learners,
    table_of_networks,
    write_beginning,
)
from bcdi_inpaint.studies.trained_networks import Trained


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
    both = volumes(last_step={}, last_step_behind=["tunet"])
    told = "without it; published ones with `+ last step` have it too; `+ inputs` is"
    assert told in write_beginning(both, "tiny.yaml", [])
    assert "published ones with" not in text
    assert "- each network was trained once, from one seed: the tests are over patterns" in text
    assert "without it" not in write_beginning(alone, "tiny.yaml", [])
    assert "- `gap_unet` is ours; `+ inputs`" in write_beginning(study(), "tiny.yaml", [])
    without = volumes(last_step={}, left_out=["gap_unet + last step"])
    assert "- `gap_unet` is ours; `+ inputs`" in write_beginning(without, "tiny.yaml", [])


def test_the_head_says_of_a_network_for_one_width_that_it_is_ranked_at_it_alone() -> None:
    alone = "; but `unet_dilated, 3 px only` learns on gaps of 3 px alone, and is judged and ranked"
    assert f"same rate{alone}" in write_beginning(
        study(own_width=3, patches={"size": 32}), "tiny.yaml", []
    )
    assert "ranked" not in write_beginning(study(), "tiny.yaml", [])


def test_networks_of_few_steps_are_said_to_be_too_few_to_judge_by() -> None:
    contestants = study(kinds=["gap_unet", "tunet"]).contestants()
    steps = (5000, 499, 9)
    trained = [Trained(each, "x", 7, n) for each, n in zip(contestants, steps, strict=True)]
    said = table_of_networks(trained, [])
    assert said.endswith("judge the architecture by: `tunet` (499), `tunet + inputs` (9).\n")
    assert "too few" not in table_of_networks(trained[:1], [])


def test_the_border_has_the_probability_of_its_test_where_it_is_known() -> None:
    records = records_of({"cubic": 0.1, "kriging": 0.2, "old": 0.3})
    for record in records[:18]:
        record["border_p"] = 0.043 if record["method"] == "cubic" else 1e-9
    lines = by_width(average_study(records, 20, 1), "border").splitlines()
    cells = {each.split("|")[1].strip(): each.split("|")[2] for each in lines if "|" in each}
    assert cells["cubic"].strip().endswith("], p 0.043")
    assert cells["kriging"].strip().endswith("], p < 0.001")
    assert cells["old"].strip().endswith("]")


def test_runs_that_are_the_smooth_fit_are_counted_beside_the_spread() -> None:
    records = records_of({"kriging": 0.5, "dip from a smooth fit": 0.4})
    of_learner = records[9:]
    for record in of_learner:
        record |= {"spread": 0.0, "steps": 2}
    assert "the fit" not in table_of_learners(records).split("\n")[1]
    for record in of_learner:
        record["at_fit"] = 2
    heading = table_of_learners(records).split("\n")[1]
    assert heading.endswith("spread | steps | runs that are the fit |")


def test_what_is_not_as_published_is_said_of_what_the_study_has() -> None:
    said = write_beginning(study(kinds=["msdnet"], columns=["published"], shapes={}), "x.yaml", [])
    assert said.count("not as in its paper") == 1
    assert "block of `msdnet`" in said
    ours = study(kinds=["msdnet"], columns=["ours"], shapes={})
    assert "not as in its paper" not in write_beginning(ours, "x.yaml", [])
