"""Lines through a gap."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import BoolArray, FloatArray, IntArray


def brightest_cut(light: FloatArray, gap: BoolArray, axis: int) -> tuple[int, int] | None:
    """(axis, index of the line) of the brightest line along `axis` that crosses the gap.

    Lines that run inside the gap are passed over; None where no line crosses it.
    """
    crossing = gap.any(axis=axis) & ~gap.all(axis=axis)  # one value per line
    across_plane = gap.all(axis=1 - axis).any()
    if not crossing.any() or not across_plane:
        return None
    brightness = np.where(crossing, light.sum(axis=axis), -1.0)
    return axis, int(brightness.argmax())


def line_of(image: np.ndarray, axis: int, index: int) -> np.ndarray:
    """The line along `axis` at `index` of the other axis."""
    return image[:, index] if axis == 0 else image[index]


def runs_of(indices: IntArray) -> list[tuple[int, int]]:
    """First and last index of each run of successive indices."""
    parts = np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts if part.size]


def widened(mask: BoolArray) -> BoolArray:
    """The mask and its two neighbours on the line."""
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    return wide
