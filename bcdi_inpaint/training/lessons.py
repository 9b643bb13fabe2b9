"""Lessons: measured scans, their gaps, and the artificial gaps that a model learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.checks.wide_pixels import find_with_wide_pixels
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.artificial import GapKind
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import GapOptions
from bcdi_inpaint.gaps.masks import merge_gaps
from bcdi_inpaint.network.channels import GuessKind
from bcdi_inpaint.scan.boxes import AXIS_NAMES, other_axes
from bcdi_inpaint.scan.remarks import Remarks, distinct
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.training.finetune_settings import FinetuneSettings
from bcdi_inpaint.training.own_gaps import (
    Part,
    artificial_gaps,
    brightest_part,
    empty_lines,
    kinds_of,
    measured_slab,
)
from bcdi_inpaint.training.slabs import Slab
from bcdi_inpaint.training.streams import FinetuneStream


@dataclass(frozen=True)
class Lesson:
    """A scan to adapt a model to.

    Attributes
    ----------
    scan : the measured scan.
    gaps : its gaps, whose counts are no truth.
    kinds : directions and widths of the artificial gaps to put on it.
    name : of the scan, in messages and in the card of the weights.
    remarks : what has to be said about the scan and its gaps.
    """

    scan: Scan
    gaps: tuple[Gap, ...]
    kinds: tuple[GapKind, ...]
    name: str
    remarks: Remarks = ()


def lesson(scan: Scan, name: str, gaps: Sequence[Gap] = (), widths: Sequence[int] = ()) -> Lesson:
    """What to learn from a scan: artificial gaps like its own in direction and width.

    Parameters
    ----------
    scan : the measured scan.
    name : of the scan, in messages.
    gaps : of the scan; found in it as `predict` finds them where none are given.
    widths : of the artificial gaps in lines, in place of the scan's own; a scan without gaps needs
        them, and gets artificial rows and columns.

    Returns
    -------
    The lesson.

    Raises
    ------
    InputError
        No gap is found in the scan, and no `widths` are given.
    """
    try:
        finding = find_with_wide_pixels(scan, GapOptions(merge_gaps(gaps)))
        found, remarks = finding.gaps, distinct(scan.remarks, finding.remarks)
        axes = sorted({gap.axis for gap in found})
    except InputError as error:
        if gaps or not widths:
            hint = "" if gaps else " (or --widths 6, the widths of artificial gaps, to adapt to)"
            raise InputError(f"{name}: {error}{hint}") from error
        # Zeros between lines with counts are no truth.
        found, axes, remarks = empty_lines(scan), [1, 2], scan.remarks
    kinds = tuple((axis, width) for axis in axes for width in sorted(set(widths)))
    return Lesson(scan, found, kinds or kinds_of(found), name, remarks)


def find_parts(lessons: Sequence[Lesson], seed: int, settings: FinetuneSettings) -> list[Part]:
    """The part of each lesson's scan that is learned from and judged on.

    Parameters
    ----------
    lessons : the scans.
    seed : draws what is held out of each scan.
    settings : how large a part, and how much of it is held out.

    Returns
    -------
    A part for each lesson.

    Raises
    ------
    InputError
        A scan is too dark or has no room; the message names it.
    """
    return [_find_part(each, seed, index, settings) for index, each in enumerate(lessons)]


def _find_part(each: Lesson, seed: int, index: int, settings: FinetuneSettings) -> Part:
    rng = FinetuneStream.PARTS.generator(seed, index)
    try:
        return brightest_part(each.scan, each.gaps, each.kinds, rng, settings.own_gaps)
    except InputError as error:
        raise InputError(f"{each.name}: {error}") from error


def draw_measured_slabs(
    parts: Sequence[Part],
    seed: int,
    guess: GuessKind,
    size: int,
    settings: FinetuneSettings,
    *,
    held_out: bool,
) -> list[Slab]:
    """Draw artificial gaps on parts of scans, each from the seed and its own number alone.

    Parameters
    ----------
    parts : of the scans.
    seed : of what is drawn.
    guess : the first guess of the network's input.
    size : of a patch in voxels, which a slab must hold.
    settings : how many slabs.
    held_out : whether the gaps lie in what is held out, to judge, or in the rest, to learn.

    Returns
    -------
    At least as many slabs as wanted, as many of each part.
    """
    stream = FinetuneStream.HELD_OUT_SLABS if held_out else FinetuneStream.SLABS
    count = settings.held_out_slabs if held_out else settings.slabs
    found = []
    for index, part in enumerate(parts):
        for number in range(-(-count // len(parts))):
            rng = stream.generator(seed, index, number)
            gaps = artificial_gaps(part, rng, held_out=held_out, settings=settings.own_gaps)
            found.append(measured_slab(part, gaps, size, held_out=held_out, guess=guess))
    return found


def describe_part(part: Part) -> str:
    """In words: the artificial gaps, and what is held out."""
    kinds = ", ".join(map(name_kind, part.kinds))
    for axis, n in enumerate(part.held_out.shape):
        lines = np.flatnonzero(part.held_out.all(axis=other_axes(axis)))
        if len(lines):
            return f"artificial gaps of {kinds}, {len(lines)} of {n} {AXIS_NAMES[axis]} held out"
    raise AssertionError("nothing is held out")


def name_kind(kind: GapKind) -> str:
    """A kind of gap in words.

    >>> name_kind((1, 6))
    '6 rows'
    """
    axis, width = kind
    return f"{width} {AXIS_NAMES[axis]}"
