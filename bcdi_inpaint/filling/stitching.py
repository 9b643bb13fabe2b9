"""Overlapping patches back into one volume: a weighted mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.filling.patches import PatchLocation

ONE_SIDED_TRUST = 1e-6
"""Weight of a patch in a voxel known from one side only, against one known from both sides.

So small that it counts only where no patch sees both sides."""
BLIND_TRUST = 1e-18
"""Weight of a patch without a known voxel: it counts only where no other patch lies.

The least weight that `window` gives a voxel is about 1e-6, so it has to be far below the square of
`ONE_SIDED_TRUST`."""


def window(size: tuple[int, ...]) -> Float32Array:
    """Weights (*size): a raised cosine on each axis, 1 in the middle, never 0.

    A patch knows least about its rim, which sees only one side.
    """
    axes = [np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 + 0.01 for n in size]
    weights = axes[0]
    for axis in axes[1:]:
        weights = np.multiply.outer(weights, axis)
    return (weights / weights.max()).astype(np.float32)


def trust(unknown: BoolArray) -> Float32Array:
    """How far to trust each voxel of patches.

    1 where a voxel is known, or lies between known ones on some axis; else `ONE_SIDED_TRUST`, and
    in a patch that knows nothing `BLIND_TRUST`. Where gaps cross, no axis has known voxels on both
    sides: there another round starts from the voxels that the last one reached.

    Parameters
    ----------
    unknown : (n_batch, *size) bool, gap and bad voxels of the patches.

    Returns
    -------
    (n_batch, *size) float32, weights.
    """
    known = ~unknown
    axes = range(1, unknown.ndim)
    for _ in axes:  # as many planes can cross in one voxel
        reached = known.copy()
        for axis in axes:
            after = np.flip(_known_so_far(np.flip(known, axis), axis), axis)
            reached |= _known_so_far(known, axis) & after
        if np.array_equal(reached, known):
            break
        known = reached
    weights = np.where(known, np.float32(1), np.float32(ONE_SIDED_TRUST))
    weights[unknown.all(axis=tuple(axes))] = BLIND_TRUST
    return weights


def _known_so_far(known: BoolArray, axis: int) -> BoolArray:
    """Whether there is a known voxel at or before each, along the axis.

    Line by line: numpy's own accumulation takes four times as long.
    """
    found = np.empty_like(known)
    lines, seen = np.moveaxis(known, axis, 0), np.moveaxis(found, axis, 0)
    seen[0] = lines[0]
    for i in range(1, len(lines)):
        np.logical_or(seen[i - 1], lines[i], out=seen[i])
    return found


class Stitcher:
    """Adds patches up and returns their weighted mean; `n_values` are averaged in each voxel."""

    def __init__(self, shape: tuple[int, ...], size: tuple[int, ...], n_values: int = 1) -> None:
        self._sum = np.zeros((n_values, *shape), dtype=np.float32)
        self._weight = np.zeros(shape, dtype=np.float32)
        self._window = window(size)

    def add(
        self, location: PatchLocation, patch: Float32Array, trusted: Float32Array | None = None
    ) -> None:
        """Add a patch; what lies outside the volume is left out.

        Parameters
        ----------
        location : where the patch lies.
        patch : (n_values, *size) float32.
        trusted : (*size) float32, weight of each voxel besides the window's; by default 1.
        """
        weight = self._window if trusted is None else self._window * trusted
        in_volume, in_patch = location.inside(self._weight.shape)
        self._sum[(slice(None), *in_volume)] += (patch * weight)[(slice(None), *in_patch)]
        self._weight[in_volume] += weight[in_patch]

    def add_all(
        self, locations: Sequence[PatchLocation], patches: Float32Array, trusted: Float32Array
    ) -> None:
        """Add several patches; see `add`.

        Parameters
        ----------
        locations : where the n patches lie.
        patches : (n, n_values, *size) float32.
        trusted : (n, *size) float32, weight of each voxel.
        """
        for location, patch, weights in zip(locations, patches, trusted, strict=True):
            self.add(location, patch, weights)

    @property
    def covered(self) -> BoolArray:
        """Which voxels lie in some patch."""
        return self._weight > 0

    def mean(self, within: BoolArray) -> Float32Array:
        """(n_values, n_voxels) weighted means of the True voxels; each must lie in some patch."""
        weight = self._weight[within]
        assert (weight > 0).all(), "a voxel to fill lies in no patch"
        return self._sum[:, within] / weight
