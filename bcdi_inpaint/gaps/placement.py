"""Whether gaps lie where the counts say: their lines must not hold counts as those beside do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, IntArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.emptiness import empty_runs, without_fringes
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import runs_of_lines
from bcdi_inpaint.gaps.survey import Survey
from bcdi_inpaint.scan.boxes import Shape


@dataclass(frozen=True)
class PlacementSettings:
    """When a gap's lines hold counts as their neighbours do.

    Chosen by what the field's masks are like; no committed command.

    Attributes
    ----------
    as_neighbours : share of their neighbours' pixels with counts that the lines hold at least.
    fewest : pixels with counts in such lines; fewer say nothing.
    margin : lines with counts at each side of an empty gap that are usual: the wide pixels of a
        MAXIPIX, or a careful mask.
    """

    as_neighbours: float = 0.5
    fewest: int = 30
    margin: int = 2


SETTINGS = PlacementSettings()

Suggest = Callable[[Survey, tuple[Gap, ...]], str]
"""Says which option would put gaps right; it gets a survey of the scan and its empty lines."""


def check_places(
    survey: Survey,
    gaps: Iterable[Gap],
    suggest: Suggest,
    settings: PlacementSettings = SETTINGS,
) -> None:
    """Refuse gaps whose lines hold counts.

    Parameters
    ----------
    survey : of the scan.
    gaps : the gaps, however they were found.
    suggest : says which option would put such gaps right; it gets the lines that are empty.
    settings : when lines hold counts.

    Raises
    ------
    InputError
        For a gap whose lines hold counts as their neighbours do; both places are named.
    """
    gaps = tuple(gaps)
    for gap in gaps:
        counted = _counted_lines(survey, gap, gaps, settings)
        if not counted.any() or _is_margin(survey, gap, counted, settings):
            continue
        lines = ", ".join(
            str(Gap(gap.axis, gap.start + run.start, gap.start + run.stop))
            for run in runs_of_lines(gap.axis, counted)
        )
        empty = tuple(run for axis in (1, 2) for run in find_empty(survey, axis))
        of_gap = "" if lines == str(gap) else f" of the gap {gap}"
        raise InputError(
            f"{lines}{of_gap} hold counts as their neighbours do, expected none in a gap"
            f"{_empty_beside(gap, empty)}: {suggest(survey, empty)}; --trust-gaps fills over them "
            "all the same"
        )


def check_voxels(
    survey: Survey, rest: BoolArray | None, settings: PlacementSettings = SETTINGS
) -> None:
    """Refuse a gap of any shape that holds counts as the voxels beside it do.

    Parameters
    ----------
    survey : of the scan, with that gap.
    rest : its voxels that lie in no whole lines; None for none.
    settings : when a gap holds counts.

    Raises
    ------
    InputError
        Where it does.
    """
    lit, n, lit_beside, n_beside = survey.gap_light
    if rest is None or not n_beside or lit < settings.fewest:
        return
    if lit / n >= settings.as_neighbours * lit_beside / n_beside:
        raise InputError(
            f"{lit} of the {n} voxels of the gap mask hold counts, as {lit_beside} of the "
            f"{n_beside} beside it do, expected none in a gap: give the mask of this scan (True = "
            "to fill); --trust-gaps fills over them all the same"
        )


def _empty_beside(gap: Gap, empty: tuple[Gap, ...]) -> str:
    there = [str(run) for run in empty if run.axis == gap.axis] or [str(run) for run in empty]
    return f" ({', '.join(there[:3])} are empty)" if there else " (no lines nearby are empty)"


def find_empty(survey: Survey, axis: int) -> tuple[Gap, ...]:
    """The lines of an axis without a count between lines with counts, whatever is masked."""
    lit = survey.lit_per_line(axis, masked_too=True)
    runs = without_fringes(empty_runs(lit, np.full_like(lit, max(int(lit.max()), 1))), lit)
    return tuple(Gap(axis, run.start, run.stop) for run in runs if not run.at_edge)


def _counted_lines(
    survey: Survey, gap: Gap, gaps: tuple[Gap, ...], settings: PlacementSettings
) -> BoolArray:
    """Which lines of a gap hold counts as the lines beside it do, (width,) bool."""
    lit = survey.lit_per_line(gap.axis, masked_too=True)
    outside = lit > 0  # the gap itself may begin right beside a place that is wrong
    for other in gaps:
        if other.axis == gap.axis:
            outside[other.start : other.stop] = False
    beside = _beside(lit, outside, gap)
    inside: IntArray = lit[gap.start : gap.stop]
    counted = np.asarray(inside >= max(settings.as_neighbours * beside, 1))
    if beside <= 0 or inside[counted].sum() < settings.fewest:
        return np.zeros(gap.width, dtype=bool)
    return counted


def _beside(lit: IntArray, outside: BoolArray, gap: Gap) -> float:
    """Pixels with counts in a line beside a gap: the lesser of its two sides."""
    lines = np.flatnonzero(outside)
    before, after = lines[lines < gap.start][-2:], lines[lines >= gap.stop][:2]
    sides = [float(lit[side].mean()) for side in (before, after) if side.size]
    return min(sides, default=0.0)


def _is_margin(survey: Survey, gap: Gap, counted: BoolArray, settings: PlacementSettings) -> bool:
    """Whether the lines with counts are no more than the rims of a gap that is empty inside.

    Where empty lines go on beyond the gap it lies beside its place.
    """
    empty = np.flatnonzero(~counted)
    if not empty.size:
        return False
    rims = int(empty[0]), gap.width - 1 - int(empty[-1])
    inside_empty = empty[-1] - empty[0] + 1 == empty.size
    lit = survey.lit_per_line(gap.axis, masked_too=True)
    goes_on = (rims[0] == 0 and gap.start > 0 and lit[gap.start - 1] == 0) or (
        rims[1] == 0 and gap.stop < lit.size and lit[gap.stop] == 0
    )
    return inside_empty and max(rims) <= settings.margin and not goes_on


def suggest_gaps(survey: Survey, empty: tuple[Gap, ...]) -> str:
    """The option that gives the lines that are empty."""
    options = " ".join(f"--gap {str(gap).replace(' ', '=')}" for gap in empty)
    return f"give {options}?" if options else "check the place"


def suggest_roi(gaps: tuple[Gap, ...], roi: tuple[int, int], binning: int) -> Suggest:
    """The option that moves a detector's table to the lines that are empty.

    Parameters
    ----------
    gaps : where the table places its gaps.
    roi : where the array begins, as it was given, in lines of the detector.
    binning : detector lines per line of the array.

    Returns
    -------
    What says so; see `check_places`.
    """

    def suggest(survey: Survey, empty: tuple[Gap, ...]) -> str:
        corner = [roi[axis - 1] - binning * (_shift(gaps, empty, axis) or 0) for axis in (1, 2)]
        if tuple(corner) == tuple(roi):
            return "check --roi y0,x0 and --binning"
        return f"--roi {corner[0]},{corner[1]}?"

    return suggest


def _shift(gaps: tuple[Gap, ...], empty: tuple[Gap, ...], axis: int) -> int | None:
    """Lines by which the gaps of an axis have to move to lie on empty lines."""
    steps = [
        run.start - gap.start
        for gap in gaps
        for run in empty
        if gap.axis == run.axis == axis and abs(run.width - gap.width) <= 2
    ]
    return min(steps, key=abs) if steps else None


def suggest_mask(gaps: tuple[Gap, ...]) -> Suggest:
    """What was done to a mask whose lines are those that are empty, had it not been done."""

    def suggest(survey: Survey, empty: tuple[Gap, ...]) -> str:
        misfits = {
            words: _misfit(_changed(gaps, change, survey.shape), empty)
            for words, change in _CHANGES.items()
        }
        words = min(misfits, key=lambda change: misfits[change])
        if empty and misfits[words] <= 2 * len(empty):
            return f"is the mask {words}? the empty lines fit it then"
        steps = [_shift(gaps, empty, axis) for axis in (1, 2)]
        if any(steps):
            rows, columns = (step or 0 for step in steps)
            return f"is the mask of another crop? moved by {rows} rows and {columns} cols it fits"
        return "give the mask of this scan, or " + suggest_gaps(survey, empty)

    return suggest


def _changed(gaps: tuple[Gap, ...], change: Callable[[Gap, Shape], Gap], shape: Shape) -> list[Gap]:
    """Gaps of a mask that was changed; none where they lie outside of the array then."""
    try:
        return [change(gap, shape) for gap in gaps]
    except InputError:
        return []


def _misfit(gaps: list[Gap], empty: tuple[Gap, ...]) -> float:
    """Lines by which gaps lie beside empty lines, in all."""
    return sum(
        min(
            (
                abs(gap.start - run.start) + abs(gap.stop - run.stop)
                for gap in gaps
                if gap.axis == run.axis
            ),
            default=math.inf,
        )
        for run in empty
    )


def _flip(gap: Gap, shape: Shape, axes: tuple[int, ...]) -> Gap:
    n = shape[gap.axis]
    return Gap(gap.axis, n - gap.stop, n - gap.start) if gap.axis in axes else gap


def _transpose(gap: Gap) -> Gap:
    return Gap({1: 2, 2: 1}.get(gap.axis, gap.axis), gap.start, gap.stop)


_CHANGES: dict[str, Callable[[Gap, Shape], Gap]] = {
    "flipped upside down": lambda gap, shape: _flip(gap, shape, (1,)),
    "flipped left to right": lambda gap, shape: _flip(gap, shape, (2,)),
    "turned by 180 degrees": lambda gap, shape: _flip(gap, shape, (1, 2)),
    "transposed": lambda gap, shape: _transpose(gap),
    "turned by 90 degrees": lambda gap, shape: _flip(_transpose(gap), shape, (1,)),
    "turned by 270 degrees": lambda gap, shape: _flip(_transpose(gap), shape, (2,)),
}
