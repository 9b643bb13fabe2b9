"""Random smooth fields: strain that no shape explains."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import Float64Array

STRAIN_WAVES = 8
"""Plane waves that a slow phase is the sum of: enough to look random, few enough to stay slow."""


def correlated_field(
    shape: tuple[int, ...], correlation_length: Float64Array | float, rng: np.random.Generator
) -> Float64Array:
    """Draw a Gaussian random field with values in 0..1 whose correlation decays like a Gaussian.

    White noise is filtered in Fourier space, so that the field is periodic.

    Parameters
    ----------
    shape : of the field, any number of axes.
    correlation_length : standard deviation of that Gaussian in voxels, one for all axes or one for
        each.
    rng : source of the noise.

    Returns
    -------
    (*shape,) float64.

    Examples
    --------
    >>> field = correlated_field((16, 16), 3.0, np.random.default_rng(0))
    >>> field.shape, float(field.min()), float(field.max())
    ((16, 16), 0.0, 1.0)
    """
    lengths = np.broadcast_to(correlation_length, (len(shape),))
    spectrum = np.fft.rfftn(rng.standard_normal(shape))
    for axis, (n, length) in enumerate(zip(shape, lengths, strict=True)):
        last = axis == len(shape) - 1
        frequency = np.fft.rfftfreq(n) if last else np.fft.fftfreq(n)
        decay = np.exp(-((np.pi * length * frequency) ** 2))
        spectrum *= decay.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    spectrum.flat[0] = 0  # beside the mean, a very long correlation would drown in rounding
    field = np.fft.irfftn(spectrum, s=shape, axes=range(len(shape)))
    low, high = field.min(), field.max()
    return (field - low) / (high - low)


def smooth_phase(
    points: Float64Array, range_rad: float, rng: np.random.Generator, n_waves: int = STRAIN_WAVES
) -> Float64Array:
    """Draw a random smooth phase at scattered points.

    It is a sum of plane waves with at most about one period across the body: what slow strain (mean
    bending, composition) adds to a relaxed particle.

    Parameters
    ----------
    points : (n, 3), in a unit in which the body's size is of order 1.
    range_rad : between the lowest and the highest phase, in radians.
    rng : source of the waves.
    n_waves : how many there are.

    Returns
    -------
    (n,) float64, radians.
    """
    vectors = rng.normal(0, 1, (n_waves, 3))
    phases = rng.uniform(0, 2 * np.pi, n_waves)
    amplitudes = rng.normal(0, 1, n_waves) / (1 + np.linalg.norm(vectors, axis=1))
    waves = np.cos(np.pi * points @ vectors.T + phases) @ amplitudes
    return range_rad * (waves - waves.mean()) / max(np.ptp(waves), 1e-12)
