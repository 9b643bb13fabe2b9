"""The best linear fill of a plane gap: kriging with the scan's own correlation.

A Bragg peak's fringes repeat: how the log counts of two voxels go together depends mostly on how
they lie to each other. That correlation is measured on the known voxels of the scan itself, and
the voxels of a gap are predicted from those beside it with the weights that make the expected
squared error least (simple kriging; Matheron, Econ. Geol. 58, 1246 (1963)). The weights are the
same all over a plane gap, so applying them is one convolution. Fringe period, direction and decay
need not be known: the correlation holds them.

What is kriged are counts over their local trend: their logarithms where there are few photons,
their square roots where there are many. Faint counts spread more evenly as logarithms; but a dark
fringe is a deep cusp to these, and only a kink to the root, the modulus of a smooth amplitude.

Inside the gap the trend is no straight line from rim to rim: it follows the peak's falling off with
the distance from its centre (`shells`), which the voxels beside the gap know as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy.fft
import scipy.linalg
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array
from bcdi_inpaint.classical.interpolation import log_linear
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.peak.falloff import shell_means
from bcdi_inpaint.running.threads import in_threads

DEPTH = 7
"""Lines on each side of the gap that a voxel is predicted from."""
LATERAL = 4
"""And how far to the sides."""
TREND, TREND_OF_NONE, TREND_PER_SIDE = 4.0, 2.0, 1 / 32
"""Standard deviation, in voxels, of the Gaussian whose smoothing is taken off before: at most the
first. In small arrays, where the edges are near, a narrower one does better: the second, and the
third for each voxel of the mean side of what the correlation is measured on."""
SLAB = 48
"""Lines on each side of the gap that the correlation is measured on."""
TAPER = 0.5
"""Standard deviation of the Gaussian that fades the correlation, in parts of its longest lag."""
NUGGET, NUGGET_OF_ONE = 0.02, 20.0
"""Part of the variance added to the diagonal: at least the first, and the second over the root of
the voxels that the covariance is measured on, since far lags have an error of that order."""
BRIGHT = 0.5
"""Expected photons from which on a voxel tells something about correlation."""
FEWEST = 1000
"""Bright voxels below which the correlation is not measured, and the linear guess stays."""
LEAST_VARIANCE = 1e-6
"""Of the residual: below it there is nothing but rounding to learn from."""
HEADROOM = 0.3
"""Logarithms by which a prediction may exceed everything seen in the slab."""
ROOT_FROM = 20.0
"""Expected photons from which on square roots are kriged more than logarithms are."""
ROOT_SLOPE = 1.5
"""How fast that changes, for each unit of log counts."""
MOST_RATIO = 40.0
"""Logarithm of the counts over their trend, above which a voxel is no number to learn from."""
LEAST_ROOT = 0.02
"""Of the counts over their trend: a dark fringe, not a negative one."""


@dataclass(frozen=True)
class Kriged:
    """A first guess in every unknown voxel, and how uncertain it is.

    Attributes
    ----------
    log_counts : (*shape) float32, log(1 + expected counts) in unknown voxels, else as given.
    sigma : (*shape) float32, its standard deviation in the planes that were kriged, else 0: that
        of the scan's bright voxels on the whole, of logarithms or roots, not of each voxel.
    """

    log_counts: Float32Array
    sigma: Float32Array


def krige(
    log_counts: Float32Array,
    unknown: BoolArray,
    gaps: Sequence[Gap],
    centre: Sequence[float] | Float64Array | None = None,
) -> Kriged:
    """Fill the unknown voxels, those of plane gaps by kriging and the others linearly.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) or (n_y, n_x), log(1 + counts); any number in unknown voxels.
    unknown : the same shape, bool: gaps and bad voxels.
    gaps : the planes to krige; each lies in the unknown voxels.
    centre : (n_dim,) of the Bragg peak in voxels, outside the array if this is a part of a scan;
        by default as `peak.centre.find_centre` finds it.

    Where planes are kriged, what is filled linearly is how far the logarithms are from the mean of
    their shell about the centre; without planes, the logarithms themselves. Where planes cross, all
    are done twice: the second time each has the others' prediction beside it instead.
    """
    log_counts = log_counts.astype(np.float32, copy=False)
    first = _over_shells(log_counts, unknown, centre) if gaps else log_linear(log_counts, unknown)
    filled, sigma = first.copy(), np.zeros_like(first)
    planes = [*in_threads(lambda gap: _plane_of(gap, first, unknown), gaps)]
    crossing = any(a.axis != b.axis for a, b in combinations(gaps, 2))
    for _ in range(2 if crossing else 1):
        for plane in planes:
            if plane is not None:
                plane.fill(filled, sigma)
    return Kriged(filled, sigma)


def _over_shells(
    log_counts: Float32Array,
    unknown: BoolArray,
    centre: Sequence[float] | Float64Array | None,
) -> Float32Array:
    """Log counts whose unknown voxels are filled linearly but for the peak's falling off."""
    known = ~unknown
    if not known.any():
        return log_linear(log_counts, unknown)
    if centre is None:
        centre = find_centre(np.where(known, log_counts, 0), known)
    shells = shell_means(log_counts, known, centre)
    filled = log_linear(log_counts - shells, unknown)
    filled += shells  # in place: a region may fill much of the memory
    np.maximum(filled, 0, out=filled)
    np.copyto(filled, log_counts, where=known)  # the sums have rounded what was measured
    return filled


@dataclass(frozen=True)
class _Scale:
    """What is kriged of counts over their trend: `of_log` makes it of their logarithm.

    `as_log` brings a prediction back, `log_error` its standard deviation around a mean.
    """

    of_log: Callable[[Float32Array], Float32Array]
    as_log: Callable[[Float32Array], Float32Array]
    log_error: Callable[[Float32Array, float], Float32Array]


LOGARITHMS = _Scale(lambda log: log, lambda log: log, lambda spread, _: spread)
ROOTS = _Scale(
    lambda log: np.exp(np.minimum(log, MOST_RATIO) / 2),
    lambda root: 2 * np.log(np.maximum(root, LEAST_ROOT)),
    lambda spread, mean: 2 * spread / max(mean, LEAST_ROOT),
)


@dataclass(frozen=True)
class _Kriging:
    """How the voxels of a gap follow from the lines beside it, on one scale.

    `mean` is that of the known bright voxels, `weights` are (n_inside, n_beside, *lateral), `error`
    (n_inside, 1, ...) is the standard deviation of the logarithms they predict.
    """

    scale: _Scale
    mean: np.float32
    weights: Float32Array
    error: Float32Array

    def predicted(self, ratio_log: Float32Array) -> Float32Array:
        """Logarithms of counts over their trend, from those of the lines beside."""
        residual = self.scale.of_log(ratio_log) - self.mean
        return self.scale.as_log(_applied(self.weights, residual) + self.mean)


@dataclass(frozen=True)
class _Plane:
    """A gap and the lines it is predicted from, `box` of the array; lines come first in `trend`.

    `inside` are the gap's lines in it. What they are predicted from changes where other gaps cross,
    the weights do not: those come from known voxels alone.
    """

    axis: int
    box: tuple[slice, ...]
    inside: slice
    trend: Float32Array
    highest: float
    logarithms: _Kriging
    roots: _Kriging | None

    def fill(self, filled: Float32Array, sigma: Float32Array) -> None:
        """Write the prediction into the log counts of the array, and its error."""
        slab, error = (np.moveaxis(array[self.box], self.axis, 0) for array in (filled, sigma))
        beside = np.r_[0 : self.inside.start, self.inside.stop : len(slab)]
        ratio_log = slab[beside] - self.trend[beside]
        slab[self.inside] = self._clipped(self.logarithms.predicted(ratio_log))
        error[self.inside] = self.logarithms.error
        if self.roots is None:
            return
        near = gaussian_filter(slab, 2.0)[self.inside]
        share = 1 / (1 + np.exp(-ROOT_SLOPE * (near - np.log1p(ROOT_FROM))))
        for array, of_roots in (
            (slab, self._clipped(self.roots.predicted(ratio_log))),
            (error, self.roots.error),
        ):
            array[self.inside] = (1 - share) * array[self.inside] + share * of_roots

    def _clipped(self, ratio_log: Float32Array) -> Float32Array:
        """Log counts without what no crystal scatters: less than nothing, or far too much."""
        return np.clip(self.trend[self.inside] + ratio_log, 0, self.highest)


def _plane_of(gap: Gap, first: Float32Array, unknown: BoolArray) -> _Plane | None:
    """How a gap is predicted, from an array whose unknown voxels have a first fill.

    None where there is too little light to learn from.
    """
    wide = _lit_slab(first, gap)
    if wide is None:
        return None
    slab, hidden = np.moveaxis(first[wide], gap.axis, 0), np.moveaxis(unknown[wide], gap.axis, 0)
    trend = gaussian_filter(slab, _trend_width(slab.shape))
    bright = ~hidden & (trend > np.log1p(BRIGHT))
    if np.count_nonzero(bright) < FEWEST:
        return None
    low = max(gap.start - DEPTH, wide[gap.axis].start)
    high = min(gap.stop + DEPTH, wide[gap.axis].stop)
    box = tuple(slice(low, high) if axis == gap.axis else s for axis, s in enumerate(wide))
    inside = slice(gap.start - low, gap.stop - low)
    logarithms, roots = _krigings(slab - trend, bright, high - low, inside)
    if logarithms is None:
        return None
    begin = low - wide[gap.axis].start
    return _Plane(
        gap.axis,
        box,
        inside,
        trend[begin : begin + high - low].copy(),
        float(slab[bright].max(initial=0)) + HEADROOM,
        logarithms,
        roots,
    )


def _trend_width(shape: tuple[int, ...]) -> float:
    """The standard deviation of the trend's Gaussian in a slab, in voxels."""
    side = math.prod(shape) ** (1 / len(shape))
    return min(TREND, TREND_OF_NONE + TREND_PER_SIDE * side)


def _krigings(
    ratio_log: Float32Array, bright: BoolArray, n_lines: int, inside: slice
) -> list[_Kriging | None]:
    """How gaps follow in logarithms, and in square roots; None where there is but rounding.

    Learned from the bright voxels of a slab, for gaps that are `inside` of `n_lines`.
    """
    beside = np.r_[0 : inside.start, inside.stop : n_lines]
    lateral = [(2 * LATERAL + 1) if n > 1 else 1 for n in bright.shape[1:]]
    lags = (2 * DEPTH + inside.stop - inside.start, *(n - 1 for n in lateral))
    pairs = np.maximum(_autocorrelation(bright.astype(np.float32), lags), 1)
    nugget = max(NUGGET, NUGGET_OF_ONE / math.sqrt(np.count_nonzero(bright)))
    found: list[_Kriging | None] = []
    for scale in (LOGARITHMS, ROOTS):
        ratio = scale.of_log(ratio_log)
        mean = float(ratio[bright].mean())
        residual = np.where(bright, ratio - np.float32(mean), 0)
        covariance = _covariance(_autocorrelation(residual, lags) / pairs)
        if covariance[lags] < LEAST_VARIANCE:
            found.append(None)
            continue
        weights, variance = _weights(
            covariance, beside, np.arange(inside.start, inside.stop), lateral, nugget
        )
        spread = np.sqrt(variance).astype(np.float32).reshape(-1, *[1] * len(lateral))
        found.append(_Kriging(scale, np.float32(mean), weights, scale.log_error(spread, mean)))
    return found


def _lit_slab(log_counts: Float32Array, gap: Gap) -> tuple[slice, ...] | None:
    """The part of the array around a gap that holds signal; None if there is none."""
    low, high = max(gap.start - SLAB, 0), min(gap.stop + SLAB, log_counts.shape[gap.axis])
    box = [slice(0, n) for n in log_counts.shape]
    box[gap.axis] = slice(low, high)
    near = gaussian_filter(log_counts[tuple(box)], 2.0, truncate=2.0) > np.log1p(BRIGHT) / 2
    for axis, n in enumerate(log_counts.shape):
        if axis == gap.axis:
            continue
        lit = np.flatnonzero(near.any(axis=tuple(a for a in range(near.ndim) if a != axis)))
        if not lit.size:
            return None
        box[axis] = slice(max(int(lit[0]) - SLAB // 4, 0), min(int(lit[-1]) + SLAB // 4 + 1, n))
    return tuple(box)


def _autocorrelation(values: Float32Array, lags: Sequence[int]) -> Float64Array:
    """Sums of the products of all pairs, at lags from -lag to +lag on each axis."""
    shape = [
        scipy.fft.next_fast_len(n + lag, real=True)
        for n, lag in zip(values.shape, lags, strict=True)
    ]
    wrapped = np.ix_(*[np.arange(-lag, lag + 1) % n for lag, n in zip(lags, shape, strict=True)])
    power = np.abs(scipy.fft.rfftn(values, shape)) ** 2
    return scipy.fft.irfftn(power, shape)[wrapped].astype(np.float64)


def _covariance(measured: Float64Array) -> Float64Array:
    """A covariance as measured at lags from -lag to +lag on each axis, faded and mended."""
    covariance = measured.copy()
    for axis, n in enumerate(measured.shape):
        lag = n // 2
        fading = np.exp(-0.5 * (np.arange(-lag, lag + 1) / (TAPER * (lag + 1))) ** 2)
        covariance *= fading.reshape([-1 if a == axis else 1 for a in range(covariance.ndim)])
    return _mended(covariance)


def _mended(covariance: Float64Array) -> Float64Array:
    """The covariance without its negative powers, which no field has.

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


def _weights(
    covariance: Float64Array,
    beside: NDArray[np.int64],
    inside: NDArray[np.int64],
    lateral: Sequence[int],
    nugget: float,
) -> tuple[Float32Array, Float64Array]:
    """Weights (n_inside, n_beside, *lateral) of each line, and the variance left (n_inside,)."""
    offsets = [np.arange(n) - n // 2 for n in lateral]
    sources = np.stack(np.meshgrid(beside, *offsets, indexing="ij"), axis=-1)
    sources = sources.reshape(-1, covariance.ndim)  # (n_sources, n_dim)
    targets = np.zeros((len(inside), covariance.ndim), dtype=np.int64)
    targets[:, 0] = inside
    middle = np.array(covariance.shape) // 2
    flat = covariance.reshape(-1)
    steps = np.array([math.prod(covariance.shape[axis + 1 :]) for axis in range(covariance.ndim)])

    def between(a: NDArray[np.int64], b: NDArray[np.int64]) -> Float64Array:
        return flat[(b @ steps)[None] - (a @ steps)[:, None] + middle @ steps]

    matrix, right = between(sources, sources), between(sources, targets)
    variance = covariance[tuple(middle)]
    matrix[np.diag_indices(len(matrix))] += nugget * variance
    solved = scipy.linalg.solve(matrix, right, assume_a="pos", check_finite=False)
    left = np.clip(_noise_free(covariance) - (solved * right).sum(axis=0), 0, None)
    weights = solved.T.reshape(len(inside), len(beside), *lateral)
    return weights.astype(np.float32), left


def _noise_free(covariance: Float64Array) -> float:
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


def _applied(weights: Float32Array, residual: Float32Array) -> Float32Array:
    """Weights (n_inside, n_beside, *lateral) slid over the residuals (n_beside, *plane)."""
    convolve = {1: torch.conv1d, 2: torch.conv2d}[residual.ndim - 1]
    values = torch.from_numpy(np.ascontiguousarray(residual))[None]
    padding = [n // 2 for n in weights.shape[2:]]
    return convolve(values, torch.from_numpy(weights), padding=padding)[0].numpy()
