"""The one pass over a scan: against sums over the array, and looked at again without the counts."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.checks.gap_search import find_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.gaps.survey import project, survey_scan
from bcdi_inpaint.scan.scan import as_scan

SHAPE = (19, 40, 37)


def some_scan(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.poisson(3.0, SHAPE).astype(np.int32), rng.random(SHAPE) < 0.1


def test_projections_are_sums_over_the_array(rng: np.random.Generator) -> None:
    counts, bad = some_scan(rng)
    counts[2, 3, 4] = -5
    survey = survey_scan(as_scan(counts, bad))
    for found, flags in (
        (survey.lit, counts > 0),
        (survey.unmasked_lit, (counts > 0) & ~bad),
        (survey.unmasked, ~bad),
    ):
        for mine, theirs in zip(found, project(flags), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert survey.n_masked == bad.sum()
    np.testing.assert_array_equal(survey.lit_per_line(0), ((counts > 0) & ~bad).sum(axis=(1, 2)))
    lit_pixels = ((counts > 0) & ~bad).any(axis=0)
    np.testing.assert_array_equal(survey.lit_per_line(2), lit_pixels.sum(axis=0))


def test_how_much_a_gap_holds_is_counted_with_what_lies_beside_it(rng: np.random.Generator) -> None:
    counts, _ = some_scan(rng)
    survey = survey_scan(as_scan(counts), GapRegion(SHAPE, (Gap(1, 10, 12),)))
    lit = counts > 0
    inside, beside = lit[:, 10:12], lit[:, [9, 12]]
    expected = inside.sum(), inside.size, beside.sum(), beside.size
    assert survey.gap_light == expected


def test_a_survey_looked_at_again_is_that_of_the_masked_scan(rng: np.random.Generator) -> None:
    """Gaps found by their counts, a gap that is added, lost frames, and a mark of no count."""
    counts, bad = some_scan(rng)
    counts = rng.poisson(40.0, SHAPE).astype(np.int32)
    bad[:] = False
    counts[:, 20:26] = counts[:, :, 18:24] = counts[7:9] = 0
    finding = find_gaps(as_scan(counts, bad), [Gap(1, 20, 26)])
    assert finding.gaps == (Gap(1, 20, 26), Gap(2, 18, 24))
    assert finding.survey is not None
    fresh = survey_scan(finding.seen(as_scan(counts, bad)), finding.region)
    np.testing.assert_array_equal(finding.survey.n_known, fresh.n_known)
    np.testing.assert_allclose(finding.survey.log_sum, fresh.log_sum, rtol=1e-6)
    for mine, theirs in zip(finding.survey.known_lines, fresh.known_lines, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_value_beyond_float32_is_left_to_the_check() -> None:
    counts = np.ones((8, 9, 9))
    counts[3, 4, 5] = 1e300
    assert survey_scan(as_scan(counts)).check.n_invalid == 1
