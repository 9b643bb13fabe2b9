"""How likely counts are, given what was expected of them and how sure that was.

Measured counts are noisy: a network that is trained towards their logarithm learns too low an
expectation (the logarithm of a mean is more than the mean of logarithms) and takes the photon noise
for its own error. Here the expectation is uncertain, and the counts are Poisson about it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bcdi_inpaint.network.units import logs_from_network

LEAST_LOG = 0.05
"""log(1 + expected counts) below which the counts fall exponentially, to stay above zero."""
LARGEST_LOG = 40.0
"""Largest log(1 + expected counts), so that counts are finite."""
SHAPES = (1e-2, 1e8)
"""Least and largest shape of the gamma distribution; at the largest the counts are Poisson's."""


def expected_counts(log_expectation: Tensor) -> Tensor:
    """Counts from log(1 + counts), of any shape; always above zero, and rising.

    Examples
    --------
    >>> expected_counts(torch.tensor([-0.05, 0.0, 1.0])).numpy().round(4)
    array([0.0069, 0.0189, 1.7183], dtype=float32)
    """
    above = log_expectation.clamp(LEAST_LOG, LARGEST_LOG)
    below = log_expectation.clamp(max=LEAST_LOG)
    return torch.expm1(above) * torch.exp((below - LEAST_LOG) / LEAST_LOG)


def count_loss(prediction: Tensor, scale: Tensor, truth: Tensor, gap: Tensor) -> Tensor:
    """Mean negative log-likelihood of the counts in the gap; 0 where it is empty.

    The expected counts follow a gamma distribution with the mean and the standard deviation that
    the network gives, and the counts are Poisson about them: together a negative binomial
    distribution. So bright voxels, whose counts no fill knows to their photon noise, do not
    outweigh all others, and the scale remains the error of the expectation without photon noise.

    Parameters
    ----------
    prediction, scale : (batch, 1, *spatial) in network units: log(1 + expected counts), and the
        scale of its Laplace distribution.
    truth : the same shape, log(1 + measured counts) in network units.
    gap : the same shape, bool, True where the loss is taken.

    Returns
    -------
    A number, float32.

    Examples
    --------
    >>> from bcdi_inpaint.network.units import logs_to_network
    >>> counts = torch.tensor([3.0, 5.0]).reshape(1, 1, 2)
    >>> truth = logs_to_network(torch.log1p(counts))
    >>> scale, gap = torch.full_like(truth, 0.01), torch.ones_like(truth, dtype=torch.bool)
    >>> right, wrong = (count_loss(truth + off, scale, truth, gap) for off in (0.0, 0.1))
    >>> bool(right < wrong)
    True
    """
    # In double precision: of bright voxels, small differences of large numbers are taken.
    log_expectation, deviation, log_counts = (
        logs_from_network(values[gap].double()) for values in (prediction, scale, truth)
    )  # (n_voxels,)
    if log_counts.numel() == 0:
        return 0 * prediction.sum()
    counts = torch.expm1(log_counts)
    mean = expected_counts(log_expectation)
    # The deviation of log(1 + mean), as a part of the mean.
    relative = math.sqrt(2) * deviation * (1 + mean) / mean
    shape = (1 / relative**2).clamp(*SHAPES)
    log_likelihood = (
        torch.lgamma(counts + shape)
        - torch.lgamma(shape)
        - torch.lgamma(counts + 1)
        - shape * torch.log1p(mean / shape)
        + counts * (torch.log(mean) - torch.log(mean + shape))
    )
    return -log_likelihood.mean().float()
