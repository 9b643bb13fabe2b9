"""What a Bragg peak's counts look like, in a few numbers that real and simulated scans share.

All are taken within `HALF_WINDOW` voxels of the peak's centre along each axis, whatever the array's
size, from known voxels alone. A number that a pattern does not define (no faint voxels, no fringes)
is nan. Arrays are (n_rock, n_y, n_x) or (n_y, n_x); `known` (bool) is True where a voxel was
measured: no gap, no bad voxel.
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
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.peak.friedel import inversion_correlation, local_mean

HALF_WINDOW = 32

TREND_SIGMA = 4.0
"""Voxels of the local mean that fringes stand out from; of 12-voxel ones it keeps 9 tenths."""

LOCAL_SIGMA = 2.0
"""Voxels of the local mean that `inversion_local` is without."""

FRINGES_FROM = 3.0
"""Mean counts around a voxel from which on fringes are looked for there."""

FREQUENCIES = np.arange(1 / 20, 1 / 2.2, 5e-4)
"""Fringes a voxel that are looked for: periods of 20 to 2.2 voxels."""

LONGEST_LAG = 32

STRONG = 0.4
"""Ripples this part as strong as the strongest are fringes; the second harmonic has a sixth."""

VARIANCE_OF_ROOT = 0.25
"""Of the square root of Poisson counts (Anscombe, Biometrika 35, 246 (1948))."""

DECAY_FRINGES = (1.5, 8.0)
"""Distances from the peak, in fringe periods, between which the intensity's decay is fitted."""

DECAY_SHELLS = 12
LEAST_SHELL_COUNTS = 10

FAINT = (0.02, 0.5)
"""Mean counts around a voxel between which it is faint: there fringes add little to its spread."""

FAINT_SIGMA = 3.0
LEAST_FAINT_PAIRS = 200


@dataclass(frozen=True)
class Statistics:
    """The numbers of one pattern; per-axis ones are in the array's order of axes.

    Attributes
    ----------
    centre : of the peak, in voxels, from `bcdi_inpaint.peak.centre.find_centre`.
    decay_exponent : a where the mean counts fall as 1 / q^a; see `decay_exponent`.
    period_voxel : fringe period along each axis; see `fringe_period`.
    visibility : of the fringes along each axis, 1 for sin^2; see `fringe_visibility`.
    zero_share : the part of the voxels without a count.
    inversion : correlation of log counts with their inversion about the centre.
    inversion_local : the same without the local mean (`LOCAL_SIGMA`): fringes alone.
    fano_faint : variance over mean of faint counts, 1 for Poisson noise; see `fano_faint`.
    """

    centre: tuple[float, ...]
    decay_exponent: float
    period_voxel: tuple[float, ...]
    visibility: tuple[float, ...]
    zero_share: float
    inversion: float
    inversion_local: float
    fano_faint: float

    def named(self, axes: Sequence[str]) -> dict[str, float]:
        """One number for each name, those of an axis with the axis's name."""
        numbers = {
            "decay exponent": self.decay_exponent,
            "zero share": self.zero_share,
            "inversion": self.inversion,
            "inversion, local": self.inversion_local,
            "Fano, faint": self.fano_faint,
        }
        for axis, period, visibility in zip(axes, self.period_voxel, self.visibility, strict=True):
            numbers[f"period {axis}"] = period
            numbers[f"visibility {axis}"] = visibility
        return numbers


def pattern_statistics(counts: NDArray[np.number], known: BoolArray) -> Statistics:
    """All numbers of one pattern.

    Raises
    ------
    InputError : arrays of different shapes, no known voxel, values that are not finite, negative
        counts.
    """
    if known.shape == counts.shape and (np.where(known, counts, 0) < 0).any():
        raise InputError(
            f"the lowest count is {counts[known].min():g}, expected at least 0; "
            "mark such voxels as not known"
        )
    log_counts = np.log1p(np.where(known, counts, 0) if known.shape == counts.shape else counts)
    centre = find_centre(log_counts, known)
    inversion, inversion_local = (
        inversion_correlation(log_counts, known, centre, sigma, HALF_WINDOW)
        for sigma in (None, LOCAL_SIGMA)
    )
    box = window(centre, counts.shape)
    near, there = counts[box].astype(np.float64), known[box]
    inner = centre - [part.start for part in box]
    period = fringe_period(near, there)
    return Statistics(
        centre=tuple(centre.tolist()),
        decay_exponent=decay_exponent(near, there, inner, period),
        period_voxel=tuple(period.tolist()),
        visibility=tuple(fringe_visibility(near, there, period).tolist()),
        zero_share=float((near[there] == 0).mean()) if there.any() else math.nan,
        inversion=inversion,
        inversion_local=inversion_local,
        fano_faint=fano_faint(near, there),
    )


def window(centre: Float64Array, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The part of an array within `HALF_WINDOW` voxels of a centre."""
    return tuple(
        slice(max(0, math.ceil(c - HALF_WINDOW)), min(n, math.floor(c + HALF_WINDOW) + 1))
        for c, n in zip(centre, shape, strict=True)
    )


def fringe_period(counts: FloatArray, known: BoolArray) -> Float64Array:
    """(n_dim,) fringe period along each axis, in voxels; nan where nothing ripples.

    From the power spectrum along the axis of the counts' square roots over their local mean, free
    of Poisson noise: the highest frequency at which it has a strong maximum, once multiplied by the
    frequency squared so that what is left of the peak's decay does not count. A facet pair's
    fringes repeat after one part in its distance, and no fringe is finer than the crystal's size
    makes it; smooth crystals have their strongest ripples at somewhat longer periods.
    """
    ripples, noise, used = _ripples(counts, known)
    return np.array([_period(ripples, noise, used, axis) for axis in range(counts.ndim)])


def fringe_visibility(counts: FloatArray, known: BoolArray, period: Float64Array) -> Float64Array:
    """(n_dim,) visibility V of the fringes along each axis, 1 for sin^2 fringes; nan without any.

    Fringes m (1 + V cos) have a variance of V^2 m^2 / 2 over a period, to which Poisson noise adds
    m: V^2 = 2 (variance - m) / m^2, as a speckle contrast. That is averaged over all windows of a
    period's length along the axis, known throughout, where the mean counts are at least
    `FRINGES_FROM`; counts are over their local trend, so that the peak's decay adds little. Peaked
    speckles, without a common period, exceed 1.
    """
    trend = np.maximum(local_mean(np.sqrt(counts), known, TREND_SIGMA) ** 2, 1e-3)
    return np.array(
        [_visibility(counts, trend, known, axis, length) for axis, length in enumerate(period)]
    )


def radial_profile(
    counts: FloatArray, known: BoolArray, centre: Float64Array, period: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Distances from the peak in fringe periods, and the mean counts in a shell about each.

    `DECAY_SHELLS` shells of equal width on a logarithmic scale; mean counts are nan in a shell of
    fewer than `LEAST_SHELL_COUNTS` counts. An axis without a period takes the others' mean.
    """
    edges = np.geomspace(*DECAY_FRINGES, DECAY_SHELLS + 1)
    middles = np.sqrt(edges[1:] * edges[:-1])
    if np.isnan(period).all():
        return middles, np.full(DECAY_SHELLS, np.nan)
    lengths = np.where(np.isnan(period), np.nanmean(period), period)
    axes = [
        (np.arange(n) - c) / length
        for n, c, length in zip(counts.shape, centre, lengths, strict=True)
    ]
    distance = np.sqrt(sum(offset**2 for offset in np.ix_(*axes)))
    shell = np.digitize(distance[known], edges) - 1
    inside = (shell >= 0) & (shell < DECAY_SHELLS)
    total = np.bincount(shell[inside], counts[known][inside], DECAY_SHELLS)
    voxels = np.bincount(shell[inside], minlength=DECAY_SHELLS)
    return middles, np.where(total >= LEAST_SHELL_COUNTS, total / np.maximum(voxels, 1), np.nan)


def decay_exponent(
    counts: FloatArray, known: BoolArray, centre: Float64Array, period: Float64Array
) -> float:
    """Exponent a of mean counts that fall as 1 / q^a; nan with under 4 shells.

    q is in fringe periods. A straight line through the logarithms of `radial_profile`. Sharp flat
    facets give 2 along their normals and 4 on average over all directions (Porod's law); soft edges
    raise it, background lowers it.
    """
    distance, mean = radial_profile(counts, known, centre, period)
    has_counts = np.isfinite(mean)
    if np.count_nonzero(has_counts) < 4:
        return math.nan
    slope, _ = np.polyfit(np.log(distance[has_counts]), np.log(mean[has_counts]), 1)
    return -float(slope)


def fano_faint(counts: FloatArray, known: BoolArray) -> float:
    """Variance over mean of faint counts, 1 for Poisson noise; nan with few faint voxels.

    From pairs of neighbours a, b along every axis, both where the mean around is within `FAINT`:
    (a - b)^2 has twice their variance as its mean, whatever slowly varies; fringes of a mean m
    below one half add less than m to the factor. Counts divided by a number have a factor below 1.
    """
    mean = local_mean(counts, known, FAINT_SIGMA)
    used = known & (mean > FAINT[0]) & (mean < FAINT[1])
    squares, sums, n_pairs = 0.0, 0.0, 0
    values = counts.astype(np.float64)  # unsigned integers have no negative difference
    for axis in range(counts.ndim):
        a, b = _pair(values, axis, 1)
        both = np.logical_and(*_pair(used, axis, 1))
        squares += float(((a - b)[both] ** 2).sum())
        sums += float((a + b)[both].sum())
        n_pairs += int(np.count_nonzero(both))
    return squares / sums if n_pairs >= LEAST_FAINT_PAIRS and sums > 0 else math.nan


def _pair(values: NDArray[Any], axis: int, lag: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """`values` without the last and without the first `lag` voxels along an axis."""
    moved = np.moveaxis(values, axis, 0)
    return moved[: len(moved) - lag], moved[lag:]


def _ripples(counts: FloatArray, known: BoolArray) -> tuple[Float64Array, float, BoolArray]:
    """Square roots of the counts over their local mean, less 1; their noise; where there are any.

    Not the logarithm: it makes the dark lines between fringes sharp, whose harmonics then count as
    much as the fringes.
    """
    root = np.sqrt(counts + 0.375)
    trend = np.maximum(local_mean(root, known, TREND_SIGMA), 0.1)
    used = known & (local_mean(counts, known, TREND_SIGMA / 2) > FRINGES_FROM)
    noise = float((VARIANCE_OF_ROOT / trend[used] ** 2).mean()) if used.any() else 0.0
    return np.where(used, root / trend - 1, 0), noise, used


def _period(ripples: Float64Array, noise: float, used: BoolArray, axis: int) -> float:
    """Fringe period along one axis from the power spectrum of the ripples, in voxels."""
    correlation = _autocorrelation(ripples, used, axis)
    correlation[0] -= noise
    lags = np.arange(len(correlation))
    taper = np.cos(np.pi / 2 * lags / len(lags)) ** 2 * np.where(lags > 0, 2, 1)
    power = np.cos(2 * np.pi * np.outer(FREQUENCIES, lags)) @ (correlation * taper)
    strength = power * np.sin(np.pi * FREQUENCIES) ** 2
    inner = strength[1:-1]
    peaks = (inner > strength[:-2]) & (inner >= strength[2:]) & (inner > STRONG * strength.max())
    if not peaks.any():
        return math.nan
    finest = int(np.flatnonzero(peaks)[-1]) + 1
    return float(1 / FREQUENCIES[_summit(power, finest)])


def _summit(power: Float64Array, index: int) -> int:
    """The maximum of `power` by which one of `power` times frequency squared lies, if near below.

    The factor moves a long period's broad maximum upwards by a tenth and more.
    """
    lowest = int(np.searchsorted(FREQUENCIES, 0.75 * FREQUENCIES[index]))
    summit = index
    while summit > lowest and power[summit - 1] > power[summit]:
        summit -= 1
    return summit if summit > lowest else index  # a decay all the way is not the fringes'


def _autocorrelation(ripples: Float64Array, used: BoolArray, axis: int) -> Float64Array:
    """Mean product of ripples a lag of 0, 1, ... voxels apart along an axis, both used."""
    n_lags = min(LONGEST_LAG, ripples.shape[axis] // 2) + 1
    correlation = np.zeros(n_lags)
    for lag in range(n_lags):
        pairs = int(np.count_nonzero(np.logical_and(*_pair(used, axis, lag))))
        total = float(np.multiply(*_pair(ripples, axis, lag)).sum())
        correlation[lag] = total / max(pairs, 1)
    return correlation


def _visibility(
    counts: FloatArray, trend: Float64Array, known: BoolArray, axis: int, period: float
) -> float:
    if math.isnan(period):
        return math.nan
    length = max(2, round(period))

    def over_window(values: FloatArray) -> Float64Array:
        return uniform_filter1d(np.where(known, values, 0.0), length, axis, mode="constant")

    is_whole = over_window(np.ones_like(counts)) > 1 - 1e-6
    used = is_whole & (over_window(counts) >= FRINGES_FROM)
    if not used.any():
        return math.nan
    flat = counts / trend
    mean, square = over_window(flat)[used], over_window(flat**2)[used]
    # About a window's own mean, noise has length - 1 degrees of freedom; whole fringes keep theirs.
    noise = over_window(counts / trend**2)[used] * (length - 1) / length
    variance = square - mean**2
    return math.sqrt(max(0.0, 2 * float(((variance - noise) / mean**2).mean())))
