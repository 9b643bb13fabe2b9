"""A pseudo-gap: a scan's own gap once more, where the counts are known.

What is done to the gap is done to the pseudo-gap too, and judged there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.artificial import SETTINGS, PlacementSettings, lines_from_peak
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import find_planes, gap_mask
from bcdi_inpaint.scan.boxes import as_shape, other_axes


def make_pseudo_gap(
    gap: BoolArray, unknown: BoolArray, settings: PlacementSettings = SETTINGS
) -> BoolArray:
    """A gap of the same shape in voxels that are measured, as far from the array's middle.

    It lies across another axis or on the other side, clear of every other plane. Not where the
    inversion of a gap would be, if there is another place: there the network misses the Friedel
    mates that it has in the gap, and would seem worse than it is.

    Parameters
    ----------
    gap : (n_rock, n_y, n_x) bool, the real gap; the Bragg peak is in the array's middle.
    unknown : (n_rock, n_y, n_x) bool, the gap and all bad voxels.
    settings : what stays clear, and what another place costs.

    Returns
    -------
    (n_rock, n_y, n_x) bool, True = to hide; none of it is unknown.

    Raises
    ------
    InputError
        Where the gap has no planes, or there is no room for them.
    """
    found = find_planes(gap)
    if not found:
        raise InputError("the gap has no planes in the box, expected some to make a pseudo-gap of")
    taken = [np.asarray(unknown.all(axis=other_axes(axis))) for axis in range(3)]
    others: list[Gap] = []
    for plane in found:
        place = _pseudo_plane(plane, taken, settings)
        if place is None:
            raise InputError(
                f"a pseudo-gap of {plane.width} lines has no room in {gap.shape} voxels beside the "
                "gap, expected some"
            )
        taken[place.axis][place.start : place.stop] = True
        others.append(place)
    return gap_mask(others, as_shape(gap.shape)) & ~unknown


def _pseudo_plane(plane: Gap, taken: list[BoolArray], settings: PlacementSettings) -> Gap | None:
    """The cheapest place for a plane like another; None without any.

    `taken` are for each axis the lines (n,) that are unknown whole or in a pseudo-gap already.
    """
    n_along = len(taken[plane.axis])
    wanted = lines_from_peak(plane.start, plane.stop, n_along // 2)
    costs = {
        Gap(axis, start, start + plane.width): (
            abs(lines_from_peak(start, start + plane.width, len(lines) // 2) - wanted)
            + settings.other_axis_cost * (axis != plane.axis) * (1 + (axis == 0))
            + settings.hidden_mates_cost * bool(_inverted(lines)[start : start + plane.width].any())
        )
        for axis, lines in enumerate(taken)
        for start in _free_starts(lines, plane.width, settings.known_beside_pseudo)
    }
    return min(costs, key=lambda one: costs[one]) if costs else None


def _inverted(lines: BoolArray) -> BoolArray:
    """Lines (n,) inverted at their middle n // 2, where the Bragg peak is."""
    return np.roll(lines[::-1], 1 - len(lines) % 2)


def _free_starts(taken: BoolArray, width: int, clear: int) -> Iterator[int]:
    """First lines of `width` lines clear of those `taken` (n,), of the middle and of the edge."""
    n = len(taken)
    for start in range(clear, n - width - clear + 1):
        beside = slice(start - clear, start + width + clear)
        if not taken[beside].any() and not start - 2 <= n // 2 < start + width + 2:
            yield start
