"""PyNX's own runners, with the fill of our files: the same commands, parameters and results."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from textwrap import fill
from types import ModuleType
from typing import Any

from bcdi_inpaint.errors import MissingEngineError
from bcdi_inpaint.jobs.fill_of_data import FillOfData
from bcdi_inpaint.jobs.knowledge_of_data import KnowledgeOfData
from bcdi_inpaint.jobs.lost_runs import check_losses
from bcdi_inpaint.jobs.mpi_processes import all_processes, stopping_together
from bcdi_inpaint.jobs.pynx_arguments import ReadsArguments, check_named_files
from bcdi_inpaint.jobs.resumed_runs import resuming
from bcdi_inpaint.phasing.pynx_faults import as_program, failures_in_one_line
from bcdi_inpaint.phasing.pynx_knowledge import with_knowledge
from bcdi_inpaint.phasing.pynx_scan import say, with_carried_fill
from bcdi_inpaint.pynx_engine import import_pynx
from bcdi_inpaint.tables import number_of

RUNNERS = {"pynx-cdi-id01": "id01", "pynx-cdi-id10": "id10"}
"""PyNX's commands that phase a file, and the module of `pynx.cdi.runner` with each."""
HELP = (
    "bcdi-inpaint {command} is PyNX's own command, and its help follows, under the name that PyNX "
    "gives it. Where the data hold a fill, the cycles heed it, and masked voxels are free unless "
    "you say otherwise: the default is --zero_mask 0, not auto."
)
"""What is said above PyNX's help."""
MADE_FOR = ("2025.1",)
"""Versions of PyNX that this was made for and is tested with."""


def run_pynx(command: str, arguments: Sequence[str]) -> None:
    """Run one of PyNX's commands as PyNX does, its cycles heeding the fill where the data have one.

    Everything is PyNX's: parameters, algorithms, files. Without a fill so is every number.

    Parameters
    ----------
    command : one of `RUNNERS`.
    arguments : in PyNX's own syntax.

    Raises
    ------
    InputError
        What PyNX or we found wrong; the results of runs that were done stay.
    MissingEngineError
        PyNX is not there, or has no such command.
    SystemExit
        PyNX's own, for help and for parameters that it does not know.
    """
    module = import_pynx(f"cdi.runner.{RUNNERS[command]}")
    import_pynx("cdi")
    if "--help" in arguments:
        print(fill(HELP.format(command=command), width=100), end="\n\n", flush=True)
    with as_program(command, arguments), _warnings_on_stdout():
        _check_version()
        with stopping_together(), failures_in_one_line():
            _process_scans(_runner_class(module)(sys.argv, None))


def _process_scans(runner: Any) -> None:
    """What PyNX does with a command's scans; runs that are done stay if it is stopped."""
    check_named_files(runner.params)
    knowing = with_knowledge(runner.CDIRunnerScan, KnowledgeOfData)
    filled = with_carried_fill(knowing, FillOfData)
    runner.CDIRunnerScan = own = resuming(filled, runner.params)
    own.zero_mask_default = None if runner.zero_mask_said else runner.params["zero_mask"]
    try:
        runner.process_scans()
    except KeyboardInterrupt:
        n_done = sum(len(of_scan.done()) for of_scan in own.notes)
        stay = f": {number_of(n_done, 'run')} done and kept, the same command does the rest"
        raise KeyboardInterrupt(f"interrupted{stay if n_done else ''}") from None
    except SystemExit:
        check_losses(own.scans)  # then PyNX looked for the best of none
        raise
    others = all_processes()
    if others is not None:
        others.Barrier()  # they may not be through yet
    for of_scan in own.notes:
        of_scan.remove()
    if others is None:  # else another process may have had the good runs
        check_losses(own.scans)


def _runner_class(module: ModuleType) -> type:
    """The runner of a module, which notes whether the user chose a zero_mask."""
    base = import_pynx("cdi.runner").CDIRunner
    found = [kind for kind in vars(module).values() if isinstance(kind, type)]
    own = [kind for kind in found if issubclass(kind, base) and kind is not base]
    if not own:
        raise MissingEngineError(f"{module.__name__} of this PyNX has no runner, expected one")
    return type(own[-1].__name__, (ReadsArguments, own[-1]), {})


def _check_version() -> None:
    version = str(import_pynx("version").__version__)
    if not version.startswith(MADE_FOR):
        say(
            f"PyNX is {version}, made for {', '.join(MADE_FOR)}: check a first result against "
            "`bcdi-inpaint phase`"
        )


@contextmanager
def _warnings_on_stdout() -> Iterator[None]:
    """Programs that read PyNX's output take every line of stderr for an error."""

    def show(message: Any, category: type, filename: str, number: int, *rest: Any) -> None:
        print(f"{category.__name__}: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.simplefilter("ignore", ResourceWarning)  # PyNX leaves pipes to git open
        warnings.showwarning = show  # type: ignore[assignment]
        yield
        gc.collect()
