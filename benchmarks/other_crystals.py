"""Crystals of another simulator than the one that the network was trained on.

Faceted convex bodies, cut by planes of random directions, with a smooth random phase and a modulus
that varies inside; their pattern is one Fourier transform of the body in voxels half as large as
the pattern resolves.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.evaluation.fills.subjects import Subject

STRAIN_RAD = (0.0, 5.0)
"""Range of the phase from its lowest to its highest inside."""
MODULUS = (0.0, 0.35)
"""Relative standard deviation of the modulus inside."""
FLUX = (1e4, 1e8)
"""Expected photons of the brightest voxel."""
OVERSAMPLING = (2.5, 7.0)
BLUR = (0.3, 0.8)
"""Of a partly coherent beam, standard deviation in voxels."""
BACKGROUND = (1e-3, 1e-1)
"""Photons a voxel that come with it."""


def draw_other(seed: int, n: int = 64, *, is_coherent: bool = True) -> Subject:
    """A crystal's expectation and counts, (n, n, n), drawn from a seed."""
    rng = np.random.default_rng([seed, 77])
    ratio = _log_uniform(OVERSAMPLING, rng) * np.exp(rng.normal(0, 0.2, 3))
    body = draw_body(rng, n, np.clip(ratio, 2.2, 9))
    inside = body > 0.5
    strain, spread = rng.uniform(*STRAIN_RAD), rng.uniform(*MODULUS)
    phase = smooth_field(inside, 2 * n / ratio * 0.25, rng)
    phase *= strain / np.ptp(phase[inside])
    modulus = np.clip(1 + spread * smooth_field(inside, 2 * n / ratio * 0.12, rng), 0.1, None)
    expectation = _intensity(body * modulus * np.exp(1j * phase))
    flux, background = _log_uniform(FLUX, rng), 0.0
    if not is_coherent:
        expectation = gaussian_filter(expectation, rng.uniform(*BLUR, 3))
        background = _log_uniform(BACKGROUND, rng)
    expectation = (expectation * (flux / expectation.max()) + background).astype(np.float32)
    counts = rng.poisson(expectation).astype(np.float32)
    group = "coherent" if is_coherent else "partly coherent"
    bad = np.zeros(counts.shape, dtype=bool)
    return Subject(group, seed, f"{group} {seed}", counts, bad, expectation)


def _log_uniform(limits: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def draw_body(rng: np.random.Generator, n: int, ratio: Float64Array) -> Float32Array:
    """A convex body with soft facets.

    Parameters
    ----------
    rng : source of the facets.
    n : the pattern's voxels a side; the body's are twice as many.
    ratio : (3,) of n to the size of the body.
    """
    half = n / ratio
    axes = [((np.arange(2 * n) - n) / h).astype(np.float32) for h in half]
    places = np.stack(np.meshgrid(*axes, indexing="ij"))
    body = (np.abs(places) <= 1).all(axis=0).astype(np.float32)
    normals = rng.normal(size=(int(rng.integers(8, 20)), 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    for normal in normals.astype(np.float32):
        depth = rng.uniform(0.65, 0.95) - np.tensordot(normal, places, 1)
        body *= np.clip(depth * np.float32(half.min()) + 0.5, 0, 1)
    return body


def smooth_field(inside: BoolArray, width: Float64Array, rng: np.random.Generator) -> Float64Array:
    """A smooth random field with mean 0 and standard deviation 1 inside.

    Parameters
    ----------
    inside : where the body is, bool.
    width : (3,) correlation lengths in voxels.
    rng : source of the field.
    """
    drawn = gaussian_filter(rng.normal(size=inside.shape), width)
    return np.asarray((drawn - drawn[inside].mean()) / drawn[inside].std())


def _intensity(crystal: np.ndarray) -> Float64Array:
    """The middle half, along each axis, of the squared transform."""
    wave = scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(crystal)))
    quarter = crystal.shape[0] // 4
    middle = (slice(quarter, 3 * quarter),) * 3
    return np.asarray(np.abs(wave[middle]) ** 2)
