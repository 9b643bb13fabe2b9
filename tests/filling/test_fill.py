"""A fill: its parts, its intervals, and what it says of itself."""

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Fill, FillReport
from bcdi_inpaint.network.calibration import Calibration

BOX = slice(1, 3), slice(4, 8), slice(0, 5)


@pytest.fixture
def fill() -> Fill:
    """A filled block of rows in (4, 10, 6) counts."""
    generator = np.random.default_rng(1)
    counts = generator.poisson(30, (4, 10, 6)).astype(np.float32)
    filled = np.zeros(counts.shape, dtype=bool)
    filled[:, 5:7] = True
    sigma = np.where(filled, generator.uniform(0.1, 0.3, counts.shape), 0).astype(np.float32)
    return Fill(counts, filled, sigma, Calibration(), "tiny", "0" * 64, FillReport(n_patches=3))


def test_a_part_is_the_box_of_each_array_and_keeps_the_rest(fill: Fill) -> None:
    part = fill.part(BOX)
    for name in ("counts", "filled", "sigma"):
        np.testing.assert_array_equal(getattr(part, name), getattr(fill, name)[BOX])
    assert (part.model, part.report) == ("tiny", fill.report)


def test_alone_it_is_without_the_measurement_and_over_it_the_part_again(fill: Fill) -> None:
    alone = fill.alone(BOX)
    assert (alone.counts[~alone.filled] == 0).all()
    again = alone.over(fill.counts[BOX].astype(np.uint16))
    np.testing.assert_array_equal(again.counts, fill.part(BOX).counts)
    assert again.counts.dtype == np.float32


def test_laid_over_a_measurement_that_stays_as_it_is(fill: Fill) -> None:
    measured = np.full(fill.counts.shape, np.uint64(2**64 - 1))
    before = measured.copy()
    laid = fill.over(measured)
    np.testing.assert_array_equal(measured, before)
    np.testing.assert_array_equal(laid.counts[fill.filled], fill.counts[fill.filled])
    assert (laid.counts[~fill.filled] == np.float32(2**64)).all()


def test_it_prints_itself_in_a_line_also_where_nothing_is_filled(fill: Fill) -> None:
    assert repr(fill).startswith("Fill: 48 of 240 voxels (4 x 10 x 6) filled by model tiny, median")
    nothing = fill.part((slice(0, 1), slice(0, 2), slice(0, 2)))
    assert repr(nothing) == "Fill: 0 of 4 voxels (1 x 2 x 2) filled by model tiny"


def test_intervals_hold_the_counts_and_wider_ones_the_narrower(fill: Fill) -> None:
    gap = fill.filled
    low_95, high_95 = fill.interval(0.95)
    low_68, high_68 = fill.interval(0.68)
    filled = fill.counts[gap]
    assert (low_95[gap] >= 0).all()
    assert (low_95[gap] <= low_68[gap]).all()
    assert (low_68[gap] <= filled * (1 + 1e-5)).all()
    assert (filled <= high_68[gap] * (1 + 1e-5)).all()
    assert (high_68[gap] < high_95[gap]).all()
    assert np.isfinite(high_95[gap]).all()


def test_outside_the_gap_both_bounds_are_the_measurement(fill: Fill) -> None:
    for bound in fill.interval(0.9):
        np.testing.assert_array_equal(bound[~fill.filled], fill.counts[~fill.filled])


def test_an_enormous_scale_gives_finite_bounds() -> None:
    filled = np.ones((1, 1, 1), dtype=bool)
    counts = np.full(filled.shape, 1e6, dtype=np.float32)
    sigma = np.full(filled.shape, 1e4, dtype=np.float32)
    low, high = Fill(counts, filled, sigma, Calibration(), "tiny", "0" * 64).interval(0.99)
    assert low == 0
    assert np.isfinite(high).all()


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_that_is_no_probability_is_refused(fill: Fill, level: float) -> None:
    with pytest.raises(InputError, match=f"level is {level}, expected a probability"):
        fill.interval(level)
