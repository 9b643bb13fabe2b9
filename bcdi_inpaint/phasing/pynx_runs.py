"""Runs of PyNX's own runner on a scan in memory, each made again from its seed.

The runner is PyNX's for ID01: its chain, its thresholds, its retries where a support is lost. The
objects come back as they are; a keeper may let PyNX save them too.
"""

from __future__ import annotations

import gc
import io
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractContextManager,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
import scipy.fft

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.handover import HandOver
from bcdi_inpaint.phasing.pynx_faults import as_program, check_psf, failures_in_one_line
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge
from bcdi_inpaint.phasing.pynx_preset import Preset, check_runs
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.pynx_engine import import_pynx, quiet
from bcdi_inpaint.scan.found_object import FoundObject

COMMAND = "pynx-cdi-id01"
"""PyNX's command whose runner phases, and whose parameters are taken."""
NOT_YOURS = ("data", "scan", "specfile", "save", "output_format", "mpi", "live_plot")
"""Parameters that are not for the user to say, because runs are given and kept by us."""
Outcome = Reconstruction | InputError
"""What a run found, or why it found nothing."""


class Keeper(Protocol):
    """Keeps the results that PyNX saves."""

    values: Mapping[str, object]
    """Parameters of PyNX's that are no options: what is known about the experiment."""
    output: TextIO | None
    """Where PyNX's own lines go."""

    def known(self) -> Mapping[int, tuple[str, Reconstruction]]:
        """The runs that were done before: by number, the file and what is in it."""

    def saving(self, run: int) -> AbstractContextManager[None]:
        """While it lasts PyNX may save the result of a run in the working directory."""


@dataclass
class Runs:
    """What the runs of one scan have in common, and what they have found.

    Attributes
    ----------
    handed : the scan, and what is known of it.
    seed : of all runs.
    support : (n_rock, n_y, n_x) bool, centred, that every run starts from; None for PyNX's own.
    keeper : keeps what PyNX saves; None if nothing is saved.
    report : called with the number of a run, from 1, and its outcome.
    progress : called with (cycles done, cycles in all).
    knowledge : what is known of the beam and the crystal.
    objects : of the box that is phased: the first runs begin at them, the others at random.
    free : (n_rock, n_y, n_x) bool, centred, that are set aside; None for islands by the seed.
    found : what the runs found, by number.
    failure : why the last run that failed did.
    stdout : where a report may be printed.
    """

    handed: HandOver
    seed: int = 0
    support: BoolArray | None = None
    keeper: Keeper | None = None
    report: Callable[[int, Outcome], None] = lambda number, outcome: None
    progress: Callable[[int, int], None] = lambda done, total: None
    knowledge: Knowledge = Knowledge()
    objects: Sequence[FoundObject] = ()
    free: BoolArray | None = None
    found: dict[int, Reconstruction] = field(default_factory=dict)
    failure: InputError | None = None
    stdout: TextIO = field(default_factory=lambda: sys.stdout)

    def take(self, number: int, outcome: Outcome) -> None:
        """A run has ended."""
        if isinstance(outcome, InputError):
            self.failure = outcome
        else:
            self.found[number] = outcome
        with redirect_stdout(self.stdout):  # PyNX's own lines are held back
            self.report(number, outcome)

    def begin(self, number: int) -> None:
        """Set PyNX's random numbers, which are numpy's and Python's, to those of a run."""
        own = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
        np.random.seed(own)
        random.seed(own)

    def free_voxels(self) -> np.random.Generator:
        """The source of the free voxels, which all runs have in common."""
        return np.random.default_rng([self.seed, 0])


def run_preset(
    handed: HandOver,
    preset: Preset = Preset(),
    *,
    seed: int = 0,
    extra: Sequence[str] = (),
    support: BoolArray | None = None,
    keeper: Keeper | None = None,
    data: str | Path = "scan.cxi",
    report: Callable[[int, Outcome], None] = lambda number, outcome: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    knowledge: Knowledge = Knowledge(),
    objects: Sequence[FoundObject] = (),
    free: BoolArray | None = None,
) -> list[Reconstruction]:
    """Phase what is handed over with PyNX's runner, from several random starts.

    The same seed gives the same objects on the CPU; on a GPU PyNX has random numbers of its own.
    All runs have the same free voxels. Numpy's and Python's own random numbers are as before when
    it is done.

    Parameters
    ----------
    handed : the scan as it is to be phased, the peak in its middle.
    preset : parameters of PyNX's.
    seed : of the starts, of their thresholds and of the free voxels.
    extra : more arguments of PyNX's, in its syntax, which override the preset's.
    support : (n_rock, n_y, n_x) bool, centred, to start from instead of the autocorrelation; with
        ``--support_update_period 0`` in `extra` it stays as it is.
    keeper : keeps the results that PyNX saves; without it nothing is saved.
    data : the name that the results have of the scan.
    report : called with the number of a run, from 1, and what it found or why it failed.
    progress : called with (cycles done, cycles in all).
    knowledge : what is known of the beam and the crystal.
    objects : of the box that is phased: the first runs begin at them, and keep their supports; the
        others begin at random.
    free : (n_rock, n_y, n_x) bool, voxels that are set aside for the free log-likelihood, as far as
        they are measured. By default drawn from the seed; also where the data are binned.

    Returns
    -------
    What the runs found that did not fail, in their order.

    Raises
    ------
    MissingEngineError
        PyNX is not there.
    InputError
        A parameter that PyNX does not take, an unfit array, or every run failed.
    """
    from bcdi_inpaint.phasing.pynx_watched import scan_class  # it is built on PyNX's

    check_runs(preset)
    check_handed(handed, support, free)
    module = import_pynx("cdi.runner.id01")
    runs = Runs(handed, seed, support, keeper, report, progress, knowledge, objects, free)
    arguments = ["--data", str(data), *preset.arguments(), *extra]
    with as_program(COMMAND, arguments), _own_random_numbers(), _on_all_cores(keeper):
        runner = module.CDIRunnerID01([COMMAND, *arguments], None)
        runner.CDIRunnerScan = scan_class(module.CDIRunnerScanID01, runs)
        try:
            with failures_in_one_line():
                runner.process_scans()
        except InputError:
            if runs.found or runs.failure is None:  # PyNX stumbles where there is no result
                raise
    if not runs.found:
        raise runs.failure or InputError("no run was done, expected one: check nb_run")
    return [runs.found[number] for number in sorted(runs.found)]


def check_arguments(preset: Preset, extra: Sequence[str]) -> dict[str, Any]:
    """The parameters of PyNX's runner, as it will have them.

    Parameters
    ----------
    preset : parameters of PyNX's.
    extra : more arguments in PyNX's syntax.

    Raises
    ------
    InputError
        One that PyNX does not know, or that is ours to say.
    SystemExit
        For ``--help``, which PyNX has printed.
    """
    check_runs(preset)
    module = import_pynx("cdi.runner.id01")
    own = ["--data", "scan.cxi", *preset.arguments()]
    errors = io.StringIO()
    with as_program(COMMAND, [*own, *extra]), redirect_stderr(errors), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        parser = module.CDIRunnerID01.make_parser(script_name=COMMAND)
        try:
            given, ours = (vars(parser.parse_args(words)) for words in ([*own, *extra], own))
        except SystemExit as stop:
            if not stop.code:
                raise
            words = errors.getvalue().strip().splitlines()[-1].partition("error: ")[2]
            raise InputError(
                f"PyNX: {words}, expected options of {COMMAND}: see `bcdi-inpaint {COMMAND} --help`"
            ) from stop
    changed = next((name for name in NOT_YOURS if given[name] != ours[name]), None)
    if changed is not None:
        raise InputError(
            f"{changed} is {given[changed]}, expected it left out here: take `bcdi-inpaint "
            f"{COMMAND}` for it"
        )
    check_psf(given["psf"])
    return given


def check_handed(
    handed: HandOver, support: BoolArray | None = None, free: BoolArray | None = None
) -> None:
    """Refuse arrays that cannot be phased, with an InputError.

    Parameters
    ----------
    handed, support, free : see `run_preset`.
    """
    shape = handed.counts.shape
    for name, array in (("mask", handed.bad_mask), ("support", support), ("free mask", free)):
        if array is not None and array.shape != shape:
            raise InputError(
                f"{name} has shape {array.shape}, expected the counts' {shape}: give a "
                f"{name} of the counts' shape"
            )
    if support is not None and not np.any(support):
        raise InputError("the support is empty, expected at least one voxel: give a larger one")
    measured = handed.counts[~handed.bad_mask]
    if handed.counts.ndim != 3 or not np.any(measured > 0):
        raise InputError(
            f"counts of shape {shape} hold no signal outside the mask, expected a 3D "
            "pattern: check the data and the mask"
        )
    if not np.all(np.isfinite(measured)):
        raise InputError(
            "counts outside the mask are not all finite, expected numbers: mask these voxels"
        )


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """PyNX draws from numpy's and Python's global generators; they are left as they were."""
    of_numpy, of_python = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(of_numpy)
        random.setstate(of_python)


@contextmanager
def _on_all_cores(keeper: Keeper | None) -> Iterator[None]:
    """PyNX's lines are held back, its transforms run on all processors we may use.

    It collects garbage before every run, where what other modules hold is none: that is set aside
    meanwhile, unless the program has set something aside for good.
    """
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    shown = None if keeper is None else keeper.output
    ours_to_set_aside = gc.get_freeze_count() == 0
    if ours_to_set_aside:
        gc.collect()
        gc.freeze()
    try:
        with (
            quiet(),
            np.errstate(all="ignore"),
            scipy.fft.set_workers(workers),
            nullcontext() if shown is None else redirect_stdout(shown),
        ):
            yield
    finally:
        if ours_to_set_aside:
            gc.unfreeze()
