import json
import math
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import Case, Guess, Subject, classical_filler
from bcdi_inpaint.filling.learned_fill import LearningOptions
from bcdi_inpaint.studies.fillers import LearningFiller
from bcdi_inpaint.studies.image_cases import image_cases, place_anywhere
from bcdi_inpaint.studies.judging import judge_all, read_views


@pytest.fixture
def subject(rng: np.random.Generator) -> Subject:
    """An image of a peak as a scan of one frame, (1, 48, 40)."""
    y, x = np.meshgrid(np.arange(48) - 20, np.arange(40) - 22, indexing="ij")
    expectation = (5000 / (1 + 0.05 * (y**2 + x**2)))[None].astype(np.float32)
    counts = rng.poisson(expectation).astype(np.float32)
    return Subject("simulated", 0, "pattern 0", counts, counts < 0, expectation)


def test_gaps_lie_anywhere_and_wider_ones_than_there_is_room_for_nowhere(subject: Subject) -> None:
    cases = list(image_cases([subject], ("vertical", "cross"), (3, 6, 60), 1))
    assert [(case.kind, case.width) for case in cases] == [("column", 3), ("cross", 6)]
    assert cases[0].gap.sum() == 3 * 48
    assert cases[1].gap.sum() == 6 * (48 + 40 - 6)
    starts = {
        int(np.flatnonzero(place_anywhere(subject, "vertical", 3, seed).gap[0, 0])[0])  # type: ignore[union-attr]
        for seed in range(40)
    }
    assert min(starts) < 10
    assert max(starts) > 26


def case_of(subject: Subject) -> Case:
    """A gap of six columns."""
    found = place_anywhere(subject, "vertical", 6, 1)
    assert found is not None
    return found


def refuse(*_: object, **__: object) -> Guess:
    """A method that must not be asked."""
    raise AssertionError("judged again")


def test_what_was_judged_is_not_judged_again(subject: Subject, tmp_path: Path) -> None:
    case, linear = case_of(subject), classical_filler("linear")
    first = list(judge_all([case], {"linear": linear}, 1, tmp_path))
    again = list(judge_all([case], {"linear": refuse}, 1, tmp_path))
    assert repr(again) == repr(first)
    assert [record["method"] for record in first[0]] == ["linear", "ceiling"]
    assert first[0][0]["l1"] > first[0][1]["l1"]
    assert 0 < first[0][0]["ssim"] < first[0][1]["ssim"] <= 1
    (view,) = read_views(tmp_path)
    assert (view.width, view.images["linear"].shape) == (6, (48, 40))


def test_what_was_judged_without_a_probability_has_none(subject: Subject, tmp_path: Path) -> None:
    case, linear = case_of(subject), classical_filler("linear")
    (now,) = judge_all([case], {"linear": linear}, 1, tmp_path)
    assert all(0 <= record[name] <= 1 for record in now for name in ("border_p", "values_p"))
    (path,) = tmp_path.glob("*.json")
    kept = json.loads(path.read_text())
    for record in kept:
        del record["border_p"], record["values_p"]
    path.write_text(json.dumps(kept))
    (before,) = judge_all([case], {"linear": refuse}, 1, tmp_path)
    assert [math.isnan(record["border_p"]) for record in before] == [True] * 2
    assert before[0].keys() == now[0].keys()


def test_a_method_that_comes_later_is_judged_alone(subject: Subject, tmp_path: Path) -> None:
    case, linear = case_of(subject), classical_filler("linear")
    (first,) = judge_all([case], {"linear": linear}, 1, tmp_path)
    methods = {"cubic": classical_filler("cubic"), "linear": refuse}
    (both,) = judge_all([case], methods, 1, tmp_path)
    assert [record["method"] for record in both] == ["cubic", "linear", "ceiling"]
    (together,) = judge_all([case], methods | {"linear": linear}, 1, tmp_path / "anew")
    for record, wanted in zip(both, together, strict=True):
        assert {**record, "seconds": 0} == pytest.approx({**wanted, "seconds": 0}, nan_ok=True)
    (view,) = read_views(tmp_path)
    assert {"counts", "linear", "cubic", "ceiling"} <= {*view.images}
    (left,) = judge_all([case], {"linear": linear}, 1, tmp_path)
    assert repr(left) == repr(first)


def test_a_method_for_one_width_is_judged_at_it_alone(subject: Subject, tmp_path: Path) -> None:
    case, linear = case_of(subject), classical_filler("linear")
    judge = partial(judge_all, [case], seed=1, folder=tmp_path)
    (both,) = judge(methods={"linear": linear, "own": linear}, widths={"own": 6})
    assert [record["method"] for record in both] == ["linear", "own", "ceiling"]
    (others,) = judge(methods={"linear": refuse, "own": refuse}, widths={"own": 3})
    assert [record["method"] for record in others] == ["linear", "ceiling"]


def test_a_network_of_other_weights_is_judged_again(subject: Subject, tmp_path: Path) -> None:
    case, linear, cubic = case_of(subject), classical_filler("linear"), classical_filler("cubic")
    judge = partial(judge_all, [case], seed=1, folder=tmp_path)
    (before,) = judge(methods={"net": linear}, weights={"net": "a"})
    (same,) = judge(methods={"net": refuse}, weights={"net": "a"})
    assert repr(same) == repr(before)
    (both,) = judge(methods={"net": refuse, "later": cubic}, weights={"net": "a", "later": "c"})
    (alone,) = judge(methods={"linear": linear}, weights={})  # a study without them, meanwhile
    assert [record["weights"] for record in (*both, *alone)] == ["a", "c", "", "", ""]
    (same,) = judge(methods={"net": refuse, "later": refuse}, weights={"net": "a", "later": "c"})
    assert repr(same) == repr(both)
    (other,) = judge(methods={"net": cubic}, weights={"net": "b"})
    assert other[0]["weights"] == "b"
    assert other[0]["mae_log"] != before[0]["mae_log"]
    with pytest.raises(AssertionError, match="judged again"):
        list(judge(methods={"net": refuse}, weights={"net": "a"}))


def test_all_are_judged_anew_where_one_that_comes_later_fills_less(
    subject: Subject, tmp_path: Path
) -> None:
    case, linear = case_of(subject), classical_filler("linear")
    (first,) = judge_all([case], {"linear": linear}, 1, tmp_path)

    def fill_half(counts: Any, gap_mask: Any, *, bad_mask: Any) -> Guess:
        guess = linear(counts, gap_mask, bad_mask=bad_mask)
        return replace(guess, filled=guess.filled & (np.arange(48) < 24)[:, None])

    (both,) = judge_all([case], {"linear": linear, "half": fill_half}, 1, tmp_path)
    assert len({record["voxels"] for record in both}) == 1
    assert both[0]["voxels"] == first[0]["voxels"] / 2


def test_border_and_values_are_of_the_voxels_that_are_scored(
    subject: Subject, tmp_path: Path
) -> None:
    """A network leaves the middle of a wide gap, which would count as zeros."""
    case = case_of(subject)
    linear = classical_filler("linear")
    start = int(np.flatnonzero(case.gap[0, 0])[0])

    def leave_middle(counts: Any, gap_mask: Any, *, bad_mask: Any) -> Guess:
        filled = gap_mask.copy()
        filled[:, :, start + 2 : start + 4] = False
        made = linear(counts, gap_mask, bad_mask=bad_mask).counts
        return Guess(np.where(gap_mask & ~filled, 0, made), filled)

    (both,) = judge_all([case], {"linear": linear, "half": leave_middle}, 1, tmp_path)
    scores = [(r["border"], r["values"], r["l1"]) for r in both if r["method"] != "ceiling"]
    assert scores[0] == scores[1]
    (alone,) = judge_all([case], {"linear": linear}, 1, tmp_path / "alone")
    assert alone[0]["border"] == both[0]["border"]  # the border is where it was
    assert alone[0]["values"] != both[0]["values"]


def test_a_method_that_learns_fills_the_gap_alone_and_says_how_it_spread(subject: Subject) -> None:
    case = case_of(subject)
    options = LearningOptions(minutes=None, runs=2, dip_steps=2, start="published")
    filler = LearningFiller("dip", options, "cpu")
    guess = filler(np.where(case.gap, 0, subject.counts), case.gap, bad_mask=subject.bad)
    np.testing.assert_array_equal(guess.counts[~case.gap], subject.counts[~case.gap])
    assert np.isfinite(guess.counts).all()
    assert filler.spread > 0
    assert (filler.steps, filler.at_fit) == (4, 0)
    filler = LearningFiller("dip", replace(options, start="smooth"), "cpu")
    filler(np.where(case.gap, 0, subject.counts), case.gap, bad_mask=subject.bad)
    assert (filler.spread, filler.at_fit) == (0, 2)  # of two steps none is better than the fit


@pytest.mark.parametrize(
    ("method", "minutes", "words"),
    [
        ("gan-g", None, r"gan-g: the scan has 30 voxels across.*leave it out of learning.methods"),
        ("dip", 1e-9, r"dip: learning.minutes of all runs is 1e-09.*give more learning.minutes"),
    ],
)
def test_a_gap_that_a_method_cannot_learn_is_left_out_with_a_remark(
    method: str, minutes: float | None, words: str, subject: Subject, tmp_path: Path
) -> None:
    part = (slice(None), slice(0, 30), slice(0, 30))
    arrays = (subject.counts, subject.bad, subject.expectation)
    counts, bad, expectation = (np.ascontiguousarray(each[part]) for each in arrays)  # type: ignore[index]
    small = replace(subject, counts=counts, bad=bad, expectation=expectation)
    case = place_anywhere(small, "vertical", 6, 1)
    assert case is not None
    learner = LearningFiller(method, LearningOptions(minutes=minutes, dip_steps=5), "cpu")
    methods = {"linear": classical_filler("linear"), method: learner}
    remarks: list[str] = []
    assert not [*judge_all([case], methods, 1, tmp_path, remarks)]
    (said,) = remarks
    assert re.match("simulated 0: a gap of 6 .column. was left out: " + words, said)
    assert "--" not in said
    assert not [*tmp_path.glob("*.json")]
    with pytest.raises(InputError, match=words):
        [*judge_all([case], methods, 1, tmp_path)]
