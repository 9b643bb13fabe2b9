"""What every classical fill begins and ends with: checked input, and the fill laid into the gap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError


def find_unknown(
    counts: np.ndarray, gap_mask: np.ndarray, bad_mask: np.ndarray | None
) -> BoolArray:
    """Gap and bad voxels together, after a check of the input.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid; None for none.

    Returns
    -------
    (n_rock, n_y, n_x) bool, a new array.

    Raises
    ------
    InputError
        For counts or masks of another shape or type, or negative or non-finite known counts.
    """
    if counts.ndim != 3:
        raise InputError(
            f"counts have {counts.ndim} dimensions {counts.shape}, expected 3 (rocking axis, y, "
            "x): stack the frames of the rocking curve into one array"
        )
    unknown = np.zeros(counts.shape, dtype=np.bool_)
    for name, mask in (("gap_mask", gap_mask), ("bad_mask", bad_mask)):
        if mask is None:
            continue
        if mask.shape != counts.shape or mask.dtype != np.bool_:
            raise InputError(
                f"{name} is {mask.dtype} {mask.shape}, expected bool {counts.shape}: give a mask "
                "of the counts' shape, True = unknown"
            )
        unknown |= mask
    _check_known(counts[~unknown])
    return unknown


def _check_known(known: np.ndarray) -> None:
    """Refuse known voxels that hold no counts."""
    n_wrong = int(known.size - (np.isfinite(known) & (known >= 0)).sum())
    if n_wrong:
        raise InputError(
            f"{n_wrong} known voxels hold negative or non-finite counts, expected counts >= 0: "
            "mark them in bad_mask"
        )


def log_of_known(counts: np.ndarray, unknown: BoolArray) -> Float32Array:
    """log(1 + counts) of the known voxels, 0 in the unknown ones; float32 of the same shape."""
    return np.log1p(np.where(unknown, 0, counts)).astype(np.float32)


def lay_into_gap(
    counts: np.ndarray, gap_mask: BoolArray, fill: np.ndarray, box: Sequence[slice]
) -> Float32Array:
    """The counts with their gap taken from the fill of a box around it.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; not changed.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill; no gap lies outside the box.
    fill : counts of the box's shape; what is below 0 is laid in as 0.
    box : the part of the array that the fill is of.

    Returns
    -------
    (n_rock, n_y, n_x) float32, a new array.
    """
    filled = counts.astype(np.float32)  # a copy
    inside = gap_mask[tuple(box)]
    filled[tuple(box)][inside] = np.clip(fill[inside], 0, None)
    return filled
