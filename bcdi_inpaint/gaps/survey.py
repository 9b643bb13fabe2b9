"""The one pass over a scan: where it holds counts, where it is masked, and how much light there is.

Whether a voxel holds counts is kept as three projections, one along each axis. Whatever is missing
from a scan, a gap, a lost frame, a dead chip, is a box that reaches through the array along some
axis, and shows as an empty patch of the projection along it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, IntArray
from bcdi_inpaint.running.threads import in_threads
from bcdi_inpaint.scan.boxes import BLOCK, Box, Shape, blocks
from bcdi_inpaint.scan.scan import Measured
from bcdi_inpaint.scan.validity import CountsCheck, invalid_voxels

Projections = tuple[IntArray, IntArray, IntArray]
"""Numbers of voxels, summed along frames (n_y, n_x), rows (n_rock, n_x), columns (n_rock, n_y)."""


class Region(Protocol):
    """Voxels of an array, drawn box by box."""

    def part(self, box: Box) -> BoolArray:
        """Which voxels of a box belong to it."""


@dataclass(frozen=True)
class Survey:
    """What one pass over a scan has shown.

    Attributes
    ----------
    shape : (n_rock, n_y, n_x).
    lit : voxels that hold a valid count above 0, masked or not.
    unmasked_lit : those of them that are not masked.
    unmasked : voxels that are not masked, whatever they hold.
    log_sum : (n_layers, n_down, n_across) float32, the sum of log(1 + counts) over the known voxels
        of cells of `BLOCK` voxels a side; known is what is neither masked nor in the gap that was
        given.
    n_known : the same shape, float32, how many these are.
    known_lines : for each axis, which of its lines hold a known voxel, bool.
    check : what has to be refused of the known voxels.
    light : (n_y, n_x), the valid unmasked counts of all frames together.
    frame_light : (n_rock,), the same of each frame's pixels.
    least, largest : (n_y, n_x), of each pixel's counts; NaN where it is masked in a frame.
    gap_light : of the gap that was given and of the voxels beside it in their frames, how many
        hold counts and how many there are: (lit, all, lit beside, all beside).
    """

    shape: Shape
    lit: Projections
    unmasked_lit: Projections
    unmasked: Projections
    log_sum: Float32Array
    n_known: Float32Array
    known_lines: tuple[BoolArray, BoolArray, BoolArray]
    check: CountsCheck
    light: Float64Array
    frame_light: Float64Array
    least: Float64Array
    largest: Float64Array
    gap_light: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def n_masked(self) -> int:
        """How many voxels are masked."""
        n_y, n_x = self.shape[1:]
        return self.shape[0] * n_y * n_x - int(self.unmasked[0].sum())

    @cached_property
    def always_masked(self) -> BoolArray:
        """(n_y, n_x), pixels that are masked in every frame."""
        return np.asarray(self.unmasked[0] == 0)

    def lit_per_line(self, axis: int, *, masked_too: bool = False) -> IntArray:
        """How much of each line of an axis holds counts.

        Parameters
        ----------
        axis : 0, 1 or 2.
        masked_too : whether masked voxels count.

        Returns
        -------
        (n_lines,), of rows and columns how many pixels hold a count in any frame, so that a hot
        pixel is one; of frames how many pixels hold one.
        """
        projections = self.lit if masked_too else self.unmasked_lit
        if axis == 0:
            return np.asarray(projections[2].sum(axis=1))
        return np.asarray((projections[0] > 0).sum(axis=2 - axis))

    def light_per_line(self, axis: int) -> Float64Array:
        """The valid unmasked counts of each line of an axis, (n_lines,)."""
        return self.frame_light if axis == 0 else self.light.sum(axis=2 - axis)

    def known_per_line(self, axis: int) -> IntArray:
        """How much of each line of an axis is measured, in pixels; see `lit_per_line`."""
        if axis == 0:
            return np.asarray(self.unmasked[2].sum(axis=1))
        return np.asarray((self.unmasked[0] > 0).sum(axis=2 - axis))


def survey_scan(scan: Measured, gap: Region | None = None) -> Survey:
    """Go through a scan once, a block of frames at a time.

    Parameters
    ----------
    scan : the measured scan, which may stay in its file.
    gap : voxels that are known to be unknown, besides the masked ones.

    Returns
    -------
    What it holds. Nothing is refused here; see `Survey.check`.
    """
    layers = tuple(-(-n // BLOCK) for n in scan.shape)
    log_sum, n_known = np.zeros(layers, np.float32), np.zeros(layers, np.float32)
    lines = tuple(np.zeros(n, dtype=bool) for n in scan.shape)
    lit, unmasked_lit, unmasked = (_empty_projections(scan.shape) for _ in range(3))
    check = CountsCheck()
    gap_light = np.zeros(4, dtype=np.int64)
    light, frame_light = np.zeros(scan.shape[1:]), np.zeros(scan.shape[0])
    least, largest = np.full(scan.shape[1:], np.inf), np.full(scan.shape[1:], -np.inf)
    for layer in _layers(scan, gap):
        gap_light += layer.gap_light
        light += layer.light
        np.minimum(least, layer.least, out=least)  # NaN stays
        np.maximum(largest, layer.largest, out=largest)
        frames = layer.box[0]
        frame_light[frames] = layer.frame_light
        index = frames.start // BLOCK
        log_sum[index], n_known[index] = layer.log_sum, layer.n_known
        lines[0][frames] = layer.known_frames
        lines[1][:] |= layer.known_pixels.any(axis=1)
        lines[2][:] |= layer.known_pixels.any(axis=0)
        for total, part in zip((lit, unmasked_lit, unmasked), layer.projections, strict=True):
            total[0][:] += part[0]
            total[1][frames], total[2][frames] = part[1], part[2]
        check.merge(layer.check)
    known_lines = lines[0], lines[1], lines[2]
    return Survey(
        scan.shape,
        lit,
        unmasked_lit,
        unmasked,
        log_sum,
        n_known,
        known_lines,
        check,
        light,
        frame_light,
        least,
        largest,
        _four(gap_light),
    )


def _four(light: IntArray) -> tuple[int, int, int, int]:
    lit, n, lit_beside, n_beside = (int(value) for value in light)
    return lit, n, lit_beside, n_beside


def _empty_projections(shape: Shape) -> Projections:
    n_rock, n_y, n_x = shape
    sizes = (n_y, n_x), (n_rock, n_x), (n_rock, n_y)
    first, second, third = (np.zeros(size, np.int32) for size in sizes)
    return first, second, third


@dataclass(frozen=True)
class _Layer:
    """What one block of frames has shown; see `Survey`."""

    box: Box
    projections: tuple[Projections, Projections, Projections]
    log_sum: Float32Array
    n_known: Float32Array
    known_frames: BoolArray
    known_pixels: BoolArray
    check: CountsCheck
    light: Float64Array
    frame_light: Float64Array
    least: Float64Array
    largest: Float64Array
    gap_light: IntArray


def _layers(scan: Measured, gap: Region | None) -> Iterator[_Layer]:
    _, n_y, n_x = scan.shape
    down, across = np.arange(n_y) // BLOCK, np.arange(n_x) // BLOCK
    shape = int(down[-1]) + 1, int(across[-1]) + 1
    cell_of = (down[:, None] * shape[1] + across).reshape(-1)  # (n_y * n_x,)

    def layer(box: Box) -> _Layer:
        part = scan.part(box)
        unmasked = ~part.bad_mask
        in_gap = None if gap is None else gap.part(box)
        known = unmasked if in_gap is None else unmasked & ~in_gap
        check = CountsCheck()
        found = check.add(box, part.counts, known)
        # What is no count is refused by the check.
        with np.errstate(invalid="ignore", over="ignore"):
            logs = np.log1p(np.maximum(part.counts.reshape(-1)[found], 0).astype(np.float32))
        log_sum = np.bincount(cell_of[found % (n_y * n_x)], logs, shape[0] * shape[1])
        n_frames = known.sum(axis=0, dtype=np.uint8)  # (n_y, n_x)
        lit = _lit(part.counts)
        lit_unmasked = lit & unmasked
        always = unmasked.all(axis=0)
        light = np.where(lit_unmasked, part.counts, 0)
        return _Layer(
            box,
            (project(lit), project(lit_unmasked), project(unmasked)),
            log_sum.reshape(shape).astype(np.float32),
            _in_cells(n_frames),
            np.asarray(known.any(axis=(1, 2))),
            np.asarray(n_frames > 0),
            check,
            light.sum(axis=0, dtype=np.float64),
            light.sum(axis=(1, 2), dtype=np.float64),
            np.where(always, part.counts.min(axis=0), np.nan),
            np.where(always, part.counts.max(axis=0), np.nan),
            _gap_light(lit, in_gap),
        )

    return in_threads(layer, blocks(scan.shape))


def _gap_light(lit: BoolArray, in_gap: BoolArray | None) -> IntArray:
    """See `Survey.gap_light`."""
    if in_gap is None or not in_gap.any():
        return np.zeros(4, dtype=np.int64)
    beside = np.zeros_like(in_gap)
    beside[:, 1:] |= in_gap[:, :-1]
    beside[:, :-1] |= in_gap[:, 1:]
    beside[:, :, 1:] |= in_gap[:, :, :-1]
    beside[:, :, :-1] |= in_gap[:, :, 1:]
    beside &= ~in_gap
    masks = (lit & in_gap, in_gap, lit & beside, beside)
    return np.array([np.count_nonzero(mask) for mask in masks])


def _lit(counts: np.ndarray) -> BoolArray:
    """Voxels that hold a valid count above 0."""
    lit = counts != 0
    found = np.flatnonzero(lit)
    invalid = invalid_voxels(counts.reshape(-1)[found])
    if invalid.any():
        lit.reshape(-1)[found[invalid]] = False
    return lit


def _in_cells(n_frames: np.ndarray) -> Float32Array:
    """Numbers of pixels (n_y, n_x), summed over cells."""
    n_y, n_x = n_frames.shape
    summed = np.add.reduceat(n_frames, np.arange(0, n_x, BLOCK), axis=1, dtype=np.float32)
    return np.add.reduceat(summed, np.arange(0, n_y, BLOCK), axis=0)


def project(flags: BoolArray) -> Projections:
    """Numbers of True of an array (n_rock, n_y, n_x) along each axis; see `Projections`."""
    first, second, third = (flags.sum(axis=axis).astype(np.int32) for axis in range(3))
    return first, second, third


def look_again(survey: Survey, scan: Measured, gap: Region) -> Survey:
    """The survey with more of the scan unknown, which holds no counts there.

    Parameters
    ----------
    survey : of the scan, with less of it unknown.
    scan : the scan with all that is masked.
    gap : all that is to be filled.

    Returns
    -------
    The survey with its known voxels counted anew. The counts are read again only where some of
    them are none.
    """
    if survey.check.n_invalid:
        return survey_scan(scan, gap)
    n_known = np.zeros_like(survey.n_known)
    lines = tuple(np.zeros(n, dtype=bool) for n in scan.shape)

    def known_in(box: Box) -> tuple[Box, BoolArray]:
        return box, ~(gap.part(box) | scan.bad_in(box))

    for box, known in in_threads(known_in, blocks(scan.shape)):
        n_known[box[0].start // BLOCK] = _in_cells(known.sum(axis=0, dtype=np.uint8))
        lines[0][box[0]] = known.any(axis=(1, 2))
        lines[1][:] |= known.any(axis=(0, 2))
        lines[2][:] |= known.any(axis=(0, 1))
    known_lines = lines[0], lines[1], lines[2]
    return replace(survey, n_known=n_known, known_lines=known_lines)
