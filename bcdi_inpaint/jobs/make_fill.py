"""The fill of a scan that is open and whose gaps are found: filled, refined, advised on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bcdi_inpaint.filling.fill import Filled, FillReport
from bcdi_inpaint.filling.fillable import fillable_planes
from bcdi_inpaint.filling.light_map import CELL, LightMap
from bcdi_inpaint.filling.streamed_fill import StreamedFill
from bcdi_inpaint.gaps.gap_finding import GapFinding
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.jobs.method import filling_of, method_record
from bcdi_inpaint.jobs.provenance import remarks_record
from bcdi_inpaint.jobs.refined_fill import RefinedFill, refine_of, refinement_record
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.jobs.write_fill import fill_record
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.peak.fringes import HALF_WINDOW
from bcdi_inpaint.phasing.benefit import (
    NOWHERE,
    Benefit,
    benefit_record,
    expected_benefit,
    filled_counts,
)
from bcdi_inpaint.phasing.handover import AUTO, NAMES, OURS, resolve_handover
from bcdi_inpaint.scan.boxes import Box, Shape, as_shape
from bcdi_inpaint.scan.remarks import Remarks, distinct
from bcdi_inpaint.scan.scan import Measured


@dataclass(frozen=True)
class Watch:
    """What is told while a fill is made.

    Attributes
    ----------
    say : gets a line at each stage.
    progress : called with (patches done, patches in all), or steps of a method that learns.
    cycles : called with (cycles done, cycles in all) of a refinement.
    stop : asked after each of those cycles whether to end it with the best so far.
    filled : called with the fill so far, nan where it is not filled yet.
    retrieved : called with a box and the intensity that a refinement has calculated there so far.
    """

    say: Callable[[str], None] = lambda line: None
    progress: Callable[[int, int], None] | None = None
    cycles: Callable[[int, int], None] = lambda done, total: None
    stop: Callable[[], bool] = lambda: False
    filled: Callable[[StreamedFill], None] | None = None
    retrieved: Callable[[Box, np.ndarray], None] | None = None


@dataclass(frozen=True)
class Made:
    """A fill, and what its file says of it besides the run that made it.

    Attributes
    ----------
    fill : the filled scan, refined if that was asked for and was better.
    report : how the filling went.
    refinement : what refinement found; None where there was none.
    handover : one of `handover.NAMES`.
    advice : what to expect of the fill; None where no gap is near a peak.
    remarks : on the scan and its gaps, each once.
    record : what the file says of all this.
    """

    fill: Filled
    report: FillReport
    refinement: RefinedFill | None
    handover: str
    advice: Benefit | None
    remarks: Remarks
    record: dict[str, Any]


def make_fill(
    request: Request,
    scan: Measured,
    finding: GapFinding,
    model: str | Model | None = None,
    watch: Watch = Watch(),
) -> Made:
    """Fill a scan as a request says.

    Parameters
    ----------
    request : what is asked for.
    scan : its scan, in which all is bad that is no count; see `find_scan_gaps`.
    finding : its gaps.
    model : the request's model where that was loaded or adapted already.
    watch : what is told meanwhile.

    Returns
    -------
    The fill, which is not written yet.

    Raises
    ------
    InputError
        For all that a user can mend.
    """
    model = request.model if model is None else model
    filling = filling_of(request, scan, finding, model, watch.progress, watch.filled)
    _say_how(filling.report, watch.say)
    refinement = None
    if request.refine:
        refinement = refine_of(
            request, scan, finding.region, filling, model, watch.cycles, watch.stop, watch.retrieved
        )
        watch.say(refinement.remark)
    advice = advise(scan, finding.region, filling.light, filling)
    watch.say(str(advice or NOWHERE))
    handover = _handed(request, advice, refinement, watch.say)
    fill: Filled = filling if refinement is None else refinement.fill
    remarks = distinct(scan.remarks, finding.remarks)
    record = (
        fill_record(fill, finding.places)
        | {"gaps_found": finding.origin.replace("mask", "flags")}
        | remarks_record(remarks)
        | refinement_record(refinement)
        | method_record(request, filling.report)
        | benefit_record(advice)
    )
    return Made(fill, filling.report, refinement, handover, advice, remarks, record)


def _say_how(report: FillReport, say: Callable[[str], None]) -> None:
    """Lines on how the filling went."""
    if report.remark:
        say(report.remark)
    if report.n_unlit:
        say(f"patches: {report.n_patches} for the network, {report.n_unlit} see no signal")
    for warning in report.warnings:
        say(f"warning: {warning}")
    if report.calibration:
        say(report.calibration)


def _handed(
    request: Request,
    advice: Benefit | None,
    refinement: RefinedFill | None,
    say: Callable[[str], None],
) -> str:
    """How the fill is handed over."""
    verdict = None if advice is None else advice.verdict
    is_refined = refinement is not None and refinement.accepted
    handover = resolve_handover(request.handover, verdict, refined=is_refined)
    if request.handover == AUTO and request.form == "tiff" and handover in OURS:
        handover = "mask"  # there is no place for what these need
    if request.handover == AUTO:
        say(f"handover {handover}: {NAMES[handover]}{_hint(verdict, request)}")
    return handover


def _hint(verdict: str | None, request: Request) -> str:
    """What more can be done for the crystal."""
    helps = verdict in ("compare", "fill") and not request.refine and request.form != "tiff"
    return "; try --refine too, it takes minutes more and often helps" if helps else ""


def near_peak(scan: Measured, light: LightMap) -> tuple[Box, Shape]:
    """The box around the Bragg peak that tells what a fill is worth, and its first voxel."""
    reach = HALF_WINDOW + 2 * CELL  # the window around the peak itself lies inside
    box = light.around_peak(reach)
    return box, as_shape(part.start for part in box)


def advise(
    scan: Measured, gap: GapRegion, light: LightMap, filling: StreamedFill | None = None
) -> Benefit | None:
    """What to expect of a fill, from the surroundings of the Bragg peak.

    Parameters
    ----------
    scan : the measured scan.
    gap : what is to be filled; of its planes those count that are.
    light : where in the scan there is light.
    filling : the fill, once there is one.

    Returns
    -------
    What to expect; None where no gap is near a peak that can be seen.
    """
    box, corner = near_peak(scan, light)
    near = scan.part(box)
    unknown = near.bad_mask | gap.part(box)
    filled = None if filling is None else filled_counts(filling.alone(box))
    planes = fillable_planes(gap, light.known_lines)
    return expected_benefit(near.counts, unknown, planes, corner, filled=filled)
