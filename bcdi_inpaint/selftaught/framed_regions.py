"""Regions of a gap with a frame around each, which adversarial networks have to match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.ndimage import binary_dilation

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.gap import Gap

ALONG = 32
"""Voxels of a region along its gap: with the frame a window of 64, the paper's least."""

_IN_BOX = " in the box around its peak that is learned"
_MEND = "take a larger crop of a scan that is smaller than the box may be, or another --method"


@dataclass(frozen=True)
class Window:
    """A region of one image with its frame.

    Attributes
    ----------
    image : which of the images.
    start : first voxel along each axis of the image.
    size : voxels along each axis, multiples of what a seed is enlarged by.
    """

    image: int
    start: tuple[int, ...]
    size: tuple[int, ...]

    @property
    def box(self) -> tuple[slice, ...]:
        """The window in its image."""
        return tuple(slice(s, s + n) for s, n in zip(self.start, self.size, strict=True))


def lay_windows(
    shape: Sequence[int], planes: Sequence[Gap], frame: int, multiple: int
) -> list[list[Window]]:
    """Windows over the gaps of images, those of one size together.

    Parameters
    ----------
    shape : (n_images, *spatial).
    planes : the gaps, whose axes are counted in an image.
    frame : voxels around a region.
    multiple : the windows' sides are multiples of this.

    Returns
    -------
    For each gap its windows, image after image, which together cover it.

    Raises
    ------
    InputError
        Where an image is too small for a gap with its frame.
    """
    found = []
    for plane in planes:
        inner = [ALONG] * (len(shape) - 1)
        inner[plane.axis] = plane.width
        size = tuple(-(-(n + 2 * frame) // multiple) * multiple for n in inner)
        room = [n // multiple * multiple for n in shape[1:]]
        if room[plane.axis] < size[plane.axis]:
            raise InputError(
                f"the scan has {shape[1 + plane.axis]} voxels across a gap of {plane.width}"
                f"{_IN_BOX}, expected at least {size[plane.axis]} for a frame of {frame} voxels on "
                f"each side: {_MEND}"
            )
        size = tuple(min(n, most) for n, most in zip(size, room, strict=True))
        if min(size) < 2 * frame:
            raise InputError(
                f"the scan has {min(shape[1:])} voxels along a gap{_IN_BOX}, expected at least "
                f"{2 * frame} for a frame of {frame} voxels: {_MEND}"
            )
        starts = [_along(n, side, frame) for n, side in zip(shape[1:], size, strict=True)]
        middle = (plane.start + plane.stop - size[plane.axis]) // 2
        starts[plane.axis] = [min(max(middle, 0), shape[1 + plane.axis] - size[plane.axis])]
        corners = [*product(*starts)]
        found.append([Window(image, c, size) for image in range(shape[0]) for c in corners])
    return found


def _along(n: int, side: int, frame: int) -> list[int]:
    """First voxels of windows of one side that leave no voxel of an axis to a frame alone."""
    step = max(side - 2 * frame, 1)
    return sorted({min(start, n - side) for start in range(0, n - side + step, step)})


def frames(unknown: BoolArray, frame: int) -> BoolArray:
    """The known voxels of images (n_images, *spatial) within `frame` of an unknown one."""
    near = np.stack([binary_dilation(each, _cube(each.ndim), frame) for each in unknown])
    return near & ~unknown


def _cube(n_dim: int) -> BoolArray:
    return np.ones((3,) * n_dim, dtype=bool)


def known_patches(unknown: BoolArray, side: int, multiple: int) -> tuple[int, np.ndarray]:
    """The largest patches that lie among known voxels, and where they begin.

    Parameters
    ----------
    unknown : (n_images, *spatial) bool.
    side : of the patches at most, in voxels.
    multiple : their side is a multiple of this, and at least twice this.

    Returns
    -------
    The side, and (n, 1 + n_dim): image and first voxels.

    Raises
    ------
    InputError
        Where there is no such patch.
    """
    for smaller in range(side, 2 * multiple - 1, -multiple):
        corners = known_corners(unknown, smaller)
        if len(corners):
            return smaller, corners
    raise InputError(
        f"the scan has no known patch of {2 * multiple} voxels a side{_IN_BOX} "
        f"({' x '.join(map(str, unknown.shape))} voxels), expected some to learn from: {_MEND}"
    )


def known_corners(unknown: BoolArray, side: int) -> np.ndarray:
    """Where patches of images (n_images, *spatial) without an unknown voxel begin.

    Examples
    --------
    >>> unknown = np.zeros((1, 4, 4), dtype=bool)
    >>> unknown[0, 0, 0] = True
    >>> known_corners(unknown, 3).tolist()
    [[0, 0, 1], [0, 1, 0], [0, 1, 1]]
    """
    counted = unknown.astype(np.int32)
    for axis in range(1, unknown.ndim):  # the number of unknown voxels of each patch
        sums = np.insert(np.cumsum(counted, axis=axis), 0, 0, axis=axis)
        n = sums.shape[axis]
        if n <= side:
            return np.empty((0, unknown.ndim), dtype=np.int64)
        upper, lower = np.arange(side, n), np.arange(n - side)
        counted = np.take(sums, upper, axis) - np.take(sums, lower, axis)
    return np.argwhere(counted == 0)
