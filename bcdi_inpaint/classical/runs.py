"""Runs of unknown voxels along an axis: how long they are, and the known voxels at their ends."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, IntArray

UNUSABLE = int(np.iinfo(np.int32).max)
"""Length of a run with no known voxel at either end."""


def run_lengths(unknown: np.ndarray) -> NDArray[np.int32]:
    """Length of the run of unknown voxels through each voxel, along each axis.

    Parameters
    ----------
    unknown : (n_rock, n_y, n_x) bool.

    Returns
    -------
    (3, n_rock, n_y, n_x) int32, 0 in known voxels.

    Examples
    --------
    >>> import numpy as np
    >>> run_lengths(np.array([[False, True, True, False]])).tolist()
    [[[0, 1, 1, 0]], [[0, 2, 2, 0]]]
    """
    lengths = np.zeros((unknown.ndim, *unknown.shape), dtype=np.int32)
    for axis, along in enumerate(lengths):
        run_of, _, length = _runs(unknown, axis)
        moved = np.moveaxis(along, axis, -1)  # a view, the axis last
        known = np.moveaxis(~unknown, axis, -1)
        if length.size:
            moved[...] = np.where(known, 0, length[run_of].reshape(moved.shape))
    return lengths


def shortest_runs(unknown: np.ndarray, within: np.ndarray) -> IntArray:
    """Length of the shortest run of unknown voxels through each voxel of `within`, (n_within,).

    Both (n_rock, n_y, n_x) bool; every voxel of `within` has to be unknown.
    """
    targets = np.flatnonzero(within)
    lengths = [Runs(unknown, targets, axis).length for axis in range(unknown.ndim)]
    shortest: IntArray = np.min(lengths, axis=0)
    return shortest


class Runs:
    """Along one axis, the run of unknown voxels through each of some target voxels.

    Attributes
    ----------
    position : (n_targets,) index of each target along the axis.
    below, above : (n_targets,) index of the last known voxel before the run, and of the first
        after it; -1 and the axis's length where there is none.
    length : (n_targets,) of the run.
    usable_length : (n_targets,) the same, `UNUSABLE` where neither end is known.
    """

    def __init__(self, unknown: BoolArray, targets: IntArray, axis: int) -> None:
        self._targets = targets
        self._n = unknown.shape[axis]
        self._stride = np.int64(math.prod(unknown.shape[axis + 1 :]))  # int32 would overflow
        outer, inner = np.divmod(targets, self._n * self._stride)
        position, inner = np.divmod(inner, self._stride)
        run_of, start, length = _runs(unknown, axis)
        run = run_of[(outer * self._stride + inner) * self._n + position]  # (n_targets,)
        self.position = position.astype(np.int32)  # there may be millions, of three axes
        self.below = start[run] - 1
        self.above = start[run] + length[run]
        self.length = length[run]
        usable = (self.below >= 0) | (self.above < self._n)
        self.usable_length = np.where(usable, self.length, UNUSABLE)

    def ends(self, chosen: BoolArray) -> tuple[IntArray, IntArray]:
        """Indices of the known voxels at both ends of the chosen runs, (n_chosen,) each.

        At the array's edge both are the one that is known.
        """
        below, above = self.below[chosen], self.above[chosen]
        return np.where(below >= 0, below, above), np.where(above < self._n, above, below)

    def flat(self, chosen: BoolArray, index: IntArray) -> IntArray:
        """Flat indices of voxels in the array, from their indices along the chosen lines."""
        origin = self._targets[chosen] - self.position[chosen] * self._stride
        indices: IntArray = origin + index * self._stride
        return indices

    def has_two(self, chosen: BoolArray) -> BoolArray:
        """Whether two voxels lie inside the array on both sides of the chosen runs."""
        inside: BoolArray = (self.below[chosen] >= 1) & (self.above[chosen] < self._n - 1)
        return inside


def _runs(unknown: BoolArray, axis: int) -> tuple[IntArray, IntArray, IntArray]:
    """The runs of unknown voxels along `axis`.

    Returns the number of the run that each voxel is in, flat, with `axis` moved last and 0 in known
    voxels; and for each run its first index along the axis and its length, (n_runs,) each.
    """
    moved = np.moveaxis(unknown, axis, -1).ravel()  # lines along the axis, one after another
    flat = np.flatnonzero(moved)  # (n_unknown,)
    position = (flat % unknown.shape[axis]).astype(np.int32)
    opens = np.ones(flat.size, dtype=np.bool_)  # does the voxel begin a new run?
    opens[1:] = (np.diff(flat) > 1) | (position[1:] == 0)
    run = np.cumsum(opens) - 1  # (n_unknown,)
    run_of = np.zeros(moved.size, dtype=np.int32)
    run_of[flat] = run
    return run_of, position[opens], np.bincount(run).astype(np.int32)
