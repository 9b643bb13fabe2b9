"""Runs of a command that was stopped stay, and the same command does the rest.

PyNX writes each run when it is done, and keeps the best after the last one. Here each run is noted
in a small hidden file beside the results, which goes when the command is through. A command that
finds the notes of one like itself takes those runs as done: the best are kept out of all.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.jobs.lost_runs import NoticesLosses
from bcdi_inpaint.jobs.mpi_processes import all_processes
from bcdi_inpaint.jobs.whole_results import WritesWhole
from bcdi_inpaint.phasing.free_voxels import FREE_FRACTION, draw_islands, set_free_voxels


def fingerprint(params: dict[str, Any]) -> str:
    """What a command is known by: its parameters, and the files that they name as they are now."""
    parts = [json.dumps(params, sort_keys=True, default=str)]
    for value in params.values():
        names = value if isinstance(value, list) else [value]
        parts += [_state(name) for name in names if isinstance(name, str)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _state(name: str) -> str:
    """The size of a file and when it was written; of other words nothing."""
    try:
        found = os.stat(name.partition(":")[0])
    except (OSError, ValueError):
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


@dataclass(frozen=True)
class RunNotes:
    """Which runs of a command are done.

    Attributes
    ----------
    path : the file of notes, a line of JSON a run: its number, and what PyNX keeps of it.
    n_runs : runs of the command.
    """

    path: Path
    n_runs: int

    @classmethod
    def of(cls, command: str, n_runs: int, rank: int = 0) -> RunNotes:
        """Those of a command; each process of many has its own.

        Parameters
        ----------
        command : its `fingerprint`.
        n_runs : runs of the command.
        rank : the process's number.
        """
        return cls(Path(f".bcdi-inpaint-runs-{command[:12]}-{rank}.jsonl"), n_runs)

    def done(self) -> dict[int, dict[str, Any]]:
        """The runs that are done, by all processes, whose results are there.

        When all runs were done, those that are not there were not among the best.
        """
        noted = {number: result for file in self._files() for number, result in _read(file)}
        there = {n: result for n, result in noted.items() if Path(result["file_name"]).is_file()}
        return noted if there and len(noted) == self.n_runs else there

    def add(self, number: int, result: dict[str, Any]) -> None:
        """Note that a run is done."""
        line = json.dumps([number, result], default=float)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def remove(self) -> None:
        """The command is through: nothing is to be resumed."""
        for file in self._files():
            file.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        stem = self.path.stem.rpartition("-")[0]
        return sorted(self.path.parent.glob(f"{stem}-*.jsonl"))


def _read(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The notes in a file; a line that was cut off is none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            number, result = json.loads(line)
        except ValueError:
            continue
        yield int(number), result


class ResumesRuns(WritesWhole, NoticesLosses):
    """A runner's scan that does the runs which are not done yet.

    Attributes
    ----------
    command : what the command is known by, see `fingerprint`.
    notes : of all scans of the command, for the one who runs it.
    """

    command = ""
    notes: list[RunNotes]
    params: dict[str, Any]
    saved_results: list[dict[str, Any]]
    cdi: Any
    own_notes: RunNotes | None = None
    _done: dict[int, dict[str, Any]]

    def load_data(self) -> None:
        """PyNX's loading of a scan, then the notes on its runs."""
        self._done = {}
        super().load_data()
        if self.params["nb_run"] < 2 or self.params["save"] != "final" or not self.command:
            return
        known = {"command": self.command, "data": self.params["data"]}
        data = fingerprint(known | self._beside())
        processes = all_processes()
        rank = 0 if processes is None else processes.Get_rank()
        self.own_notes = RunNotes.of(data, self.params["nb_run"], rank)
        self._done = self.own_notes.done()
        self.notes.append(self.own_notes)
        if self._done:
            self._tell(self.own_notes)

    def _beside(self) -> dict[str, str]:
        """The file beside the data that has their fill, which no parameter names."""
        found = getattr(self, "found", None)
        return {} if found is None or found.bad is None else {"fill": str(found.path)}

    def _tell(self, notes: RunNotes) -> None:
        print(
            f"bcdi-inpaint: {len(self._done)} of {notes.n_runs} runs were done before this command "
            f"was stopped; the rest follows (remove {notes.path} to begin anew)",
            flush=True,
        )

    def _init_free_pixel_mask(self, iobs: Any) -> None:
        """Free log-likelihoods are compared: they are of the same voxels in all runs.

        After a stop these are those of the runs before. Where no file says which, as npz does not,
        they follow from the command; so processes of MPI have the same ones.
        """
        there = [result["file_name"] for result in self._done.values()]
        kept = (name for name in there if name.endswith(".cxi") and Path(name).is_file())
        asked = self.params["free_pixel_mask"]
        chosen = asked or next(kept, None)
        unknown = chosen is None and self._unseen(iobs.shape) is None
        are_many = self.params["mpi"] == "run" and all_processes() is not None
        in_npz = self.own_notes is not None and self.params["output_format"].lower() == "npz"
        if unknown and (are_many or in_npz):
            source = np.random.default_rng(int(self.command[:12], 16))
            islands = draw_islands(iobs.shape, FREE_FRACTION, source)
            set_free_voxels(self.cdi, self._filled(iobs.shape), islands)
            return
        self.params["free_pixel_mask"] = chosen
        try:
            super()._init_free_pixel_mask(iobs)  # type: ignore[misc]
        finally:
            self.params["free_pixel_mask"] = asked

    def _unseen(self, shape: tuple[int, ...]) -> Any:
        """The free voxels that the data's file says, None where it says none."""
        find = getattr(self, "unseen", None)
        return None if find is None else find(shape)

    def _filled(self, shape: tuple[int, ...]) -> Any:
        """Where the scan is filled, centred; a fill is no measurement."""
        carried = getattr(self, "carried", None)
        return np.zeros(shape, bool) if carried is None else carried.filled

    def run(self, file_name: str | None = None, run_n: int = 1) -> None:
        """One run of PyNX's, unless it is done."""
        result = self._done.get(int(run_n))
        if result is not None:
            print(f"bcdi-inpaint: run {run_n} was done before", flush=True)
            self.ended += 1
            if Path(result["file_name"]).is_file():
                self.saved_results.append(result)
            return
        n_before = len(self.saved_results)
        super().run(file_name, run_n)
        if self.own_notes is not None and len(self.saved_results) > n_before:
            self.own_notes.add(int(run_n), self.saved_results[-1])


def resuming(scan_class: type, params: dict[str, Any]) -> Any:
    """A runner's scan class that does the runs of a command which are not done yet.

    Parameters
    ----------
    scan_class : the runner's own.
    params : of the command, before any scan was loaded.

    Returns
    -------
    The class; in its `scans` and `notes` are those of the command, for the one who runs it.
    """
    own = {"command": fingerprint(params), "notes": [], "scans": []}
    return type(scan_class.__name__, (ResumesRuns, scan_class), own)
