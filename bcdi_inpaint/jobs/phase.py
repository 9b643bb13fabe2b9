"""A scan's file phased by PyNX: read it, hand it over, run several starts, write the best."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bcdi_inpaint.checks.numbers import NumberWishes, prepare
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import (
    StoredFill,
    check_output,
    read_fill,
    read_scan,
    split_spec,
    write_result,
)
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.jobs.provenance import fill_in_file, phasing_record, read_handover
from bcdi_inpaint.jobs.pynx_command import nearest_command
from bcdi_inpaint.phasing.constraints import IntervalConstraint
from bcdi_inpaint.phasing.handover import HandOver, check_name
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.scan_phasing import check_runs, phase_scan
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.plots import checked_picture, phasing_panel
from bcdi_inpaint.pynx_engine import import_pynx
from bcdi_inpaint.scan.boxes import Box, whole
from bcdi_inpaint.scan.remarks import Remark, telling_once
from bcdi_inpaint.scan.scan import Scan


@dataclass(frozen=True)
class Request:
    """What a user asks `phase` for; see its command line for the meaning of each.

    `cycles` are those of HIO, RAAR and ER; `handover` None takes the file's own.
    """

    scan: str
    output: Path | None = None
    force: bool = False
    handover: str | None = None
    runs: int = 5
    cycles: tuple[int, int, int] = (Schedule.hio, Schedule.raar, Schedule.er)
    crop: tuple[int, int, int] | None = None
    seed: int = 0

    @property
    def schedule(self) -> Schedule:
        """The default schedule with the cycles asked for."""
        hio, raar, er = self.cycles
        return Schedule(hio=hio, raar=raar, er=er)


@dataclass(frozen=True)
class Result:
    """What `phase` found and wrote; `handed` and `best` are of the box that was phased.

    `pynx_command` phases the same file in PyNX's own way, handed over as `pynx_handover`.
    """

    best: Reconstruction
    handed: HandOver
    box: Box
    output: Path
    picture: Path
    pynx_command: str
    pynx_handover: str
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
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Phase a scan's file from several starts; write the best as PyNX would, and its picture.

    Parameters
    ----------
    request : what the user asks for.
    say : gets a line at each stage.
    note : gets what has to be said about how the scan was read.
    progress : called with (cycles done, cycles in all).

    Raises
    ------
    InputError
        For all that a user can mend; nothing is written then.
    MissingEngineError
        PyNX is not there.
    """
    started = time.monotonic()
    if request.handover is not None:
        check_name(request.handover)
    check_runs(request.runs, request.schedule)
    output = request.output or default_result(request.scan)
    check_output(output, request.force, [request.scan])
    picture = checked_picture(output.with_suffix(".png"), request.force)
    import_pynx("cdi")  # it is better missed now than after the scan is read
    scan, stored = read_scan(request.scan), read_fill(request.scan)
    say(f"read {request.scan}: {_shape(scan.shape)} {scan.counts.dtype}, {_shares(scan, stored)}")
    of_file = None if stored is None else fill_in_file(request.scan, scan.counts, stored)
    scan, filled = _in_photons(request, scan, of_file)
    telling_once(note)(scan.remarks)
    found = _find(request, scan, stored, filled, say, progress)
    assert found.handed is not None, "made by phase_scan"
    assert found.box is not None, "made by phase_scan"
    _write(request, output, scan, stored, found)
    _draw(picture, found, scan, stored, Path(request.scan).name)
    own = "mask" if stored is None else read_handover(stored.provenance)
    command, nearest = nearest_command(
        request.scan, found.handed.name, own, request.schedule, request.runs
    )
    seconds = time.monotonic() - started
    return Result(found, found.handed, found.box, output, picture, command, nearest, seconds)


def _in_photons(request: Request, scan: Scan, filled: Fill | None) -> tuple[Scan, Fill | None]:
    """The scan and its fill in photons; what a subtracted background left below zero is zero."""
    wishes = NumberWishes(photon=None if filled is None else filled.photon, clip=True)
    ready = prepare(scan, wishes, request.scan).scan
    seen = ready.part(whole(scan.shape))
    return seen, None if filled is None else filled.in_unit(1.0).over(seen.counts)


def _find(
    request: Request,
    scan: Scan,
    stored: StoredFill | None,
    filled: Fill | None,
    say: Callable[[str], None],
    progress: Callable[[int, int], None] | None,
) -> Reconstruction:
    """The best start of the scan, as the request, or else its own file, wants it handed over."""
    if stored is None and request.handover not in (None, "mask"):
        raise InputError(
            f"{request.scan} holds no fill for handover {request.handover}, expected an output "
            "of `bcdi-inpaint predict`: fill the scan first, or take --handover mask"
        )
    own = "mask" if stored is None else read_handover(stored.provenance)
    return phase_scan(
        scan,
        filled,
        handover=request.handover or own,
        runs=request.runs,
        seed=request.seed,
        schedule=request.schedule,
        crop=request.crop,
        say=say,
        progress=progress,
    )


def _write(
    request: Request, output: Path, scan: Scan, stored: StoredFill | None, found: Reconstruction
) -> None:
    provenance = phasing_record(
        request.scan,
        found,
        stored,
        schedule=request.schedule,
        seed=request.seed,
        runs=request.runs,
    )
    figures = {  # under PyNX's names
        "llk_poisson": found.llk,
        "free_llk_poisson": found.llk_free,
        "nb_point_support": int(found.support.sum()),
    }
    write_result(
        output,
        found.obj,
        found.support,
        scan.metadata,
        figures,
        found.log,
        provenance,
        request.force,
        [request.scan],
    )


def _draw(
    picture: Path, found: Reconstruction, scan: Scan, stored: StoredFill | None, name: str
) -> None:
    """The picture of a result: measured and calculated intensity, modulus and phase."""
    handed, box = found.handed, found.box
    assert handed is not None, "made by phase_scan"
    assert box is not None, "made by phase_scan"
    known = handed.constraint
    bounds = (known.lower, known.upper) if isinstance(known, IntervalConstraint) else None
    filled = scan.bad_mask[box] & False if stored is None else stored.filled[box]
    phasing_panel(
        found.obj,
        found.support,
        handed.counts,
        found.intensity(),
        filled,
        scan.bad_mask[box],
        bounds=bounds,
        corner=(box[0].start, box[1].start, box[2].start),
        title=f"{name}, {handed.name}",
        path=picture,
        force=True,
    )


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _shares(scan: Scan, stored: StoredFill | None) -> str:
    filled = "no fill" if stored is None else f"{100 * stored.filled.mean():.2g} % filled"
    return f"{filled}, {100 * scan.bad_mask.mean():.2g} % masked"
