"""How fills are judged in a gap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from small_subjects import SHAPE, case_of, expectation_of, subject_of

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import (
    CEILING,
    EvaluationConfig,
    Guess,
    Subject,
    fillers,
    judge_case,
    judge_subjects,
)


def exact(subject: Subject, part: np.ndarray | None = None):
    """A method that knows the truth, in a part of the gap."""

    def fill(counts: np.ndarray, gap: np.ndarray, *, bad_mask: np.ndarray) -> Guess:
        return Guess(subject.counts.copy(), gap if part is None else gap & part)

    return fill


def test_scores_of_known_fills(rng: np.random.Generator) -> None:
    subject = subject_of(rng)
    case = case_of(subject)
    methods = {
        "exact": exact(subject),
        "flat": lambda counts, gap, *, bad_mask: Guess(np.full(SHAPE, 5, np.float32), gap),
    }
    records, view = judge_case(case, methods, 1)
    of = {record["method"]: record for record in records}
    assert list(of) == ["exact", "flat", CEILING]
    assert_allclose([of["exact"][n] for n in ("pearson_log", "accuracy", "ssim")], 1, atol=1e-6)
    assert of["exact"]["poisson_deviance"] == pytest.approx(0, abs=1e-9)
    assert of["flat"]["pearson_log"] == 0
    assert 0.9 < of[CEILING]["pearson_log"] < 1
    assert 0.8 < of[CEILING]["poisson_deviance"] < 1.2
    assert {record["judged"] for record in records} == {1.0}
    assert_allclose(of["flat"]["mean_counts"], subject.counts[:, 25:29].mean(), rtol=1e-6)
    assert of["flat"]["brightest"] == subject.expectation.max()  # type: ignore[union-attr]
    assert math.isnan(of["exact"]["inside_68"])
    brightest = subject.counts[:, 25:29].sum(axis=(1, 2)).argmax()
    assert view.frame == brightest
    assert_array_equal(view.images["counts"], subject.counts[brightest])
    assert_array_equal(view.images["flat"], np.full(SHAPE[1:], 5))
    assert view.images["exact"].base is None  # a picture does not keep the scan


def test_methods_see_neither_gap_nor_bad_voxels(rng: np.random.Generator) -> None:
    bad = rng.random(SHAPE) < 0.1
    subject = subject_of(rng, bad=bad)
    seen = {}

    def fill(counts: np.ndarray, gap: np.ndarray, *, bad_mask: np.ndarray) -> Guess:
        seen.update(counts=counts, gap=gap, bad=bad_mask)
        return Guess(np.where(bad_mask, 1e9, subject.counts).astype(np.float32), gap)

    case = case_of(subject)
    records, _ = judge_case(case, {"spoilt": fill}, 1)
    hidden = case.gap | bad
    assert not seen["counts"][hidden].any()
    assert_array_equal(seen["counts"][~hidden], subject.counts[~hidden])
    assert records[0]["pearson_log"] == pytest.approx(1)  # bad voxels are not scored


def test_a_hot_pixel_that_is_marked_bad_scales_no_score(rng: np.random.Generator) -> None:
    subject = subject_of(rng)
    bad = np.zeros(SHAPE, dtype=bool)
    bad[0, 0, 0] = True  # far from the gap
    flat = {"flat": lambda counts, gap, *, bad_mask: Guess(np.full(SHAPE, 5, np.float32), gap)}
    similar = []
    for hot in (0, 1e9, np.nan):
        counts = np.where(bad, np.float32(hot), subject.counts)
        records, _ = judge_case(case_of(subject_of(rng, counts=counts, bad=bad)), flat, 1)
        similar.append(records[0]["ssim"])
    assert len({*similar}) == 1


def test_only_what_all_methods_fill_is_judged_and_the_part_is_told(
    rng: np.random.Generator,
) -> None:
    subject = subject_of(rng)
    case = case_of(subject, 8)  # rows 25:33
    rims = np.zeros(SHAPE, dtype=bool)
    rims[:, 25:27] = rims[:, 31:33] = True

    def good_at_the_rims(counts: np.ndarray, gap: np.ndarray, *, bad_mask: np.ndarray) -> Guess:
        return Guess(np.where(rims, subject.counts, 1e6).astype(np.float32), gap)

    methods = {"rims": exact(subject, rims), "whole": good_at_the_rims}
    records, view = judge_case(case, methods, 1)
    assert {record["judged"] for record in records} == {0.5}
    assert records[1]["poisson_deviance"] == pytest.approx(0, abs=1e-6)
    unknown = np.isnan(view.images["rims"])
    assert_array_equal(unknown, case.gap[0] & ~rims[0])
    assert not np.isnan(view.images["whole"]).any()
    with pytest.raises(InputError, match="no voxel is valid and filled"):
        judge_case(case, {"none": exact(subject, np.zeros(SHAPE, dtype=bool))}, 1)


def test_coverage_of_the_expectation(rng: np.random.Generator) -> None:
    """Log counts that are off by a known sigma lie inside as often as the level says."""
    subject = subject_of(rng)
    expectation = subject.expectation
    assert expectation is not None
    log_guess = np.log1p(expectation.astype(float)) + rng.normal(0, 0.3, SHAPE)

    def interval_of(sigma: float):
        def interval(level: float) -> tuple[np.ndarray, np.ndarray]:
            reach = sigma * {0.68: 0.994458, 0.95: 1.959964}[level]
            return np.expm1(log_guess - reach), np.expm1(log_guess + reach)

        return interval

    methods = {
        name: lambda counts, gap, *, bad_mask, s=sigma: Guess(
            np.expm1(log_guess).clip(0).astype(np.float32), gap, interval_of(s)
        )
        for name, sigma in (("right", 0.3), ("proud", 0.15))
    }
    of = {record["method"]: record for record in judge_case(case_of(subject, 8), methods, 1)[0]}
    assert of["right"]["inside_68"] == pytest.approx(0.68, abs=0.03)
    assert of["right"]["inside_95"] == pytest.approx(0.95, abs=0.015)
    assert of["proud"]["inside_68"] == pytest.approx(0.38, abs=0.03)
    assert math.isnan(of[CEILING]["inside_95"])
    decades = of["right"]["by_counts"]
    assert sum(voxels for voxels, *_ in decades.values()) == of["right"]["voxels"]
    inside = sum(within for _, within, _ in decades.values())
    assert inside / of["right"]["voxels"] == pytest.approx(of["right"]["inside_68"])


def test_coverage_of_measured_counts(rng: np.random.Generator) -> None:
    """The expectation is known exactly; photon noise is what is left."""
    expectation = expectation_of()
    subject = subject_of(rng, expectation=None, group="measured")

    def fill(counts: np.ndarray, gap: np.ndarray, *, bad_mask: np.ndarray) -> Guess:
        return Guess(expectation, gap, lambda level: (expectation, expectation))

    record = judge_case(case_of(subject, 8), {"ideal": fill}, 1)[0][0]
    assert record["inside_68"] == pytest.approx(0.68, abs=0.03)
    assert record["inside_95"] == pytest.approx(0.95, abs=0.015)


def test_all_subjects_are_judged_until_time_is_up(rng: np.random.Generator) -> None:
    config = EvaluationConfig(widths=(3, 38), kinds=("row",), methods=("linear",))
    subjects = [subject_of(rng, index=i) for i in range(3)]
    seen: list[int] = []
    outcome = judge_subjects(
        iter(subjects), config, fillers(("linear",), None), progress=lambda s: seen.append(s.index)
    )
    assert seen == [0, 1, 2]
    assert [r["index"] for r in outcome.records if r["method"] == "linear"] == [0, 1, 2]
    assert len(outcome.remarks) == 3  # 38 lines fit on none of them
    assert [(view.group, view.width) for view in outcome.views] == [("simulated", 3)]
    short = judge_subjects(iter(subjects), config, fillers(("linear",), None), minutes=1e-9)
    assert {record["index"] for record in short.records} == {0}
    assert "time was up after 1 " in short.remarks[-1]


def test_a_case_that_a_method_refuses_is_left_out_and_told(rng: np.random.Generator) -> None:
    def refuse(counts: np.ndarray, gap: np.ndarray, *, bad_mask: np.ndarray) -> Guess:
        raise InputError("no part of the gaps can be filled")

    config = EvaluationConfig(widths=(3,), kinds=("row",))
    outcome = judge_subjects(iter([subject_of(rng)]), config, {"refuses": refuse})
    assert outcome.records == []
    assert outcome.remarks == [
        "simulated 0: a gap of 3 (row) was left out: no part of the gaps can be filled"
    ]
