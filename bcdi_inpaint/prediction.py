"""The main job on files: read a scan, find its gaps, fill them, write what PyNX takes."""

from __future__ import annotations

import hashlib
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.crop import Crop
from bcdi_inpaint.detectors import Gap, detector
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    check_output,
    companion,
    default_output,
    following,
    identity,
    own_version,
    read_scan,
    sha256,
    split_spec,
    write_cxi,
    write_npz,
    write_tiff,
)
from bcdi_inpaint.gaps import GapFinding, find_gaps, gap_mask
from bcdi_inpaint.handover import DEFAULT, LEVEL, THRESHOLD, check_name, hand_over
from bcdi_inpaint.inpainting import Fill, inpaint
from bcdi_inpaint.plots import before_after, checked_picture
from bcdi_inpaint.refinement import Refinement, refine
from bcdi_inpaint.scan import Scan, check_counts
from bcdi_inpaint.weights import Model, default_path, load_weights

BoolArray = NDArray[np.bool_]

REFINEMENT_SEED = 0
"""Of the random starts of a refinement; it is recorded in the file."""

WRITERS = {"cxi": write_cxi, "npz": write_npz, "tiff": write_tiff}


@dataclass(frozen=True)
class Request:
    """What a user asks `predict` for; see its command line for the meaning of each."""

    scan: str
    output: Path | None = None
    force: bool = False
    masks: tuple[str, ...] = ()
    model: str = "default"
    device: str = "auto"
    gaps: tuple[Gap, ...] = ()
    detector: str | None = None
    roi: tuple[int, int] | None = None
    binning: int = 1
    plot: bool = False
    handover: str = DEFAULT
    refine: bool = False
    finetune: bool = False
    finetune_steps: int = 300
    crop: Crop | None = None
    form: str = "cxi"
    follow_links: bool = False


@dataclass(frozen=True)
class Result:
    """What `predict` found and wrote."""

    scan: Scan
    finding: GapFinding
    fill: Fill
    output: Path
    picture: Path | None
    seconds: float
    handover: str = DEFAULT
    weights: Path | None = None

    @property
    def pynx_command(self) -> str:
        """The command line that phases the written file.

        Left to itself it takes masked voxels for zero in most of its cycles.
        """
        mask = companion(self.output)
        more = "" if mask is None else f" --mask {shlex.quote(str(mask))}"
        free = "" if self.handover == "hard" else " --zero_mask 0"
        return f"pynx-cdi-id01 --data {shlex.quote(str(self.output))}{more}{free}"


def predict(
    request: Request,
    *,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Fill the gaps of a scan's file and write the output beside it.

    With `request.finetune` the model is adapted to the scan first, and its weights are written
    beside the output. `say` gets a line at each stage, `progress` (patches done, patches in all),
    and (steps done, steps in all) before. Raises InputError for all a user can mend; nothing is
    written then.
    """
    with ExitStack() as at_the_end:
        return _predict(request, at_the_end, say, progress)


def _predict(
    request: Request,
    at_the_end: ExitStack,
    say: Callable[[str], None],
    progress: Callable[[int, int], None] | None,
) -> Result:
    """The stages of `predict`; what fails at any of them leaves nothing behind."""
    started = time.monotonic()
    check(request)
    output = request.output or default_output(request.scan, request.form)
    picture = output.with_suffix(".png") if request.plot else None
    weights = weights_output(request, output)
    scan, finding = found_gaps(request, say)
    gap = gap_mask(finding.gaps, scan.shape)
    check_counts(scan, gap)
    model: str | Model = request.model
    if weights is not None:
        model = at_the_end.enter_context(_adapted(request, scan, finding, weights, say, progress))
    fill = inpaint(
        scan.counts, gap, model, request.device, bad_mask=scan.bad_mask, progress=progress
    )
    for warning in fill.warnings:
        say(f"warning: {warning}")
    refinement = None
    if request.refine:
        refinement = _refined(request, scan, gap, fill, model)
        fill = refinement.fill
        say(refinement.remark)
    handed = hand_over(fill, gap, scan.bad_mask, request.handover)
    WRITERS[request.form](
        output,
        replace(scan, bad_mask=scan.bad_mask | gap),  # what was not filled stays masked
        fill.counts,
        fill.filled,
        _provenance(request, finding, fill) | _of_refinement(refinement),
        force=request.force,
        sigma=fill.sigma,
        trusted=handed.filled,
        bounds=handed.bounds,
    )
    if picture is not None:
        before_after(
            picture,
            scan.counts,
            fill.counts,
            fill.filled,
            scan.bad_mask,
            title=Path(request.scan).name,
            force=True,
        )
    return Result(
        scan,
        finding,
        fill,
        output,
        picture,
        time.monotonic() - started,
        handed.name,
        weights,
    )


def _refined(
    request: Request, scan: Scan, gap: BoolArray, fill: Fill, model: str | Model
) -> Refinement:
    """The fill after a phase retrieval around the peak, or as it was if that was no better."""
    loaded = model if isinstance(model, Model) else load_weights(model)
    rng = np.random.default_rng(REFINEMENT_SEED)
    return refine(scan.counts, gap, scan.bad_mask, fill, loaded, rng, device=request.device)


def _of_refinement(refinement: Refinement | None) -> dict[str, Any]:
    """What the file says of a refinement: which fill it holds, and how both scored."""
    if refinement is None:
        return {}
    return {
        "refined": refinement.accepted,
        "refinement_seed": REFINEMENT_SEED,
        "refinement_deviance_network": refinement.before,
        "refinement_deviance_refined": refinement.after,
        "refinement": refinement.remark,
    }


_NO_SETTINGS = ("scan", "output", "force", "device", "plot", "masks", "model")


def job_sha256(request: Request) -> str:
    """What tells a job from another: the input, the weights, every setting, and the version.

    Where it is the same, so is the output. Every field of Request is a setting but those that
    leave the fill as it is.
    """
    model = default_path() if request.model == "default" else Path(request.model)
    settings = [f"{f.name}={getattr(request, f.name)!r}" for f in fields(request)]
    parts = [
        own_version(),
        _input_identity(request),
        sha256(model),
        *(mask if mask == "invalid" else _mask_identity(mask) for mask in request.masks),
        *(line for line in settings if line.partition("=")[0] not in _NO_SETTINGS),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _input_identity(request: Request) -> str:
    with following(request.follow_links):
        return identity(request.scan)


def _mask_identity(spec: str) -> str:
    """The hash of a mask's file, and its path inside."""
    path, inner = split_spec(spec)
    return f"{sha256(path)}:{inner}"


def check(request: Request) -> None:
    """Refuse what can be seen before the scan is read: names and options that do not go."""
    _check_request(request)
    output = request.output or default_output(request.scan, request.form)
    check_output(output, request.force, [request.scan, *_mask_files(request)], request.form)
    if request.plot:
        checked_picture(output.with_suffix(".png"), request.force)
    weights = weights_output(request, output)
    if weights is not None:
        from bcdi_inpaint.finetuning import check_weights_output  # its engine takes seconds to load

        inputs = [request.scan, *_mask_files(request), request.model]
        check_weights_output(weights, request.force, inputs)


def found_gaps(
    request: Request, say: Callable[[str], None] = lambda line: None
) -> tuple[Scan, GapFinding]:
    """The scan of a request and its gaps; errors as `files.read_scan` and `gaps.find_gaps`."""
    with following(request.follow_links):
        scan = read_scan(request.scan, request.masks, request.crop)
    say(f"read {request.scan}: {_shape(scan)} {scan.counts.dtype}, {_share_bad(scan)}")
    table = None if request.detector is None else detector(request.detector)
    finding = find_gaps(scan, request.gaps, table, _corner(request), request.binning)
    say(f"gaps: {', '.join(map(str, finding.gaps))} ({finding.how})")
    return scan, finding


def _check_request(request: Request) -> None:
    check_name(request.handover)
    path, _ = split_spec(request.scan)
    if not path.name:
        raise InputError(f"scan is {request.scan!r}, expected the name of a file: give one")
    for name, given in (("roi", request.roi is not None), ("binning", request.binning != 1)):
        if given and request.detector is None:
            raise InputError(
                f"{name} is {getattr(request, name)} without a detector, expected one whose table "
                f"it places: add --detector NAME or leave out --{name}"
            )


def weights_output(request: Request, output: Path) -> Path | None:
    """Where the weights that are adapted to the scan will be, None if that was not asked for."""
    return output.with_suffix(".safetensors") if request.finetune else None


def _adapted(
    request: Request,
    scan: Scan,
    finding: GapFinding,
    weights: Path,
    say: Callable[[str], None],
    progress: Callable[[int, int], None] | None,
) -> AbstractContextManager[Model]:
    """The model, adapted to the scan; its file has its name once all has gone well."""
    from bcdi_inpaint.finetuning import adapted, lesson

    return adapted(
        lesson(scan, split_spec(request.scan)[0].name, finding.gaps),
        load_weights(request.model),
        weights,
        steps=request.finetune_steps,
        device=request.device,
        say=say,
        progress=progress or (lambda done, total: None),
    )


def _corner(request: Request) -> tuple[int, int] | None:
    """The detector's line where what was read begins, as far as it is said."""
    if request.crop is None or request.roi is not None:
        return request.roi
    row, column = request.crop.corner_yx
    return row * request.binning, column * request.binning


def _mask_files(request: Request) -> list[str]:
    return [mask for mask in request.masks if mask != "invalid"]


def _shape(scan: Scan) -> str:
    return " x ".join(map(str, scan.shape))


def _share_bad(scan: Scan) -> str:
    return f"{100 * scan.bad_mask.mean():.2g} % masked" if scan.bad_mask.any() else "no mask"


def _provenance(request: Request, finding: GapFinding, fill: Fill) -> dict[str, Any]:
    """How the fill was made, in values small enough for every file that PyNX derives from it."""
    path, inner = split_spec(request.scan)
    return {
        "command": shlex.join(["bcdi-inpaint", *sys.argv[1:]]),
        "input": path.name,
        "input_sha256": sha256(path),
        **({} if inner is None else {"input_path": inner}),
        "job_sha256": job_sha256(request),
        "model": Path(fill.model).name,
        "model_sha256": fill.model_sha256,
        "gaps": ", ".join(map(str, finding.gaps)),
        "gaps_found": finding.how.replace("mask", "flags"),
        "filled_voxels": int(fill.filled.sum()),
        **({} if request.crop is None else {"crop": str(request.crop)}),
        "device": fill.device,
        "handover": request.handover,
        "handover_level": LEVEL,
        "handover_threshold": THRESHOLD,
        **{f"calibration_{name}": value for name, value in fill.calibration},
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
