"""What is empty amid light and lies in no gap: filled if it is a gap, else masked and named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import find_objects, label

from bcdi_inpaint.arrays import BoolArray, IntArray
from bcdi_inpaint.gaps.emptiness import empty_cells, empty_runs, without_fringes
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import runs_of_lines
from bcdi_inpaint.gaps.stuck_pixels import StuckPixels, dead_pixels, stuck_pixels
from bcdi_inpaint.gaps.survey import Survey
from bcdi_inpaint.scan.boxes import AXIS_NAMES, other_axes
from bcdi_inpaint.scan.remarks import Remark
from bcdi_inpaint.scan.voxel_sets import VoxelSet
from bcdi_inpaint.tables import number_of

MOST_NAMED = 3
"""Patches that a remark names; of more it says how many there are."""


@dataclass(frozen=True)
class EmptyLines:
    """Whole lines of one axis without a count; `at_edge` where the array ends beyond them."""

    lines: Gap
    at_edge: bool


@dataclass(frozen=True)
class Uncovered:
    """What of a scan is empty amid light and lies in no gap.

    Attributes
    ----------
    whole_lines : frames, rows and columns without a count.
    patches : for each axis, cells of the projection along it behind which no voxel holds a count.
    stuck : pixels that hold one value in all frames.
    """

    whole_lines: tuple[EmptyLines, ...]
    patches: tuple[BoolArray, BoolArray, BoolArray]
    stuck: StuckPixels


def find_uncovered(survey: Survey, gaps: Iterable[Gap]) -> Uncovered:
    """Find what is empty amid light outside the mask and the gaps.

    Parameters
    ----------
    survey : of the scan.
    gaps : the gaps that are known already.

    Returns
    -------
    Whole lines first; what they hold is not among the patches.
    """
    gaps = list(gaps)
    known = _outside(survey, 0, gaps)[1]
    least = np.where(known > 0, survey.least, np.nan)
    stuck = stuck_pixels(least, survey.largest, survey.shape[0])
    survey = _without_pixels(survey, stuck.marks | stuck.others)
    lines = [found for axis in range(3) for found in _empty_lines(survey, axis, gaps)]
    covered = [*gaps, *(found.lines for found in lines)]
    first, second, third = (empty_cells(*_outside(survey, along, covered)) for along in range(3))
    first |= dead_pixels(survey.light, _outside(survey, 0, covered)[1])
    return Uncovered(tuple(lines), (first, second, third), stuck)


def _without_pixels(survey: Survey, pixels: BoolArray) -> Survey:
    """The survey as if pixels that hold one value in all frames were masked: they are no light."""
    if not pixels.any():
        return survey
    lit, unmasked = (
        (
            np.where(pixels, 0, counted[0]),
            counted[1] - (pixels & (counted[0] > 0)).sum(axis=0),
            counted[2] - (pixels & (counted[0] > 0)).sum(axis=1),
        )
        for counted in (survey.unmasked_lit, survey.unmasked)
    )
    of_pixels = float(survey.light[pixels].sum()) / survey.shape[0]
    return replace(
        survey,
        unmasked_lit=lit,
        unmasked=unmasked,
        light=np.where(pixels, 0, survey.light),
        frame_light=survey.frame_light - of_pixels,
    )


def _empty_lines(survey: Survey, axis: int, gaps: list[Gap]) -> Iterator[EmptyLines]:
    """The runs of empty lines along one axis."""
    lit, known = survey.lit_per_line(axis), survey.known_per_line(axis)
    inside = [gap for gap in gaps if gap.axis == axis]
    for gap in inside:
        lit[gap.start : gap.stop] = known[gap.start : gap.stop] = 0
    light = survey.light_per_line(axis)
    for run in without_fringes(empty_runs(lit, known), lit, known, light):
        for lines in _without(Gap(axis, run.start, run.stop), known):
            yield EmptyLines(lines, run.at_edge)


def _without(lines: Gap, known: IntArray) -> Iterator[Gap]:
    """The parts of a run of lines that are known at all."""
    steps = np.diff((known[lines.start : lines.stop] > 0).astype(np.int8), prepend=0, append=0)
    for start, stop in zip(np.flatnonzero(steps > 0), np.flatnonzero(steps < 0), strict=True):
        yield Gap(lines.axis, lines.start + int(start), lines.start + int(stop))


def _outside(survey: Survey, along: int, covered: list[Gap]) -> tuple[IntArray, IntArray]:
    """How much lies behind each cell of a projection, lit and at all, outside some lines."""
    lit, known = survey.unmasked_lit[along].copy(), survey.unmasked[along].copy()
    for position, axis in enumerate(other_axes(along)):
        for gap in covered:
            if gap.axis == axis:
                part = (slice(None),) * position + (slice(gap.start, gap.stop),)
                lit[part] = known[part] = 0
    return lit, known


def voxels_of(survey: Survey, lines: Iterable[Gap], uncovered: Uncovered) -> VoxelSet:
    """Whole lines and the patches of `uncovered`, as voxels.

    Parameters
    ----------
    survey : of the scan.
    lines : whole lines that are to be masked.
    uncovered : where its patches are.

    Returns
    -------
    The voxels.
    """
    patterns = []
    for gap in lines:
        flags = np.zeros(survey.shape[gap.axis], dtype=bool)
        flags[gap.start : gap.stop] = True
        patterns.append(np.expand_dims(flags, other_axes(gap.axis)))
    for along, cells in (*enumerate(uncovered.patches), (0, uncovered.stuck.marks)):
        if cells.any():
            patterns.append(np.expand_dims(cells, along))
    return VoxelSet(survey.shape, tuple(patterns))


def remark_on_lines(found: EmptyLines, survey: Survey) -> Remark:
    """What to say of whole lines that are masked."""
    lines = found.lines
    where = "beside" if found.at_edge else "between"
    text = f"{lines} hold no count {where} lines that do, and no gap covers them: masked"
    if found.at_edge:
        kind = "empty-edge"
        text += "; crop them off with --roi, or give a whole scan"
        if lines.axis == 0:
            text = text.replace(
                "; crop them off with --roi, or give", " (the scan was stopped?); give"
            )
    elif lines.axis == 0:
        kind = "empty-frames"
        text += (
            f"; --gap {AXIS_NAMES[0]}={lines.start}:{lines.stop} fills them"
            f"{_maybe_last(lines, survey)}"
        )
    else:
        kind = "empty-lines"
        text += (
            f" ({lines.width} px is no gap's width); "
            f"--gap {AXIS_NAMES[lines.axis]}={lines.start}:{lines.stop} fills them"
        )
    return Remark(kind, text)


def _maybe_last(lines: Gap, survey: Survey) -> str:
    """A hint where what is missing is as wide as a detector's gap."""
    return "; if the rocking axis is the last: --axes yxn" if 3 <= lines.width <= 41 else ""


def remark_on_patches(uncovered: Uncovered) -> list[Remark]:
    """What to say of patches that are masked, a line for each axis along which they reach."""
    said = []
    for along, cells in enumerate(uncovered.patches):
        if not cells.any():
            continue
        names = [AXIS_NAMES[axis] for axis in other_axes(along)]
        places = [
            " ".join(
                f"{name} {part.start}:{part.stop}" for name, part in zip(names, box, strict=True)
            )
            for box in find_objects(label(cells)[0])
        ]
        shown = ", ".join(places[:MOST_NAMED])
        more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
        said.append(
            Remark(
                "empty-pixels" if along == 0 else "empty-part",
                f"{shown}{more} hold no count amid light along all {AXIS_NAMES[along]}, and no gap "
                f"covers them ({number_of(np.count_nonzero(cells), 'cell')}): masked; "
                "--fill-empty fills them",
            )
        )
    return said


def remark_on_stuck(uncovered: Uncovered, survey: Survey) -> list[Remark]:
    """What to say of single pixels that hold one value in all frames."""
    said = []
    marks, others = uncovered.stuck.marks, uncovered.stuck.others
    if marks.any():
        text = f"{_values(marks, survey)} in every frame: it marks a bad pixel, masked"
        said.append(Remark("mark", text))
    if others.any():
        text = (
            f"{_values(others, survey)} in every frame, far above the pixels beside it: hot, taken "
            "as measured; --mask FILE masks hot pixels"
        )
        said.append(Remark("hot-pixels", text))
    return said


def _values(pixels: BoolArray, survey: Survey) -> str:
    """Pixels and the value that each holds, in words."""
    places = np.argwhere(pixels)
    named = [f"row {y} col {x} holds {survey.least[y, x]:.10g}" for y, x in places[:MOST_NAMED]]
    more = f" and {len(places) - MOST_NAMED} more such pixels" if len(places) > MOST_NAMED else ""
    return f"{', '.join(named)}{more}"


def masked_parts(survey: Survey) -> str:
    """Lines that the mask covers in a part of the frames, in words; empty for none.

    Of many only the first is named, and how many there are.
    """
    found = [part for axis, along in ((1, 2), (2, 1)) for part in _in_frames(survey, axis, along)]
    if len(found) > MOST_NAMED:  # a mask that was drawn frame by frame
        return f"{found[0]} and {len(found) - 1} more such places"
    return ", ".join(found)


def _in_frames(survey: Survey, axis: int, along: int) -> Iterator[str]:
    """Masked lines of an axis, for each stretch of frames in which they are the same ones."""
    covered = survey.unmasked[along] == 0  # (n_rock, n_lines)
    always = covered.all(axis=0)
    lit = np.flatnonzero(~covered.all(axis=1))  # frames that are masked whole are no part of it
    if (covered[lit] == always).all():
        return
    changes = np.flatnonzero((covered[lit][1:] != covered[lit][:-1]).any(axis=1)) + 1
    for frames in np.split(lit, changes):
        for lines in runs_of_lines(axis, covered[frames[0]]):
            if lines.width > 1 and not always[lines.start : lines.stop].all():
                yield f"{lines} in frames {frames[0]}:{frames[-1] + 1}"


def remark_on_masked_frames(survey: Survey, filled: BoolArray) -> list[Remark]:
    """What to say of frames that the mask covers whole, between others that it does not.

    Parameters
    ----------
    survey : of the scan.
    filled : (n_rock,) bool, frames in which something is filled that the mask may cover.

    Returns
    -------
    One remark, or none.
    """
    masked = survey.known_per_line(0) == 0
    lost = [
        part
        for run in runs_of_lines(0, masked)
        if run.start > 0 and run.stop < masked.size  # a scan's ends are often cut off
        for part in runs_of_lines(0, masked & ~filled)
        if run.start <= part.start and part.stop <= run.stop
    ]
    if not lost:
        return []
    few = len(lost) <= MOST_NAMED
    shown = lost if few else lost[:1]
    places = ", ".join(map(str, shown)) + ("" if few else f" and {len(lost) - 1} more such places")
    options = " ".join(f"--gap {AXIS_NAMES[0]}={one.start}:{one.stop}" for one in shown)
    lit = survey.lit_per_line(0, masked_too=True)
    trusted = " --trust-gaps" if any(lit[one.start : one.stop].any() for one in shown) else ""
    hint = next(filter(None, (_maybe_last(one, survey) for one in lost)), "")
    text = (
        f"the mask covers {places} whole: they stay masked; {options}{trusted}"
        f"{'' if few else ' and so on'} fills them{hint}"
    )
    return [Remark("masked-frames", text)]


def remark_on_masked_parts(survey: Survey) -> list[Remark]:
    """What to say of lines that the mask covers in a part of the frames: they are not filled."""
    parts = masked_parts(survey)
    text = f"the mask covers {parts}: they stay masked; --gap-mask FILE fills them"
    return [Remark("masked-part", text)] if parts else []
