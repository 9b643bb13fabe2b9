"""The main job on files: read a scan, find its gaps, fill them, write what PyNX takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bcdi_inpaint.files import (
    default_output,
    following,
    split_spec,
)
from bcdi_inpaint.filling.fill import Filled
from bcdi_inpaint.gaps.gap_finding import GapFinding
from bcdi_inpaint.jobs.make_fill import Watch, make_fill
from bcdi_inpaint.jobs.provenance import run_record
from bcdi_inpaint.jobs.pynx_command import output_command
from bcdi_inpaint.jobs.request import Request, check, job_sha256, weights_output
from bcdi_inpaint.jobs.scan_gaps import find_scan_gaps
from bcdi_inpaint.jobs.write_fill import HandedFill, write_fill
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.phasing.benefit import Benefit
from bcdi_inpaint.phasing.handover import LEVEL
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.remarks import Remark, Remarks
from bcdi_inpaint.scan.scan import Measured
from bcdi_inpaint.scan.validity import check_counts


@dataclass(frozen=True)
class Result:
    """What `predict` found and wrote; `handover` is one of `handover.NAMES`.

    `remarks` are those of the scan and of its gaps, each once.
    """

    scan: Measured
    finding: GapFinding
    fill: Filled
    output: Path
    picture: Path | None
    seconds: float
    handover: str
    weights: Path | None = None
    advice: Benefit | None = None
    remarks: Remarks = ()

    @property
    def pynx_command(self) -> str:
        """PyNX's command line that phases the written file."""
        return output_command(self.output)


def predict(
    request: Request,
    *,
    say: Callable[[str], None] = lambda line: None,
    note: Callable[[Remark], None] = lambda remark: None,
    progress: Callable[[int, int], None] | None = None,
    cycles: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Fill the gaps of a scan's file and write the output beside it.

    With `request.finetune` the model is adapted to the scan first, and its weights are written
    beside the output.

    Parameters
    ----------
    request : what is asked for.
    say : gets a line at each stage.
    note : gets what has to be said about the scan, each once, as soon as it is known: before
        filling, and also where the scan is refused then.
    progress : called with (patches done, patches in all), and before that with (steps done, steps
        in all) of fine-tuning.
    cycles : called with (cycles done, cycles in all) of a refinement.
    stop : asked after each of those cycles whether to end it with the best so far, which is then
        written as ever; the file says that the refinement was interrupted.

    Returns
    -------
    What was found and written.

    Raises
    ------
    InputError
        For all that a user can mend; nothing is written then.
    KeyboardInterrupt
        After Ctrl-C. During a refinement the best so far is written first, or the fill without it.
    """
    with ExitStack() as at_the_end:
        return _predict(request, at_the_end, say, note, progress, cycles, stop)


def _predict(
    request: Request,
    at_the_end: ExitStack,
    say: Callable[[str], None],
    note: Callable[[Remark], None],
    progress: Callable[[int, int], None] | None,
    cycles: Callable[[int, int], None],
    stop: Callable[[], bool],
) -> Result:
    """The stages of `predict`; what fails at any of them leaves nothing behind."""
    started = time.monotonic()
    check(request)
    output = request.output or default_output(request.scan, request.form)
    picture = output.with_suffix(".png") if request.plot else None
    weights = weights_output(request, output)
    scan, finding = find_scan_gaps(request, say, note)
    model: str | Model = request.model
    if weights is not None:
        model = at_the_end.enter_context(_adapted(request, scan, finding, weights, say, progress))
    made = make_fill(request, scan, finding, model, Watch(say, progress, cycles, stop))
    provenance = run_provenance(request) | made.record
    handed = HandedFill(made.fill, made.handover, finding.region)
    write_fill(output, scan, handed, provenance, form=request.form, force=request.force)
    refinement = made.refinement
    if refinement is not None and refinement.interrupted and not stop():
        best = "with its best refinement so far" if refinement.accepted else "without refinement"
        raise KeyboardInterrupt(f"interrupted: the fill is written {best}: {output}")
    if made.report.interrupted:
        raise KeyboardInterrupt(f"interrupted: the best fill so far is written: {output}")
    if picture is not None:
        _picture(request, picture, scan, made.fill)
    return Result(
        scan,
        finding,
        made.fill,
        output,
        picture,
        time.monotonic() - started,
        made.handover,
        weights,
        made.advice,
        made.remarks,
    )


def _picture(request: Request, picture: Path, scan: Measured, fill: Filled) -> None:
    from bcdi_inpaint.plots import before_after

    measured = scan.part(whole(scan.shape))
    made = fill.whole
    before_after(
        measured.counts,
        made.counts,
        made.filled,
        measured.bad_mask,
        sigma=made.sigma,
        interval=made.interval(LEVEL),
        title=Path(request.scan).name,
        path=picture,
        force=True,
    )


def _adapted(
    request: Request,
    scan: Measured,
    finding: GapFinding,
    weights: Path,
    say: Callable[[str], None],
    progress: Callable[[int, int], None] | None,
) -> AbstractContextManager[Model]:
    """The model, adapted to the scan; its file has its name once all has gone well."""
    from bcdi_inpaint.training.finetuning import adapted_model
    from bcdi_inpaint.training.lessons import lesson

    measured = scan.part(whole(scan.shape))
    check_counts(measured, finding.mask)
    return adapted_model(
        lesson(measured, split_spec(request.scan)[0].name, finding.gaps),
        load_model(request.model),
        weights,
        steps=request.finetune_steps,
        device=request.device,
        say=say,
        progress=progress or (lambda done, total: None),
    )


def run_provenance(request: Request) -> dict[str, Any]:
    """What the file says of the run that made its fill, in values small enough for every file."""
    with following(request.follow_links):
        run = run_record(request.scan)
    return {
        **run,
        "job_sha256": job_sha256(request, run["input_sha256"]),
        **({} if request.crop is None else {"crop": str(request.crop)}),
    }
