"""The refinement of a scan's fill, which is given up for the fill alone where it cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from bcdi_inpaint.errors import memory_errors
from bcdi_inpaint.filling.fill import Filled
from bcdi_inpaint.filling.streamed_fill import StreamedFill
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.phasing.refinement import refine
from bcdi_inpaint.scan.boxes import Box, whole
from bcdi_inpaint.scan.scan import Measured

REFINEMENT_SEED = 0
"""Of the random starts of a refinement; it is recorded in the file."""


@dataclass(frozen=True)
class RefinedFill:
    """A fill after refinement, or as it was; see `phasing.refinement.Refinement`."""

    fill: Filled
    accepted: bool
    before: float
    after: float
    remark: str
    interrupted: bool


def refine_of(
    request: Request,
    scan: Measured,
    gap: GapRegion,
    filling: StreamedFill,
    model: str | Model,
    cycles: Callable[[int, int], None],
    stop: Callable[[], bool],
    watch: Callable[[Box, np.ndarray], None] | None = None,
) -> RefinedFill:
    """The fill after a phase retrieval around the peak, or as it was if that was no better.

    Ctrl-C leaves the best fill until then, see `refine`; while the scan is read, it as it was.

    Parameters
    ----------
    request : what is asked for.
    scan : as it was measured.
    gap : its voxels to fill.
    filling : the fill, made part by part; where the scan has no room in memory, it stays so.
    model : the one that made it.
    cycles : called with (cycles done, cycles in all).
    stop, watch : see `refine`.
    """
    try:
        with memory_errors():
            everything = whole(scan.shape)
            measured = scan.part(everything)
            loaded = model if isinstance(model, Model) else load_model(model)
            found = refine(
                measured.counts,
                gap.part(everything),
                filling.whole,
                bad_mask=measured.bad_mask,
                model=loaded,
                rng=np.random.default_rng(REFINEMENT_SEED),
                device=request.device,
                cycles=cycles,
                stop=stop,
                watch=watch,
                background=request.background,
            )
    except MemoryError:
        return _as_it_was(filling, request, "out of memory, expected room for the scan")
    except KeyboardInterrupt:  # while the scan was read: the fill is finished all the same
        return _as_it_was(filling, request, "interrupted", interrupted=True)
    return RefinedFill(
        found.fill, found.accepted, found.before, found.after, found.remark, found.interrupted
    )


def _as_it_was(
    filling: StreamedFill, request: Request, why: str, *, interrupted: bool = False
) -> RefinedFill:
    """The fill that was made; what the user says of a background holds all the same."""
    nan = float("nan")
    if request.background:
        report = replace(filling.report, background=request.background)
        filling = replace(filling, report=report)
    return RefinedFill(filling, False, nan, nan, f"not refined: {why}", interrupted)


def refinement_record(refinement: RefinedFill | None) -> dict[str, Any]:
    """What the file says of a refinement: which fill it holds, and how both scored."""
    if refinement is None:
        return {}
    # What was interrupted is to be done again by a batch.
    unfinished = {"job_sha256": "interrupted"} if refinement.interrupted else {}
    report = refinement.fill.report
    return unfinished | {
        "refined": refinement.accepted,
        "refinement_seed": REFINEMENT_SEED,
        "refinement_threads": torch.get_num_threads(),  # sums are rounded otherwise with more
        "refinement_log_error_network": refinement.before,
        "refinement_log_error_refined": refinement.after,
        "refinement": refinement.remark,
        "coherence_sigma": np.asarray(report.coherence_sigma),
        "density_strength": report.density_strength,
        "background": report.background,
    }
