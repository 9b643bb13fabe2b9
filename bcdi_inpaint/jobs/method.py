"""The fill by the method of a request, and what a file says of that method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bcdi_inpaint.filling.fill import FillReport
from bcdi_inpaint.filling.inpainting import inpaint_scan
from bcdi_inpaint.filling.learned_fill import LEARNING, LearningOptions
from bcdi_inpaint.filling.methods import NETWORK, fill_by_method
from bcdi_inpaint.filling.streamed_fill import StreamedFill
from bcdi_inpaint.gaps.gap_finding import GapFinding
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.scan.scan import Measured


def filling_of(
    request: Request,
    scan: Measured,
    finding: GapFinding,
    model: str | Model,
    progress: Callable[[int, int], None] | None,
    watch: Callable[[StreamedFill], None] | None = None,
) -> StreamedFill:
    """Fill a scan by the request's method.

    Parameters
    ----------
    request : names the method, its time and its seed.
    scan : the measured scan.
    finding : its gaps.
    model : of the network, of no use to other methods.
    progress : called with (done, in all): patches of the network, steps of a method that learns.
    watch : called with the network's fill so far; see `filling.inpainting.inpaint_scan`.

    Raises
    ------
    InputError
        As the method does.
    """
    gap, survey, device = finding.region, finding.survey, request.device
    if request.method == NETWORK:
        return inpaint_scan(scan, gap, model, device, survey=survey, progress=progress, watch=watch)
    minutes = LearningOptions.minutes if request.minutes is None else request.minutes
    options = LearningOptions(minutes=minutes, seed=request.seed)
    return fill_by_method(
        scan, gap, request.method, device, survey=survey, options=options, progress=progress
    )


def method_record(request: Request, report: FillReport) -> dict[str, Any]:
    """What a file says of a method other than the network; nothing of the network."""
    if request.method == NETWORK:
        return {}
    seed = {"method_seed": request.seed} if request.method in LEARNING else {}
    # What was interrupted is to be done again by a batch.
    unfinished = {"job_sha256": "interrupted"} if report.interrupted else {}
    return {"method": request.method, "method_remark": report.remark} | seed | unfinished
