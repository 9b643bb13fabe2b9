"""Crystals with a constant background, whose objects are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.ndimage import binary_dilation

from bcdi_inpaint.arrays import BoolArray, Complex64Array, Float32Array, Float64Array
from benchmarks.other_crystals import draw_body, smooth_field

SIZE = 48
GAP = slice(30, 42)
"""Lines of the gap, the peak is in line 24."""


@dataclass(frozen=True)
class Known:
    """A crystal and its scan; arrays (SIZE, SIZE, SIZE)."""

    obj: Complex64Array
    expectation: Float32Array
    counts: Float32Array
    background: float
    is_found: bool = False
    """Whether its support is to be found."""

    @property
    def support(self) -> BoolArray | None:
        """Where the crystal is, and a voxel more; None where that is to be found."""
        if self.is_found:
            return None
        modulus = np.abs(self.obj)
        return np.asarray(binary_dilation(modulus > 0.1 * modulus.max()))


def draw(seed: int, background: float) -> Known:
    """A crystal whose photons and background are drawn from a seed."""
    rng = np.random.default_rng([seed, 5])
    obj, intensity = draw_diffracted(rng)
    flux = np.exp(rng.uniform(np.log(3e4), np.log(1e6)))
    expectation = (intensity * (flux / intensity.max()) + background).astype(np.float32)
    return Known(obj, expectation, rng.poisson(expectation).astype(np.float32), background)


def draw_diffracted(
    rng: np.random.Generator, size: int = SIZE
) -> tuple[Complex64Array, Float64Array]:
    """A crystal, and what it diffracts in a coherent beam; (size, size, size) each, centred."""
    ratio = rng.uniform(3.0, 4.5) * np.exp(rng.normal(0, 0.15, 3))
    body = draw_body(rng, size, ratio)
    inside = body > 0.5
    phase = smooth_field(inside, 0.5 * size / ratio, rng)
    phase *= rng.uniform(0.5, 2.5) / np.ptp(phase[inside])
    modulus = 1 + 0.08 * smooth_field(inside, 0.24 * size / ratio, rng)
    wave = scipy.fft.fftn(scipy.fft.ifftshift(body * modulus * np.exp(1j * phase)))
    quarter = size // 2
    middle = scipy.fft.fftshift(wave)[(slice(quarter, quarter + size),) * 3]
    obj = scipy.fft.fftshift(scipy.fft.ifftn(scipy.fft.ifftshift(middle))).astype(np.complex64)
    return obj, np.abs(middle) ** 2
