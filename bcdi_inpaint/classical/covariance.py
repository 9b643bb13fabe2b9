"""Covariances of a field on a grid: measured, mended, and turned into kriging weights.

A covariance is an array over lags from -lag to +lag on each axis, lag 0 in its middle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy.fft
import scipy.linalg
import torch
from numpy.typing import NDArray

from bcdi_inpaint.arrays import Float32Array, Float64Array


def autocorrelation(values: Float32Array, lags: Sequence[int]) -> Float64Array:
    """Sum the products of all pairs, at lags from -lag to +lag on each axis."""
    shape = [
        scipy.fft.next_fast_len(n + lag, real=True)
        for n, lag in zip(values.shape, lags, strict=True)
    ]
    wrapped = np.ix_(*[np.arange(-lag, lag + 1) % n for lag, n in zip(lags, shape, strict=True)])
    power = np.abs(scipy.fft.rfftn(values, shape)) ** 2
    return scipy.fft.irfftn(power, shape)[wrapped].astype(np.float64)


def fade(covariance: Float64Array, taper: float) -> Float64Array:
    """Fade a covariance at lags from -lag to +lag on each axis, far lags more than near ones.

    By a Gaussian whose standard deviation is the part `taper` of the longest lag.
    """
    faded = covariance.copy()
    for axis, n in enumerate(covariance.shape):
        lag = n // 2
        fading = np.exp(-0.5 * (np.arange(-lag, lag + 1) / (taper * (lag + 1))) ** 2)
        faded *= fading.reshape([-1 if a == axis else 1 for a in range(covariance.ndim)])
    return faded


def mend(covariance: Float64Array) -> Float64Array:
    """Take off a covariance its negative powers, which no field has.

    Measured pair by pair it has some, and weights made with them run away. (Bochner: a function is
    a covariance where its Fourier transform is nowhere negative.)
    """
    shape = [scipy.fft.next_fast_len(2 * n, real=True) for n in covariance.shape]
    lags = [np.arange(n) - n // 2 for n in covariance.shape]
    wrapped = np.ix_(*[lag % n for lag, n in zip(lags, shape, strict=True)])
    padded = np.zeros(shape)
    padded[wrapped] = covariance
    power = scipy.fft.rfftn(padded).real
    return scipy.fft.irfftn(np.clip(power, 0, None), shape)[wrapped]


def kriging_weights(
    covariance: Float64Array,
    beside: NDArray[np.int64],
    inside: NDArray[np.int64],
    lateral: Sequence[int],
    nugget: float,
) -> tuple[Float32Array, Float64Array]:
    """Solve for the weights with which the lines beside a gap predict those inside.

    Parameters
    ----------
    covariance : at lags from -lag to +lag on each axis, the axis across the gap first.
    beside : (n_beside,) numbers of the known lines.
    inside : (n_inside,) numbers of the gap's lines.
    lateral : voxels along each other axis that a voxel is predicted from, odd numbers.
    nugget : part of the variance that is added to the diagonal.

    Returns
    -------
    Weights (n_inside, n_beside, *lateral), and the variance left (n_inside,).
    """
    offsets = [np.arange(n) - n // 2 for n in lateral]
    sources = np.stack(np.meshgrid(beside, *offsets, indexing="ij"), axis=-1)
    sources = sources.reshape(-1, covariance.ndim)  # (n_sources, n_dim)
    targets = np.zeros((len(inside), covariance.ndim), dtype=np.int64)
    targets[:, 0] = inside
    middle = np.array(covariance.shape) // 2
    flat = covariance.reshape(-1)
    steps = np.array([math.prod(covariance.shape[axis + 1 :]) for axis in range(covariance.ndim)])

    def between(a: NDArray[np.int64], b: NDArray[np.int64]) -> Float64Array:
        return flat.take((b @ steps)[None] - (a @ steps - middle @ steps)[:, None])

    matrix, right = between(sources, sources), between(sources, targets)
    variance = covariance[tuple(middle)]
    matrix[np.diag_indices(len(matrix))] += nugget * variance
    # As `solve` with assume_a="pos", in half the time: without an estimate of the condition.
    factor = scipy.linalg.cho_factor(matrix, overwrite_a=True, check_finite=False)
    solved = scipy.linalg.cho_solve(factor, right, check_finite=False)
    left = np.clip(noise_free_variance(covariance) - (solved * right).sum(axis=0), 0, None)
    weights = solved.T.reshape(len(inside), len(beside), *lateral)
    return weights.astype(np.float32), left


def noise_free_variance(covariance: Float64Array) -> float:
    """Variance at lag 0 without the counting noise, which is in that lag alone.

    A parabola through the lags 1 and 2 of each axis, and not more than was measured.
    """
    middle = [n // 2 for n in covariance.shape]
    guesses = []
    for axis, centre in enumerate(middle):
        if covariance.shape[axis] < 5:
            continue
        along = covariance[tuple(slice(None) if a == axis else m for a, m in enumerate(middle))]
        guesses.append((4 * along[centre + 1] - along[centre + 2]) / 3)
    return float(min(np.mean(guesses), covariance[tuple(middle)]))


def slide_weights(weights: Float32Array, residual: Float32Array) -> Float32Array:
    """Slide weights (n_inside, n_beside, *lateral) over residuals (n_beside, *plane)."""
    convolve = {1: torch.conv1d, 2: torch.conv2d}[residual.ndim - 1]
    values = torch.from_numpy(np.ascontiguousarray(residual))[None]
    padding = [n // 2 for n in weights.shape[2:]]
    return convolve(values, torch.from_numpy(weights), padding=padding)[0].numpy()
