"""What a study goes on with where a network's weights are gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_study import study

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import Case, Guess, Record, Subject, classical_filler
from bcdi_inpaint.jobs import study_judging
from bcdi_inpaint.jobs.comparison import Comparison
from bcdi_inpaint.jobs.study_judging import judge_latent_spaces, judge_learners
from bcdi_inpaint.jobs.study_methods import StudyMethods
from bcdi_inpaint.studies.image_cases import place_anywhere

LEARNING = {"methods": ["dip"], "starts": ["smooth"], "widths": [4], "dip_steps": 1, "runs": 1}
LATENT = {"patterns": 3, "neighbours": 1, "size": 16, "width": 4, "steps": 1}


def refuse(*_: object, **__: object) -> Guess:
    """A network without weights."""
    raise InputError("asked to fill")


def methods_of(net: Any, gone: tuple[str, ...] = ()) -> StudyMethods:
    """Linear interpolation, and ours."""
    fillers = {"linear": classical_filler("linear"), "gap_unet": net}
    return StudyMethods(fillers, {"gap_unet": "hash"}, gone, {})


@pytest.fixture
def subjects(rng: np.random.Generator) -> list[Subject]:
    """Images of a peak as scans of one frame."""
    place = np.add.outer(np.arange(-16, 16) ** 2, np.arange(-16, 16) ** 2)[None]
    expectation = (5000 / (1 + 0.05 * place)).astype(np.float32)
    return [
        Subject("simulated", i, f"{i}", rng.poisson(expectation).astype(np.float32), place < 0)
        for i in range(3)
    ]


@pytest.fixture
def comparison(
    subjects: list[Subject], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Comparison:
    """Learners and latent spaces of these images."""
    monkeypatch.setattr(study_judging, "image_subjects", lambda *_: iter(subjects))
    config = study(learning=LEARNING, latent=LATENT | {"methods": ["linear", "gap_unet"]})
    return Comparison(config, "", tmp_path, tmp_path, {"held_out": tmp_path}, "cpu", quiet=True)


def placed(subjects: list[Subject]) -> list[Case]:
    """A gap of four columns in each."""
    return [case for one in subjects if (case := place_anywhere(one, "vertical", 4, 1))]


def judged_in_one_gap(
    comparison: Comparison, subjects: list[Subject], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Case], list[Record]]:
    """The gaps that learners are judged in, one until more are added, and what was judged there."""
    cases = placed(subjects)[:1]
    monkeypatch.setattr(study_judging, "learning_cases", lambda *_: iter(cases))
    said: list[str] = []
    before = judge_learners(comparison, methods_of(classical_filler("cubic")), said)
    assert said == []
    return cases, before


def test_beside_learners_a_network_without_weights_stays_where_it_was_judged(
    comparison: Comparison, subjects: list[Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    cases, before = judged_in_one_gap(comparison, subjects, monkeypatch)
    gone = methods_of(refuse, ("gap_unet",))
    with monkeypatch.context() as patch:
        patch.setattr("bcdi_inpaint.studies.fillers.learn", refuse)  # nothing is learned anew
        assert repr(judge_learners(comparison, gone, said)) == repr(before)
    assert said == []
    cases += placed(subjects)[1:2]
    after = judge_learners(comparison, gone, said)
    assert [record["method"] for record in after] == ["linear", "dip from a smooth fit"] * 2
    assert said == [
        "gap_unet: its weights are gone, and it was not judged in all gaps of methods that learn "
        "from one scan, which lack it"
    ]


def test_beside_learners_a_further_method_is_judged_alone(
    comparison: Comparison, subjects: list[Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    _, before = judged_in_one_gap(comparison, subjects, monkeypatch)
    monkeypatch.setattr("bcdi_inpaint.studies.fillers.learn", refuse)  # nothing is learned anew
    more = methods_of(refuse)
    fillers = {**more.fillers, "kriging": classical_filler("kriging")}
    after = judge_learners(comparison, replace(more, fillers=fillers), said)
    assert "kriging" in [record["method"] for record in after]
    kept = [record for record in after if record["method"] != "kriging"]
    assert repr(kept) == repr(before)
    others = replace(methods_of(classical_filler("nearest")), hashes={"gap_unet": "other"})
    anew = judge_learners(comparison, others, said)
    assert [repr(anew[number]) == repr(before[number]) for number in (0, 2)] == [True, True]
    assert anew[1]["mae_log"] != before[1]["mae_log"]
    assert said == []


def test_latent_spaces_of_a_network_without_weights_stay_where_they_are_kept(
    comparison: Comparison,
) -> None:
    said: list[str] = []
    gone = methods_of(refuse, ("gap_unet",))
    rows = judge_latent_spaces(comparison, gone, said)
    assert "gap_unet" not in [row["patterns"] for row in rows]
    (line,) = said
    assert line.endswith("it was not judged in latent spaces, which lack it")
    whole = judge_latent_spaces(comparison, methods_of(classical_filler("cubic")), said)
    assert "gap_unet" in [row["patterns"] for row in whole]
    assert judge_latent_spaces(comparison, gone, said) == whole
    assert said == [line]
