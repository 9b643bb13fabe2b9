"""PyNX's cycles with bounds and priors, and their limits, which are PyNX's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.fft
from scipy.ndimage import binary_dilation

from bcdi_inpaint import pynx_engine as engines
from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.phasing import pynx_operators
from bcdi_inpaint.phasing.constraints import (
    AmplitudeInterval,
    AmplitudePrior,
    IntervalConstraint,
    PriorConstraint,
)
from bcdi_inpaint.phasing.pynx_operators import constrain_amplitude, constrained_cycle

ALGORITHMS = ("HIO", "RAAR", "ER")
NOTHING = AmplitudeInterval(np.zeros(0, int), np.zeros(0), np.zeros(0))


def interval(lower: np.ndarray, upper: np.ndarray, masked: np.ndarray) -> AmplitudeInterval:
    """Of arrays that have the centre at index 0."""
    known = IntervalConstraint(np.fft.fftshift(lower), np.fft.fftshift(upper))
    return known.on_amplitudes(np.fft.fftshift(masked))


def estimates(counts: np.ndarray, sigma: np.ndarray, masked: np.ndarray) -> AmplitudePrior:
    """Of arrays that have the centre at index 0."""
    known = PriorConstraint(np.fft.fftshift(counts), np.fft.fftshift(sigma))
    return known.on_amplitudes(np.fft.fftshift(masked))


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


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_bounds_that_meet_in_the_measurement_are_pynx_with_it(
    started: Any, shifted: np.ndarray, gap: np.ndarray, algorithm: str
) -> None:
    own = getattr(engines.import_pynx("cdi"), algorithm)()
    measured = cycled(own, started(np.zeros_like(gap)))
    held = cycled(constrained_cycle(algorithm, interval(shifted, shifted, gap)), started(gap))
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
    held = cycled(constrained_cycle(algorithm, interval(nothing, everything, gap)), started(gap))
    np.testing.assert_allclose(held, masked, rtol=0, atol=1e-5 * np.abs(masked).max())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_prior_that_is_the_measurement_and_sure_is_pynx_with_it(
    started: Any, shifted: np.ndarray, gap: np.ndarray, algorithm: str
) -> None:
    measured = cycled(getattr(engines.import_pynx("cdi"), algorithm)(), started(np.zeros_like(gap)))
    prior = estimates(shifted, np.zeros(gap.shape), gap)
    drawn = cycled(constrained_cycle(algorithm, prior), started(gap))
    np.testing.assert_allclose(drawn, measured, rtol=0, atol=1e-4 * np.abs(measured).max())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_prior_that_knows_nothing_is_pynx_with_a_mask(
    started: Any, gap: np.ndarray, algorithm: str
) -> None:
    masked = cycled(getattr(engines.import_pynx("cdi"), algorithm)(), started(gap))
    nothing = estimates(np.ones(gap.shape), np.full(gap.shape, 1e9), gap)
    drawn = cycled(constrained_cycle(algorithm, nothing), started(gap))
    np.testing.assert_allclose(drawn, masked, rtol=0, atol=1e-5 * np.abs(masked).max())


def test_one_projection_puts_the_intensity_between_the_bounds(
    started: Any, shifted: np.ndarray, gap: np.ndarray
) -> None:
    cdi = started(gap)
    cdi.set_support(np.ones_like(gap))  # so that the projection on the support changes nothing
    before = np.abs(scipy.fft.fftn(cdi.get_obj(), norm="ortho")) ** 2
    lower, upper = 0.5 * shifted + 1, 2 * shifted + 2
    cdi = constrained_cycle("ER", interval(lower, upper, gap)) * cdi
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
    known = interval(np.zeros(gap.shape), np.ones(gap.shape), gap)
    operator = constrained_cycle("RAAR", known) ** 3
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
    bounds = interval(np.zeros(gap.shape), np.full(gap.shape, 4.0), gap)
    cdi = constrain_amplitude(bounds) * cdi
    assert cdi._timestamp_counter > cdi._cu_timestamp_counter  # PyNX sends it before its next cycle
    np.testing.assert_allclose(np.abs(cdi._obj[gap]), 2)
    np.testing.assert_array_equal(cdi._obj[~gap], on_card[~gap])
    assert not cdi.in_object_space()


def test_another_algorithm_is_refused(pynx: str) -> None:
    with pytest.raises(InputError, match="algorithm is 'CF', expected one of HIO, RAAR, ER"):
        constrained_cycle("CF", NOTHING)


def test_without_pynx_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_pynx_folder", lambda: None)
    pynx_operators._operator.cache_clear()
    with pytest.raises(MissingEngineError, match="make setup"):
        constrained_cycle("ER", NOTHING)
