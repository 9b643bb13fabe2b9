"""The voxels that a score compares."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.errors import InputError


def scored_values(
    counts_true: np.ndarray, fill: np.ndarray, gap_mask: np.ndarray
) -> tuple[Float64Array, Float64Array]:
    """True counts and fill in the scored voxels.

    Parameters
    ----------
    counts_true : counts of any shape, known in the gap.
    fill : expected counts of that shape.
    gap_mask : bool of that shape, True = scored.

    Returns
    -------
    (n_voxels,) float64 each.

    Raises
    ------
    InputError
        Arrays of different shapes, or negative or non-finite values in the gap.
    """
    if not counts_true.shape == fill.shape == gap_mask.shape or gap_mask.dtype != np.bool_:
        raise InputError(
            f"counts {counts_true.shape}, fill {fill.shape} and {gap_mask.dtype} mask "
            f"{gap_mask.shape} do not fit, expected one shape and a bool mask: crop them alike"
        )
    truth = counts_true[gap_mask].astype(np.float64)
    guess = fill[gap_mask].astype(np.float64)
    for name, values in (("true counts", truth), ("fill", guess)):
        n_wrong = int(values.size - (np.isfinite(values) & (values >= 0)).sum())
        if n_wrong:
            raise InputError(
                f"{name} hold {n_wrong} negative or non-finite values in the scored voxels, "
                "expected counts >= 0: take those voxels out of the mask"
            )
    return truth, guess
