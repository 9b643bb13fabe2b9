"""Lines through a gap."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import BoolArray, FloatArray, IntArray


def brightest_cut(light: FloatArray, gap: BoolArray, axis: int) -> tuple[int, int] | None:
    """The brightest line along `axis` that crosses the gap; lines inside the gap are passed over.

    Parameters
    ----------
    light : (n_y, n_x) intensities.
    gap : (n_y, n_x) bool.
    axis : 0 or 1, along which the line runs.

    Returns
    -------
    The axis and the line's index on the other one; None where no line crosses the gap.
    """
    crossing = gap.any(axis=axis) & ~gap.all(axis=axis)  # one value per line
    if not crossing.any():
        return None
    brightness = np.where(crossing, light.sum(axis=axis), -1.0)
    return axis, int(brightness.argmax())


def line_of(image: np.ndarray, axis: int, index: int) -> np.ndarray:
    """The line of an image along an axis.

    Parameters
    ----------
    image : (n_y, n_x).
    axis : 0 or 1, along which the line runs.
    index : of the line, on the other axis.
    """
    return image[:, index] if axis == 0 else image[index]


def runs_of(indices: IntArray) -> list[tuple[int, int]]:
    """First and last index of each run of successive indices."""
    parts = np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts if part.size]


def widen(mask: BoolArray) -> BoolArray:
    """The mask and its two neighbours on the line."""
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    return wide
