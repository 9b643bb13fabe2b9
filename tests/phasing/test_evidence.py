"""What tells how far to believe a computed intensity."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.phasing.evidence import Evidence, box_around

SHAPE = (4, 5, 6)


@pytest.fixture
def evidence(rng: np.random.Generator) -> Evidence:
    counts, fill, found, spread = rng.uniform(0, 5, (4, *SHAPE)).astype(np.float32)
    seen = np.ones(SHAPE, dtype=bool)
    seen[:, 2] = False
    counts[~seen] = np.nan  # what stands there does not matter
    return Evidence(counts, seen, fill, found, spread)


def test_what_is_missed_is_of_seen_voxels_alone(evidence: Evidence) -> None:
    missed = evidence.missed
    assert missed.dtype == np.float32
    np.testing.assert_array_equal(missed[:, 2], 0)
    seen = evidence.seen
    np.testing.assert_array_equal(missed[seen], (evidence.log_counts - evidence.log_found)[seen])


def test_it_is_apart_by_what_the_computed_intensity_has_more(evidence: Evidence) -> None:
    np.testing.assert_allclose(evidence.apart + evidence.log_fill, evidence.log_found, atol=1e-6)


def test_a_part_is_cut_from_every_array(evidence: Evidence) -> None:
    box = slice(1, 3), slice(0, 4), slice(2, 6)
    part = evidence.part(box)
    np.testing.assert_array_equal(part.missed, evidence.missed[box])
    np.testing.assert_array_equal(part.apart, evidence.apart[box])
    np.testing.assert_array_equal(part.spread, evidence.spread[box])


def test_a_box_ends_with_the_array() -> None:
    chosen = np.zeros(SHAPE, dtype=bool)
    chosen[0, 1, 5] = chosen[2, 1, 4] = True
    assert chosen[box_around(chosen, 0)].shape == (3, 1, 2)
    assert chosen[box_around(chosen, 9)].shape == SHAPE
