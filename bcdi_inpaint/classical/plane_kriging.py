"""How the lines of one plane gap follow from the lines beside it, in logarithms and in roots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.covariance import (
    autocorrelation,
    fade,
    kriging_weights,
    mend,
    slide_weights,
)
from bcdi_inpaint.classical.kriging_settings import KrigingSettings
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.scan.boxes import other_axes


@dataclass(frozen=True)
class _Scale:
    """What is kriged of counts over their trend: `of_log` makes it of their logarithm.

    `as_log` brings a prediction back, `log_error` its standard deviation around a mean.
    """

    of_log: Callable[[Float32Array], Float32Array]
    as_log: Callable[[Float32Array], Float32Array]
    log_error: Callable[[Float32Array, float], Float32Array]


def _scales(settings: KrigingSettings) -> tuple[_Scale, _Scale]:
    """Logarithms, and square roots."""
    most, least = settings.most_ratio, settings.least_root
    roots = _Scale(
        lambda log: np.exp(np.minimum(log, most) / 2),
        lambda root: 2 * np.log(np.maximum(root, least)),
        lambda spread, mean: 2 * spread / max(mean, least),
    )
    return _Scale(lambda log: log, lambda log: log, lambda spread, _: spread), roots


@dataclass(frozen=True)
class _Kriging:
    """How the voxels of a gap follow from the lines beside it, on one scale.

    `mean` is taken over the known bright voxels, `weights` are (n_inside, n_beside, *lateral),
    `error` (n_inside, 1, ...) is the standard deviation of the logarithms they predict.
    """

    scale: _Scale
    mean: np.float32
    weights: Float32Array
    error: Float32Array

    def predict(self, ratio_log: Float32Array) -> Float32Array:
        """Logarithms of counts over their trend, from those of the lines beside."""
        residual = self.scale.of_log(ratio_log) - self.mean
        return self.scale.as_log(slide_weights(self.weights, residual) + self.mean)


@dataclass(frozen=True)
class KrigedPlane:
    """A plane gap, and how it is predicted from the lines beside it.

    `box` is the part of the array that holds both; lines come first in `trend`.

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
    settings: KrigingSettings

    def fill(self, filled: Float32Array, sigma: Float32Array) -> None:
        """Write the prediction into the log counts of the array, and its error."""
        slab, error = (np.moveaxis(array[self.box], self.axis, 0) for array in (filled, sigma))
        beside = np.r_[0 : self.inside.start, self.inside.stop : len(slab)]
        ratio_log = slab[beside] - self.trend[beside]
        slab[self.inside] = self._clipped(self.logarithms.predict(ratio_log))
        error[self.inside] = self.logarithms.error
        if self.roots is None:
            return
        near, slope = gaussian_filter(slab, 2.0)[self.inside], self.settings.root_slope
        share = 1 / (1 + np.exp(-slope * (near - np.log1p(self.settings.root_from))))
        for array, of_roots in (
            (slab, self._clipped(self.roots.predict(ratio_log))),
            (error, self.roots.error),
        ):
            array[self.inside] = (1 - share) * array[self.inside] + share * of_roots

    def _clipped(self, ratio_log: Float32Array) -> Float32Array:
        """Log counts without what no crystal scatters: less than nothing, or far too much."""
        return np.clip(self.trend[self.inside] + ratio_log, 0, self.highest)


def krige_plane(
    gap: Gap, first: Float32Array, unknown: BoolArray, settings: KrigingSettings
) -> KrigedPlane | None:
    """Learn how a plane gap is predicted from the lines beside it.

    Parameters
    ----------
    gap : the plane.
    first : log counts of the array, whose unknown voxels have a first fill.
    unknown : the same shape, bool.
    settings : the numbers that kriging depends on.

    Returns
    -------
    How the plane is predicted; None where there is too little light to learn from.
    """
    wide = _lit_slab(first, gap, settings)
    if wide is None:
        return None
    slab, hidden = np.moveaxis(first[wide], gap.axis, 0), np.moveaxis(unknown[wide], gap.axis, 0)
    trend = gaussian_filter(slab, settings.trend_width(slab.shape))
    bright = ~hidden & (trend > np.log1p(settings.bright))
    if np.count_nonzero(bright) < settings.fewest:
        return None
    low = max(gap.start - settings.depth, wide[gap.axis].start)
    high = min(gap.stop + settings.depth, wide[gap.axis].stop)
    box = tuple(slice(low, high) if axis == gap.axis else s for axis, s in enumerate(wide))
    inside = slice(gap.start - low, gap.stop - low)
    logarithms, roots = _krigings(slab - trend, bright, high - low, inside, settings)
    if logarithms is None:
        return None
    begin = low - wide[gap.axis].start
    return KrigedPlane(
        gap.axis,
        box,
        inside,
        trend[begin : begin + high - low].copy(),
        float(slab[bright].max(initial=0)) + settings.headroom,
        logarithms,
        roots,
        settings,
    )


def _krigings(
    ratio_log: Float32Array,
    bright: BoolArray,
    n_lines: int,
    inside: slice,
    settings: KrigingSettings,
) -> list[_Kriging | None]:
    """How gaps follow in logarithms, and in square roots; None where there is but rounding.

    Learned from the bright voxels of a slab, for gaps that are `inside` of `n_lines`.
    """
    beside = np.r_[0 : inside.start, inside.stop : n_lines]
    lateral = [(2 * settings.lateral + 1) if n > 1 else 1 for n in bright.shape[1:]]
    lags = (2 * settings.depth + inside.stop - inside.start, *(n - 1 for n in lateral))
    pairs = np.maximum(autocorrelation(bright.astype(np.float32), lags), 1)
    nugget = settings.nugget(int(np.count_nonzero(bright)))
    found: list[_Kriging | None] = []
    for scale in _scales(settings):
        ratio = scale.of_log(ratio_log)
        mean = float(ratio[bright].mean())
        residual = np.where(bright, ratio - np.float32(mean), 0)
        covariance = mend(fade(autocorrelation(residual, lags) / pairs, settings.taper))
        if covariance[lags] < settings.least_variance:
            found.append(None)
            continue
        weights, variance = kriging_weights(
            covariance, beside, np.arange(inside.start, inside.stop), lateral, nugget
        )
        spread = np.sqrt(variance).astype(np.float32).reshape(-1, *[1] * len(lateral))
        found.append(_Kriging(scale, np.float32(mean), weights, scale.log_error(spread, mean)))
    return found


def _lit_slab(
    log_counts: Float32Array, gap: Gap, settings: KrigingSettings
) -> tuple[slice, ...] | None:
    """The part of the array around a gap that holds signal; None if there is none."""
    reach, margin = settings.slab, settings.slab // 4
    low, high = max(gap.start - reach, 0), min(gap.stop + reach, log_counts.shape[gap.axis])
    box = [slice(0, n) for n in log_counts.shape]
    box[gap.axis] = slice(low, high)
    near = (
        gaussian_filter(log_counts[tuple(box)], 2.0, truncate=2.0) > np.log1p(settings.bright) / 2
    )
    for axis, n in enumerate(log_counts.shape):
        if axis == gap.axis:
            continue
        lit = np.flatnonzero(near.any(axis=other_axes(axis, near.ndim)))
        if not lit.size:
            return None
        box[axis] = slice(max(int(lit[0]) - margin, 0), min(int(lit[-1]) + margin + 1, n))
    return tuple(box)
