"""The inversion symmetry of a Bragg peak: its centre, its Friedel mate, how alike the two are.

Without strain a crystal's density is real about its Bragg peak, and the intensity at q and at -q
from the peak is the same (Friedel's law, for the peak's own origin). Strain breaks the symmetry, so
the likeness of a pattern and its inversion measures the strain, and tells how much the voxels
opposite a gap know about what is missing in it.

Arrays are (n_rock, n_y, n_x) or (n_y, n_x). `known` (bool) is True where a voxel was measured: no
gap, no bad voxel. A centre is in voxels, whole or half: the inversion n -> 2 c - n then maps voxels
onto voxels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float64Array, FloatArray
from bcdi_inpaint.errors import InputError

Box = tuple[slice, ...]

PEAK_SIGMA = 3.0
"""Voxels of the blur whose brightest voxel the search for the centre starts from."""

REACH = 12
"""How far from there the centre may be, in voxels along each axis."""

HALF_WINDOW = 48
"""Half the side of the window around the start whose overlap with its inversion counts."""

LEAST_OVERLAP = 0.5
"""Pairs of known voxels that a centre needs, as a part of those of the search's start."""

LEAST_LOG = math.log1p(0.25)
"""Mean of log(1 + counts) from which on there is something to compare: a count in four voxels."""

COUNTS_SIGMA = 2.0
"""Voxels of the blur that finds where there are counts."""


def find_centre(log_counts: FloatArray, known: BoolArray) -> Float64Array:
    """The centre about which a pattern overlaps best with its own inversion.

    The masked normalised cross-correlation of the pattern with its inversion (Padfield, IEEE Trans.
    Image Process. 21, 2706 (2012)), all centres at once by FFT: the inversion about s / 2 moves
    voxel n to s - n, so a convolution of the pattern with itself has its value at s.

    Parameters
    ----------
    log_counts : log(1 + counts) of a pattern; what lies at unknown voxels does not matter.
    known : bool, of the same shape.

    Returns
    -------
    (n_dim,) centre in voxels, each a multiple of one half.

    Raises
    ------
    InputError : arrays of different shapes, no known voxel, values that are not finite.
    """
    _check(log_counts, known)
    start = _brightest(log_counts, known)
    box = _box(start, log_counts.shape, HALF_WINDOW)
    first = np.array([part.start for part in box])
    weight = known[box].astype(np.float64)
    values = np.where(known[box], log_counts[box], 0).astype(np.float64)
    values -= weight * values.sum() / max(weight.sum(), 1)  # the FFT's rounding stays small
    likeness = _self_overlap(values, weight, start - first)  # (4 REACH + 1, ...) sums of indices
    best = np.unravel_index(int(np.argmax(likeness)), likeness.shape)
    return np.clip(start + (np.array(best) - 2 * REACH) / 2, 0, np.array(log_counts.shape) - 1)


def friedel_mate(
    values: FloatArray, known: BoolArray, centre: Sequence[float] | Float64Array
) -> tuple[FloatArray, BoolArray]:
    """The pattern inverted about `centre`, and where that is known.

    Voxel n of the mate is voxel 2 c - n of the pattern, an exact map of indices; where that lies
    outside the array or is not known, the mate is 0 and not known.

    Raises
    ------
    InputError : arrays of different shapes, a centre that is no multiple of one half.
    """
    _check(values, known)
    sums = _index_sums(centre, values.shape)
    mate, mate_known = np.zeros_like(values), np.zeros_like(known)
    here, there = [], []
    for total, n in zip(sums, values.shape, strict=True):
        low, high = max(0, total - n + 1), min(n - 1, total)
        here.append(slice(low, max(high + 1, low)))
        # From total - low down to total - high.
        there.append(np.arange(total - low, total - high - 1, -1))
    source = np.ix_(*there)
    mate_known[tuple(here)] = known[source]
    mate[tuple(here)] = np.where(known[source], values[source], 0)
    return mate, mate_known


def mate_source(
    box: Sequence[slice], shape: Sequence[int], centre: Sequence[float] | Float64Array
) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """Where the Friedel mate of a box comes from: a box of the array, and its place in the first.

    Flipped on every axis, the second belongs there. None where the mate lies outside the array.
    """
    source, place = [], []
    for part, n, total in zip(box, shape, _index_sums(centre, tuple(shape)), strict=True):
        low, high = max(total - part.stop + 1, 0), min(total - part.start + 1, n)
        if low >= high:
            return None
        source.append(slice(low, high))
        place.append(slice(total - high + 1 - part.start, total - low + 1 - part.start))
    return tuple(source), tuple(place)


def inversion_correlation(
    log_counts: FloatArray,
    known: BoolArray,
    centre: Sequence[float] | Float64Array,
    remove_local_mean: float | None = None,
    half_window: int = 32,
) -> float:
    """Pearson correlation of a pattern with its Friedel mate: 1 without strain and noise.

    Compared are the voxels within `half_window` of the centre along each axis that are known on
    both sides, where there are counts (`LEAST_LOG`) on either; nan if there are none.

    Parameters
    ----------
    log_counts : log(1 + counts) of a pattern.
    known : bool, of the same shape.
    centre : (n_dim,) in voxels, whole or half; see `find_centre`.
    remove_local_mean : standard deviation in voxels of the Gaussian whose masked mean is taken off
        both sides first, so that the peak's mere decay does not count; None takes nothing off.
    half_window : in voxels.

    Raises
    ------
    InputError : as `friedel_mate`; a `remove_local_mean` that is not above 0.
    """
    _check(log_counts, known)
    if remove_local_mean is not None and not remove_local_mean > 0:
        raise InputError(
            f"remove_local_mean is {remove_local_mean}, expected voxels above 0, or None"
        )
    sums = _index_sums(centre, log_counts.shape)
    # A box that the inversion maps onto itself: the mate is the box, flipped.
    starts = [
        max(0, total - n + 1, math.ceil(total / 2 - half_window))
        for total, n in zip(sums, log_counts.shape, strict=True)
    ]
    box = tuple(
        slice(start, max(total - start + 1, start))
        for start, total in zip(starts, sums, strict=True)
    )
    values, there = np.asarray(log_counts[box], dtype=np.float64), known[box]
    if values.size == 0:
        return math.nan
    has_counts = local_mean(values, there, COUNTS_SIGMA) > LEAST_LOG
    both = there & np.flip(there) & (has_counts | np.flip(has_counts))
    if remove_local_mean is not None:
        values = values - local_mean(values, there, remove_local_mean)
    return _pearson(values[both], np.flip(values)[both])


def local_mean(values: FloatArray, known: BoolArray, sigma: float) -> Float64Array:
    """The mean of the known values around each voxel, Gaussian with `sigma` voxels; 0 if none."""
    weight = gaussian_filter(known.astype(np.float64), sigma, mode="constant", truncate=3)
    total = gaussian_filter(
        np.where(known, values, 0).astype(np.float64), sigma, mode="constant", truncate=3
    )
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-9)


def _check(values: FloatArray, known: BoolArray) -> None:
    if known.shape != values.shape:
        raise InputError(
            f"known has shape {known.shape}, expected the pattern's shape {values.shape}"
        )
    if not known.any():
        raise InputError(f"no voxel of the {values.shape} pattern is known, expected some")
    if not np.isfinite(values[known]).all():
        raise InputError(
            "some known values are not finite, expected numbers; mark such voxels as not known"
        )


def _index_sums(centre: Sequence[float] | Float64Array, shape: tuple[int, ...]) -> list[int]:
    """2 c, an integer for each axis: voxel n and its mate add up to it."""
    doubled = 2 * np.asarray(centre, dtype=np.float64)
    if doubled.shape != (len(shape),) or not np.array_equal(doubled, np.round(doubled)):
        raise InputError(
            f"centre is {np.asarray(centre).tolist()}, expected {len(shape)} multiples of one half"
        )
    return [int(total) for total in doubled]


def _brightest(log_counts: FloatArray, known: BoolArray) -> NDArray[np.intp]:
    """(n_dim,) the brightest voxel of the blurred pattern; single hot voxels do not count."""
    blur = {"sigma": PEAK_SIGMA, "truncate": 2, "mode": "constant"}
    # What is not known takes nothing from its neighbours but brings nothing either: a gap of some
    # voxels through the peak moves the start by less than `REACH`.
    total = gaussian_filter(np.where(known, log_counts, 0).astype(np.float32), **blur)
    return np.array(np.unravel_index(int(total.argmax()), total.shape))


def _box(middle: NDArray[np.intp], shape: tuple[int, ...], half: int) -> Box:
    return tuple(
        slice(max(0, int(m) - half), min(n, int(m) + half + 1))
        for m, n in zip(middle, shape, strict=True)
    )


def _self_overlap(
    values: Float64Array, weight: Float64Array, start: NDArray[np.intp]
) -> Float64Array:
    """Masked correlation of `values` with its inversion about start + (-REACH..REACH, by halves).

    `values` is 0 where `weight` is. Both sides hold the same pairs, so their sums and their sums
    of squares are the same.
    """
    # Long enough that no other sum of indices comes round to the wanted ones.
    lengths = [
        scipy.fft.next_fast_len(max(n, 2 * (n - s) + 2 * REACH, 2 * s + 2 * REACH + 1), real=True)
        for n, s in zip(weight.shape, start, strict=True)
    ]
    wanted = np.ix_(
        *[
            (2 * s + np.arange(-2 * REACH, 2 * REACH + 1)) % length
            for s, length in zip(start, lengths, strict=True)
        ]
    )
    f_weight, f_values, f_squares = (
        scipy.fft.rfftn(array, lengths) for array in (weight, values, values**2)
    )
    pairs, total, squares, products = (
        scipy.fft.irfftn(product, lengths)[wanted]
        for product in (
            f_weight * f_weight,
            f_values * f_weight,
            f_squares * f_weight,
            f_values * f_values,
        )
    )
    is_enough = pairs > max(LEAST_OVERLAP * pairs[(2 * REACH,) * pairs.ndim], 1.5)
    covariance = products - total**2 / np.maximum(pairs, 1)
    variance = squares - total**2 / np.maximum(pairs, 1)
    floor = 1e-9 * max(float(squares.max()), 1e-30)
    return np.where(is_enough, covariance / np.maximum(variance, floor), -np.inf)


def _pearson(a: Float64Array, b: Float64Array) -> float:
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])
