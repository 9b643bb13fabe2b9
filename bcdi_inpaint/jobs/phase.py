"""A scan's file phased by PyNX: read it, hand it over, run several starts, write the best."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from pydantic import ValidationError

from bcdi_inpaint.errors import InputError, one_line
from bcdi_inpaint.files import (
    FILLED_PATH,
    StoredFill,
    check_output,
    read_fill,
    read_scan,
    sha256,
    split_spec,
    write_result,
)
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.constraints import HALF_WAY
from bcdi_inpaint.phasing.handover import NAMES, OURS, HandOver, check_name, hand_over
from bcdi_inpaint.phasing.pynx_retrieval import (
    Reconstruction,
    Schedule,
    best,
    crop_around_peak,
    retrieve,
)
from bcdi_inpaint.plots import checked_picture, phasing_panel
from bcdi_inpaint.pynx_engine import import_pynx, pynx_version
from bcdi_inpaint.scan.scan import Scan

Box = tuple[slice, slice, slice]


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
    def chain(self) -> Schedule:
        """The default chain with the cycles asked for."""
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
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Phase a scan's file from several starts and write the best as PyNX would, and its picture.

    `say` gets a line at each stage, `progress` (cycles done, cycles in all). Raises InputError for
    all a user can mend, MissingEngineError without PyNX; nothing is written then.
    """
    started = time.monotonic()
    _check_request(request)
    output = request.output or default_result(request.scan)
    check_output(output, request.force, [request.scan])
    picture = checked_picture(output.with_suffix(".png"), request.force)
    import_pynx("cdi")  # it is better missed now than after the scan is read
    scan, stored = read_scan(request.scan), read_fill(request.scan)
    say(f"read {request.scan}: {_shape(scan.shape)} {scan.counts.dtype}, {_shares(scan, stored)}")
    whole = _handed(request, scan, stored)
    say(f"handover {whole.name}: {NAMES[whole.name]}")
    filled = np.zeros(scan.shape, dtype=bool) if stored is None else stored.filled
    box = crop_around_peak(whole.counts, scan.bad_mask & ~filled, request.crop)
    handed = whole.cropped(box)
    say(f"phasing {_shape(handed.counts.shape)} around the peak: {_ranges(box)}")
    results = _runs(request, handed, say, progress)
    found = best(results)
    provenance = _provenance(request, handed, box, results, stored)
    write_result(
        output,
        found.obj,
        found.support,
        scan.metadata,
        _figures(found),
        found.log,
        provenance,
        request.force,
        [request.scan],
    )
    _draw(picture, found, handed, filled[box], scan.bad_mask[box], box, Path(request.scan).name)
    command, nearest = _pynx_command(request, handed.name, stored)
    seconds = time.monotonic() - started
    return Result(found, handed, box, output, picture, command, nearest, seconds)


def intensity(obj: np.ndarray) -> np.ndarray:
    """Expected counts (n_rock, n_y, n_x) of a centred object: the norm is the photons' number."""
    amplitude = scipy.fft.fftn(scipy.fft.ifftshift(obj), norm="ortho")
    squared: np.ndarray = scipy.fft.fftshift(np.abs(amplitude) ** 2)
    return squared


def _check_request(request: Request) -> None:
    if request.handover is not None:
        check_name(request.handover)
    if request.runs < 1:
        raise InputError(f"runs is {request.runs}, expected at least 1: give a positive number")
    if min(request.cycles) < 0 or not sum(request.cycles):
        raise InputError(
            f"cycles are {','.join(map(str, request.cycles))}, expected HIO,RAAR,ER, none below 0 "
            "and some above: for example 100,400,150"
        )


def _handed(request: Request, scan: Scan, stored: StoredFill | None) -> HandOver:
    """The scan as the request, or else its own file, wants it handed over."""
    counts = scan.counts.astype(np.float32)
    if stored is None:
        if request.handover not in (None, "mask"):
            raise InputError(
                f"{request.scan} holds no fill for handover {request.handover}, expected an output "
                "of `bcdi-inpaint predict`: fill the scan first, or take --handover mask"
            )
        return HandOver("mask", counts, scan.bad_mask, np.zeros_like(scan.bad_mask))
    name = request.handover or str(stored.provenance.get("handover", "hard"))
    fill = stored_fill(request.scan, counts, stored)
    return hand_over(fill, stored.filled, scan.bad_mask, name)


def stored_fill(path: str, counts: np.ndarray, stored: StoredFill) -> Fill:
    """The fill of counts (n_rock, n_y, n_x) read from `path`, as it was when it was made.

    InputError if the file's calibration is damaged.
    """
    known = stored.provenance
    prefix = "calibration_"
    values = {k.removeprefix(prefix): v for k, v in known.items() if k.startswith(prefix)}
    try:
        calibration = Calibration(**values)
    except ValidationError as error:
        raise one_line(error, f"{path}, the fill's calibration") from error
    model, digest = (str(known.get(name, "")) for name in ("model", "model_sha256"))
    sigma = stored.sigma.astype(np.float32)
    return Fill(counts, stored.filled, sigma, calibration, model, digest)


def _runs(
    request: Request,
    handed: HandOver,
    say: Callable[[str], None],
    progress: Callable[[int, int], None] | None,
) -> list[Reconstruction]:
    """The runs that found something; the last one's error if none did."""
    results: list[Reconstruction] = []
    failure: InputError | None = None
    chain = request.chain
    for run, rng in enumerate(np.random.default_rng(request.seed).spawn(request.runs)):
        done = run * chain.cycles

        def step(cycles: int) -> None:
            nonlocal done
            done += cycles
            if progress is not None:
                progress(done, request.runs * chain.cycles)

        label = f"run {run + 1} of {request.runs}"
        try:
            found = retrieve(
                handed.counts, handed.bad_mask, rng, chain=chain, progress=step, **handed.options
            )
        except InputError as error:
            failure = error
            say(f"warning: {label}: {error}")
            continue
        results.append(found)
        say(
            f"{label}: free log-likelihood {found.llk_free:.4g}, log-likelihood {found.llk:.4g}, "
            f"support {int(found.support.sum())} voxels"
        )
    if failure is not None and not results:
        raise failure
    return results


def _draw(
    picture: Path,
    found: Reconstruction,
    handed: HandOver,
    filled: np.ndarray,
    bad_mask: np.ndarray,
    box: Box,
    name: str,
) -> None:
    phasing_panel(
        picture,
        found.obj,
        found.support,
        handed.counts,
        intensity(found.obj),
        filled,
        bad_mask,
        bounds=handed.bounds,
        corner=(box[0].start, box[1].start, box[2].start),
        title=f"{name}, {handed.name}",
        force=True,
    )


def _figures(found: Reconstruction) -> dict[str, float | int]:
    """Under PyNX's names."""
    return {
        "llk_poisson": found.llk,
        "free_llk_poisson": found.llk_free,
        "nb_point_support": int(found.support.sum()),
    }


def _provenance(
    request: Request,
    handed: HandOver,
    box: Box,
    results: Sequence[Reconstruction],
    stored: StoredFill | None,
) -> dict[str, Any]:
    """How the object was found, and how the scan was filled before."""
    path, _ = split_spec(request.scan)
    fill = {} if stored is None else {f"fill_{k}": v for k, v in stored.provenance.items()}
    chain = {f"chain_{name}": value for name, value in asdict(request.chain).items()}
    return (
        fill
        | chain
        | {
            "command": shlex.join(["bcdi-inpaint", *sys.argv[1:]]),
            "pynx_version": pynx_version() or "unknown",
            "input": path.name,
            "input_sha256": sha256(path),
            "handover": handed.name,
            "release_after": -1.0 if handed.release_after is None else handed.release_after,
            **({} if handed.prior is None else {"prior_half_way": HALF_WAY}),
            "seed": request.seed,
            "runs": request.runs,
            "free_llks_of_runs": tuple(result.llk_free for result in results),
            "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "iobs_shape": handed.counts.shape,
            "roi_final": tuple(end for part in box for end in (part.start, part.stop)),
        }
    )


def _pynx_command(request: Request, handover: str, stored: StoredFill | None) -> tuple[str, str]:
    """PyNX's own command line that comes nearest, and how it hands the fill over."""
    hio, raar, er = request.cycles
    command = f"pynx-cdi-id01 --data {shlex.quote(request.scan)} --nb_hio {hio} --nb_raar {raar}"
    command += f" --nb_er {er} --nb_run {request.runs} --nb_run_keep 1"
    own = "mask" if stored is None else str(stored.provenance.get("handover", "hard"))
    nearest = "mask" if own in OURS else own
    if handover in ("mask", *OURS) and nearest != "mask":
        command += f" --mask {shlex.quote(f'{request.scan}:/{FILLED_PATH}')}"
        nearest = "mask"
    # Left to itself it takes masked voxels for zero in most of its cycles.
    return command if nearest == "hard" else f"{command} --zero_mask 0", nearest


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def _shares(scan: Scan, stored: StoredFill | None) -> str:
    filled = "no fill" if stored is None else f"{100 * stored.filled.mean():.2g} % filled"
    return f"{filled}, {100 * scan.bad_mask.mean():.2g} % masked"


def _ranges(box: Box) -> str:
    names = ("frames", "rows", "columns")
    parts = (f"{name} {p.start}:{p.stop}" for name, p in zip(names, box, strict=True))
    return ", ".join(parts)
