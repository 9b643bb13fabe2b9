"""The runs of one `bcdi-inpaint phase`: what is asked for, and how they are done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import StoredFill, input_sha256, sha256, split_spec
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.jobs.phased_knowledge import knowledge_of, split_knowledge
from bcdi_inpaint.jobs.phased_scan import experiment, write_phased_scan
from bcdi_inpaint.jobs.run_folder import PARAMETERS, RunFolder, begin, results
from bcdi_inpaint.phasing.pynx_course import describe
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge
from bcdi_inpaint.phasing.pynx_preset import Preset, parameter_lines
from bcdi_inpaint.phasing.pynx_runs import Outcome, check_arguments, run_preset
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.scan_phasing import PreparedScan, run_line
from bcdi_inpaint.pynx_engine import pynx_version
from bcdi_inpaint.scan.found_object import FoundObject
from bcdi_inpaint.scan.scan import Scan

FOUND, RANDOM = "found", "random"
STARTS = (FOUND, RANDOM)
"""At the objects that a refinement left in the file, the others at random; or all at random."""


@dataclass(frozen=True)
class Request:
    """What a user asks `phase` for; see its command line for the meaning of each.

    `cycles` are those of HIO, RAAR and ER; `handover` None takes the file's own; `pynx` are more
    arguments of PyNX's runner; `start` is one of `STARTS`. `again` lets the same job replace the
    output that it left before; its runs stay, also with `force`. Where its runs are `compared` with
    those of other requests, they begin at objects only if there are voxels that these have not
    seen, and all are judged by them.
    """

    scan: str
    output: Path | None = None
    force: bool = False
    handover: str | None = None
    runs: int = Preset.runs
    cycles: tuple[int, int, int] = (Preset.hio, Preset.raar, Preset.er)
    crop: tuple[int, int, int] | None = None
    seed: int = 0
    pynx: tuple[str, ...] = ()
    start: str = FOUND
    again: bool = False
    compared: bool = False

    @property
    def replaces(self) -> bool:
        """Whether an output that exists may be replaced."""
        return self.force or self.again

    @property
    def preset(self) -> Preset:
        """The preset with what is asked for."""
        hio, raar, er = self.cycles
        return Preset(hio=hio, raar=raar, er=er, runs=self.runs)


@dataclass(frozen=True)
class PhasingJob:
    """One command's runs.

    Attributes
    ----------
    request : what the user asks for.
    place : the folder of the runs.
    n_runs : how many there are.
    scan : in photons.
    stored : what its file says of a fill.
    fill : in photons.
    prepared : what PyNX gets.
    objects : of the box that is phased, which the first runs begin at.
    n_found : how many the file has.
    free : (n_rock, n_y, n_x) bool, of that box, what judges the runs; None for voxels by the seed.
    """

    request: Request
    place: Path
    n_runs: int
    scan: Scan
    stored: StoredFill | None
    fill: Fill | None
    prepared: PreparedScan
    objects: tuple[FoundObject, ...] = ()
    free: BoolArray | None = None
    n_found: int = 0

    @property
    def data(self) -> str:
        """Name of the scan in the folder; PyNX's results begin with it."""
        return f"{split_spec(self.request.scan)[0].stem}.cxi"

    @property
    def parameters(self) -> list[str]:
        """Lines of PyNX's parameter file."""
        arguments = ["--data", self.data, *self.request.preset.arguments()]
        return parameter_lines([*arguments, *self._pynx])

    @property
    def _pynx(self) -> list[str]:
        """The user's own parameters, files among them from wherever we are."""
        words, _ = split_knowledge(self.request.pynx)
        return [_absolute(word) for word in words]

    @property
    def knowledge(self) -> Knowledge:
        """What the file and the user say of the beam and the crystal."""
        _, said = split_knowledge(self.request.pynx)
        return knowledge_of({} if self.stored is None else self.stored.provenance, said)

    @property
    def record(self) -> dict[str, Any]:
        """What makes it this job."""
        files = self._files
        return {
            "input": Path(self.request.scan).name,
            "input_sha256": input_sha256(self.request.scan),
            "handover": self.prepared.handed.name,
            "box": [[part.start, part.stop] for part in self.prepared.box],
            "parameters": self.parameters,
            "knowledge": repr(self.knowledge),
            "start": self._start,
            "seed": self.request.seed,
            "pynx_version": pynx_version(),
            **({"file": files} if files else {}),
        }

    @property
    def _files(self) -> dict[str, str]:
        """The files that the user's parameters name, and what tells them from others."""
        parts = (word.partition("=") for word in self._pynx)
        named = (_file_in(value if sign else word) for word, sign, value in parts)
        return {str(file): sha256(file) for file in named if file is not None}

    @property
    def _start(self) -> str:
        """Where the runs begin, and what judges them where that is not drawn by the seed."""
        start = f"{self.n_found} objects" if self.objects else RANDOM
        return start if self.free is None else f"{start}, {int(self.free.sum())} voxels unseen"

    def begin(self, folder: RunFolder, is_new: bool, say: Callable[[str], None]) -> None:
        """Write what the runner needs, or say which runs are there.

        Parameters
        ----------
        folder : of the runs.
        is_new : whether nothing of this job is there.
        say : gets a line.
        """
        folder.values = experiment(self.scan.metadata, self.request.scan, self.request.seed)
        shown = [line for line in self.parameters if not line.startswith("data ")]
        say(f"PyNX: {', '.join(shown)}: {self.place / PARAMETERS}")
        if is_new:
            write_phased_scan(folder.place / self.data, self.scan, self.fill, self.prepared)
            begin(folder.place, self.record, "\n".join(self.parameters) + "\n")
        elif folder.known():
            say(f"{len(folder.known())} of {self.n_runs} runs are there already")

    def run(
        self,
        folder: RunFolder,
        say: Callable[[str], None],
        progress: Callable[[int, int], None],
    ) -> list[Reconstruction]:
        """Do the runs that are not done; all that PyNX keeps.

        Parameters
        ----------
        folder : of the runs.
        say : gets a line for each run.
        progress : called with (cycles done, cycles in all).

        Raises
        ------
        KeyboardInterrupt
            It says where the runs are that were done.
        """
        preset, pynx = self.request.preset, self._pynx
        lost = set(results(folder.place)) - set(folder.known())

        def report(number: int, outcome: Outcome) -> None:
            (lost.add if isinstance(outcome, InputError) else lost.discard)(number)
            say(run_line(number, self.n_runs, outcome))

        try:
            with chdir(folder.place):
                found = run_preset(
                    self.prepared.handed,
                    preset,
                    seed=self.request.seed,
                    extra=pynx,
                    keeper=folder,
                    knowledge=self.knowledge,
                    objects=self.objects,
                    free=self.free,
                    data=self.data,
                    report=report,
                    progress=progress,
                )
        except KeyboardInterrupt as pressed:
            done = len(set(results(folder.place)) - lost)
            raise KeyboardInterrupt(
                f"interrupted: {done} of {self.n_runs} runs are in {self.place}, the same "
                "command does the rest"
            ) from pressed
        kept = results(folder.place)  # with nb_run_keep PyNX removes some
        return [self._with_log(one) for one in found if one.run in kept]

    def _with_log(self, found: Reconstruction) -> Reconstruction:
        """A run with its log, which PyNX's files do not hold."""
        if found.log:
            return found
        course = describe(check_arguments(self.request.preset, self._pynx), begun=found.begun)
        return replace(found, log=(f"{course}: {found.figures}",))


def _absolute(word: str) -> str:
    """An argument that names a file of the working directory, by its whole path."""
    option, sign, value = word.partition("=")
    if sign and option.startswith("--"):
        return f"{option}={_absolute(value)}"
    file = _file_in(word)
    return word if file is None else f"{file.absolute()}{word[len(_name_in(word)) :]}"


def _name_in(word: str) -> str:
    """What of an argument may be a file's name."""
    return word.split(":")[0].split(",")[0]


def _file_in(word: str) -> Path | None:
    """The file that an argument names; None if it names none."""
    name = _name_in(word)
    is_file = not word.startswith("-") and name != "" and Path(name).is_file()
    return Path(name) if is_file else None
