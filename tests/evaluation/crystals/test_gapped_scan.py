import numpy as np
import pytest

from bcdi_inpaint.evaluation.crystals.gapped_scan import GappedScan
from bcdi_inpaint.evaluation.crystals.treatments import (
    COMPLETE,
    INTERPOLATED,
    LINEAR,
    MASKED,
    REFINED,
    TREATMENTS,
    ZERO,
    parse_treatment,
)
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.constraints import IntervalConstraint

SHAPE = (12, 16, 16)


@pytest.fixture(scope="module")
def gapped(tiny_model: Model) -> GappedScan:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 6:9] = True
    counts = np.random.default_rng(0).poisson(50, SHAPE).astype(np.float32)
    return GappedScan(counts, gap, tiny_model, "cpu")


def test_only_complete_counts_show_what_is_in_the_gap(gapped: GappedScan) -> None:
    complete = gapped.retrieval_input(parse_treatment(COMPLETE))
    assert complete.counts is gapped.counts
    assert not complete.bad_mask.any()
    assert not complete.filled.any()
    assert complete.constraint is None
    for treatment in TREATMENTS[1:]:
        if treatment not in REFINED:
            given = gapped.retrieval_input(parse_treatment(treatment)).counts
            assert not gapped.hidden[gapped.gap].any()
            assert not np.array_equal(given[gapped.gap], gapped.counts[gapped.gap])
            np.testing.assert_array_equal(given[~gapped.gap], gapped.counts[~gapped.gap])


def test_masking_and_a_linear_fill_are_what_they_say(gapped: GappedScan) -> None:
    masked = gapped.retrieval_input(parse_treatment(MASKED))
    np.testing.assert_array_equal(masked.bad_mask, gapped.gap)
    assert not masked.filled.any()
    assert masked.constraint is None
    linear = gapped.retrieval_input(parse_treatment(LINEAR))
    assert not linear.bad_mask.any()
    np.testing.assert_array_equal(linear.filled, gapped.gap)
    assert np.isclose(linear.counts[gapped.gap].mean(), 50, rtol=0.1)


def test_a_gap_as_zero_is_taken_as_measured(gapped: GappedScan) -> None:
    zero = gapped.retrieval_input(parse_treatment(ZERO))
    assert not zero.counts[gapped.gap].any()
    assert not zero.bad_mask.any()
    assert not zero.filled.any()


def test_what_was_not_measured_is_so_in_every_treatment(tiny_model: Model) -> None:
    gap, bad = np.zeros((2, *SHAPE), dtype=bool)
    gap[:, 6:9] = bad[:, 8:11, 3] = True
    counts = np.random.default_rng(0).poisson(50, SHAPE).astype(np.float32)
    scan = GappedScan(counts, gap, tiny_model, "cpu", bad=bad)
    for name in (COMPLETE, MASKED, ZERO, LINEAR, INTERPOLATED, "prior"):
        handed = scan.retrieval_input(parse_treatment(name))
        assert handed.bad_mask[bad & ~gap].all(), name


def test_interpolation_is_held_between_the_parts_that_pynx_takes(gapped: GappedScan) -> None:
    """In the middle: the mean of the known counts around, by inverse squared distance."""
    given = gapped.retrieval_input(parse_treatment(INTERPOLATED))
    assert isinstance(given.constraint, IntervalConstraint)
    lower, upper = given.constraint.lower, given.constraint.upper
    np.testing.assert_array_equal(given.bad_mask, gapped.gap)
    place = (5, 7, 8)
    known = np.argwhere(~gapped.gap)
    weight = 1 / ((known - place) ** 2).sum(axis=1)
    mean = (weight * given.counts[~gapped.gap]).sum() / weight.sum()
    assert lower[place] == pytest.approx(0.5 * mean, rel=0.05)
    assert upper[place] == pytest.approx(1.2 * mean, rel=0.05)
    assert np.isinf(upper[~gapped.gap]).all()
    assert not lower[~gapped.gap].any()


def test_a_refined_fill_is_handed_over_as_any_other(
    gapped: GappedScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mended:
        fill = gapped.fill

    monkeypatch.setitem(gapped.__dict__, "refinement", Mended())
    for treatment, name in REFINED.items():
        refined, plain = (
            gapped.retrieval_input(parse_treatment(treatment)),
            gapped.retrieval_input(parse_treatment(name)),
        )
        np.testing.assert_array_equal(refined.counts, plain.counts)
        np.testing.assert_array_equal(refined.bad_mask, plain.bad_mask)
        assert refined.release_after == plain.release_after
