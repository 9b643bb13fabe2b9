"""Counts to network units and back: an inverse pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import Float32Array, FloatArray

LOG_UNIT = 8.0
"""Natural logarithms per network unit: 3 000 counts are 1, a peak of 1e8 counts is 2.3.

The scale is absolute, not the patch's own: how noisy a voxel is depends on its counts, so the
network has to see them.
"""


def to_network(counts: NDArray[np.generic]) -> Float32Array:
    """log(1 + counts) in network units, of any shape; counts must not be negative."""
    return (np.log1p(counts.astype(np.float64)) / LOG_UNIT).astype(np.float32)


def from_network(units: FloatArray) -> Float32Array:
    """Counts of network units, the inverse of `to_network`; never negative."""
    counts = np.expm1(np.clip(units.astype(np.float64), 0, None) * LOG_UNIT)
    return counts.astype(np.float32)
