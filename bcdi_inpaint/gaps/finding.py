"""Finding the lines of a scan that lie between a detector's chips.

Only whole rows and columns make a gap, so hot pixels and alien signal never enlarge one, and
masked frames never become one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.completion import complete
from bcdi_inpaint.gaps.detectors import Detector, of_size, place_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import BY_COUNTS, BY_MASK, BY_USER, GapFinding, GapOptions
from bcdi_inpaint.gaps.masks import as_region, check_inside, merge_gaps, runs_of_lines
from bcdi_inpaint.gaps.placement import (
    PlacementSettings,
    Suggest,
    check_places,
    check_voxels,
    suggest_gaps,
    suggest_mask,
    suggest_roi,
)
from bcdi_inpaint.gaps.survey import Survey, survey_scan
from bcdi_inpaint.gaps.uncovered import (
    find_uncovered,
    masked_parts,
    remark_on_lines,
    remark_on_masked_frames,
    remark_on_patches,
)
from bcdi_inpaint.gaps.widths import KNOWN_WIDTHS, WIDEST
from bcdi_inpaint.scan.scan import Measured


@dataclass(frozen=True)
class GapSearchSettings:
    """What lines must show to be taken for a gap.

    Empty lines are also what a weak scan is mostly made of. The lines next to a gap must show
    enough pixels with counts that the gap would not be empty by chance.

    Attributes
    ----------
    expected_in_gap : pixels with counts that the gap would show if it were none, as its neighbours
        do; at 30 it is empty by chance once in exp(30) scans.
    fewest_beside : pixels with counts in each of the lines next to the gap.
    narrowest_at_edge : masked lines at the array's edge from which on they are a gap that the crop
        cuts; fewer are a detector's masked border.
    """

    expected_in_gap: int = 30
    fewest_beside: int = 4
    narrowest_at_edge: int = 3


SETTINGS = GapSearchSettings()


def find_with(scan: Measured, options: GapOptions) -> GapFinding:
    """Find the gaps of a scan. The first of these ways that gives any is believed.

    1. `options.user` and `options.gap_mask`: what the user says.
    2. `options.detector`: its table, placed by `roi` and `binning` (see `detectors.place_gaps`).
    3. Whole rows and columns that the file's mask covers in every frame.
    4. Whole rows and columns without a single valid count in any frame, which have a known gap
       width and signal on both sides.

    Then they are held against the counts. Lines that hold counts as their neighbours do are no
    gap. Empty rows and columns between lit ones that no gap covers are added where they have a
    known gap width. All else that is empty amid light, frames, lines or patches, is `empty`.

    Masked lines at the array's edge are reported from 3 px on, up to the widest known gap: a
    crop may cut a gap. Below that they are a detector's masked border, above it padding.

    The scan, in memory or in its file, is gone through once. InputError where no gap is found (the
    message says what was looked for), where a gap reaches outside the array or its lines hold
    counts, and where gaps or mask cover everything.
    """
    given = _given(scan, options)
    if given is not None:
        check_inside(given.gaps, scan.shape)
    survey = survey_scan(scan, None if given is None else given.region)
    # A finding without whole lines has no length, and may have voxels to fill.
    finding = given if given is not None else _search(survey, fill_empty=options.fill_empty)
    check_inside(finding.gaps, scan.shape)
    if not options.trust:
        check_places(survey, _to_check(finding, options), _suggestion(finding, options))
        check_voxels(survey, finding.rest)
    whole_finding = complete(scan, survey, finding, fill_empty=options.fill_empty)
    if not whole_finding.gaps and whole_finding.rest is None:
        raise InputError(_nothing_found((), survey))
    return whole_finding


def _to_check(finding: GapFinding, options: GapOptions) -> list[Gap]:
    """The gaps that are held against the counts."""
    if finding.how == BY_USER:
        return list(finding.gaps)
    if options.detector is not None and options.gap_mask is None:
        # Of a gap that the crop cuts only lit rims may be left.
        rim = PlacementSettings.margin
        return [gap for gap in finding.gaps if gap.width > rim or _inside(gap, finding.shape)]
    # One masked line with counts is a noisy one, and what a mask covers at the edge is its border.
    return [gap for gap in finding.gaps if gap.width >= 2 and _inside(gap, finding.shape)]


def _suggestion(finding: GapFinding, options: GapOptions) -> Suggest:
    """What would put gaps right whose lines hold counts."""
    if options.user:
        return suggest_gaps
    if options.detector is not None:
        return suggest_roi(finding.gaps, options.roi or (0, 0), options.binning)
    return suggest_mask(finding.gaps)


def _given(scan: Measured, options: GapOptions) -> GapFinding | None:
    """The gaps that the user gives or the detector's table has; None where they are to search."""
    if options.gap_mask is not None:
        region = as_region(options.gap_mask, scan.shape)
        gaps = merge_gaps([*region.planes, *options.user])
        return GapFinding(gaps, BY_USER, scan.shape, rest=region.rest)
    if options.user:
        return GapFinding(options.user, BY_USER, scan.shape)
    if options.detector is not None:
        return _from_table(scan, options.detector, options.roi, options.binning)
    return None


def _search(survey: Survey, *, fill_empty: bool) -> GapFinding:
    """The gaps that mask and counts show; with `fill_empty` there may be none."""
    shape = survey.shape
    if survey.always_masked.all():
        raise InputError(
            f"all {math.prod(shape)} voxels are masked, expected measured counts around the "
            "gaps: check the mask (non-zero = bad)"
        )
    if not survey.check.n_lit:
        survey.check.finish()  # which says that there is no count
    by_mask = _masked_lines(survey.always_masked, shape)
    if any(gap.width > 1 and _inside(gap, shape) for gap in by_mask):
        return GapFinding(by_mask, BY_MASK, shape)
    by_counts, doubtful = _empty_lines(survey)
    if not by_mask and not by_counts and not fill_empty:
        raise InputError(_nothing_found(doubtful, survey))
    how = [words for gaps, words in ((by_mask, BY_MASK), (by_counts, BY_COUNTS)) if gaps]
    return GapFinding(merge_gaps(by_mask + by_counts), " and ".join(how) or BY_COUNTS, shape)


def _from_table(
    scan: Measured, detector: Detector, roi: tuple[int, int] | None, binning: int
) -> GapFinding:
    """The detector's table, placed on the scan."""
    _, n_y, n_x = scan.shape
    if roi is None and binning == 1:
        detector = of_size(detector, (n_y, n_x))
    gaps = merge_gaps(place_gaps(detector, (n_y, n_x), roi, binning))
    y0, x0 = roi or (0, 0)
    placed = f"placed at row {y0}, column {x0}, binning {binning}"
    if not gaps:
        raise InputError(
            f"no gap of the {detector.name}, {placed}, crosses the array of {n_y} x {n_x} pixels, "
            "expected at least one: check --roi y0,x0 and --binning, or give --gap rows=a:b"
        )
    return GapFinding(gaps, f"the table of the {detector.name}, {placed}", scan.shape)


def _masked_lines(always_bad: np.ndarray, shape: tuple[int, int, int]) -> tuple[Gap, ...]:
    """Whole rows and columns among the pixels (n_y, n_x) that are masked in every frame."""
    gaps = runs_of_lines(1, np.all(always_bad, axis=1)) + runs_of_lines(
        2, np.all(always_bad, axis=0)
    )
    return tuple(
        gap
        for gap in gaps
        if _inside(gap, shape) or SETTINGS.narrowest_at_edge <= gap.width <= WIDEST
    )


def _empty_lines(survey: Survey) -> tuple[tuple[Gap, ...], tuple[Gap, ...]]:
    """Runs of lines without counts between lines with signal: of known width, and the others."""
    known: list[Gap] = []
    doubtful: list[Gap] = []
    for axis in (1, 2):
        lit_per_line = survey.lit_per_line(axis)
        for gap in runs_of_lines(axis, lit_per_line == 0):
            if not _inside(gap, survey.shape) or gap.width < 2:
                continue
            beside = int(min(lit_per_line[gap.start - 1], lit_per_line[gap.stop]))
            if beside >= SETTINGS.fewest_beside and beside * gap.width >= SETTINGS.expected_in_gap:
                (known if gap.width in KNOWN_WIDTHS else doubtful).append(gap)
    return tuple(known), tuple(doubtful)


def _nothing_found(doubtful: tuple[Gap, ...], survey: Survey) -> str:
    message = (
        "no gap found: no whole row or column is masked in every frame, and no run of empty lines "
        "with signal on both sides has a known gap width"
    )
    if doubtful:
        seen = ", ".join(f"{gap} ({gap.width} px)" for gap in doubtful[:4])
        message += f" (empty, but of no known width: {seen})"
    moving = masked_parts(survey)
    if moving:
        message += f" (the mask covers {moving}: --gap-mask FILE fills a gap of any shape)"
    no_frame = np.zeros(survey.shape[0], dtype=bool)
    lost = "; ".join(remark.text for remark in remark_on_masked_frames(survey, no_frame))
    message += f" ({lost})" if lost else ""
    uncovered = find_uncovered(survey, ())
    parts = "; ".join(remark.text for remark in remark_on_patches(uncovered))
    frames = [found for found in uncovered.whole_lines if found.lines.axis == 0]
    if frames:
        message += f" ({'; '.join(remark_on_lines(found, survey).text for found in frames)})"
    if parts and not doubtful:
        message += f" ({parts.replace(': masked', '')})"
    return message + "; expected at least one: give --gap rows=a:b or --detector NAME"


def _inside(gap: Gap, shape: tuple[int, ...]) -> bool:
    """Whether the gap has lines of the array on both sides."""
    return gap.start > 0 and gap.stop < shape[gap.axis]
