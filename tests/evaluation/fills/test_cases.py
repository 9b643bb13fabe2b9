"""Where gaps are put on a subject."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small_subjects import subject_of

from bcdi_inpaint.evaluation.fills import (
    EvaluationConfig,
    place_cases,
)
from bcdi_inpaint.gaps.artificial import PLACEMENTS, SETTINGS, place_near_peak
from bcdi_inpaint.gaps.gap import Gap


@pytest.mark.parametrize("kind", PLACEMENTS)
@pytest.mark.parametrize("width", [3, 24, 38])
def test_gaps_lie_beside_the_peak_and_clear_of_the_edge(kind: str, width: int) -> None:
    shape, peak = (64, 96, 128), (30, 49, 70)
    axes, distances = set(), set()
    for seed in range(60):
        gaps = place_near_peak(kind, width, shape, peak, np.random.default_rng(seed))  # type: ignore[arg-type]
        assert len(gaps) == (2 if kind == "cross" else 1)
        axes.add(tuple(gap.axis for gap in gaps))
        for gap in gaps:
            assert gap.width == width
            assert gap.start >= SETTINGS.known_beside
            assert gap.stop <= shape[gap.axis] - SETTINGS.known_beside
            above = gap.start > peak[gap.axis]
            distances.add(gap.start - peak[gap.axis] - 1 if above else peak[gap.axis] - gap.stop)
    expected = {"row": {(1,)}, "column": {(2,)}, "cross": {(1, 2)}}.get(kind, {(1,), (2,)})
    assert axes == expected
    assert min(distances) >= 0  # the peak itself is never covered
    if width == 3:
        limits = {"off_centre": (19, 45), "shoulder": (0, 2)}.get(kind, (4, 12))
        assert (min(distances), max(distances)) >= (limits[0], 0)
        assert max(distances) <= limits[1]
        assert len(distances) > 2


def test_a_gap_takes_the_side_that_has_room_and_none_where_there_is_none() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        assert place_near_peak("row", 10, (8, 40, 40), (4, 30, 20), rng)[0].stop <= 30 - 4
        assert place_near_peak("shoulder", 20, (8, 40, 40), (4, 20, 20), rng) == ()
        only = place_near_peak(
            "row", 15, (8, 40, 40), (4, 20, 20), rng
        )  # 21:36, or 5:20 and nearer
        assert only in {(Gap(1, 21, 36),), (Gap(1, 4, 19),), (Gap(1, 5, 20),)}


def test_each_case_has_its_own_stream(rng: np.random.Generator) -> None:
    subject = subject_of(rng)
    all_of, missing = place_cases(subject, EvaluationConfig(widths=(3, 6, 38)))
    assert missing == [
        "simulated 0: a gap of 38 does not fit beside the peak in (12, 40, 44), left out "
        f"({', '.join(PLACEMENTS)})"
    ]
    few, _ = place_cases(subject, EvaluationConfig(widths=(6,), kinds=("cross", "row")))
    places = {(case.kind, case.width): case.gap for case in all_of}
    assert set(places) == {(kind, width) for kind in PLACEMENTS for width in (3, 6)}
    for case in few:
        assert_array_equal(case.gap, places[case.kind, 6])
    other, _ = place_cases(subject, EvaluationConfig(widths=(6,), seed=2))
    assert any((case.gap != places[case.kind, 6]).any() for case in other)


def test_kinds_by_turns_are_equally_often(rng: np.random.Generator) -> None:
    config = EvaluationConfig(widths=(3, 6), kinds_per_pattern=2)
    found = [
        (case.width, case.kind)
        for index in range(10)
        for case in place_cases(subject_of(rng, index=index), config)[0]
    ]
    assert {kind: found.count((6, kind)) for kind in PLACEMENTS} == dict.fromkeys(PLACEMENTS, 4)


def test_a_measured_scan_has_several_gaps_of_each_kind(rng: np.random.Generator) -> None:
    subject = subject_of(rng, group="one", expectation=None)
    found, _ = place_cases(
        subject, EvaluationConfig(widths=(3,), placements=4, kinds_per_pattern=1)
    )
    assert len(found) == 4 * len(PLACEMENTS)
    assert len({case.cluster for case in found}) == len(found)
