"""How far one array is moved against another, to fractions of a voxel."""

from __future__ import annotations

import numpy as np
import scipy.fft

REFINEMENTS = ((0.1, 8), (0.01, 10))
"""Step in voxels, and steps to either side: around the best whole voxel, then around the best of
those. The correlation has no detail finer than a voxel, so the second search misses nothing."""


def shift_between(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """The translation in voxels that takes `moving` onto `fixed`, to 0.01 voxel.

    It is where the arrays' cross correlation is largest, which is summed up from their spectra near
    its maximum alone: Guizar-Sicairos, Thurman and Fienup, Opt. Lett. 33, 156 (2008).

    Parameters
    ----------
    fixed, moving : (n_rock, n_y, n_x) of one shape.

    Returns
    -------
    (3,) float64.

    Examples
    --------
    >>> fixed = np.zeros((8, 8, 8))
    >>> fixed[2:4, 3, 3:6] = 1
    >>> shift_between(fixed, np.roll(fixed, (1, 0, -2), axis=(0, 1, 2))).tolist()
    [-1.0, 0.0, 2.0]
    """
    product = scipy.fft.fftn(fixed) * np.conj(scipy.fft.fftn(moving))
    correlation = scipy.fft.ifftn(product)
    best = np.unravel_index(np.argmax(np.abs(correlation)), fixed.shape)
    shape = np.array(fixed.shape)
    shift = (np.array(best) + shape // 2) % shape - shape // 2.0
    for step, n_steps in REFINEMENTS:
        offsets = step * np.arange(-n_steps, n_steps + 1)
        near = np.abs(_correlation(product, [middle + offsets for middle in shift]))
        shift = shift + offsets[list(np.unravel_index(np.argmax(near), near.shape))]
    return np.asarray(shift)


def _correlation(product: np.ndarray, places: list[np.ndarray]) -> np.ndarray:
    """The Fourier sum of `product` on the grid of some places along each axis, in voxels."""
    for along in places:  # each turn sums over the first axis and puts the result last
        wave = np.exp(2j * np.pi * np.outer(scipy.fft.fftfreq(len(product)), along))
        product = np.tensordot(product, wave, axes=(0, 0))
    return product
