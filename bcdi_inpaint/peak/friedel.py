"""The inversion symmetry of a Bragg peak: its Friedel mate, and how alike the two are.

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
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float64Array, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.centre import check_pattern

LEAST_LOG = math.log1p(0.25)
"""Mean of log(1 + counts) from which on there is something to compare: a count in four voxels."""

COUNTS_SIGMA = 2.0
"""Voxels of the blur that finds where there are counts."""


def friedel_mate(
    values: FloatArray, known: BoolArray, centre: Sequence[float] | Float64Array
) -> tuple[FloatArray, BoolArray]:
    """The pattern inverted about `centre`, and where that is known.

    Voxel n of the mate is voxel 2 c - n of the pattern, an exact map of indices.

    Parameters
    ----------
    values : of a pattern, of any number of dimensions.
    known : bool, of the same shape.
    centre : (n_dim,) in voxels, each a multiple of one half.

    Returns
    -------
    The mate and what is known of it, both of the pattern's shape. Where voxel 2 c - n lies outside
    the array or is not known, the mate is 0 and not known.

    Raises
    ------
    InputError
        Arrays of different shapes, or a centre that is no multiple of one half.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.array([1.0, 2.0, 3.0, 4.0])
    >>> friedel_mate(values, np.array([True, True, False, True]), [1.5])
    (array([4., 0., 2., 1.]), array([ True, False,  True,  True]))
    """
    check_pattern(values, known)
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
    """Where the values of a box's Friedel mate lie in the array.

    Parameters
    ----------
    box : of the array.
    shape : of the array.
    centre : (n_dim,) in voxels, each a multiple of one half.

    Returns
    -------
    The box of the array that holds the mate's values, and the part of `box` that they belong to
    once they are flipped on every axis. None where the mate lies outside the array.
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
    centre : (n_dim,) in voxels, whole or half; see `centre.find_centre`.
    remove_local_mean : standard deviation in voxels of the Gaussian whose masked mean is taken off
        both sides first, so that the peak's mere decay does not count; None takes nothing off.
    half_window : in voxels.

    Raises
    ------
    InputError
        As `friedel_mate`; or a `remove_local_mean` that is not above 0.
    """
    check_pattern(log_counts, known)
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
    """The Gaussian mean of the known values around each voxel.

    Parameters
    ----------
    values : of any number of dimensions; any number where not known.
    known : bool, of the same shape.
    sigma : standard deviation of the Gaussian, in voxels.

    Returns
    -------
    float64 of the same shape; 0 where nothing around is known.

    Examples
    --------
    >>> import numpy as np
    >>> local_mean(np.array([3.0, 3.0, 99.0]), np.array([True, True, False]), 1.0)
    array([3., 3., 3.])
    """
    weight = gaussian_filter(known.astype(np.float64), sigma, mode="constant", truncate=3)
    total = gaussian_filter(
        np.where(known, values, 0).astype(np.float64), sigma, mode="constant", truncate=3
    )
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-9)


def _index_sums(centre: Sequence[float] | Float64Array, shape: tuple[int, ...]) -> list[int]:
    """2 c, an integer for each axis: voxel n and its mate add up to it."""
    doubled = 2 * np.asarray(centre, dtype=np.float64)
    if doubled.shape != (len(shape),) or not np.array_equal(doubled, np.round(doubled)):
        raise InputError(
            f"centre is {np.asarray(centre).tolist()}, expected {len(shape)} multiples of one half"
        )
    return [int(total) for total in doubled]


def _pearson(a: Float64Array, b: Float64Array) -> float:
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])
