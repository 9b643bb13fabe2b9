"""Fringes of a Bragg peak: their period and their visibility along each axis.

Arrays are (n_rock, n_y, n_x) or (n_y, n_x); `known` (bool) is True where a voxel was measured: no
gap, no bad voxel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from bcdi_inpaint.arrays import BoolArray, Float64Array, FloatArray
from bcdi_inpaint.peak.friedel import local_mean

HALF_WINDOW = 32
"""Voxels around the peak along each axis that its fringes are looked for in."""

VARIANCE_OF_ROOT = 0.25
"""Of the square root of Poisson counts (Anscombe, Biometrika 35, 246 (1948))."""


@dataclass(frozen=True)
class FringeSettings:
    """How fringes are found. Chosen on simulated and measured peaks; no committed command.

    Attributes
    ----------
    trend_sigma : standard deviation, in voxels, of the local mean that fringes stand out from; of
        12-voxel fringes it keeps 9 tenths.
    fringes_from : mean counts around a voxel from which on fringes are looked for there.
    periods : longest and shortest period that is looked for, in voxels.
    frequency_step : of the frequencies in between, in fringes a voxel.
    longest_lag : of the autocorrelation, in voxels.
    strong : ripples this part as strong as the strongest are fringes; the second harmonic has a
        sixth.
    """

    trend_sigma: float = 4.0
    fringes_from: float = 3.0
    periods: tuple[float, float] = (20.0, 2.2)
    frequency_step: float = 5e-4
    longest_lag: int = 32
    strong: float = 0.4

    @property
    def frequencies(self) -> Float64Array:
        """Fringes a voxel that are looked for."""
        longest, shortest = self.periods
        return np.arange(1 / longest, 1 / shortest, self.frequency_step)


def window(centre: Sequence[float] | Float64Array, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The part of an array within `HALF_WINDOW` voxels of a centre."""
    return tuple(
        slice(max(0, math.ceil(c - HALF_WINDOW)), min(n, math.floor(c + HALF_WINDOW) + 1))
        for c, n in zip(centre, shape, strict=True)
    )


def fringe_period(
    counts: FloatArray, known: BoolArray, *, settings: FringeSettings = FringeSettings()
) -> Float64Array:
    """The period of the fringes along each axis.

    From the power spectrum along the axis of the counts' square roots over their local mean, free
    of Poisson noise: the highest frequency at which it has a strong maximum, once multiplied by the
    frequency squared so that what is left of the peak's decay does not count. A facet pair's
    fringes repeat after one part in its distance, and no fringe is finer than the crystal's size
    makes it; smooth crystals have their strongest ripples at somewhat longer periods.

    Parameters
    ----------
    counts : of a pattern, of any number of dimensions; 0 or above.
    known : bool, of the same shape.
    settings : what counts as fringes.

    Returns
    -------
    (n_dim,) period in voxels; nan where nothing ripples.

    Examples
    --------
    >>> import numpy as np
    >>> row, column = np.indices((48, 48)) - 24
    >>> counts = 1e5 * (np.sinc(row / 8) * np.sinc(column / 6)) ** 2
    >>> fringe_period(counts, np.ones(counts.shape, dtype=bool)).round()
    array([8., 6.])
    """
    ripples, noise, used = _ripples(counts, known, settings)
    return np.array([_period(ripples, noise, used, axis, settings) for axis in range(counts.ndim)])


def fringe_visibility(
    counts: FloatArray,
    known: BoolArray,
    period: Float64Array,
    *,
    settings: FringeSettings = FringeSettings(),
) -> Float64Array:
    """The visibility V of the fringes along each axis: 1 for sin^2 fringes.

    Fringes m (1 + V cos) have a variance of V^2 m^2 / 2 over a period, to which Poisson noise adds
    m: V^2 = 2 (variance - m) / m^2, as a speckle contrast. That is averaged over all windows of a
    period's length along the axis, known throughout, where the mean counts are at least
    `settings.fringes_from`; counts are over their local trend, so that the peak's decay adds
    little. Peaked speckles, without a common period, exceed 1.

    Parameters
    ----------
    counts : of a pattern, of any number of dimensions; 0 or above.
    known : bool, of the same shape.
    period : (n_dim,) fringe period along each axis, in voxels, as `fringe_period` finds it.
    settings : what counts as fringes.

    Returns
    -------
    (n_dim,) visibility; nan where there are no fringes.
    """
    trend = np.maximum(local_mean(np.sqrt(counts), known, settings.trend_sigma) ** 2, 1e-3)
    return np.array(
        [
            _visibility(counts, trend, known, axis, length, settings)
            for axis, length in enumerate(period)
        ]
    )


def axis_pairs(values: NDArray[Any], axis: int, lag: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pairs of voxels `lag` apart along an axis.

    Parameters
    ----------
    values : of any number of dimensions.
    axis : along which the pairs lie; it comes first in what is returned.
    lag : in voxels, 0 or more.

    Returns
    -------
    `values` without the last and without the first `lag` voxels.
    """
    moved = np.moveaxis(values, axis, 0)
    return moved[: len(moved) - lag], moved[lag:]


def _ripples(
    counts: FloatArray, known: BoolArray, settings: FringeSettings
) -> tuple[Float64Array, float, BoolArray]:
    """Square roots of the counts over their local mean, less 1; their noise; where there are any.

    Not the logarithm: it makes the dark lines between fringes sharp, whose harmonics then count as
    much as the fringes.
    """
    root = np.sqrt(counts + 0.375)
    trend = np.maximum(local_mean(root, known, settings.trend_sigma), 0.1)
    is_bright = local_mean(counts, known, settings.trend_sigma / 2) > settings.fringes_from
    used = known & is_bright
    noise = float((VARIANCE_OF_ROOT / trend[used] ** 2).mean()) if used.any() else 0.0
    return np.where(used, root / trend - 1, 0), noise, used


def _period(
    ripples: Float64Array, noise: float, used: BoolArray, axis: int, settings: FringeSettings
) -> float:
    """Fringe period along one axis from the power spectrum of the ripples, in voxels."""
    frequencies = settings.frequencies
    correlation = _autocorrelation(ripples, used, axis, settings.longest_lag)
    correlation[0] -= noise
    lags = np.arange(len(correlation))
    taper = np.cos(np.pi / 2 * lags / len(lags)) ** 2 * np.where(lags > 0, 2, 1)
    power = np.cos(2 * np.pi * np.outer(frequencies, lags)) @ (correlation * taper)
    strength = power * np.sin(np.pi * frequencies) ** 2
    inner = strength[1:-1]
    peaks = (inner > strength[:-2]) & (inner >= strength[2:])
    peaks &= inner > settings.strong * strength.max()
    if not peaks.any():
        return math.nan
    finest = int(np.flatnonzero(peaks)[-1]) + 1
    return float(1 / frequencies[_summit(power, frequencies, finest)])


def _summit(power: Float64Array, frequencies: Float64Array, index: int) -> int:
    """The maximum of `power` by which one of `power` times frequency squared lies, if near below.

    The factor moves a long period's broad maximum upwards by a tenth and more.
    """
    lowest = int(np.searchsorted(frequencies, 0.75 * frequencies[index]))
    summit = index
    while summit > lowest and power[summit - 1] > power[summit]:
        summit -= 1
    return summit if summit > lowest else index  # a decay all the way is not the fringes'


def _autocorrelation(
    ripples: Float64Array, used: BoolArray, axis: int, longest_lag: int
) -> Float64Array:
    """Mean product of ripples a lag of 0, 1, ... voxels apart along an axis, both used."""
    n_lags = min(longest_lag, ripples.shape[axis] // 2) + 1
    correlation = np.zeros(n_lags)
    for lag in range(n_lags):
        pairs = int(np.count_nonzero(np.logical_and(*axis_pairs(used, axis, lag))))
        total = float(np.multiply(*axis_pairs(ripples, axis, lag)).sum())
        correlation[lag] = total / max(pairs, 1)
    return correlation


def _visibility(
    counts: FloatArray,
    trend: Float64Array,
    known: BoolArray,
    axis: int,
    period: float,
    settings: FringeSettings,
) -> float:
    """Visibility of the fringes along one axis."""
    if math.isnan(period):
        return math.nan
    length = max(2, round(period))

    def over_window(values: FloatArray) -> Float64Array:
        return uniform_filter1d(np.where(known, values, 0.0), length, axis, mode="constant")

    is_whole = over_window(np.ones_like(counts)) > 1 - 1e-6
    used = is_whole & (over_window(counts) >= settings.fringes_from)
    if not used.any():
        return math.nan
    flat = counts / trend
    mean, square = over_window(flat)[used], over_window(flat**2)[used]
    # About a window's own mean, noise has length - 1 degrees of freedom; whole fringes keep theirs.
    noise = over_window(counts / trend**2)[used] * (length - 1) / length
    variance = square - mean**2
    return math.sqrt(max(0.0, 2 * float(((variance - noise) / mean**2).mean())))
