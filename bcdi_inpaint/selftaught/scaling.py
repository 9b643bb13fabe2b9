"""Logarithms of counts in 0..1, as methods that learn from one scan take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray
from bcdi_inpaint.errors import InputError


@dataclass(frozen=True)
class Scaling:
    """The least known log(1 + counts), and how far above it the largest is."""

    low: float
    span: float

    @classmethod
    def of(cls, log_counts: FloatArray, known: BoolArray) -> Scaling:
        """The scaling of an array by its known voxels; InputError where there are none."""
        if not known.any():
            raise InputError("no voxel is known, expected some to learn from")
        values = log_counts[known]
        low, high = float(values.min()), float(values.max())
        return cls(low, high - low if high > low else 1.0)

    def scaled(self, log_counts: FloatArray, known: BoolArray) -> Float32Array:
        """The array in 0..1, with 0 where it is not known."""
        return np.where(known, (log_counts - self.low) / self.span, 0).astype(np.float32)

    def restored(self, scaled: FloatArray) -> Float32Array:
        """The inverse of `scaled`."""
        return (scaled * self.span + self.low).astype(np.float32)
