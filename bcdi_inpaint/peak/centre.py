"""Where the Bragg peak is: its brightest voxel, and the centre of its inversion symmetry.

There is one rule for the peak's voxel, `find_peak`: the highest smoothed logarithm of the known
counts. A maximum or a centre of mass of the counts themselves would go to the first hot pixel that
the mask does not know.

Arrays are (n_rock, n_y, n_x) or (n_y, n_x). `known` (bool) is True where a voxel was measured: no
gap, no bad voxel; `unknown` is the opposite. A centre is in voxels, whole or half: the inversion
n -> 2 c - n then maps voxels onto voxels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter, rank_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.search_range import CentreSettings, SearchRange, is_known_at, search_range
from bcdi_inpaint.scan.boxes import around, grow


@dataclass(frozen=True)
class PeakSettings:
    """How the peak's voxel is found.

    Attributes
    ----------
    sigma : standard deviation, in voxels, of the Gaussian that smooths the logarithms: about a
        fringe, so that the peak's surroundings count. A pixel of 2 000 000 counts in every frame
        reaches 0.3 in the smoothed logarithm, as much as a third of a count in every voxel around.
    truncate : standard deviations after which the Gaussian is cut off.
    block : lines of the first axis that are smoothed at a time, so that memory does not grow with
        the array. It changes no result.
    """

    sigma: float = 3.0
    truncate: float = 2.0
    block: int = 64


HOT_FACTOR = 30.0
"""A voxel is hot from this many times 1 + the counts of the second brightest neighbour.

Of a peak whose fringes are 2.2 pixels apart, the finest that are looked for, the brightest pixel is
twice as bright as its neighbours; a pair of hot pixels has one hot neighbour each."""


def find_peak(
    counts: np.ndarray, unknown: BoolArray | None = None, *, settings: PeakSettings = PeakSettings()
) -> tuple[int, ...] | None:
    """The Bragg peak's voxel: the highest smoothed logarithm of the known counts.

    Parameters
    ----------
    counts : photon counts of any number of dimensions; not changed. What is below 0 counts as 0.
    unknown : bool of the same shape, True = not measured; by default all is known but NaN.
    settings : of the smoothing.

    Returns
    -------
    The voxel's index on each axis; None where no known voxel has counts. A gap beside the peak
    pushes it some voxels to the other side; see `find_central_voxel`.

    Examples
    --------
    A hot pixel does not win over the peak:

    >>> import numpy as np
    >>> row, column = np.indices((40, 50))
    >>> counts = np.round(900 * np.exp(-((row - 18) ** 2 + (column - 31) ** 2) / 30))
    >>> counts[5, 5] = 2_000_000
    >>> find_peak(counts)
    (18, 31)
    >>> find_peak(np.zeros((40, 50))) is None
    True
    """

    def part(lines: slice) -> Float32Array:
        return _known_logs(counts, unknown, (lines,))[0]

    peak, height = _highest(part, counts.shape, settings)
    return peak if height > 0 else None


def find_central_voxel(
    counts: np.ndarray, unknown: BoolArray | None = None
) -> tuple[int, ...] | None:
    """The voxel in the middle of the Bragg peak, also where a gap lies beside or over the peak.

    It is `find_peak`'s voxel, or, where something within 12 voxels of that is not known, the one at
    the centre of the inversion symmetry, which no gap pushes; see `find_centre`.

    Parameters
    ----------
    counts : photon counts of any number of dimensions; not changed. What is below 0 counts as 0.
    unknown : bool of the same shape, True = not measured; by default all is known but NaN.

    Returns
    -------
    The voxel's index on each axis; None where no known voxel has counts.
    """
    peak = find_peak(counts, unknown)
    if peak is None:
        return None
    settings = CentreSettings()
    near = around(peak, settings.reach, counts.shape)
    if _known_logs(counts, unknown, near)[1].all():
        return peak
    seen = around(peak, settings.half_window + settings.reach, counts.shape)
    begin = [part.start for part in seen]
    inside = [int(p) - first for p, first in zip(peak, begin, strict=True)]
    _, known = _known_logs(counts, unknown, seen)
    where = search_range(known, inside, settings).moved(begin)
    box = grow(where.window(counts.shape), (settings.reach,) * counts.ndim, counts.shape)
    centre = find_centre(*_known_logs(counts, unknown, box), settings=settings)
    steps = [part.start - first for part, first in zip(box, begin, strict=True)]
    # Halves are rounded by the window that there is without a wide gap: the same with one.
    return tuple(f + round(s + float(c)) for f, s, c in zip(begin, steps, centre, strict=True))


def find_centre(
    log_counts: FloatArray, known: BoolArray, *, settings: CentreSettings = CentreSettings()
) -> Float64Array:
    """The centre about which a pattern overlaps best with its own inversion.

    The masked normalised cross-correlation of the pattern with its inversion (Padfield, IEEE Trans.
    Image Process. 21, 2706 (2012)), all centres around the peak's voxel (see `find_peak`) at once
    by FFT: the inversion about s / 2 moves voxel n to s - n, so a convolution of the pattern with
    itself has its value at s.

    Where a gap over the peak has put that voxel on one of its flanks, the centre is looked for up
    to the gap's far rim too: by what n pairs that correlate by r tell of each other,
    -n log(1 - r^2), since few lines remain about a centre at the rim.

    Parameters
    ----------
    log_counts : log(1 + counts) of a pattern; what lies at unknown voxels does not matter.
    known : bool, of the same shape.
    settings : how far to look.

    Returns
    -------
    (n_dim,) centre in voxels, each a multiple of one half.

    Raises
    ------
    InputError
        Arrays of different shapes, no known voxel, or values that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> row, column = np.indices((40, 50))
    >>> log_counts = np.exp(-((row - 18.5) ** 2 + (column - 31) ** 2) / 30)
    >>> find_centre(log_counts, known=row != 21)
    array([18.5, 31. ])
    """
    check_pattern(log_counts, known)
    peak, _ = _highest(
        lambda lines: np.where(known[lines], log_counts[lines], 0),
        log_counts.shape,
        PeakSettings(),
    )
    near = SearchRange.around(peak, settings)
    pairs, correlation = _self_overlap(log_counts, known, near)
    least = settings.least_overlap * pairs[tuple(2 * reach for reach in near.reach)]
    likeness = np.where(pairs > max(least, 1.5), correlation, -np.inf)
    centre = near.centre(int(np.argmax(likeness)))
    wide = search_range(known, peak, settings)
    if wide != near:
        # About a centre at the gap's rim a few lines of one flank are like each other; about the
        # peak's, a little less so, all of one flank are like the other. The pairs tell more.
        pairs, correlation = _self_overlap(log_counts, known, wide)
        told = np.where(pairs > 1.5, -pairs * np.log1p(-(np.clip(correlation, 0, 0.9999) ** 2)), 0)
        under = wide.centre(int(np.argmax(told)))
        needed = settings.tells_more if is_known_at(known, centre) else 1.0
        is_clear = told.max() > needed * told[wide.index(centre)]
        if is_clear and not is_known_at(known, under):  # a measured peak is found without
            centre = under
    return np.clip(centre, 0, np.array(log_counts.shape) - 1)


def hot_voxels(counts: np.ndarray, known: BoolArray) -> BoolArray:
    """Known voxels far brighter than their known neighbours in the frame, as hot pixels are.

    Neighbours in other frames do not count: a hot pixel is hot in them too. See `HOT_FACTOR`.

    Parameters
    ----------
    counts : (..., n_y, n_x), 0 or above where known.
    known : bool, of the same shape.
    """
    values = np.where(known, counts, -1).astype(np.float64)
    neighbours = np.ones((1,) * (values.ndim - 2) + (3, 3), dtype=bool)
    neighbours[..., 1, 1] = False
    second = rank_filter(values, -2, footprint=neighbours, mode="constant", cval=-1)
    return known & (second >= 0) & (values >= HOT_FACTOR * (1 + second))


def check_pattern(values: FloatArray, known: BoolArray) -> None:
    """InputError for arrays of different shapes, no known voxel, or values that are not finite."""
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


def _known_logs(
    counts: np.ndarray, unknown: BoolArray | None, box: tuple[slice, ...]
) -> tuple[Float32Array, BoolArray]:
    """log(1 + counts) of a box, 0 where unknown, and what is known there."""
    values = counts[box]
    known = np.isfinite(values)
    if unknown is not None:
        known &= ~unknown[box]
    return np.log1p(np.maximum(np.where(known, values, 0), 0).astype(np.float32)), known


def _highest(
    part: Callable[[slice], FloatArray],
    shape: tuple[int, ...],
    settings: PeakSettings,
) -> tuple[tuple[int, ...], float]:
    """The voxel of the highest smoothed value, and that value.

    `part` gives the values, 0 where unknown, of some lines of the first axis.
    """
    peak, height = (0,) * len(shape), -math.inf
    margin = int(settings.truncate * settings.sigma + 0.5)  # what SciPy's filter sees on each side
    for first in range(0, shape[0], settings.block):
        begin, last = max(first - margin, 0), first + settings.block
        # What is not known takes nothing from its neighbours, but brings nothing either.
        smooth = gaussian_filter(
            part(slice(begin, last + margin)).astype(np.float32),
            settings.sigma,
            truncate=settings.truncate,
            mode="constant",
        )[first - begin :][: settings.block]
        index = int(smooth.argmax())
        if smooth.flat[index] > height:
            height = float(smooth.flat[index])
            inside = np.unravel_index(index, smooth.shape)
            peak = (first + int(inside[0]), *(int(i) for i in inside[1:]))
    return peak, height


def _self_overlap(
    log_counts: FloatArray, known: BoolArray, where: SearchRange
) -> tuple[Float64Array, Float64Array]:
    """Pairs of known voxels, and their correlation, about each centre of a range, by halves.

    Both sides hold the same pairs, so their sums and their sums of squares are the same.
    """
    box = where.window(log_counts.shape)
    weight = known[box].astype(np.float64)
    values = np.where(known[box], log_counts[box], 0).astype(np.float64)
    values -= weight * values.sum() / max(weight.sum(), 1)  # the FFT's rounding stays small
    middle = [m - part.start for m, part in zip(where.middle, box, strict=True)]
    twice = [2 * reach for reach in where.reach]
    # Long enough that no other sum of indices comes round to the wanted ones.
    lengths = [
        scipy.fft.next_fast_len(max(n, 2 * (n - m) + t, 2 * m + t + 1), real=True)
        for n, m, t in zip(weight.shape, middle, twice, strict=True)
    ]
    wanted = np.ix_(
        *[
            (2 * m + np.arange(-t, t + 1)) % length
            for m, t, length in zip(middle, twice, lengths, strict=True)
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
    covariance = products - total**2 / np.maximum(pairs, 1)
    variance = squares - total**2 / np.maximum(pairs, 1)
    floor = 1e-9 * max(float(squares.max()), 1e-30)
    return pairs, covariance / np.maximum(variance, floor)
