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

from bcdi_inpaint.detectors import Gap
from bcdi_inpaint.interpolation import log_linear

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

DEPTH = 10
"""Lines on each side of the gap that a voxel is predicted from."""
LATERAL = 4
"""And how far to the sides."""
TREND, TREND_PER_LINE = 3.4, 0.1
"""Standard deviation, in voxels, of the Gaussian whose smoothing is taken off before: the wider the
gap, the less of its surroundings is a trend that can be known inside."""
SLAB = 48
"""Lines on each side of the gap that the correlation is measured on."""
TAPER = 0.5
"""Standard deviation of the Gaussian that fades the correlation, in parts of its longest lag."""
NUGGET = 0.02
"""Part of the variance added to the diagonal: far lags are measured with an error of that order."""
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
LEAST_SHARE = 0.01
"""Of the square roots, below which they are not worth the time."""
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

    log_counts: FloatArray
    sigma: FloatArray


def krige(log_counts: FloatArray, unknown: BoolArray, gaps: Sequence[Gap]) -> Kriged:
    """Fill the unknown voxels, those of plane gaps by kriging and the others linearly.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) or (n_y, n_x), log(1 + counts); any number in unknown voxels.
    unknown : the same shape, bool: gaps and bad voxels.
    gaps : the planes to krige; each lies in the unknown voxels.

    Where planes cross, all are done twice: the second time each has the others' prediction beside
    it instead of the linear one.
    """
    filled = log_linear(np.where(unknown, 0, log_counts).astype(np.float32), unknown)
    linear = filled.copy()
    sigma = np.zeros_like(filled)
    crossing = any(a.axis != b.axis for a, b in combinations(gaps, 2))
    for _ in range(2 if crossing else 1):
        for gap in gaps:
            _krige_plane(filled, linear, sigma, unknown, gap)
    return Kriged(filled, sigma)


def _krige_plane(
    filled: FloatArray, linear: FloatArray, sigma: FloatArray, unknown: BoolArray, gap: Gap
) -> None:
    """Write the prediction of one plane into `filled` and `sigma`."""
    box = _lit_slab(linear, gap)
    if box is None:
        return
    slab, first, uncertain = (
        np.moveaxis(volume[box], gap.axis, 0) for volume in (filled, linear, sigma)
    )  # (n_lines, *plane)
    hidden = np.moveaxis(unknown[box], gap.axis, 0)
    begin = box[gap.axis].start
    plane = _Plane.prepared(slab, first, hidden, gap.start - begin, gap.stop - begin)
    if np.count_nonzero(plane.bright) < FEWEST:
        return
    found = plane.predicted(plane.ratio_log, _same, _same)
    if found is None:
        return
    guess, error = found
    inside = slice(plane.start, plane.stop)
    slab[inside] = plane.clipped(guess)
    near = gaussian_filter(slab, 2.0)[inside]
    share = 1 / (1 + np.exp(-ROOT_SLOPE * (near - np.log1p(ROOT_FROM))))
    if share.max() > LEAST_SHARE:
        found = plane.predicted(
            np.exp(np.minimum(plane.ratio_log, MOST_RATIO) / 2), _twice_log, _twice_log_error
        )
        if found is not None:
            slab[inside] = (1 - share) * slab[inside] + share * plane.clipped(found[0])
            error = (1 - share) * error + share * found[1]
    uncertain[inside] = error


@dataclass(frozen=True)
class _Plane:
    """A gap between what is known on both sides of it; arrays (n_lines, *plane).

    `ratio_log` is the logarithm of the counts over their trend, `bright` where it tells something,
    `start` and `stop` the gap's lines.
    """

    trend: FloatArray
    ratio_log: FloatArray
    bright: BoolArray
    start: int
    stop: int
    highest: float

    @classmethod
    def prepared(
        cls, slab: FloatArray, first: FloatArray, hidden: BoolArray, start: int, stop: int
    ) -> _Plane:
        trend = gaussian_filter(first, TREND + TREND_PER_LINE * (stop - start))
        bright = ~hidden & (trend > np.log1p(BRIGHT))
        highest = float(slab[bright].max(initial=0)) + HEADROOM
        return cls(trend, slab - trend, bright, start, stop, highest)

    def predicted(
        self,
        ratio: FloatArray,
        as_log: Callable[[FloatArray], FloatArray],
        log_error: Callable[[FloatArray, float], FloatArray],
    ) -> tuple[FloatArray, FloatArray] | None:
        """Log counts (n_inside, *plane) and their error (n_inside, 1, ...), kriged as `ratio`.

        `as_log` brings a predicted ratio back to logarithms, `log_error` its standard deviation.
        None where there is nothing but rounding to learn from.
        """
        mean = float(ratio[self.bright].mean())
        residual = ratio - np.float32(mean)
        lines = [k for k in range(self.start - DEPTH, self.stop + DEPTH) if 0 <= k < len(ratio)]
        beside = np.array([k for k in lines if not self.start <= k < self.stop])
        lateral = [(2 * LATERAL + 1) if n > 1 else 1 for n in ratio.shape[1:]]
        lags = (2 * DEPTH + self.stop - self.start, *(n - 1 for n in lateral))
        covariance = _covariance(residual, self.bright, lags)
        if covariance[lags] < LEAST_VARIANCE:
            return None
        weights, variance = _weights(covariance, beside, np.arange(self.start, self.stop), lateral)
        expected = _applied(weights, residual[beside]) + np.float32(mean)
        spread = np.sqrt(variance).astype(np.float32).reshape(-1, *[1] * len(lateral))
        return self.trend[self.start : self.stop] + as_log(expected), log_error(spread, mean)

    def clipped(self, log_counts: FloatArray) -> FloatArray:
        """A prediction without what no crystal scatters: less than nothing, or far too much."""
        return np.clip(log_counts, 0, self.highest)


def _same(ratio: FloatArray, _mean: float = 0.0) -> FloatArray:
    return ratio


def _twice_log(root: FloatArray) -> FloatArray:
    return 2 * np.log(np.maximum(root, LEAST_ROOT))


def _twice_log_error(spread: FloatArray, mean: float) -> FloatArray:
    return 2 * spread / max(mean, LEAST_ROOT)


def _lit_slab(log_counts: FloatArray, gap: Gap) -> tuple[slice, ...] | None:
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


def _covariance(residual: FloatArray, known: BoolArray, lags: Sequence[int]) -> NDArray[np.float64]:
    """Covariance at all lags from -lag to +lag on each axis, (2 * lag + 1, ...), faded.

    The mean over the pairs of known voxels, by FFT with the known voxels' own autocorrelation.
    """
    shape = [
        scipy.fft.next_fast_len(n + lag, real=True)
        for n, lag in zip(residual.shape, lags, strict=True)
    ]
    wrapped = np.ix_(*[np.arange(-lag, lag + 1) % n for lag, n in zip(lags, shape, strict=True)])

    def autocorrelation(values: FloatArray) -> NDArray[np.float64]:
        power = np.abs(scipy.fft.rfftn(values, shape)) ** 2
        return scipy.fft.irfftn(power, shape)[wrapped].astype(np.float64)

    products = autocorrelation(np.where(known, residual, 0))
    covariance = products / np.maximum(autocorrelation(known.astype(np.float32)), 1)
    for axis, lag in enumerate(lags):
        fading = np.exp(-0.5 * (np.arange(-lag, lag + 1) / (TAPER * (lag + 1))) ** 2)
        covariance *= fading.reshape([-1 if a == axis else 1 for a in range(covariance.ndim)])
    return _mended(covariance)


def _mended(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
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
    covariance: NDArray[np.float64],
    beside: NDArray[np.int64],
    inside: NDArray[np.int64],
    lateral: Sequence[int],
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Weights (n_inside, n_beside, *lateral) of each line, and the variance left (n_inside,)."""
    offsets = [np.arange(n) - n // 2 for n in lateral]
    sources = np.stack(np.meshgrid(beside, *offsets, indexing="ij"), axis=-1)
    sources = sources.reshape(-1, covariance.ndim)  # (n_sources, n_dim)
    targets = np.zeros((len(inside), covariance.ndim), dtype=np.int64)
    targets[:, 0] = inside
    middle = np.array(covariance.shape) // 2
    flat = covariance.reshape(-1)
    steps = np.array([math.prod(covariance.shape[axis + 1 :]) for axis in range(covariance.ndim)])

    def between(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        return flat[(b @ steps)[None] - (a @ steps)[:, None] + middle @ steps]

    matrix, right = between(sources, sources), between(sources, targets)
    variance = covariance[tuple(middle)]
    matrix[np.diag_indices(len(matrix))] += NUGGET * variance
    solved = scipy.linalg.solve(matrix, right, assume_a="pos", check_finite=False)
    left = np.clip(_noise_free(covariance) - (solved * right).sum(axis=0), 0, None)
    weights = solved.T.reshape(len(inside), len(beside), *lateral)
    return weights.astype(np.float32), left


def _noise_free(covariance: NDArray[np.float64]) -> float:
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


def _applied(weights: NDArray[np.float32], residual: FloatArray) -> FloatArray:
    """Weights (n_inside, n_beside, *lateral) slid over the residuals (n_beside, *plane)."""
    convolve = {1: torch.conv1d, 2: torch.conv2d}[residual.ndim - 1]
    values = torch.from_numpy(np.ascontiguousarray(residual))[None]
    padding = [n // 2 for n in weights.shape[2:]]
    return convolve(values, torch.from_numpy(weights), padding=padding)[0].numpy()
