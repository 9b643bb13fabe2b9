"""Overlapping patches back into one volume: a weighted mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.patches import PatchLocation

FloatArray = NDArray[np.float32]


def window(size: tuple[int, ...]) -> FloatArray:
    """Weights (*size): a raised cosine on each axis, 1 in the middle, never 0.

    A patch knows least about its rim, which sees only one side.
    """
    axes = [np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 + 0.01 for n in size]
    weights = axes[0]
    for axis in axes[1:]:
        weights = np.multiply.outer(weights, axis)
    return (weights / weights.max()).astype(np.float32)


class Stitcher:
    """Adds patches up and returns their weighted mean."""

    def __init__(self, shape: tuple[int, ...], size: tuple[int, ...], n_values: int = 1) -> None:
        self._sum = np.zeros((n_values, *shape), dtype=np.float32)
        self._weight = np.zeros(shape, dtype=np.float32)
        self._window = window(size)

    def add(
        self, location: PatchLocation, patch: FloatArray, trust: FloatArray | None = None
    ) -> None:
        """Add a patch (n_values, *size), weighted by `trust` (*size), without what lies outside."""
        weight = self._window if trust is None else self._window * trust
        in_volume, in_patch = location.inside(self._weight.shape)
        self._sum[(slice(None), *in_volume)] += (patch * weight)[(slice(None), *in_patch)]
        self._weight[in_volume] += weight[in_patch]

    def mean(self, where: NDArray[np.bool_]) -> FloatArray:
        """(n_values, n_voxels) weighted means of the True voxels; each must lie in some patch."""
        weight = self._weight[where]
        assert (weight > 0).all(), "a voxel to fill lies in no patch"
        return self._sum[:, where] / weight
