"""Many scans: each filled by itself, what is done already left alone, failures named at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError, is_out_of_memory
from bcdi_inpaint.files import (
    FORMATS,
    MASK_WORDS,
    companion,
    default_output,
    read_provenance,
    split_spec,
)
from bcdi_inpaint.jobs.outcome import (
    THERE,
    Outcome,
    failure_outcome,
    outcome_in,
    outcome_of,
    output_of,
)
from bcdi_inpaint.jobs.predict import predict
from bcdi_inpaint.jobs.request import Request, job_sha256, weights_output
from bcdi_inpaint.running.executors import open_executor
from bcdi_inpaint.safe_files import remove_leftovers
from bcdi_inpaint.scan.remarks import Remark


def requests(template: Request, scans: Iterable[str]) -> list[Request]:
    """A request for each scan, like the template; its output is a folder, or beside each scan.

    Of a single scan it may be a file, by the ending of its name.
    """
    folder = template.output
    listed = list(scans)
    names_file = folder is not None and folder.suffix.lower() in FORMATS.values()
    if folder is not None and not folder.is_dir() and (names_file or folder.exists()):
        if names_file and len(listed) == 1:
            return [replace(template, scan=listed[0])]
        what = "is a file" if folder.exists() else "is the name of a file"
        raise InputError(
            f"output {folder} {what}, expected a folder for many scans: give another name with "
            "-o, or leave it out"
        )
    return [
        replace(
            template, scan=scan, output=default_output(scan, template.form, folder, numbered=True)
        )
        for scan in listed
    ]


def run_batch(
    wanted: Sequence[Request],
    jobs: int = 1,
    scheduler: str | None = None,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Fill many scans.

    Each is filled in a process of its own kind, so that one that crashes costs no other. A scan
    that an earlier run has filled from the same input with the same settings is left as it is.

    Parameters
    ----------
    wanted : a request for each scan.
    jobs : processes of this machine, which share the cores.
    scheduler : address of a dask scheduler, whose workers do the work instead; they have to see
        the files.
    report : called with each outcome when it is done.

    Returns
    -------
    The outcomes, in the requests' order.

    Raises
    ------
    InputError
        For what concerns all scans. What is done stays where it ends early.
    """
    outcomes = _clashes(wanted)
    for outcome in outcomes.values():
        report(outcome)
    for folder in {output_of(request).parent for request in wanted}:
        remove_leftovers(folder)
    left = [index for index in range(len(wanted)) if index not in outcomes]
    if not left:
        return [outcomes[index] for index in range(len(wanted))]
    with open_executor(jobs, scheduler, len(left), _environment(jobs)) as workers:
        futures = {
            workers.submit(fill_one, _absolute(wanted[i]) if scheduler else wanted[i]): i
            for i in left
        }
        for future in as_completed(futures):
            index = futures[future]
            outcomes[index] = _answer(future, wanted[index])
            report(outcomes[index])
    return [outcomes[index] for index in range(len(wanted))]


def fill_one(request: Request) -> Outcome:
    """Fill one scan of a batch; what goes wrong is an outcome too."""
    output = output_of(request)
    remarks: list[Remark] = []
    try:
        found = _found(request, output)
        if found.is_ours and found.is_whole:
            return _there(request, found)
        wanted = replace(request, output=output, force=request.force or found.is_ours)
        result = predict(wanted, note=remarks.append)
    except Exception as error:  # whatever it is, the other scans are filled
        return failure_outcome(request, _reason(error), remarks)
    return outcome_of(result, request.scan)


@dataclass(frozen=True)
class _Found:
    """What an earlier run left: whether it is this job's and whole, and its record."""

    is_ours: bool
    is_whole: bool
    record: dict[str, Any]


def _there(request: Request, found: _Found) -> Outcome:
    return Outcome(request.scan, str(output_of(request)), THERE, **outcome_in(found.record))


def done_before(request: Request) -> Outcome | None:
    """The outcome where an earlier run has filled the scan just so, None where it is to do.

    Raises InputError where another output is in the way.
    """
    found = _found(request, output_of(request))
    return _there(request, found) if found.is_ours and found.is_whole else None


def _found(request: Request, output: Path) -> _Found:
    """What lies where the output would; InputError where it is another's and may not go."""
    if not output.exists():
        return _Found(False, False, {})
    record = read_provenance(output)
    is_ours = bool(record) and record.get("job_sha256") == job_sha256(request)
    if not is_ours and not request.force:
        what = "was made of other input or with other settings" if record else "is none of ours"
        raise InputError(
            f"output {output} exists and {what}, expected a new file: replace it with --force, or "
            "give another folder with -o"
        )
    picture = output.with_suffix(".png") if request.plot else None
    others = (companion(output), picture, weights_output(request, output))
    return _Found(is_ours, all(path is None or path.exists() for path in others), record)


def _clashes(wanted: Sequence[Request]) -> dict[int, Outcome]:
    """Scans that would be written over another scan of the same batch."""
    first: dict[Path, str] = {}
    found: dict[int, Outcome] = {}
    for index, request in enumerate(wanted):
        output = output_of(request).absolute()
        other = first.setdefault(output, request.scan)
        if other != request.scan:
            reason = f"output {output.name} is that of {other} too, expected one each: run it alone"
            found[index] = failure_outcome(request, f"{reason} with -o")
    return found


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, InputError):
        return text
    if is_out_of_memory(error):
        return "out of memory, expected room for the scan: crop it, or take fewer --jobs"
    return f"{type(error).__name__} {text}".strip()


def _answer(future: Future[Outcome], request: Request) -> Outcome:
    """An outcome also where a worker died."""
    try:
        return future.result()
    except Exception as error:
        return failure_outcome(request, _reason(error))


def _environment(jobs: int) -> dict[str, str]:
    """The cores shared among the processes."""
    cores = max(1, len(os.sched_getaffinity(0)) // max(jobs, 1))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {name: min(str(cores), os.environ.get(name, str(cores))) for name in names}


def _absolute(request: Request) -> Request:
    """The same request for a process that runs in another folder."""
    return replace(
        request,
        scan=_absolute_spec(request.scan),
        output=output_of(request).absolute(),
        masks=tuple(m if m in MASK_WORDS else _absolute_spec(m) for m in request.masks),
        mask_good=tuple(map(_absolute_spec, request.mask_good)),
        model=request.model if request.model == "default" else str(Path(request.model).absolute()),
    )


def _absolute_spec(spec: str) -> str:
    path, inner = split_spec(spec)
    return str(path.absolute()) + (f":/{inner}" if inner else "")
