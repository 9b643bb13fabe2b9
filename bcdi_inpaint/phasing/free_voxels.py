"""Voxels that are set aside to judge a retrieval by: the free log-likelihood is of these."""

from __future__ import annotations

from typing import Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray, IntArray

FREE_ISLAND_RADIUS = 3
"""Voxels of the islands of free voxels: neighbours know of each other, so single voxels would not
be free. PyNX's default."""


Islands = tuple[IntArray, ...]
"""For each axis (n_islands,) int: the centres of islands of free voxels."""


def set_free_voxels(cdi: Any, filled: BoolArray | None, islands: Islands | None) -> None:
    """Set voxels of a PyNX `CDI` aside, none of which is filled.

    Parameters
    ----------
    cdi : the `CDI`.
    filled : (n_rock, n_y, n_x) bool, voxels whose counts are estimates, centred; None for none.
    islands : what `draw_islands` gives.
    """
    if islands is None:
        return
    cdi.init_free_pixels(island_radius=FREE_ISLAND_RADIUS, coords=islands[::-1])  # x first
    if filled is not None and np.any(filled):
        cdi.set_free_pixel_mask(cdi.get_free_pixel_mask() & ~np.fft.ifftshift(filled))


def draw_islands(
    shape: tuple[int, ...], fraction: float, rng: np.random.Generator
) -> Islands | None:
    """Centres, relative to the array's centre, of spheres of free voxels; None if there are none.

    They keep clear of the border and of the innermost twentieth of each axis, where the peak's
    few voxels hold most of the counts. On short axes there is no room for any.

    Parameters
    ----------
    shape : (n_rock, n_y, n_x).
    fraction : of the voxels that the islands have.
    rng : source of the centres.

    Returns
    -------
    For each axis (n_islands,) int.
    """
    n_islands = int(np.prod(shape) * fraction / (4 / 3 * np.pi * FREE_ISLAND_RADIUS**3))
    if n_islands == 0 or min(shape) < 4 * FREE_ISLAND_RADIUS:
        return None
    room = [(n // 2 - FREE_ISLAND_RADIUS) for n in shape]
    centres = [rng.integers(-half, half, n_islands) for half in room]
    squares = [
        (c / (0.05 * n + FREE_ISLAND_RADIUS)) ** 2 for c, n in zip(centres, shape, strict=True)
    ]
    outside = sum(squares) > 1
    return tuple(c[outside] for c in centres) if np.any(outside) else None
