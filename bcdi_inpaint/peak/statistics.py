"""What a Bragg peak's counts look like, in a few numbers that real and simulated scans share.

All are taken within `fringes.HALF_WINDOW` voxels of the peak's centre along each axis, whatever the
array's size, from known voxels alone. A number that a pattern does not define (no faint voxels, no
fringes) is nan. Arrays are (n_rock, n_y, n_x) or (n_y, n_x); `known` (bool) is True where a voxel
was measured: no gap, no bad voxel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float64Array, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.peak.friedel import inversion_correlation, local_mean
from bcdi_inpaint.peak.fringes import (
    HALF_WINDOW,
    axis_pairs,
    fringe_period,
    fringe_visibility,
    window,
)


@dataclass(frozen=True)
class StatisticsSettings:
    """What the numbers of a pattern are defined by; other values are other numbers.

    Attributes
    ----------
    local_sigma : voxels of the local mean that `inversion_local` is without.
    decay_fringes : distances from the peak, in fringe periods, between which the intensity's decay
        is fitted.
    decay_shells : shells between these distances, equally wide on a logarithmic scale.
    least_shell_counts : counts in a shell from which on it takes part.
    faint : mean counts around a voxel between which it is faint: there fringes add little to its
        spread.
    faint_sigma : voxels of that mean.
    least_faint_pairs : pairs of faint neighbours from which on their spread is a number.
    """

    local_sigma: float = 2.0
    decay_fringes: tuple[float, float] = (1.5, 8.0)
    decay_shells: int = 12
    least_shell_counts: int = 10
    faint: tuple[float, float] = (0.02, 0.5)
    faint_sigma: float = 3.0
    least_faint_pairs: int = 200


SETTINGS = StatisticsSettings()


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
    inversion_local : the same without the local mean (`local_sigma`): fringes alone.
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
        for sigma in (None, SETTINGS.local_sigma)
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


def radial_profile(
    counts: FloatArray, known: BoolArray, centre: Float64Array, period: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Mean counts in shells around the peak.

    The shells are equally wide on a logarithmic scale (`decay_fringes`, `decay_shells`).

    Parameters
    ----------
    counts : of a pattern, of any number of dimensions.
    known : bool, of the same shape.
    centre : (n_dim,) of the peak, in voxels.
    period : (n_dim,) fringe period along each axis, in voxels; an axis whose period is nan takes
        the others' mean.

    Returns
    -------
    Two arrays (n_shells,): distances from the peak in fringe periods, and mean counts there, nan
    in a shell of fewer than `least_shell_counts` counts.
    """
    edges = np.geomspace(*SETTINGS.decay_fringes, SETTINGS.decay_shells + 1)
    middles = np.sqrt(edges[1:] * edges[:-1])
    if np.isnan(period).all():
        return middles, np.full(SETTINGS.decay_shells, np.nan)
    lengths = np.where(np.isnan(period), np.nanmean(period), period)
    axes = [
        (np.arange(n) - c) / length
        for n, c, length in zip(counts.shape, centre, lengths, strict=True)
    ]
    distance = np.sqrt(sum(offset**2 for offset in np.ix_(*axes)))
    shell = np.digitize(distance[known], edges) - 1
    inside = (shell >= 0) & (shell < SETTINGS.decay_shells)
    total = np.bincount(shell[inside], counts[known][inside], SETTINGS.decay_shells)
    voxels = np.bincount(shell[inside], minlength=SETTINGS.decay_shells)
    return middles, np.where(
        total >= SETTINGS.least_shell_counts, total / np.maximum(voxels, 1), np.nan
    )


def decay_exponent(
    counts: FloatArray, known: BoolArray, centre: Float64Array, period: Float64Array
) -> float:
    """Exponent a of mean counts that fall as 1 / q^a, with q in fringe periods.

    The slope of a straight line through the logarithms of `radial_profile`. Sharp flat facets give
    2 along their normals and 4 on average over all directions (Porod's law); soft edges raise it,
    background lowers it.

    Parameters
    ----------
    counts : of a pattern, of any number of dimensions.
    known : bool, of the same shape.
    centre : (n_dim,) of the peak, in voxels.
    period : (n_dim,) fringe period along each axis, in voxels.

    Returns
    -------
    The exponent; nan where fewer than 4 shells have counts.
    """
    distance, mean = radial_profile(counts, known, centre, period)
    has_counts = np.isfinite(mean)
    if np.count_nonzero(has_counts) < 4:
        return math.nan
    slope, _ = np.polyfit(np.log(distance[has_counts]), np.log(mean[has_counts]), 1)
    return -float(slope)


def fano_faint(counts: FloatArray, known: BoolArray) -> float:
    """Variance over mean of faint counts, 1 for Poisson noise; nan with few faint voxels.

    From pairs of neighbours a, b along every axis, both where the mean around is within `faint`:
    (a - b)^2 has twice their variance as its mean, whatever slowly varies; fringes of a mean m
    below one half add less than m to the factor. Counts divided by a number have a factor below 1.
    """
    mean = local_mean(counts, known, SETTINGS.faint_sigma)
    used = known & (mean > SETTINGS.faint[0]) & (mean < SETTINGS.faint[1])
    squares, sums, n_pairs = 0.0, 0.0, 0
    values = counts.astype(np.float64)  # unsigned integers have no negative difference
    for axis in range(counts.ndim):
        a, b = axis_pairs(values, axis, 1)
        both = np.logical_and(*axis_pairs(used, axis, 1))
        squares += float(((a - b)[both] ** 2).sum())
        sums += float((a + b)[both].sum())
        n_pairs += int(np.count_nonzero(both))
    return squares / sums if n_pairs >= SETTINGS.least_faint_pairs and sums > 0 else math.nan
