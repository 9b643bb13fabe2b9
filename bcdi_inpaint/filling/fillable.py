"""What part of a gap can be filled: how far the network was trained to see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.classical.runs import run_lengths
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion, mask_in_box
from bcdi_inpaint.scan.boxes import Box, Shape, other_axes, whole

Lines = tuple[BoolArray, BoolArray, BoolArray]
"""For each axis, which of its lines hold any known voxel."""


@dataclass(frozen=True)
class FillablePart:
    """The part of a gap that can be filled, and what has to be said of the rest.

    Attributes
    ----------
    shape : (n_rock, n_y, n_x) of the array.
    targets : the planes to fill; of a gap that is too wide, its two rims.
    refused : the lines of planes that stay masked.
    planes : all planes of the gap.
    rest : (n_rock, n_y, n_x) bool, voxels to fill that lie in no plane; None for none.
    warnings : one line for each part that stays masked.
    """

    shape: Shape
    targets: tuple[Gap, ...]
    refused: tuple[Gap, ...]
    planes: tuple[Gap, ...]
    rest: BoolArray | None
    warnings: tuple[str, ...]

    def fillable_in(self, box: Box) -> BoolArray:
        """The voxels to fill in a box of the array, bool of the box's shape."""
        # Refused is also what another plane crosses there: nothing is near.
        fillable = mask_in_box(self.planes, box) & ~mask_in_box(self.refused, box)
        return fillable if self.rest is None else fillable | self.rest[box]

    @property
    def fillable(self) -> BoolArray:
        """(n_rock, n_y, n_x) bool, all voxels to fill."""
        return self.fillable_in(whole(self.shape))

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be filled."""
        return not self.targets and (self.rest is None or not self.rest.any())


def fillable_part(
    gap_mask: BoolArray,
    bad_mask: BoolArray | None = None,
    *,
    settings: FillingSettings = FillingSettings(),
) -> FillablePart:
    """Divide a gap mask into what can be filled and the rest.

    A plane at the array's edge is known from one side only and stays masked whole, and so does one
    with nothing but bad voxels on one side. One wider than `settings.widest`, with the bad lines
    beside it, is filled `settings.one_sided` voxels deep from each side. Voxels outside any plane
    are filled where a known voxel lies within `settings.widest` on both sides along some axis.

    Parameters
    ----------
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = not known for another reason.
    settings : how wide a gap may be.
    """
    known = known_lines(gap_mask if bad_mask is None else gap_mask | bad_mask)
    return fillable_part_of(GapRegion.of(gap_mask), known, bad_mask, settings=settings)


def known_lines(unknown: BoolArray) -> Lines:
    """Which lines of each axis hold any known voxel of an array (n_rock, n_y, n_x)."""
    frames, rows, columns = (np.asarray(~unknown.all(axis=other_axes(axis))) for axis in range(3))
    return frames, rows, columns


def fillable_planes(
    gap: GapRegion, known: Lines, *, settings: FillingSettings = FillingSettings()
) -> tuple[Gap, ...]:
    """The planes of a gap that are filled, whole or in a part; see `fillable_part`.

    Parameters
    ----------
    gap : the voxels to fill.
    known : for each axis, which of its lines hold any known voxel.
    settings : how wide a gap may be.
    """
    return tuple(
        plane
        for plane in gap.planes
        if _fillable_parts(plane, np.flatnonzero(known[plane.axis]), settings)[0]
    )


def fillable_part_of(
    gap: GapRegion,
    known: Lines,
    bad_mask: BoolArray | None = None,
    *,
    settings: FillingSettings = FillingSettings(),
) -> FillablePart:
    """Divide a gap into what can be filled and the rest; see `fillable_part`.

    Parameters
    ----------
    gap : the voxels to fill.
    known : for each axis, which of its lines hold any known voxel.
    bad_mask : (n_rock, n_y, n_x) bool; it matters to the voxels in no plane alone.
    settings : how wide a gap may be.
    """
    targets: list[Gap] = []
    refused: list[Gap] = []
    warnings: list[str] = []
    for plane in gap.planes:
        parts, warning = _fillable_parts(plane, np.flatnonzero(known[plane.axis]), settings)
        targets += parts
        warnings += [warning] if warning else []
        refused += _without(plane, parts)
    rest = gap.rest
    if rest is not None:
        unknown = gap.part(whole(gap.shape))
        lonely = rest & ~_enclosed(
            unknown if bad_mask is None else unknown | bad_mask, settings.widest
        )
        if lonely.any():
            warnings.append(
                f"{np.count_nonzero(lonely)} gap voxels have no known voxel within "
                f"{settings.widest} on both sides along any axis: they stay masked"
            )
        rest = rest & ~lonely
    return FillablePart(
        gap.shape, tuple(targets), tuple(refused), gap.planes, rest, tuple(warnings)
    )


def _without(plane: Gap, parts: list[Gap]) -> list[Gap]:
    """The lines of a plane that lie in none of its parts, which rise and do not overlap."""
    edges = [plane.start, *(edge for part in parts for edge in (part.start, part.stop)), plane.stop]
    between = zip(edges[::2], edges[1::2], strict=True)
    return [Gap(plane.axis, low, high) for low, high in between if low < high]


def _fillable_parts(
    gap: Gap, known: NDArray[np.int64], settings: FillingSettings
) -> tuple[list[Gap], str]:
    """What of a plane can be filled, and why the rest cannot (empty if all can)."""
    before, after = known[known < gap.start], known[known >= gap.stop]
    if not before.size or not after.size:
        return [], (
            f"gap {gap} touches the array's edge or its masked border, expected known voxels on "
            "both sides: it stays masked (crop it off, or give a larger array)"
        )
    start, stop = int(before[-1]) + 1, int(after[0])  # with the bad lines beside the gap
    if stop - start <= settings.widest:
        return [gap], ""
    beside = " with the masked lines beside it" if stop - start > gap.width else ""
    rims = [
        (gap.start, min(start + settings.one_sided, gap.stop)),
        (max(stop - settings.one_sided, gap.start), gap.stop),
    ]
    return [Gap(gap.axis, low, high) for low, high in rims if low < high], (
        f"gap {gap} is {stop - start} wide{beside}, expected at most {settings.widest} for patches "
        f"of {settings.patch} voxels to cover from both sides: filled {settings.one_sided} deep "
        "from each side, the middle stays masked"
    )


def _enclosed(unknown: BoolArray, widest: int) -> BoolArray:
    """Voxels whose run of unknown voxels, along some axis, is short and ends inside the array."""
    lengths = run_lengths(unknown)
    enclosed = np.zeros_like(unknown)
    for axis, along in enumerate(lengths):
        known = ~unknown
        before = np.logical_or.accumulate(known, axis=axis)
        after = np.flip(np.logical_or.accumulate(np.flip(known, axis), axis=axis), axis)
        enclosed |= before & after & (along <= widest)
    return enclosed
