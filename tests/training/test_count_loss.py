"""The likelihood of counts, against distributions of scipy, and what it teaches."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.training.count_loss import LEAST_LOG, count_loss, expected_counts


def as_units(values: object) -> torch.Tensor:
    """(1, 1, n) in network units, of logarithms."""
    return torch.as_tensor(np.atleast_1d(values), dtype=torch.float32)[None, None] / LOG_UNIT


def everywhere(like: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(like, dtype=torch.bool)


@pytest.mark.parametrize("mean", [0.3, 4.0, 250.0, 2e6])
@pytest.mark.parametrize("deviation", [0.05, 0.5])
def test_it_is_a_negative_binomial_distribution(mean: float, deviation: float) -> None:
    counts = np.unique(np.round(mean * np.array([0.0, 0.5, 1.0, 1.7])))
    relative = deviation * (1 + mean) / mean
    shape = 1 / relative**2
    expected = -stats.nbinom.logpmf(counts, shape, shape / (shape + mean)).mean()
    truth = as_units(np.log1p(counts))
    prediction = torch.full_like(truth, math.log1p(mean) / LOG_UNIT)
    scale = torch.full_like(truth, deviation / math.sqrt(2) / LOG_UNIT)
    found = float(count_loss(prediction, scale, truth, everywhere(truth)))
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_of_a_sure_expectation_it_is_poisson() -> None:
    counts = np.array([0.0, 3.0, 12.0])
    truth = as_units(np.log1p(counts))
    prediction = torch.full_like(truth, math.log1p(5) / LOG_UNIT)
    found = count_loss(prediction, torch.full_like(truth, 1e-6), truth, everywhere(truth))
    assert float(found) == pytest.approx(-stats.poisson.logpmf(counts, 5).mean(), rel=1e-4)


def test_it_teaches_the_mean_and_not_the_mean_logarithm(rng: np.random.Generator) -> None:
    """Counts of 0.8 photons: the mean of log(1 + counts) is too low by a fifth."""
    truth = as_units(np.log1p(rng.poisson(0.8, 5_000)))
    prediction = torch.zeros(1, requires_grad=True)
    scale = torch.full_like(truth, 0.02 / LOG_UNIT)
    optimizer = torch.optim.Adam([prediction], 0.01)
    for _ in range(200):
        optimizer.zero_grad()
        count_loss(prediction.expand_as(truth), scale, truth, everywhere(truth)).backward()
        optimizer.step()
    learned = math.expm1(float(prediction.detach()) * LOG_UNIT)
    assert learned == pytest.approx(0.8, rel=0.03)
    assert math.expm1(float(truth.mean()) * LOG_UNIT) < 0.7


def test_it_teaches_the_scale_of_the_expectation_without_the_photon_noise(
    rng: np.random.Generator,
) -> None:
    """Rates spread by 0.3 about 50 photons, whose own noise adds 0.14."""
    rates = 50 * rng.gamma(1 / 0.3**2, 0.3**2, 5_000)
    truth = as_units(np.log1p(rng.poisson(rates)))
    prediction = torch.full_like(truth, math.log1p(50) / LOG_UNIT)
    log_scale = torch.tensor([math.log(0.05)], requires_grad=True)
    optimizer = torch.optim.Adam([log_scale], 0.05)
    for _ in range(150):
        optimizer.zero_grad()
        scale = log_scale.exp().expand_as(truth)
        count_loss(prediction, scale, truth, everywhere(truth)).backward()
        optimizer.step()
    deviation = math.sqrt(2) * math.exp(float(log_scale.detach())) * LOG_UNIT
    assert deviation == pytest.approx(0.3 * 50 / 51, rel=0.05)


def test_only_the_gap_counts() -> None:
    truth = as_units([1.0, 2.0, 3.0])
    prediction = as_units([1.1, 2.0, 9.0]).requires_grad_()
    scale = torch.full_like(truth, 0.02)
    gap = torch.tensor([[[True, True, False]]])
    count_loss(prediction, scale, truth, gap).backward()
    assert prediction.grad is not None
    assert (prediction.grad != 0).tolist() == [[[True, True, False]]]


def test_an_empty_gap_costs_nothing_and_can_be_learned_from() -> None:
    prediction = as_units([1.0]).requires_grad_()
    loss = count_loss(prediction, prediction, prediction.detach(), ~everywhere(prediction))
    loss.backward()
    assert float(loss.detach()) == 0
    assert prediction.grad is not None
    assert float(prediction.grad.abs().max()) == 0


def test_expected_counts_stay_above_zero_and_rise() -> None:
    logs = torch.linspace(-1, 12, 2001, dtype=torch.float64)
    counts = expected_counts(logs)
    assert (counts > 0).all()
    assert (counts.diff() > 0).all()
    above = logs > LEAST_LOG
    torch.testing.assert_close(torch.log1p(counts[above]), logs[above])
