"""Gaps made whole: what is empty amid light and lies in none is added to them, or masked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import ADDED, GapFinding
from bcdi_inpaint.gaps.masks import mask_in_box, merge_gaps
from bcdi_inpaint.gaps.stuck_pixels import StuckPixels
from bcdi_inpaint.gaps.survey import Survey, look_again
from bcdi_inpaint.gaps.uncovered import (
    EmptyLines,
    Uncovered,
    find_uncovered,
    remark_on_lines,
    remark_on_masked_frames,
    remark_on_masked_parts,
    remark_on_patches,
    remark_on_stuck,
    voxels_of,
)
from bcdi_inpaint.gaps.widths import KNOWN_WIDTHS
from bcdi_inpaint.scan.boxes import AXIS_NAMES, as_shape, other_axes, whole
from bcdi_inpaint.scan.remarks import Remark
from bcdi_inpaint.scan.scan import Measured
from bcdi_inpaint.scan.voxel_sets import MaskedScan, VoxelSet


def complete(
    scan: Measured, survey: Survey, finding: GapFinding, *, fill_empty: bool = False
) -> GapFinding:
    """Add to the gaps what no gap covers and is one; find what else is to be masked.

    Parameters
    ----------
    scan : the measured scan.
    survey : of it.
    finding : the gaps that were found.
    fill_empty : whether everything that is empty amid light is filled.

    Returns
    -------
    The finding with all gaps, remarks, what is to be masked, and a survey in which all that is
    unknown.
    """
    uncovered = find_uncovered(survey, finding.gaps)
    if finding.rest is not None:
        uncovered = _without_rest(uncovered, finding.rest)
    added = tuple(
        found.lines
        for found in uncovered.whole_lines
        if _is_gap(found, finding.gaps) or (fill_empty and not found.at_edge)
    )
    gaps = merge_gaps([*finding.gaps, *added])
    left = [found for found in uncovered.whole_lines if found.lines not in added]
    remarks = [_remark_on_added(lines) for lines in added]
    remarks += [remark_on_lines(found, survey) for found in left]
    remarks += remark_on_stuck(uncovered, survey)
    remarks += remark_on_masked_parts(survey) if finding.rest is None else []
    remarks += remark_on_masked_frames(survey, _filled_frames(gaps, finding))
    empty = voxels_of(survey, [found.lines for found in left], uncovered)
    rest = finding.rest
    if fill_empty:
        rest = _with_patches(rest, survey, uncovered)
        empty = voxels_of(survey, [found.lines for found in left], _without_patches(uncovered))
    else:
        remarks += remark_on_patches(uncovered)
    made = replace(
        finding,
        gaps=gaps,
        remarks=(*finding.remarks, *remarks),
        rest=None if rest is None else _outside_planes(rest, gaps),
        empty=None if empty.is_empty else empty,
    )
    return replace(made, survey=_with_all(scan, survey, made))


def _is_gap(found: EmptyLines, gaps: tuple[Gap, ...]) -> bool:
    """Whether empty lines are a detector's gap, alone or with the gap that they touch."""
    lines = found.lines
    if lines.axis == 0 or found.at_edge:
        return False
    touching = [
        gap
        for gap in gaps
        if gap.axis == lines.axis and lines.start <= gap.stop and gap.start <= lines.stop
    ]
    if not touching:
        return lines.width in KNOWN_WIDTHS
    merged = merge_gaps([lines, *touching])
    return len(merged) == 1 and merged[0].width in KNOWN_WIDTHS


def _remark_on_added(lines: Gap) -> Remark:
    option = f"--gap {AXIS_NAMES[lines.axis]}={lines.start}:{lines.stop}"
    return Remark(
        ADDED,
        f"{lines} hold no count between lines that do, and no gap given covers them: filled as a "
        f"gap of {lines.width} px, as by {option}",
    )


def _without_rest(uncovered: Uncovered, rest: BoolArray) -> Uncovered:
    """Patches without those that a gap of any shape covers."""
    first, second, third = (
        cells & ~rest.any(axis=along) for along, cells in enumerate(uncovered.patches)
    )
    in_rest = rest.any(axis=0)
    stuck = StuckPixels(uncovered.stuck.marks & ~in_rest, uncovered.stuck.others & ~in_rest)
    return replace(uncovered, patches=(first, second, third), stuck=stuck)


def _without_patches(uncovered: Uncovered) -> Uncovered:
    first, second, third = (np.zeros_like(cells) for cells in uncovered.patches)
    return replace(uncovered, patches=(first, second, third))


def _with_patches(rest: BoolArray | None, survey: Survey, uncovered: Uncovered) -> BoolArray | None:
    """What is to be filled besides whole lines, with the patches."""
    nowhere = np.zeros(survey.shape[1:], dtype=bool)
    patches = voxels_of(survey, (), replace(uncovered, stuck=StuckPixels(nowhere, nowhere)))
    if patches.is_empty:
        return rest
    drawn = patches.part(whole(survey.shape))
    return drawn if rest is None else drawn | rest


def _filled_frames(gaps: tuple[Gap, ...], finding: GapFinding) -> BoolArray:
    """Frames of which gaps hold all, or a part that is no whole row or column, (n_rock,) bool."""
    frames = np.zeros(finding.shape[0], dtype=bool)
    for gap in gaps:
        if gap.axis == 0:
            frames[gap.start : gap.stop] = True
    return frames if finding.rest is None else frames | finding.rest.any(axis=(1, 2))


def _outside_planes(rest: BoolArray, gaps: tuple[Gap, ...]) -> BoolArray | None:
    """The voxels of `rest` that lie in none of the gaps, which are filled by themselves."""
    outside = rest & ~mask_in_box(gaps, whole(as_shape(rest.shape)))
    return outside if outside.any() else None


def _with_all(scan: Measured, survey: Survey, finding: GapFinding) -> Survey:
    """The survey, in which all gaps and all that is masked count as unknown."""
    empty = finding.empty or VoxelSet(survey.shape)
    seen_already = _planes_masked(survey, finding.gaps) and finding.empty is None
    if seen_already and finding.rest is None:
        return survey
    return look_again(survey, MaskedScan(scan, empty), finding.region)


def _planes_masked(survey: Survey, gaps: tuple[Gap, ...]) -> bool:
    """Whether all gaps are masked anyway, or were unknown to the survey."""
    return all(_none_known(survey, gap) for gap in gaps)


def _none_known(survey: Survey, gap: Gap) -> bool:
    along = 2 if gap.axis != 2 else 0
    position = other_axes(along).index(gap.axis)
    unmasked = np.moveaxis(survey.unmasked[along], position, 0)[gap.start : gap.stop]
    lines = survey.known_lines[gap.axis][gap.start : gap.stop]
    return not unmasked.any() or not lines.any()
