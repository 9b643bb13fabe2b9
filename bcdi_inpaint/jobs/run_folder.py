"""The folder of the runs that PyNX's runner does for `bcdi-inpaint phase`.

It holds the scan as it is phased, the parameters, what PyNX printed, and the results under PyNX's
own names, so that PyNX's analysis works on them. A run that was done is not done again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from bcdi_inpaint.errors import InputError, brief
from bcdi_inpaint.files import read_result
from bcdi_inpaint.jobs.result_folder import make_folder
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.safe_files import hold_lock, replace_file

RECORD = "bcdi-inpaint-job.json"
"""What the runs are of; a folder without it is not ours."""
PARAMETERS = "pynx-cdi-inputs.txt"
"""Parameters as PyNX reads them; the name is cdiutils'."""
OUTPUT = "pynx-output.txt"
"""What PyNX printed."""
LOCK = ".lock"
"""Held while a process is at work in the folder."""
PART = ".bcdi-inpaint-"
"""How the names of files begin that are not written whole yet."""
UNFINISHED = ".unfinished"
"""Folder in which PyNX writes a result before it gets its place."""
BEGUN = {"begun": True}
"""The record of a folder whose runs may go: of a job that has not got its scan yet."""
LATER = ("file",)
"""What records of before do not say."""
RESULT = re.compile(r".*-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:_Run(\d+))?(?:_LLK.*)?_Support.*\.cxi")
"""PyNX's names of results; one run alone has no number."""


@dataclass
class RunFolder:
    """A folder of runs; it is a `pynx_runs.Keeper`.

    Attributes
    ----------
    place : where it is, from the root: PyNX works in it.
    data : name of the scan in it.
    values : see `pynx_runs.Keeper`.
    output : where PyNX's own lines go.
    """

    place: Path
    data: str
    values: Mapping[str, object] = field(default_factory=dict)
    output: TextIO | None = None

    @cached_property
    def _found(self) -> dict[int, tuple[str, Reconstruction]]:
        read = {number: (path.name, _read(path)) for number, path in results(self.place).items()}
        return {number: (name, one) for number, (name, one) in read.items() if _is_particle(one)}

    def known(self) -> Mapping[int, tuple[str, Reconstruction]]:
        """The runs that were done before this folder was opened, less those that diverged."""
        return self._found

    @contextmanager
    def saving(self, run: int) -> Iterator[None]:
        """While it lasts PyNX may save in the working directory; then all gets its place at once.

        What an interrupted one left is never taken for a result. What the same run left before, if
        it diverged, goes.
        """
        unfinished = self.place / UNFINISHED
        unfinished.mkdir(exist_ok=True)
        _empty(unfinished)
        try:
            with chdir(unfinished):
                yield
            before = None if run in self.known() else results(self.place).get(run)
            if before is not None and any(unfinished.iterdir()):
                before.unlink()
            for path in sorted(unfinished.iterdir(), key=lambda made: made.is_symlink()):
                os.replace(path, self.place / path.name)
        except OSError as error:
            raise InputError(
                f"{self.place} could not be written ({brief(error)}), expected space and "
                "permission: give an output elsewhere with -o"
            ) from error
        finally:
            _empty(unfinished)
            with suppress(OSError):
                unfinished.rmdir()

    def write(self) -> None:
        """All runs are done, and the best one is being written: it may be written again."""
        _mark(self.place, "writing")

    def finish(self) -> None:
        """All runs are done, and the best one is written."""
        _mark(self.place, "finished")


def runs_folder(output: Path) -> Path:
    """The folder beside a result: ``scan_phased.cxi`` has ``scan_phased_runs``."""
    return output.with_name(f"{output.stem}_runs")


def is_of_runs(output: Path) -> bool:
    """Whether a result that exists is the best of the runs in the folder beside it."""
    return output.is_file() and (runs_folder(output) / RECORD).is_file()


def is_half_written(output: Path) -> bool:
    """Whether a job was stopped while it wrote its result, which the same job may write again."""
    return _state(output) == "writing"


def is_finished(output: Path) -> bool:
    """Whether the job of a result was finished."""
    return _state(output) == "finished"


def set_aside(output: Path) -> None:
    """Have the runs of a finished job done anew when it is next begun."""
    _mark(runs_folder(output), "outdated")


STATES = ("writing", "finished", "outdated")
"""How far a job is, beside what identifies it; none of them while runs are done."""


def _state(output: Path) -> str | None:
    try:
        record = json.loads((runs_folder(output) / RECORD).read_text())
    except (OSError, ValueError):
        return None
    return next((state for state in STATES if record.get(state)), None)


def _mark(place: Path, state: str) -> None:
    """Write into a folder's record how far its job is."""
    path = place / RECORD
    record = {k: v for k, v in json.loads(path.read_text()).items() if k not in STATES}
    replace_file(path, json.dumps({**record, state: True}, indent=1).encode())


def check_folder(place: Path) -> None:
    """Refuse a folder that is not one of ours; call it before any work begins."""
    if not place.exists():
        return
    if not place.is_dir() or not _is_ours(place):
        raise InputError(
            f"{place} exists and is no folder of runs, expected none: rename it, or choose another "
            "output with -o"
        )


def _is_ours(place: Path) -> bool:
    """Whether a folder is of runs, or has at most what stood there before the record did."""
    names = {path.name for path in place.iterdir() if not path.name.startswith(PART)}
    return RECORD in names or not names or (LOCK in names and names <= {LOCK, OUTPUT})


@contextmanager
def open_folder(
    place: Path, record: Mapping[str, Any], data: str, *, force: bool, again: bool = False
) -> Iterator[tuple[RunFolder, bool]]:
    """Open the folder of a job, in which the same job may have left runs, and hold it.

    Parameters
    ----------
    place : where it is to be.
    record : what identifies the job: input, box, parameters, seed.
    data : name of the scan in it.
    force : whether the runs of another job, or of a finished one, may be thrown away.
    again : whether those of the same job stay also then.

    Yields
    ------
    The folder, and whether it is new: then the scan has to be written there, and `begin` called.

    Raises
    ------
    InputError
        The runs there are of another job, or another process is at work there.
    """
    make_folder(place, "the runs")
    try:
        with hold_lock(place / LOCK, wait=False):
            is_new = _is_new(place, dict(record), force, again)
            if is_new:  # the record stays to say so, wherever this is stopped
                replace_file(place / RECORD, json.dumps(BEGUN).encode())
                _clear(place)
            with (place / OUTPUT).open("a") as output:
                yield RunFolder(place.absolute(), data, output=output), is_new
    except BlockingIOError as error:
        raise InputError(
            f"another process phases in {place}, expected none: wait for it, or choose another "
            "output with -o"
        ) from error


def begin(place: Path, record: Mapping[str, Any], parameters: str) -> None:
    """Write the parameters, then the record, which says that the folder has what it needs.

    Parameters
    ----------
    place : the folder.
    record : see `open_folder`.
    parameters : of PyNX's runner, as the text of its file.
    """
    replace_file(place / PARAMETERS, parameters.encode())
    replace_file(place / RECORD, json.dumps(record, indent=1).encode())


def _is_new(place: Path, record: dict[str, Any], force: bool, again: bool) -> bool:
    """Whether a job begins here; InputError where another one's runs stand in the way."""
    try:
        there = json.loads((place / RECORD).read_text())
    except (OSError, ValueError):
        return True
    states = {state for state in STATES if there.pop(state, False)}
    if there == BEGUN:
        return True
    asked = json.loads(json.dumps(record))
    wanted = {name: asked[name] for name in asked if name in there or name not in LATER}
    if there == wanted:
        return "outdated" in states or ("finished" in states and force and not again)
    if force:
        return True
    other = [name for name in wanted if there.get(name) != wanted[name]]
    raise InputError(
        f"{place} holds runs of another {other[0] if other else 'job'}, expected those of this "
        "command: choose another output with -o, or throw them away with --force"
    )


def _clear(place: Path) -> None:
    """Remove what is ours, but for the record."""
    ours = [place / name for name in (PARAMETERS, OUTPUT, "latest.cxi", "latest.png")]
    for path in [*ours, *results(place).values()]:
        path.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def results(place: Path) -> dict[int, Path]:
    """The results in a folder by the number of their run."""
    found = ((RESULT.fullmatch(path.name), path) for path in sorted(place.glob("*.cxi")))
    return {int(name[1] or 1): path for name, path in found if name and not path.is_symlink()}


def _is_particle(found: Reconstruction) -> bool:
    """Whether a run found something; of one that diverged the file says nothing."""
    return bool(np.isfinite(found.obj).all() and np.isfinite(found.llk) and found.obj.any())


def _read(path: Path) -> Reconstruction:
    with np.errstate(invalid="ignore"):  # an object that is zero has no part outside
        stored = read_result(path)
    return Reconstruction(
        stored.obj * stored.support,
        stored.support,
        stored.llk,
        stored.llk_free,
        (),
        threshold=stored.threshold,
        outside=stored.outside,
        free_log_error=stored.free_log_error,
        begun=stored.begun,
    )
