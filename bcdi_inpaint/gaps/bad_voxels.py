"""Artificial bad voxels: what a file's mask marks besides the gap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bcdi_inpaint.arrays import BoolArray


def draw_bad_voxels(
    shape: Sequence[int], rng: np.random.Generator, *, hot_share: float, alien_share: float
) -> BoolArray:
    """Draw voxels that a file's mask marks besides the gap: hot pixels, and alien signal.

    Parameters
    ----------
    shape : of the array, two or three axes.
    rng : source of everything that is drawn.
    hot_share : how often there are hot pixels, bad along a whole axis, 0 to 1.
    alien_share : how often there is a box of alien signal, 0 to 1.

    Returns
    -------
    Bool of the shape, True = bad.
    """
    bad = np.zeros(shape, dtype=bool)
    if rng.random() < hot_share:
        axis = int(rng.integers(len(shape)))  # a hot pixel is hot in every frame
        for _ in range(int(rng.integers(1, 40))):
            pixel = [int(rng.integers(n)) for n in shape]
            bad[tuple(slice(None) if a == axis else p for a, p in enumerate(pixel))] = True
    if rng.random() < alien_share:
        start = [int(rng.integers(-n // 4, n)) for n in shape]
        stop = [a + int(rng.integers(6, 6 + n // 2)) for a, n in zip(start, shape, strict=True)]
        bad[tuple(slice(max(a, 0), max(b, 0)) for a, b in zip(start, stop, strict=True))] = True
    return bad
