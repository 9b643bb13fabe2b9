import numpy as np
import pytest

from bcdi_inpaint.evaluation.crystals.treatments import (
    COMPLETE,
    INTERPOLATED,
    LINEAR,
    MASKED,
    REFINED,
    TREATMENTS,
    GappedScan,
)
from bcdi_inpaint.network.weights import load_weights

SHAPE = (12, 16, 16)


@pytest.fixture(scope="module")
def gapped() -> GappedScan:
    gap = np.zeros(SHAPE, dtype=bool)
    gap[:, 6:9] = True
    counts = np.random.default_rng(0).poisson(50, SHAPE).astype(np.float32)
    return GappedScan(counts, gap, load_weights(), "cpu")


def test_only_complete_counts_show_what_is_in_the_gap(gapped: GappedScan) -> None:
    counts, bad_mask, options = gapped.retrieval_input(COMPLETE)
    assert counts is gapped.counts
    assert not bad_mask.any()
    assert not options
    for treatment in TREATMENTS[1:]:
        if treatment not in REFINED:
            given, _, _ = gapped.retrieval_input(treatment)
            assert not gapped.hidden[gapped.gap].any()
            assert not np.array_equal(given[gapped.gap], gapped.counts[gapped.gap])
            np.testing.assert_array_equal(given[~gapped.gap], gapped.counts[~gapped.gap])


def test_masking_and_a_linear_fill_are_what_they_say(gapped: GappedScan) -> None:
    counts, bad_mask, options = gapped.retrieval_input(MASKED)
    np.testing.assert_array_equal(bad_mask, gapped.gap)
    assert options.get("filled") is None or not options["filled"].any()
    assert not {"bounds", "prior"} & {name for name, value in options.items() if value is not None}
    counts, bad_mask, options = gapped.retrieval_input(LINEAR)
    assert not bad_mask.any()
    np.testing.assert_array_equal(options["filled"], gapped.gap)
    assert np.isclose(counts[gapped.gap].mean(), 50, rtol=0.1)


def test_interpolation_is_held_between_the_parts_that_pynx_takes(gapped: GappedScan) -> None:
    """In the middle: the mean of the known counts around, by inverse squared distance."""
    counts, bad_mask, options = gapped.retrieval_input(INTERPOLATED)
    lower, upper = options["bounds"]
    np.testing.assert_array_equal(bad_mask, gapped.gap)
    place = (5, 7, 8)
    known = np.argwhere(~gapped.gap)
    weight = 1 / ((known - place) ** 2).sum(axis=1)
    mean = (weight * counts[~gapped.gap]).sum() / weight.sum()
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
        counts, bad_mask, options = gapped.retrieval_input(treatment)
        plain = gapped.retrieval_input(name)
        np.testing.assert_array_equal(counts, plain[0])
        np.testing.assert_array_equal(bad_mask, plain[1])
        assert options["release_after"] == plain[2]["release_after"]
