"""The value of one photon from the noise: variance against mean where the pattern is smooth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array


@dataclass(frozen=True)
class NoiseSettings:
    """How the noise is measured.

    Chosen on simulated counts; no committed command.

    Attributes
    ----------
    block : side of the blocks of pixels whose variance is compared with their mean.
    known : share of a block that is needed.
    bins : groups of blocks by their mean.
    fewest : blocks of a group that are needed.
    white : second differences over one and over two pixels have equal variances, up to this
        factor, where they are noise; a pattern's curvature and smoothing make them differ.
    bent : share of the differences' spread that their mean may be; a smooth curve has 1.
    alike : groups whose photon is at most this many times the smallest agree with it.
    """

    block: int = 8
    known: float = 0.7
    bins: int = 8
    fewest: int = 12
    white: float = 1.35
    bent: float = 0.3
    alike: float = 1.3


SETTINGS = NoiseSettings()


def photon_from_noise(
    frames: np.ndarray, known: BoolArray, settings: NoiseSettings = SETTINGS
) -> float | None:
    """The value of one photon: variance over mean of Poisson noise.

    Second differences along the rows leave a smooth pattern out. A pattern's curvature adds to the
    variance where it is bright, the read-out's noise where it is dim: the smallest ratio is the
    photon's.

    Parameters
    ----------
    frames : (n, n_y, n_x) values.
    known : bool of the same shape.
    settings : how the noise is measured.

    Returns
    -------
    The value; None where no such noise is seen.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frames = 0.01 * rng.poisson(50, (4, 64, 64))
    >>> round(photon_from_noise(frames, np.ones(frames.shape, bool)), 3)
    0.01
    """
    blocks = _blocks(frames.astype(np.float64), known, settings)
    mean, near, far, bent = blocks[:, blocks[0] > 0]
    if mean.size < settings.fewest:
        return None
    order = np.argsort(mean, kind="stable")
    n_bins = min(settings.bins, mean.size // settings.fewest)
    ratios, whites = [], []
    for group in np.array_split(order, n_bins):
        ratios.append(float(np.median(near[group] / mean[group])))
        white = float(np.median(near[group]) / max(np.median(far[group]), 1e-300))
        curved = np.abs(bent[group]) > settings.bent * np.sqrt(6 * near[group])
        whites.append(white if np.median(curved) < 0.5 else 0.0)
    good = [
        ratio
        for ratio, white in zip(ratios, whites, strict=True)
        if ratio > 0 and 1 / settings.white < white < settings.white
    ]
    if not good or min(good) > settings.alike * min(ratios):
        return None
    return float(np.mean([ratio for ratio in good if ratio <= settings.alike * min(good)]))


def _blocks(values: Float64Array, known: BoolArray, settings: NoiseSettings) -> Float64Array:
    """(4, n) of the blocks: mean, variance by near and by far neighbours, mean curvature."""
    values = np.where(known, values, 0)
    near, near_known = _second(values, known, 1)
    far, far_known = _second(values, known, 2)
    is_known = known & near_known & far_known
    side = settings.block
    n_y, n_x = (n // side for n in values.shape[1:])

    def sums(array: np.ndarray) -> Float64Array:
        cut = array[:, : n_y * side, : n_x * side].astype(np.float64)
        return np.asarray(cut.reshape(len(cut), n_y, side, n_x, side).sum(axis=(2, 4)).ravel())

    numbers = sums(is_known)
    enough = numbers >= settings.known * side**2
    totals = [
        sums(np.where(is_known, array, 0))[enough] for array in (values, near**2, far**2, near)
    ]
    scale = np.array([[1.0], [6.0], [6.0], [1.0]])
    return np.array(totals) / np.maximum(numbers[enough], 1) / scale


def _second(values: Float64Array, known: BoolArray, step: int) -> tuple[Float64Array, BoolArray]:
    """Second differences over `step` pixels along the rows, and where all three are known."""
    result, whole = np.zeros_like(values), np.zeros_like(known)
    middle = slice(step, values.shape[2] - step)
    left, right = values[:, :, : -2 * step], values[:, :, 2 * step :]
    result[:, :, middle] = left + right - 2 * values[:, :, middle]
    whole[:, :, middle] = known[:, :, : -2 * step] & known[:, :, middle] & known[:, :, 2 * step :]
    return result, whole
