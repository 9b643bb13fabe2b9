"""The box around the Bragg peak in which methods learn from a scan, laid so that it cuts no gap."""

from __future__ import annotations

from collections.abc import Sequence

from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.scan.boxes import Box, Shape, as_box

BESIDE = 8
"""Known lines that a box has on each side of a gap, where the array has them."""


def learning_box(middle: Shape, largest: Shape, shape: Shape, planes: Sequence[Gap] = ()) -> Box:
    """A box around a voxel that holds the gaps it meets whole, with both of their sides.

    Where it would cut one, it is moved by as little as holds the gap, as far as the voxel stays
    inside; where that is not enough, it holds as many as it can, see `cut_planes`.

    Parameters
    ----------
    middle : the voxel.
    largest : sides of the box, at most.
    shape : (n_rock, n_y, n_x) of the array.
    planes : the gaps.
    """
    parts = []
    for axis, (at, side, n) in enumerate(zip(middle, largest, shape, strict=True)):
        first = max(min(at - side // 2, n - side), 0)
        met = [p for p in planes if p.axis == axis and _meets(p, first, first + side)]
        lost = {
            start: (sum(not _holds(p, start, start + side, n) for p in met), abs(start - first))
            for start in range(max(at - side + 1, 0), max(min(at, n - side), 0) + 1)
        }
        start = min(lost, key=lambda each: lost[each])
        parts.append(slice(start, min(start + side, n)))
    return as_box(parts)


def cut_planes(box: Box, planes: Sequence[Gap], shape: Shape) -> tuple[Gap, ...]:
    """The gaps that a box meets without their sides.

    Parameters
    ----------
    box : of `learning_box`.
    planes : the gaps.
    shape : of the array.
    """
    return tuple(
        plane
        for plane in planes
        for part in (box[plane.axis],)
        if _meets(plane, part.start, part.stop)
        and not _holds(plane, part.start, part.stop, shape[plane.axis])
    )


def _meets(plane: Gap, start: int, stop: int) -> bool:
    return plane.start < stop and start < plane.stop


def _holds(plane: Gap, start: int, stop: int, n: int) -> bool:
    """Whether lines start to stop hold a plane with what is to be beside it in n lines."""
    return start <= max(plane.start - BESIDE, 0) and stop >= min(plane.stop + BESIDE, n)
