"""A fill that is scaled, cut and binned with its data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bcdi_inpaint.phasing.carried_fill import CarriedFill, Cycles, count_cycles
from bcdi_inpaint.phasing.constraints import AmplitudeInterval, AmplitudePrior
from bcdi_inpaint.phasing.handover import HandOver

SHAPE = (4, 4, 6)


@pytest.fixture
def fill(rng: np.random.Generator) -> CarriedFill:
    counts = rng.uniform(1, 50, SHAPE).astype(np.float32)
    filled = np.zeros(SHAPE, bool)
    filled[:, :, 2:5] = True
    sigma = np.where(filled, np.float32(0.1), np.float32(0))
    lower, upper = np.where(filled, counts / 2, 0), np.where(filled, counts * 2, np.inf)
    return CarriedFill("prior", counts, filled, sigma, lower, upper)


def add_up(array: np.ndarray) -> np.ndarray:
    n, y, x = (size // 2 for size in array.shape)
    return array.reshape(n, 2, y, 2, x, 2).sum(axis=(1, 3, 5))


def test_binned_counts_and_variances_add_up(fill: CarriedFill) -> None:
    binned = fill.binned(fill.filled, add_up)
    assert np.allclose(binned.counts, add_up(fill.counts))
    assert binned.filled.any(axis=(0, 1)).tolist() == [False, True, True]
    whole_bin = (slice(0, 2), slice(0, 2), slice(2, 4))
    expected = np.sqrt(np.sum((0.1 * (1 + fill.counts[whole_bin])) ** 2))
    assert np.isclose(binned.sigma[0, 0, 1] * (1 + binned.counts[0, 0, 1]), expected, rtol=1e-5)
    # the last bin is half measured: only its other half is uncertain
    assert np.isclose(
        binned.lower[0, 0, 2],
        fill.counts[:2, :2, 4].sum() / 2 + fill.counts[:2, :2, 5].sum(),
        rtol=1e-5,
    )


def test_a_bin_that_lacks_what_was_not_filled_is_not_filled(fill: CarriedFill) -> None:
    masked = fill.filled.copy()
    masked[0, 0, 5] = True  # bad, and no part of the gap
    binned = fill.binned(masked, add_up)
    assert not binned.filled[0, 0, 2]
    assert binned.filled[1, 0, 2]


def test_scaled_counts_keep_their_relative_uncertainty(fill: CarriedFill) -> None:
    scaled = fill.scaled(np.full(SHAPE, np.float32(3)))
    assert np.allclose(scaled.counts, 3 * fill.counts)
    assert np.allclose(scaled.sigma * (1 + scaled.counts), 3 * fill.sigma * (1 + fill.counts))


def test_what_is_held_is_of_masked_filled_voxels(fill: CarriedFill) -> None:
    box = slice(0, 4), slice(0, 2), slice(2, 6)
    part = fill.cut(box)
    masked = np.ones((4, 2, 4), bool)
    masked[:, :, 0] = False  # measured after all
    held = part.held(masked, Cycles(10, 20))
    assert held is not None
    assert isinstance(held.known, AmplitudePrior)
    assert len(held.known.index) == (part.filled & masked).sum()
    assert held.cycles == 10  # those before the end: ER finds nothing new
    assert part.held(np.zeros_like(masked), Cycles(10, 20)) is None


@pytest.mark.parametrize(
    ("handover", "kind", "release"),
    [("soft", AmplitudeInterval, None), ("staged", AmplitudeInterval, 10)],
)
def test_an_interval_is_held_as_long_as_the_file_says(
    fill: CarriedFill, handover: str, kind: type, release: int | None
) -> None:
    bounded = CarriedFill(handover, fill.counts, fill.filled, fill.sigma, fill.lower, fill.upper)
    held = bounded.held(fill.filled, Cycles(10, 20))
    assert held is not None
    assert isinstance(held.known, kind)
    assert held.release_after == release


@pytest.mark.parametrize("handover", ["hard", "partial", "mask"])
def test_nothing_is_held_of_other_handovers(fill: CarriedFill, handover: str) -> None:
    other = CarriedFill(handover, fill.counts, fill.filled, fill.sigma, fill.lower, fill.upper)
    assert other.held(fill.filled, Cycles(10, 20)) is None


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("er**20", Cycles(0, 20)),
        ("er**20*hio**100", Cycles(100, 120)),
        ("(sup*er**10*raar**100)**10", Cycles(1000, 1100)),
        ("ER**50,(Sup*ER**5*HIO**50)**10,psf=5,detwinhio1**20,beta=0.9", Cycles(520, 620)),
        ("ml**5*gps**10", Cycles(10, 15)),
        ("nonsense(", Cycles(0, 0)),
    ],
)
def test_cycles_of_an_algorithm_are_counted(algorithm: str, expected: Cycles) -> None:
    assert count_cycles(algorithm) == expected


@pytest.mark.parametrize(
    ("handover", "masked", "box", "used"),
    [
        ("prior", True, slice(2, 6), "prior"),
        ("prior", True, slice(0, 2), "mask"),  # of the part that is phased none was filled
        ("prior", False, slice(2, 6), "hard"),  # another mask lets the fill count as measured
        ("hard", False, slice(2, 6), "hard"),
        ("hard", True, slice(2, 6), "mask"),
        ("partial", False, slice(2, 6), "partial"),
        ("partial", True, slice(2, 6), "mask"),
        ("mask", True, slice(2, 6), "mask"),
    ],
)
def test_what_was_used_is_told_of_the_part_that_is_phased(
    fill: CarriedFill, handover: str, masked: bool, box: slice, used: str
) -> None:
    part = replace(fill, handover=handover).cut((slice(0, 4), slice(0, 4), box))
    assert part.used(part.filled & masked) == used


@pytest.mark.parametrize(
    ("name", "trusted", "carried"),
    [
        ("hard", True, "hard"),
        ("partial", True, "partial"),
        ("partial", False, "mask"),
        ("zero", True, "hard"),  # a name of a benchmark's
    ],
)
def test_what_counts_as_measured_keeps_its_name(
    fill: CarriedFill, name: str, trusted: bool, carried: str
) -> None:
    sure = fill.filled & (np.arange(SHAPE[2]) < 4) & trusted
    handed = HandOver(name, fill.counts, fill.filled & ~sure, sure)
    made = CarriedFill.of(handed)
    assert made.handover == carried
    assert made.used(handed.bad_mask) == carried
    assert made.constraint() is None


def test_without_a_background_the_uncertainty_in_counts_stays(fill: CarriedFill) -> None:
    left = fill.without(2.0)
    filled = fill.filled
    np.testing.assert_allclose(left.counts, np.maximum(fill.counts - 2, 0))
    np.testing.assert_allclose(
        (left.sigma * (1 + left.counts))[filled], (0.1 * (1 + fill.counts))[filled], rtol=1e-5
    )
    np.testing.assert_allclose(left.lower[filled], np.maximum(fill.counts[filled] / 2 - 2, 0))
    assert np.isinf(left.upper[~filled]).all()
