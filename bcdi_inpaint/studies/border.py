"""How a fill meets its border, and what values it has: the tests of Squires et al. (2023).

Digital Discovery 2, 316 (2023), section 2.3: a fill that belongs to the image has, across its
border, differences of neighbours like those of the image, and values distributed like the truth's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import ks_2samp

from bcdi_inpaint.arrays import BoolArray, Float64Array


class Compared(NamedTuple):
    """A Kolmogorov-Smirnov test of two sets of values; nan where one is empty.

    Attributes
    ----------
    distance : 0 for alike, 1 for nothing in common.
    p : the probability of so large a distance between sets of one distribution, if all values were
        independent.
    """

    distance: float
    p: float


def compare_border(
    counts: np.ndarray, fill: np.ndarray, gap: BoolArray, bad: BoolArray
) -> Compared:
    """Squared differences across the border, held against the image's.

    The differences are of log(1 + counts) of neighbours: one known and one filled on one side, all
    pairs of known ones on the other. The fill is rounded to whole counts, as known ones are: in the
    dark any fraction would differ from all differences of the image.

    Parameters
    ----------
    counts : known counts, (n_rock, n_y, n_x) or any shape.
    fill : of the same shape; only the gap is looked at.
    gap : of the same shape, bool.
    bad : of the same shape, bool: pairs with such a voxel are left out.

    Returns
    -------
    Their test; nan where there are no pairs.

    Examples
    --------
    >>> counts = np.random.default_rng(0).poisson(30, (1, 40, 40)).astype(float)
    >>> gap = np.zeros(counts.shape, dtype=bool)
    >>> gap[:, :, 10:14] = True
    >>> none = np.zeros_like(gap)
    >>> alike, far = (compare_border(counts, c, gap, none) for c in (counts, 5 * counts))
    >>> alike.distance < far.distance, far.p < 1e-6 < 0.01 < alike.p
    (True, True)
    """
    logs = np.log1p(np.where(bad, 0, np.where(gap, np.round(fill), counts)).astype(np.float64))
    across, inside = [], []
    for axis in range(logs.ndim):
        squared = np.diff(logs, axis=axis) ** 2
        first, second = _pairs(gap, axis)
        valid = ~np.logical_or(*_pairs(bad, axis))
        across.append(squared[valid & (first != second)])
        inside.append(squared[valid & ~first & ~second])
    return _compare(np.concatenate(across), np.concatenate(inside))


def _pairs(mask: BoolArray, axis: int) -> tuple[BoolArray, BoolArray]:
    """A mask at the first and at the second of all neighbours along an axis."""
    n = mask.shape[axis]
    return np.take(mask, range(n - 1), axis), np.take(mask, range(1, n), axis)


def compare_values(counts: np.ndarray, fill: np.ndarray, scored: BoolArray) -> Compared:
    """A fill's values, held against the true counts, wherever they lie.

    Parameters
    ----------
    counts : the truth.
    fill : of the same shape.
    scored : of the same shape, bool: the voxels.

    Examples
    --------
    >>> counts = np.arange(8.0)
    >>> compare_values(counts, counts[::-1], counts >= 0).distance
    0.0
    """
    # A fill is an expectation, a count a whole number: only whole ones compare.
    return _compare(np.round(fill[scored]), counts[scored])


def _compare(these: Float64Array | np.ndarray, those: Float64Array | np.ndarray) -> Compared:
    if not len(these) or not len(those):
        return Compared(float("nan"), float("nan"))
    found = ks_2samp(these, those, method="asymp")
    return Compared(float(found.statistic), float(found.pvalue))
