"""Bounds and priors: what they are made of, their formulas, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.constraints import (
    AmplitudeInterval,
    AmplitudePrior,
    IntervalConstraint,
    PriorConstraint,
    clip_modulus,
    pull_modulus,
    pull_weight,
    scale_modulus,
)
from bcdi_inpaint.phasing.pynx_operators import constrain


def interval(lower: np.ndarray, upper: np.ndarray, masked: np.ndarray) -> AmplitudeInterval:
    """Of arrays that have the centre at index 0."""
    known = IntervalConstraint(np.fft.fftshift(lower), np.fft.fftshift(upper))
    return known.on_amplitudes(np.fft.fftshift(masked))


def estimates(counts: np.ndarray, sigma: np.ndarray, masked: np.ndarray) -> AmplitudePrior:
    """Of arrays that have the centre at index 0."""
    known = PriorConstraint(np.fft.fftshift(counts), np.fft.fftshift(sigma))
    return known.on_amplitudes(np.fft.fftshift(masked))


@pytest.mark.parametrize("half_way", [0.3, 0.1])
def test_formulas_are_the_same_for_numpy_and_torch(
    rng: np.random.Generator, half_way: float
) -> None:
    modulus, least, most, log_counts, sigma = rng.uniform(0.1, 5, (5, 40)).astype(np.float32)
    tensors = [torch.from_numpy(a) for a in (modulus, least, least + most, log_counts, sigma)]
    clipped = clip_modulus(modulus, least, least + most)
    pulled = pull_modulus(modulus, log_counts, sigma, half_way)
    turned = (modulus * np.exp(0.7j)).astype(np.complex64)
    scaled = scale_modulus(turned, modulus, pulled)
    there = torch.from_numpy(turned), tensors[0], torch.from_numpy(pulled)
    for ours, theirs in (
        (clipped, clip_modulus(*tensors[:3])),
        (pulled, pull_modulus(tensors[0], tensors[3], tensors[4], half_way)),
        (scaled, scale_modulus(*there)),
    ):
        assert isinstance(theirs, torch.Tensor)
        assert ours.dtype == theirs.numpy().dtype
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5)
        assert not np.allclose(ours, modulus)


def test_amplitudes_move_to_the_nearer_bound_and_keep_their_phases() -> None:
    calculated = np.array([0.5, 2, 9, 9, 0], np.complex64) * np.exp(0.7j).astype(np.complex64)
    amplitude = calculated.reshape(1, 1, 5).copy()
    least, most = np.float32([1, 1, 1, 1]), np.float32([4, 4, 4, np.inf])
    constrain(amplitude, AmplitudeInterval(np.array([0, 1, 2, 4]), least, most), 0.1)
    expected = np.array([1, 2, 4, 9, 0]) * np.exp(0.7j)  # the fourth has no bounds
    np.testing.assert_allclose(amplitude.ravel(), expected, rtol=1e-6)
    assert amplitude.dtype == np.complex64
    assert amplitude[0, 0, 3] == calculated[3]


def test_bounds_are_square_roots_of_counts_and_of_masked_voxels_alone() -> None:
    lower = np.array([4, 9, 0, 0, 1], float).reshape(1, 1, 5)
    upper = np.array([16, 9, np.inf, 25, np.inf], float).reshape(1, 1, 5)
    masked = np.array([1, 0, 1, 1, 1], bool).reshape(1, 1, 5)
    bounds = interval(lower, upper, masked)
    np.testing.assert_array_equal(bounds.index, [0, 3, 4])
    np.testing.assert_array_equal(bounds.least, [2, 0, 1])
    np.testing.assert_array_equal(bounds.most, [4, 5, np.inf])


@pytest.mark.parametrize("pair", [(2, 1), (-1, 1), (np.nan, 1), (0, np.nan), (np.inf, np.inf)])
def test_what_is_no_interval_is_one_line(pair: tuple[float, float]) -> None:
    lower, upper = np.zeros((1, 2, 2)), np.ones((1, 2, 2))
    lower[0, 1, 1], upper[0, 1, 1] = pair
    with pytest.raises(InputError, match="bounds of 1 voxels are no interval") as caught:
        interval(lower, upper, np.ones((1, 2, 2), bool))
    assert "\n" not in str(caught.value)
    interval(lower, upper, lower == -5)  # where it is measured nobody asks


def test_shapes_must_match() -> None:
    with pytest.raises(InputError, match=r"bounds have shapes \(1, 2, 2\) and \(1, 2, 3\), exp"):
        interval(np.zeros((1, 2, 2)), np.ones((1, 2, 3)), np.ones((1, 2, 2), bool))


def test_a_prior_draws_logarithms_a_part_of_the_way_and_keeps_phases() -> None:
    found, estimated = np.float32([0, 3, 100, 7, 7]), np.float32([5, 3, 1e4, 2, 9])
    sigma = np.float32([0.2, 0.1, 0.2, 0])
    weight = [0.5, 0.8, 0.5, 1]
    turn = np.exp(0.7j)
    amplitude = (np.sqrt(found) * turn).astype(np.complex64).reshape(1, 1, 5)
    before = amplitude.copy()
    np.testing.assert_allclose(pull_weight(sigma, 0.2), weight, rtol=1e-6)
    constrain(amplitude, AmplitudePrior(np.arange(4), np.log1p(estimated[:4]), sigma), 0.2)
    weights = np.float32(weight)
    wanted = np.log1p(found[:4]) * (1 - weights) + np.log1p(estimated[:4]) * weights
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
    prior = estimates(counts, sigma, np.array([1, 0, 1, 1], bool).reshape(1, 1, 4))
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
        estimates(counts, sigma, np.ones((1, 2, 2), bool))
    assert "\n" not in str(caught.value)
    estimates(counts, sigma, np.zeros((1, 2, 2), bool))  # where it is measured nobody asks


@pytest.mark.parametrize("name", ["estimates", "standard deviations"])
def test_a_priors_shapes_must_match(name: str) -> None:
    arrays = {"estimates": np.ones((1, 2, 2)), "standard deviations": np.ones((1, 2, 2))}
    arrays[name] = np.ones((1, 2, 3))
    with pytest.raises(InputError, match=r"prior's arrays have shapes .*\(1, 2, 3\)"):
        estimates(*arrays.values(), np.ones((1, 2, 2), bool))


def test_without_a_background_they_are_of_what_is_diffracted() -> None:
    counts, sigma = np.float32([9.0, 1.0, 0.2]), np.float32([0.1, 0.2, np.inf])
    prior = PriorConstraint(counts, sigma).without(0.5)
    np.testing.assert_allclose(prior.counts, [8.5, 0.5, 0])
    in_counts = prior.sigma * (1 + prior.counts)
    np.testing.assert_allclose(in_counts, sigma * (1 + counts), rtol=1e-6)
    bounds = IntervalConstraint(np.float32([3, 0]), np.float32([np.inf, 0.2])).without(0.5)
    np.testing.assert_allclose(bounds.lower, [2.5, 0])
    np.testing.assert_allclose(bounds.upper, [np.inf, 0])
