"""What each way of handing over leaves free, bounds and takes as measured."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.benefit import VERDICTS
from bcdi_inpaint.phasing.constraints import IntervalConstraint, PriorConstraint
from bcdi_inpaint.phasing.handover import (
    BOUNDED,
    CHOICES,
    DEFAULT,
    NAMES,
    OURS,
    HandOverSettings,
    hand_over,
    resolve_handover,
)

# One row of eight voxels: two measured, two filled (sure, unsure), one in the gap that could not be
# filled, two measured, one hot.
COUNTS = np.array([5, 4, 3, 2, 0, 1, 7, 9e4], np.float32).reshape(1, 1, 8)
GAP = np.array([0, 0, 1, 1, 1, 0, 0, 0], bool).reshape(1, 1, 8)
BAD = np.array([0, 0, 0, 0, 0, 0, 0, 1], bool).reshape(1, 1, 8)


def picture(mask: np.ndarray) -> str:
    return "".join("X" if flag else "." for flag in mask.ravel())


@pytest.fixture
def fill() -> Fill:
    filled = GAP.copy()
    filled[0, 0, 4] = False
    sigma = np.zeros(COUNTS.shape, np.float32)
    sigma[0, 0, 2:4] = 0.1, 0.8
    return Fill(COUNTS.copy(), filled, sigma, Calibration(), "default", "")


@pytest.mark.parametrize(
    ("name", "bad", "filled"),
    [
        ("hard", "....X..X", "..XX...."),
        ("partial", "...XX..X", "..X....."),
        ("soft", "..XXX..X", "........"),
        ("staged", "..XXX..X", "........"),
        ("prior", "..XXX..X", "........"),
        ("mask", "..XXX..X", "........"),
    ],
)
def test_what_stays_masked_and_what_counts_as_measured(
    fill: Fill, name: str, bad: str, filled: str
) -> None:
    handed = hand_over(fill, GAP, BAD, name)
    assert (picture(handed.bad_mask), picture(handed.filled)) == (bad, filled)
    np.testing.assert_array_equal(handed.counts, COUNTS)
    assert isinstance(handed.constraint, IntervalConstraint) == (name in BOUNDED)
    assert (handed.release_after is not None) == (name == "staged")
    assert isinstance(handed.constraint, PriorConstraint) == (name == "prior")
    assert (handed.constraint is None) == (name in ("hard", "partial", "mask"))


def test_bounds_are_the_fills_interval_and_nothing_elsewhere(fill: Fill) -> None:
    handed = hand_over(fill, GAP, BAD, "soft", settings=HandOverSettings(level=0.9))
    assert isinstance(handed.constraint, IntervalConstraint)
    bounds = handed.constraint.lower, handed.constraint.upper
    expected = fill.interval(0.9)
    for bound, interval, free in zip(bounds, expected, (0, np.inf), strict=True):
        np.testing.assert_array_equal(bound[fill.filled], interval[fill.filled])
        assert (bound[~fill.filled] == free).all()


def test_a_prior_is_the_fill_with_its_uncertainty_and_free_elsewhere(fill: Fill) -> None:
    handed = hand_over(fill, GAP, BAD, "prior")
    assert isinstance(handed.constraint, PriorConstraint)
    counts, sigma = handed.constraint.counts, handed.constraint.sigma
    np.testing.assert_array_equal(counts, fill.counts)
    np.testing.assert_array_equal(sigma[fill.filled], fill.sigma[fill.filled])
    assert np.isposinf(sigma[~fill.filled]).all()
    assert sigma.dtype == np.float32
    box = (slice(0, 1), slice(0, 1), slice(1, 5))
    cropped = handed.crop(box)
    assert isinstance(cropped.constraint, PriorConstraint)
    np.testing.assert_array_equal(cropped.constraint.counts, counts[box])
    np.testing.assert_array_equal(cropped.constraint.sigma, sigma[box])


def test_a_box_of_it_is_the_same_handed_over_in_the_box(fill: Fill) -> None:
    box = (slice(0, 1), slice(0, 1), slice(1, 5))
    settings = HandOverSettings(release_after=0.3)
    handed = hand_over(fill, GAP, BAD, "staged", settings=settings)
    cropped = handed.crop(box)
    assert (cropped.name, cropped.release_after) == ("staged", 0.3)
    assert isinstance(cropped.constraint, IntervalConstraint)
    assert isinstance(handed.constraint, IntervalConstraint)
    for name in ("counts", "bad_mask", "filled"):
        np.testing.assert_array_equal(getattr(cropped, name), getattr(handed, name)[box])
    for name in ("lower", "upper"):
        own = getattr(cropped.constraint, name)
        np.testing.assert_array_equal(own, getattr(handed.constraint, name)[box])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "firm"}, "handover is 'firm', expected one of hard, partial"),
        ({"settings": HandOverSettings(threshold=0.0)}, "threshold is 0.0"),
        ({"gap_mask": GAP[:, :, 1:]}, r"gap_mask has the shape \(1, 1, 7\)"),
        ({"settings": HandOverSettings(level=1.0)}, "level is 1.0"),
    ],
)
def test_bad_input_is_one_line(fill: Fill, change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"gap_mask": GAP, "bad_mask": BAD, "name": "soft", **change}
    with pytest.raises(InputError, match=message):
        hand_over(fill, **arguments)  # type: ignore[arg-type]


def test_every_name_is_explained() -> None:
    assert list(NAMES) == ["hard", "partial", "soft", "staged", "prior", "mask"]
    assert {*BOUNDED} < {*OURS} < {*NAMES}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("verdict", [None, *VERDICTS])
def test_what_is_asked_for_is_what_is_done(name: str, verdict: str | None) -> None:
    assert resolve_handover(name, verdict) == name


@pytest.mark.parametrize(
    ("verdict", "handover"),
    [(None, "mask"), ("mask", "mask"), ("compare", "mask"), ("fill", "prior")],
)
def test_by_itself_a_fill_is_used_where_it_can_help(verdict: str | None, handover: str) -> None:
    assert DEFAULT in CHOICES
    assert resolve_handover(DEFAULT, verdict) == handover
    refined = "prior" if verdict == "compare" else handover
    assert resolve_handover(DEFAULT, verdict, refined=True) == refined
    assert all(NAMES.values())
