"""A scan's file phased by PyNX's runner: hand it over, keep all runs, write the best."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.checks.numbers import NumberWishes, prepare
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    StoredFill,
    check_output,
    read_fill,
    read_objects,
    read_scan,
    split_spec,
)
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.jobs.phased_knowledge import split_knowledge
from bcdi_inpaint.jobs.phased_result import draw_best, in_gap, write_best
from bcdi_inpaint.jobs.phasing_job import RANDOM, PhasingJob, Request
from bcdi_inpaint.jobs.provenance import fill_in_file, read_handover
from bcdi_inpaint.jobs.run_folder import (
    check_folder,
    is_half_written,
    open_folder,
    runs_folder,
)
from bcdi_inpaint.phasing.handover import check_name
from bcdi_inpaint.phasing.pynx_course import may_begin_at_objects, runs_at_objects
from bcdi_inpaint.phasing.pynx_runs import check_arguments
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.scan_phasing import PreparedScan, prepare_scan
from bcdi_inpaint.plots import checked_picture
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.found_object import FoundObject
from bcdi_inpaint.scan.remarks import Remark, telling_once
from bcdi_inpaint.scan.scan import Scan

__all__ = ["Request", "Result", "default_result", "phase"]


@dataclass(frozen=True)
class Result:
    """What `phase` found and wrote.

    Attributes
    ----------
    best : the run that was chosen; it knows its box and what was handed over.
    found : all runs that are kept.
    output, picture : the best one's.
    folder : with all runs, and the parameters that `pynx-cdi-id01` takes.
    seconds : that it took.
    """

    best: Reconstruction
    found: Sequence[Reconstruction]
    output: Path
    picture: Path
    folder: Path
    seconds: float


def default_result(scan: str) -> Path:
    """``<stem>_phased.cxi`` beside the scan, which may be ``file.h5:/path``."""
    file, _ = split_spec(scan)
    return file.with_name(f"{file.stem}_phased.cxi")


def phase(
    request: Request,
    *,
    say: Callable[[str], None] = lambda line: None,
    note: Callable[[Remark], None] = lambda remark: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Result:
    """Phase a scan's file from several starts; keep all, write the best and its picture.

    Parameters
    ----------
    request : what the user asks for.
    say : gets a line at each stage.
    note : gets what has to be said about how the scan was read.
    progress : called with (cycles done, cycles in all).

    Raises
    ------
    InputError
        For all that a user can mend; the runs that were done stay.
    KeyboardInterrupt
        It says where the runs are that were done.
    MissingEngineError
        PyNX is not there.
    """
    started = time.monotonic()
    if request.handover is not None:
        check_name(request.handover)
    words, _ = split_knowledge(request.pynx)
    params = check_arguments(request.preset, words)  # before the scan is read
    n_runs = params["nb_run"]
    output = request.output or default_result(request.scan)
    if is_half_written(output):
        request = replace(request, again=True)
    check_output(output, request.replaces, [request.scan])
    picture = checked_picture(output.with_suffix(".png"), request.replaces)
    place = runs_folder(output)
    check_folder(place)
    scan, stored, fill, prepared = _prepare(request, say, note)
    may_begin = may_begin_at_objects(params)
    in_file, free = _begun(request, prepared) if may_begin else ((), None)
    n_begun = runs_at_objects(n_runs, len(in_file))
    objects = tuple(one.in_box(prepared.box) for one in in_file[:n_begun])
    if objects:
        say(f"{n_begun} of {n_runs} runs begin at what the refinement found")
    if params["free_pixel_mask"] is None and (objects or free is not None):
        say(_of_free_voxels(free, prepared))
    job = PhasingJob(
        request, place, n_runs, scan, stored, fill, prepared, objects, free, len(in_file)
    )
    own: dict[str, bool] = {"force": request.force, "again": request.again}
    with open_folder(place, job.record, job.data, **own) as (folder, is_new):
        job.begin(folder, is_new, say)
        found = job.run(folder, say, progress)
        best = prepared.best(found)
        say(str(in_gap(job, best)))
        folder.write()
        write_best(output, job, best)
        draw_best(picture, job, best)
        folder.finish()
    return Result(best, found, output, picture, place, time.monotonic() - started)


def _begun(
    request: Request, prepared: PreparedScan
) -> tuple[tuple[FoundObject, ...], BoolArray | None]:
    """What the first runs begin at, in its own box, and the voxels that judge all runs.

    It has not seen these. None where no measured one is among them: they are drawn by the seed.
    """
    is_random = request.start == RANDOM
    if is_random and not request.compared:
        return (), None
    found = read_objects(request.scan)
    free = prepared.unseen_by(found)
    if is_random or (request.compared and free is None):
        return (), free
    return found, free


def _of_free_voxels(free: BoolArray | None, prepared: PreparedScan) -> str:
    """What judges runs, some of which begin at objects."""
    if free is None:
        return "free voxels: drawn by the seed, none is measured that the refinement has not seen"
    n_free = int((free & prepared.measured).sum())
    return f"free voxels: {n_free} that the refinement has not seen, in all runs"


def _prepare(
    request: Request, say: Callable[[str], None], note: Callable[[Remark], None]
) -> tuple[Scan, StoredFill | None, Fill | None, PreparedScan]:
    """The scan in photons, what its file says of a fill, the fill, and what PyNX gets."""
    scan, stored = read_scan(request.scan), read_fill(request.scan)
    say(f"read {request.scan}: {_shape(scan.shape)} {scan.counts.dtype}, {_shares(scan, stored)}")
    of_file = None if stored is None else fill_in_file(request.scan, scan.counts, stored)
    scan, fill = _in_photons(request, scan, of_file)
    telling_once(note)(scan.remarks)
    if stored is None and request.handover not in (None, "mask"):
        raise InputError(
            f"{request.scan} holds no fill for handover {request.handover}, expected an output "
            "of `bcdi-inpaint predict`: fill the scan first, or take --handover mask"
        )
    own = "mask" if stored is None else read_handover(stored.provenance)
    handover = request.handover or own
    prepared = prepare_scan(scan, fill, handover=handover, crop=request.crop, say=say)
    return scan, stored, fill, prepared


def _in_photons(request: Request, scan: Scan, filled: Fill | None) -> tuple[Scan, Fill | None]:
    """The scan and its fill in photons; what a subtracted background left below zero is zero."""
    wishes = NumberWishes(photon=None if filled is None else filled.photon, clip=True)
    ready = prepare(scan, wishes, request.scan).scan
    seen = ready.part(whole(scan.shape))
    return seen, None if filled is None else filled.in_unit(1.0).over(seen.counts)


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _shares(scan: Scan, stored: StoredFill | None) -> str:
    filled = "no fill" if stored is None else f"{100 * stored.filled.mean():.2g} % filled"
    return f"{filled}, {100 * scan.bad_mask.mean():.2g} % masked"
