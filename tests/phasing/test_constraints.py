"""Bounds and priors of amplitudes: the projections, and their limits, which are PyNX's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.fft
from scipy.ndimage import binary_dilation

from bcdi_inpaint import pynx_engine as engines
from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.phasing.constraints import (
    Bounds,
    Prior,
    bound_amplitude,
    bounded,
    bounds_of,
    prior_of,
)

ALGORITHMS = ("HIO", "RAAR", "ER")


@pytest.fixture(scope="module")
def shifted(counts: np.ndarray) -> np.ndarray:
    """The counts as PyNX has them, centre at index 0."""
    return np.fft.ifftshift(counts).astype(np.float32)


@pytest.fixture(scope="module")
def gap() -> np.ndarray:
    """A gap of six voxels near the peak, centre at index 0."""
    mask = np.zeros((48, 48, 48), bool)
    mask[:, :, 3:9] = True
    return mask


@pytest.fixture
def started(pynx: str, shifted: np.ndarray, particle: tuple[np.ndarray, np.ndarray]) -> Any:
    """Makes PyNX objects with a mask, the support known and one and the same random start."""

    def make(masked: np.ndarray) -> Any:
        cdi = engines.import_pynx("cdi").CDI(shifted.copy(), mask=masked.astype(np.int8))
        cdi.init_free_pixels(coords=tuple(np.array([c]) for c in (-10, 5, -12)))
        support = np.fft.ifftshift(binary_dilation(particle[1], iterations=2))
        rng = np.random.default_rng(2)
        start = rng.uniform(0, 1, masked.shape) * np.exp(2j * np.pi * rng.random(masked.shape))
        cdi.set_support(support)
        cdi.set_obj((support * start * 1e3).astype(np.complex64))
        return cdi

    return make


def cycled(operator: Any, cdi: Any) -> np.ndarray:
    """The object after cycles with an update of the support between them."""
    update = engines.import_pynx("cdi").SupportUpdate(threshold_relative=0.1, smooth_width=1)
    with engines.quiet():
        cdi = operator**4 * update * operator**6 * cdi
    return np.array(cdi.get_obj())


# --- the projection -------------------------------------------------------------------------------


def test_amplitudes_move_to_the_nearer_bound_and_keep_their_phases() -> None:
    calculated = np.array([0.5, 2, 9, 9, 0], np.complex64) * np.exp(0.7j).astype(np.complex64)
    amplitude = calculated.reshape(1, 1, 5).copy()
    bounds = Bounds(np.array([0, 1, 2, 4]), np.float32([1, 1, 1, 1]), np.float32([4, 4, 4, np.inf]))
    bounds.applied(amplitude)
    expected = np.array([1, 2, 4, 9, 0]) * np.exp(0.7j)  # the fourth has no bounds
    np.testing.assert_allclose(amplitude.ravel(), expected, rtol=1e-6)
    assert amplitude.dtype == np.complex64
    assert amplitude[0, 0, 3] == calculated[3]


def test_bounds_are_square_roots_of_counts_and_of_masked_voxels_alone() -> None:
    lower = np.array([4, 9, 0, 0, 1], float).reshape(1, 1, 5)
    upper = np.array([16, 9, np.inf, 25, np.inf], float).reshape(1, 1, 5)
    masked = np.array([1, 0, 1, 1, 1], bool).reshape(1, 1, 5)
    bounds = bounds_of(lower, upper, masked)
    np.testing.assert_array_equal(bounds.index, [0, 3, 4])
    np.testing.assert_array_equal(bounds.least, [2, 0, 1])
    np.testing.assert_array_equal(bounds.most, [4, 5, np.inf])


@pytest.mark.parametrize("pair", [(2, 1), (-1, 1), (np.nan, 1), (0, np.nan), (np.inf, np.inf)])
def test_what_is_no_interval_is_one_line(pair: tuple[float, float]) -> None:
    lower, upper = np.zeros((1, 2, 2)), np.ones((1, 2, 2))
    lower[0, 1, 1], upper[0, 1, 1] = pair
    with pytest.raises(InputError, match="bounds of 1 voxels are no interval") as caught:
        bounds_of(lower, upper, np.ones((1, 2, 2), bool))
    assert "\n" not in str(caught.value)
    bounds_of(lower, upper, lower == -5)  # where it is measured nobody asks


def test_shapes_must_match() -> None:
    with pytest.raises(InputError, match=r"upper bounds have shape \(1, 2, 3\), expected"):
        bounds_of(np.zeros((1, 2, 2)), np.ones((1, 2, 3)), np.ones((1, 2, 2), bool))


def test_a_prior_draws_logarithms_a_part_of_the_way_and_keeps_phases() -> None:
    found, estimated = np.float32([0, 3, 100, 7, 7]), np.float32([5, 3, 1e4, 2, 9])
    sigma = np.float32([0.2, 0.1, 0.2, 0])
    weight = [0.5, 0.8, 0.5, 1]
    turn = np.exp(0.7j)
    amplitude = (np.sqrt(found) * turn).astype(np.complex64).reshape(1, 1, 5)
    before = amplitude.copy()
    prior = Prior(np.arange(4), np.log1p(estimated[:4]), sigma, half_way=0.2)
    np.testing.assert_allclose(prior.weight, weight, rtol=1e-6)
    prior.applied(amplitude)
    wanted = np.log1p(found[:4]) * (1 - prior.weight) + np.log1p(estimated[:4]) * prior.weight
    after = amplitude.ravel()[:4]
    # A calculated zero has no phase, and stays.
    np.testing.assert_allclose(np.log1p(np.abs(after[1:]) ** 2), wanted[1:], rtol=1e-5)
    np.testing.assert_allclose(after[1:] / np.abs(after[1:]), turn, rtol=1e-5)
    assert after[0] == 0
    assert amplitude[0, 0, 4] == before[0, 0, 4]
    assert amplitude.dtype == np.complex64


def test_a_prior_is_of_masked_voxels_that_are_not_free() -> None:
    counts = np.array([4, 9, np.nan, 25], float).reshape(1, 1, 4)
    sigma = np.array([0.1, 0.2, np.inf, 0], float).reshape(1, 1, 4)
    prior = prior_of(counts, sigma, np.array([1, 0, 1, 1], bool).reshape(1, 1, 4))
    np.testing.assert_array_equal(prior.index, [0, 3])
    np.testing.assert_allclose(prior.log_counts, np.log([5, 26]), rtol=1e-6)
    np.testing.assert_allclose(prior.sigma, [0.1, 0])


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ((-1, 0.5), "estimates of 1 voxels are wrong, the first is -1"),
        ((np.nan, 0.5), "estimates of 1 voxels are wrong"),
        ((np.inf, 0.5), "estimates of 1 voxels are wrong"),
        ((1, -0.5), "standard deviations of 1 voxels are wrong, the first is -0.5"),
        ((1, np.nan), "standard deviations of 1 voxels are wrong"),
    ],
)
def test_what_is_no_prior_is_one_line(pair: tuple[float, float], message: str) -> None:
    counts, sigma = np.ones((1, 2, 2)), np.full((1, 2, 2), 0.5)
    counts[0, 1, 1], sigma[0, 1, 1] = pair
    with pytest.raises(InputError, match=message) as caught:
        prior_of(counts, sigma, np.ones((1, 2, 2), bool))
    assert "\n" not in str(caught.value)
    prior_of(counts, sigma, np.zeros((1, 2, 2), bool))  # where it is measured nobody asks


@pytest.mark.parametrize("name", ["estimates", "standard deviations"])
def test_a_priors_shapes_must_match(name: str) -> None:
    arrays = {"estimates": np.ones((1, 2, 2)), "standard deviations": np.ones((1, 2, 2))}
    arrays[name] = np.ones((1, 2, 3))
    with pytest.raises(InputError, match=rf"prior's {name} have shape \(1, 2, 3\)"):
        prior_of(*arrays.values(), np.ones((1, 2, 2), bool))


# --- in PyNX's cycles -----------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bounds_that_meet_in_the_measurement_are_pynx_with_it(
    started: Any, shifted: np.ndarray, gap: np.ndarray, algorithm: str
) -> None:
    own = getattr(engines.import_pynx("cdi"), algorithm)()
    measured = cycled(own, started(np.zeros_like(gap)))
    held = cycled(bounded(algorithm, bounds_of(shifted, shifted, gap)), started(gap))
    scale = np.abs(measured).max()
    np.testing.assert_allclose(held, measured, rtol=0, atol=1e-5 * scale)
    masked = cycled(own, started(gap))
    assert np.abs(masked - measured).max() > 0.05 * scale  # which the mask would not give


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("most", [np.inf, 1e30])
def test_bounds_that_allow_all_are_pynx_with_a_mask(
    started: Any, gap: np.ndarray, algorithm: str, most: float
) -> None:
    nothing, everything = np.zeros(gap.shape), np.full(gap.shape, most)
    masked = cycled(getattr(engines.import_pynx("cdi"), algorithm)(), started(gap))
    held = cycled(bounded(algorithm, bounds_of(nothing, everything, gap)), started(gap))
    np.testing.assert_allclose(held, masked, rtol=0, atol=1e-5 * np.abs(masked).max())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_prior_that_is_the_measurement_and_sure_is_pynx_with_it(
    started: Any, shifted: np.ndarray, gap: np.ndarray, algorithm: str
) -> None:
    measured = cycled(getattr(engines.import_pynx("cdi"), algorithm)(), started(np.zeros_like(gap)))
    prior = prior_of(shifted, np.zeros(gap.shape), gap)
    drawn = cycled(bounded(algorithm, prior), started(gap))
    np.testing.assert_allclose(drawn, measured, rtol=0, atol=1e-4 * np.abs(measured).max())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_prior_that_knows_nothing_is_pynx_with_a_mask(
    started: Any, gap: np.ndarray, algorithm: str
) -> None:
    masked = cycled(getattr(engines.import_pynx("cdi"), algorithm)(), started(gap))
    nothing = prior_of(np.ones(gap.shape), np.full(gap.shape, 1e9), gap)
    drawn = cycled(bounded(algorithm, nothing), started(gap))
    np.testing.assert_allclose(drawn, masked, rtol=0, atol=1e-5 * np.abs(masked).max())


def test_one_projection_puts_the_intensity_between_the_bounds(
    started: Any, shifted: np.ndarray, gap: np.ndarray
) -> None:
    cdi = started(gap)
    cdi.set_support(np.ones_like(gap))  # so that the projection on the support changes nothing
    before = np.abs(scipy.fft.fftn(cdi.get_obj(), norm="ortho")) ** 2
    lower, upper = 0.5 * shifted + 1, 2 * shifted + 2
    cdi = bounded("ER", bounds_of(lower, upper, gap)) * cdi
    after = np.abs(scipy.fft.fftn(cdi.get_obj(), norm="ortho")) ** 2
    wanted = np.clip(before, lower, upper)[gap]
    assert (wanted != before[gap]).mean() > 0.5
    np.testing.assert_allclose(after[gap], wanted, rtol=1e-3, atol=1e-1)
    free = cdi.get_free_pixel_mask()
    assert free.any()
    np.testing.assert_allclose(after[free], before[free], rtol=1e-3, atol=1e-1)
    seen = ~gap & ~free
    np.testing.assert_allclose(after[seen], shifted[seen], rtol=1e-3, atol=1e-1)


def test_cycles_are_counted_and_named_as_pynx_does(started: Any, gap: np.ndarray) -> None:
    operator = bounded("RAAR", bounds_of(np.zeros(gap.shape), np.ones(gap.shape), gap)) ** 3
    assert str(operator) == "BoundedRAAR()**3"
    cdi = operator**2 * started(gap)
    assert cdi.cycle == 6
    assert cdi.in_object_space()
    assert cdi.get_obj().dtype == np.complex64


class _OnTheCard:
    """An array as PyNX keeps it on a GPU: `get` copies it to the host."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def get(self) -> np.ndarray:
        return self.values.copy()


def test_what_is_newer_on_a_gpu_is_taken_from_there_and_sent_back(
    started: Any, gap: np.ndarray
) -> None:
    cdi = started(gap)
    on_card = np.full(gap.shape, 10 + 0j, np.complex64)
    cdi._cu_obj, cdi._cu_support = _OnTheCard(on_card), _OnTheCard(np.ones(gap.shape, np.int8))
    cdi._is_in_object_space = False
    cdi._cu_timestamp_counter = cdi._timestamp_counter + 5
    bounds = bounds_of(np.zeros(gap.shape), np.full(gap.shape, 4.0), gap)
    cdi = bound_amplitude(bounds) * cdi
    assert cdi._timestamp_counter > cdi._cu_timestamp_counter  # PyNX sends it before its next cycle
    np.testing.assert_allclose(np.abs(cdi._obj[gap]), 2)
    np.testing.assert_array_equal(cdi._obj[~gap], on_card[~gap])
    assert not cdi.in_object_space()


def test_another_algorithm_is_refused(pynx: str) -> None:
    nothing = Bounds(np.zeros(0, int), np.zeros(0), np.zeros(0))
    with pytest.raises(InputError, match="algorithm is 'CF', expected one of HIO, RAAR, ER"):
        bounded("CF", nothing)


def test_without_pynx_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from bcdi_inpaint.phasing import constraints as bounds

    monkeypatch.setattr(engines, "_pynx_folder", lambda: None)
    bounds._operators.cache_clear()
    with pytest.raises(MissingEngineError, match="make setup"):
        bounded("ER", Bounds(np.zeros(0, int), np.zeros(0), np.zeros(0)))
