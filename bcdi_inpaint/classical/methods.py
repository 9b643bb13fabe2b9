"""Fills that need no training, by name: what a network is judged against.

Every method is called as ``fill(counts, gap_mask, bad_mask=...)`` and returns the counts
(n_rock, n_y, n_x) as float32, with the gap filled by expected counts (>= 0) and every other voxel
equal to ``counts.astype(float32)`` bit for bit. Nothing is read from the gap or from bad voxels.

All work on log(1 + counts), but for `inverse_distance`. What stands behind them, such
as `kriging.krige` or `network.channels.compute_features`, takes the logarithms themselves, and gap
and bad voxels together as `unknown`: there both are unknown alike.

>>> import numpy as np
>>> counts = np.full((2, 8, 8), 5.0)
>>> gap_mask = np.zeros(counts.shape, dtype=bool)
>>> gap_mask[:, 3:5] = True
>>> print(METHODS["cubic"](counts, gap_mask)[0, 2:6, 0])
[5. 5. 5. 5.]
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.inputs import find_unknown, lay_into_gap, log_of_known
from bcdi_inpaint.classical.interpolation import cubic, linear, nearest
from bcdi_inpaint.classical.kriging import krige
from bcdi_inpaint.classical.variational import biharmonic, total_variation
from bcdi_inpaint.classical.weighted_mean import inverse_distance
from bcdi_inpaint.gaps.masks import find_planes
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.peak.friedel import friedel_mate


class Method(Protocol):
    """A fill of a gap; see this module."""

    def __call__(
        self, counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray | None = None
    ) -> Float32Array:
        """The counts (n_rock, n_y, n_x) with the gap filled, float32."""


def friedel(
    counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray | None = None
) -> Float32Array:
    """Fill by the Friedel mate: the counts at -q, seen from the Bragg peak.

    It is exact for a crystal without strain. Linear where the mate is unknown too.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; the values in the gap and in bad voxels are unused.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid: left as it is, and not learned from.

    Returns
    -------
    (n_rock, n_y, n_x) float32.

    Raises
    ------
    InputError
        For masks of another shape or type, or negative or non-finite known counts.
    """
    known = ~find_unknown(counts, gap_mask, bad_mask)
    filled = linear(counts, gap_mask, bad_mask=bad_mask)
    if not known.any():
        return filled
    log_counts = log_of_known(counts, ~known)
    mate, mate_known = friedel_mate(log_counts, known, find_centre(log_counts, known))
    has_mate = gap_mask & mate_known
    filled[has_mate] = np.clip(np.expm1(mate[has_mate]), 0, None)
    return filled


def kriging(
    counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray | None = None
) -> Float32Array:
    """Fill plane gaps by kriging with the scan's own correlation, other voxels linearly.

    See `bcdi_inpaint.classical.kriging`. The planes are found again in gap and bad voxels together:
    bad lines beside a gap make it wider.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; the values in the gap and in bad voxels are unused.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid: left as it is, and not learned from.

    Returns
    -------
    (n_rock, n_y, n_x) float32.

    Raises
    ------
    InputError
        For masks of another shape or type, or negative or non-finite known counts.
    """
    unknown = find_unknown(counts, gap_mask, bad_mask)
    kriged = krige(log_of_known(counts, unknown), unknown, find_planes(unknown))
    everything = (slice(None),) * counts.ndim
    return lay_into_gap(counts, gap_mask, np.expm1(kriged.log_counts), everything)


METHODS: dict[str, Method] = {
    "nearest": nearest,
    "linear": linear,
    "cubic": cubic,
    "inverse_distance": inverse_distance,
    "biharmonic": biharmonic,
    "total_variation": total_variation,
    "friedel": friedel,
    "kriging": kriging,
}
"""The methods by name."""
