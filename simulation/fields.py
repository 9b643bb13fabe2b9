"""Random smooth fields: strain that no shape explains."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import Float64Array


def correlated_field(
    shape: tuple[int, ...], correlation_length: Float64Array | float, rng: np.random.Generator
) -> Float64Array:
    """A Gaussian random field with values in 0..1 whose correlation decays like a Gaussian.

    `correlation_length` is the standard deviation of that Gaussian in voxels, one for all axes or
    one for each. Made by filtering white noise in Fourier space, so it is periodic.
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
    points: Float64Array, range_rad: float, n_waves: int, rng: np.random.Generator
) -> Float64Array:
    """A random smooth phase at scattered points, spanning `range_rad`.

    `points` is (n, 3), the body's size of order 1. A sum of plane waves with at most about one
    period across the body: what slow strain (mean bending, composition) adds to a relaxed particle.
    """
    vectors = rng.normal(0, 1, (n_waves, 3))
    phases = rng.uniform(0, 2 * np.pi, n_waves)
    amplitudes = rng.normal(0, 1, n_waves) / (1 + np.linalg.norm(vectors, axis=1))
    waves = np.cos(np.pi * points @ vectors.T + phases) @ amplitudes
    return range_rad * (waves - waves.mean()) / max(np.ptp(waves), 1e-12)
