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
UNFINISHED = ".unfinished"
"""Folder in which PyNX writes a result before it gets its place."""
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
        return {number: (path.name, _read(path)) for number, path in results(self.place).items()}

    def known(self) -> Mapping[int, tuple[str, Reconstruction]]:
        """The runs that were done before this folder was opened."""
        return self._found

    @contextmanager
    def saving(self, run: int) -> Iterator[None]:
        """While it lasts PyNX may save in the working directory; then all gets its place at once.

        What an interrupted one left is never taken for a result.
        """
        unfinished = self.place / UNFINISHED
        unfinished.mkdir(exist_ok=True)
        _empty(unfinished)
        try:
            with chdir(unfinished):
                yield
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

    def finish(self) -> None:
        """All runs are done, and the best one is written."""
        path = self.place / RECORD
        record = {**json.loads(path.read_text()), "finished": True}
        replace_file(path, json.dumps(record, indent=1).encode())


def runs_folder(output: Path) -> Path:
    """The folder beside a result: ``scan_phased.cxi`` has ``scan_phased_runs``."""
    return output.with_name(f"{output.stem}_runs")


def is_of_runs(output: Path) -> bool:
    """Whether a result that exists is the best of the runs in the folder beside it."""
    return output.is_file() and (runs_folder(output) / RECORD).is_file()


def check_folder(place: Path) -> None:
    """Refuse a folder that is not one of ours; call it before any work begins."""
    if not place.exists():
        return
    if not place.is_dir() or (any(place.iterdir()) and not (place / RECORD).is_file()):
        raise InputError(
            f"{place} exists and is no folder of runs, expected none: rename it, or choose another "
            "output with -o"
        )


@contextmanager
def open_folder(
    place: Path, record: Mapping[str, Any], data: str, *, force: bool
) -> Iterator[tuple[RunFolder, bool]]:
    """Open the folder of a job, in which the same job may have left runs, and hold it.

    Parameters
    ----------
    place : where it is to be.
    record : what identifies the job: input, box, parameters, seed.
    data : name of the scan in it.
    force : whether the runs of another job, or of a finished one, may be thrown away.

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
            is_new = _is_new(place, dict(record), force)
            if is_new:
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


def _is_new(place: Path, record: dict[str, Any], force: bool) -> bool:
    """Whether a job begins here; InputError where another one's runs stand in the way."""
    try:
        there = json.loads((place / RECORD).read_text())
    except (OSError, ValueError):
        return True
    is_finished = there.pop("finished", False)
    if there == json.loads(json.dumps(record)):
        return bool(is_finished and force)
    if force:
        return True
    other = [name for name in record if there.get(name) != json.loads(json.dumps(record[name]))]
    raise InputError(
        f"{place} holds runs of another {other[0] if other else 'job'}, expected those of this "
        "command: choose another output with -o, or throw them away with --force"
    )


def _clear(place: Path) -> None:
    """Remove what is ours, the record first: what is left without it is no job."""
    ours = [place / name for name in (RECORD, PARAMETERS, OUTPUT, "latest.cxi", "latest.png")]
    for path in [*ours, *results(place).values()]:
        path.unlink(missing_ok=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def results(place: Path) -> dict[int, Path]:
    """The results in a folder by the number of their run."""
    found = ((RESULT.fullmatch(path.name), path) for path in sorted(place.glob("*.cxi")))
    return {int(name[1] or 1): path for name, path in found if name and not path.is_symlink()}


def _read(path: Path) -> Reconstruction:
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
