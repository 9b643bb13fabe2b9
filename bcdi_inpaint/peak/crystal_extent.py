"""A crystal's size from its pattern, and the fringe period that follows from it.

The Fourier transform of the intensity is the object's autocorrelation (Patterson), which ends
where the object, moved against itself, no longer overlaps: after the object's own length. Strain
changes its values and not its end, so that it tells the size where peaks of fringes do not: a
strongly strained crystal has few fringes that repeat.

Arrays are (n_rock, n_y, n_x) or (n_y, n_x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft

from bcdi_inpaint.arrays import BoolArray, Float64Array, FloatArray
from bcdi_inpaint.peak.friedel import friedel_mate, local_mean


@dataclass(frozen=True)
class ExtentSettings:
    """Where an autocorrelation ends. From trials on crystals of known size; no committed command.

    Attributes
    ----------
    least : part of the autocorrelation's height that still belongs to it; a smaller one finds
        corners, and background.
    noise : standard deviations of the photon noise that still may be noise.
    far : lags from this part of the array on, beyond any crystal that is sampled well enough.
    over_far : how much stronger than at those lags it has to be: what a gap is filled with wrongly
        spreads over all lags.
    taper : part of the array, at each end of an axis, over which counts fade out.
    mean_sigma : standard deviation, in voxels, of the local mean that stands for unknown voxels
        without a known Friedel mate.
    """

    least: float = 0.01
    noise: float = 5.0
    far: float = 0.42
    over_far: float = 2.0
    taper: float = 0.125
    mean_sigma: float = 2.0


def extent_period(
    counts: FloatArray, *, settings: ExtentSettings = ExtentSettings()
) -> Float64Array:
    """The shortest fringe period that a crystal of this size makes, along each axis.

    Parameters
    ----------
    counts : of a pattern, of any number of dimensions, 0 or above, known everywhere: filled ones
        where none were measured, see `with_mates`.
    settings : where the autocorrelation ends.

    Returns
    -------
    (n_dim,) voxels of the array over the crystal's length in voxels of the object; nan where there
    are no counts, or where the autocorrelation has no end.

    Examples
    --------
    >>> import numpy as np
    >>> row, column = np.indices((64, 64)) - 32
    >>> counts = 1e5 * (np.sinc(row / 8) * np.sinc(column / 4)) ** 2
    >>> extent_period(counts).round()
    array([8., 4.])
    """
    total = float(counts.sum(dtype=np.float64))
    if total <= 0:
        return np.full(counts.ndim, math.nan)
    found = np.abs(scipy.fft.rfftn(_tapered(counts, settings.taper)))
    found = np.moveaxis(found, -1, 0)  # the halved axis is the first one now
    lags = [counts.ndim - 1, *range(counts.ndim - 1)]  # the axis of the counts of each one
    periods = np.full(counts.ndim, math.nan)
    for place, axis in enumerate(lags):
        n = counts.shape[axis]
        others = tuple(other for other in range(found.ndim) if other != place)
        strongest = found.max(axis=others)[: n // 2 + 1]
        end = _end(strongest, math.sqrt(total), n, settings)
        periods[axis] = math.nan if end is None else n / end
    return periods


def _end(strongest: Float64Array, noise: float, n: int, settings: ExtentSettings) -> float | None:
    """The lag at which an autocorrelation (n_lags,) ends; None where it does not.

    Its last lag above the limit: strain makes it pass through zero before.
    """
    far = float(strongest[math.ceil(settings.far * n) :].max(initial=0.0))
    limit = max(settings.least * strongest[0], settings.noise * noise, settings.over_far * far)
    above = np.flatnonzero(strongest >= limit)
    if not above.size or above[-1] + 1 == strongest.size:
        return None
    last = int(above[-1])
    inside, outside = strongest[last], strongest[last + 1]
    return last + float((inside - limit) / (inside - outside))


def _tapered(counts: FloatArray, part: float) -> Float64Array:
    """The counts, faded out towards the ends of each axis."""
    values = counts.astype(np.float64)
    for axis, n in enumerate(counts.shape):
        steps = (np.arange(n) + 0.5) / max(part * n, 1)
        fade = np.sin(np.pi / 2 * np.minimum(np.minimum(steps, steps[::-1]), 1)) ** 2
        values = values * fade.reshape([-1 if a == axis else 1 for a in range(counts.ndim)])
    return values


def with_mates(
    counts: FloatArray,
    known: BoolArray,
    centre: Float64Array,
    *,
    settings: ExtentSettings = ExtentSettings(),
) -> FloatArray:
    """Counts whose unknown voxels are those of their Friedel mates, or else the local mean.

    Parameters
    ----------
    counts : of a pattern, of any number of dimensions.
    known : bool, of the same shape.
    centre : (n_dim,) of the peak in voxels, each a multiple of one half.
    settings : how local the mean is.
    """
    if known.all():
        return counts
    mate, mate_known = friedel_mate(counts, known, centre)
    mean = local_mean(np.sqrt(np.where(known, counts, 0)), known, settings.mean_sigma) ** 2
    return np.where(known, counts, np.where(mate_known, mate, mean))
