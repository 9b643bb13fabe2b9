"""Counts and their logarithms to network units and back: inverse pairs."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import Float32Array, FloatArray

LOG_UNIT = 8.0
"""Natural logarithms per network unit: 3 000 counts are 1, a peak of 1e8 counts is 2.3.

The scale is absolute, not the patch's own: how noisy a voxel is depends on its counts, so the
network has to see them.
"""

Logs = TypeVar("Logs")
"""An array of numpy, a tensor of torch or a number."""


def logs_to_network(logs: Logs) -> Logs:
    """Natural logarithms in network units; numpy arrays and tensors keep their type.

    >>> logs_to_network(16.0)
    2.0
    """
    values: Any = logs
    return values / LOG_UNIT


def logs_from_network(units: Logs) -> Logs:
    """Natural logarithms of network units, the inverse of `logs_to_network`."""
    values: Any = units
    return values * LOG_UNIT


def to_network(counts: NDArray[np.generic]) -> Float32Array:
    """log(1 + counts) in network units, of any shape; counts must not be negative."""
    return logs_to_network(np.log1p(counts.astype(np.float64))).astype(np.float32)


def from_network(units: FloatArray) -> Float32Array:
    """Counts of network units, the inverse of `to_network`; never negative."""
    counts = np.expm1(logs_from_network(np.clip(units.astype(np.float64), 0, None)))
    return counts.astype(np.float32)
