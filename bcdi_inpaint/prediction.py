"""The main job on files: read a scan, find its gaps, fill them, write what PyNX takes."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bcdi_inpaint.detectors import Gap, detector
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    check_output,
    default_output,
    read_scan,
    sha256,
    split_spec,
    write_cxi,
)
from bcdi_inpaint.gaps import GapFinding, find_gaps, gap_mask
from bcdi_inpaint.inpainting import Fill, inpaint
from bcdi_inpaint.plots import before_after, checked_picture
from bcdi_inpaint.scan import Scan, check_counts


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


@dataclass(frozen=True)
class Result:
    """What `predict` found and wrote."""

    scan: Scan
    finding: GapFinding
    fill: Fill
    output: Path
    picture: Path | None
    seconds: float

    @property
    def pynx_command(self) -> str:
        """The command line that phases the written file."""
        return f"pynx-cdi-id01 --data {shlex.quote(str(self.output))}"


def predict(
    request: Request,
    *,
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Fill the gaps of a scan's file and write the CXI beside it.

    `say` gets a line at each stage, `progress` (patches done, patches in all). Raises InputError
    for all a user can mend; nothing is written then.
    """
    started = time.monotonic()
    _check_request(request)
    output = request.output or default_output(request.scan)
    picture = output.with_suffix(".png") if request.plot else None
    check_output(output, request.force, [request.scan, *_mask_files(request)])
    if picture is not None:
        checked_picture(picture, request.force)
    scan = read_scan(request.scan, request.masks)
    say(f"read {request.scan}: {_shape(scan)} {scan.counts.dtype}, {_share_bad(scan)}")
    table = None if request.detector is None else detector(request.detector)
    finding = find_gaps(scan, request.gaps, table, request.roi, request.binning)
    say(f"gaps: {', '.join(map(str, finding.gaps))} ({finding.how})")
    gap = gap_mask(finding.gaps, scan.shape)
    check_counts(scan, gap)
    fill = inpaint(
        scan.counts, gap, request.model, request.device, bad_mask=scan.bad_mask, progress=progress
    )
    for warning in fill.warnings:
        say(f"warning: {warning}")
    write_cxi(
        output,
        replace(scan, bad_mask=scan.bad_mask | gap),  # what was not filled stays masked
        fill.counts,
        fill.filled,
        _provenance(request, finding, fill),
        force=request.force,
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
    return Result(scan, finding, fill, output, picture, time.monotonic() - started)


def _check_request(request: Request) -> None:
    path, _ = split_spec(request.scan)
    if not path.name:
        raise InputError(f"scan is {request.scan!r}, expected the name of a file: give one")
    for name, given in (("roi", request.roi is not None), ("binning", request.binning != 1)):
        if given and request.detector is None:
            raise InputError(
                f"{name} is {getattr(request, name)} without a detector, expected one whose table "
                f"it places: add --detector NAME or leave out --{name}"
            )


def _mask_files(request: Request) -> list[str]:
    return [mask for mask in request.masks if mask != "invalid"]


def _shape(scan: Scan) -> str:
    return " x ".join(map(str, scan.shape))


def _share_bad(scan: Scan) -> str:
    return f"{100 * scan.bad_mask.mean():.2g} % masked" if scan.bad_mask.any() else "no mask"


def _provenance(request: Request, finding: GapFinding, fill: Fill) -> dict[str, str | int | float]:
    """How the fill was made, in values small enough for every file that PyNX derives from it."""
    path, _ = split_spec(request.scan)
    return {
        "command": shlex.join(["bcdi-inpaint", *sys.argv[1:]]),
        "input": path.name,
        "input_sha256": sha256(path),
        "model": Path(fill.model).name,
        "model_sha256": fill.model_sha256,
        "gaps": ", ".join(map(str, finding.gaps)),
        "gaps_found": finding.how.replace("mask", "flags"),
        "filled_voxels": int(fill.filled.sum()),
        "device": fill.device,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
