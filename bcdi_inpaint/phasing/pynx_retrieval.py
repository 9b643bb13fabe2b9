"""Phase retrieval with PyNX.

The objects and counts that go in and out are centred in their arrays: the Bragg peak and the
particle sit at index n // 2 of each axis, not at 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import scipy.fft

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError, is_out_of_memory
from bcdi_inpaint.phasing.constraints import Constraint
from bcdi_inpaint.phasing.free_voxels import Islands, draw_islands, set_free_voxels
from bcdi_inpaint.phasing.pynx_stages import PynxStages
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.selection import best
from bcdi_inpaint.phasing.starts import random_object, run_starts
from bcdi_inpaint.pynx_engine import import_pynx, quiet


def retrieve(
    counts: np.ndarray,
    bad_mask: BoolArray,
    rng: np.random.Generator,
    *,
    support: BoolArray | None = None,
    schedule: Schedule = Schedule(),
    constraint: Constraint | None = None,
    release_after: float | None = None,
    filled: BoolArray | None = None,
    islands: Islands | None = None,
    progress: Callable[[int], None] | None = None,
) -> Reconstruction:
    """Phase one pattern from one random start with PyNX, on a GPU if it finds one, else the CPU.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), the peak at the centre. Even sizes with small prime factors are
        fast, and GPUs take no others.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid; these voxels are free.
    rng : source of the start and of the free voxels.
    support : (n_rock, n_y, n_x) bool, centred; it stays as it is. Without it the support starts
        from the autocorrelation and shrinks (Marchesini et al., Phys. Rev. B 68, 140101, 2003).
    schedule : the cycles.
    constraint : what is known of invalid voxels: an interval of their counts, or a prior.
    release_after : fraction of the cycles after which the constraint is dropped; None keeps it.
    filled : (n_rock, n_y, n_x) bool, valid voxels whose counts are estimates. They are taken as
        measured, but the free log-likelihood is of measured voxels only.
    islands : of free voxels, see `draw_islands`; by default drawn from `rng`.
    progress : called with the number of cycles just done.

    Returns
    -------
    The object, its support and its log-likelihoods.

    Raises
    ------
    MissingEngineError
        PyNX is not there.
    InputError
        The shapes do not match, nothing was measured, the constraint is wrong, the support vanished
        or filled the array, the object is not finite, or there is too little memory.
    """
    _check_arrays(counts, bad_mask, support, filled)
    _check_release(constraint, release_after)
    cdi_module = import_pynx("cdi")
    with _running(), _one_line_errors(cdi_module, schedule, counts.shape):
        if islands is None:
            islands = draw_islands(counts.shape, schedule.free_fraction, rng)
        cdi = _start(cdi_module, counts, bad_mask, support, rng, schedule, filled, islands)
        known = None if constraint is None else constraint.on_amplitudes(bad_mask)
        release = round((1.0 if release_after is None else release_after) * schedule.cycles)
        plan = PynxStages(cdi_module, schedule, support is None, constraint, known, release)
        log = []
        for stage in plan.stages():
            name, operator = plan.operator(stage)
            cdi = operator * cdi
            log.append(_stage_line(cdi_module, cdi, name))
            if progress is not None:
                progress(stage.cycles)
        return _reconstruction(cdi_module, cdi, log)


def retrieve_best(
    counts: np.ndarray,
    bad_mask: BoolArray,
    rng: np.random.Generator,
    *,
    runs: int = 5,
    report: Callable[[int, Reconstruction | InputError], None] = lambda number, outcome: None,
    support: BoolArray | None = None,
    schedule: Schedule = Schedule(),
    constraint: Constraint | None = None,
    release_after: float | None = None,
    filled: BoolArray | None = None,
    progress: Callable[[int], None] | None = None,
) -> Reconstruction:
    """The best of several random starts by free log-likelihood; a start that fails is left out.

    Every start has a generator of its own, a child of `rng`, so that the first starts are the same
    however many there are. The free voxels are common to all: free log-likelihoods of different
    voxels do not compare.

    Parameters
    ----------
    counts, bad_mask : see `retrieve`.
    rng : source of the starts' generators.
    runs : random starts.
    report : called with the number of a start, from 0, and what it found or why it failed.
    support, schedule, constraint, release_after, filled : see `retrieve`.
    progress : called with the number of cycles just done, whichever start they belong to.

    Returns
    -------
    The best reconstruction; `free_llks` are of all that found something.

    Raises
    ------
    MissingEngineError
        PyNX is not there.
    InputError
        `runs` is below 1, or every start failed; then it is the last one's error.
    """
    if runs < 1:
        raise InputError(f"runs is {runs}, expected at least 1: give a positive number")

    islands = draw_islands(counts.shape, schedule.free_fraction, rng.spawn(1)[0])

    def attempt(own: np.random.Generator) -> Reconstruction:
        return retrieve(
            counts,
            bad_mask,
            own,
            support=support,
            schedule=schedule,
            constraint=constraint,
            release_after=release_after,
            filled=filled,
            islands=islands,
            progress=progress,
        )

    results = run_starts(attempt, rng.spawn(runs), report)
    return replace(best(results), free_llks=tuple(found.llk_free for found in results))


@contextmanager
def _running() -> Iterator[None]:
    """PyNX runs silently, its transforms on all processors that this process may use."""
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    with quiet(), np.errstate(all="ignore"), scipy.fft.set_workers(workers):
        yield


@contextmanager
def _one_line_errors(
    cdi_module: ModuleType, schedule: Schedule, shape: tuple[int, ...]
) -> Iterator[None]:
    """A lost support and too little memory become an InputError."""
    try:
        yield
    except (cdi_module.SupportTooSmall, cdi_module.SupportTooLarge) as error:
        raise InputError(
            f"the support was lost ({error}): give a support, or change the schedule's "
            f"support_threshold ({schedule.support_threshold})"
        ) from error
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise InputError(
            f"out of memory while phasing {shape} voxels, expected room for about ten "
            "complex arrays: crop nearer to the peak, or set PYNX_PU=cpu"
        ) from error


def _check_arrays(
    counts: np.ndarray,
    bad_mask: BoolArray,
    support: BoolArray | None,
    filled: BoolArray | None,
) -> None:
    for name, array in (("mask", bad_mask), ("support", support), ("filled mask", filled)):
        if array is not None and array.shape != counts.shape:
            raise InputError(
                f"{name} has shape {array.shape}, expected the counts' {counts.shape}: give a "
                f"{name} of the counts' shape"
            )
    if support is not None and not np.any(support):
        raise InputError("the support is empty, expected at least one voxel: give a larger one")
    if counts.ndim != 3 or not np.any(counts[~bad_mask] > 0):
        raise InputError(
            f"counts of shape {counts.shape} hold no signal outside the mask, expected a 3D "
            "pattern: check the data and the mask"
        )
    if not np.all(np.isfinite(counts[~bad_mask])):
        raise InputError(
            "counts outside the mask are not all finite, expected numbers: mask these voxels"
        )


def _check_release(constraint: Constraint | None, release_after: float | None) -> None:
    if release_after is None:
        return
    if constraint is None:
        raise InputError(
            f"release_after is {release_after} without bounds or a prior, expected some to "
            "release: give both or neither"
        )
    if not 0 <= release_after <= 1:
        raise InputError(
            f"release_after is {release_after}, expected a fraction of the cycles from 0 to 1"
        )


def _start(
    cdi_module: ModuleType,
    counts: np.ndarray,
    bad_mask: BoolArray,
    support: BoolArray | None,
    rng: np.random.Generator,
    schedule: Schedule,
    filled: BoolArray | None,
    islands: Islands | None,
) -> Any:
    """A PyNX `CDI` with free voxels, a support and a random object inside it."""
    measured = np.where(bad_mask, 0, np.maximum(counts, 0)).astype(np.float32)
    iobs = np.fft.ifftshift(measured)  # PyNX has the centre at index 0
    cdi = cdi_module.CDI(iobs, mask=np.fft.ifftshift(bad_mask).astype(np.int8))
    set_free_voxels(cdi, filled, islands)
    if support is None:
        threshold = schedule.autocorrelation_threshold
        cdi = cdi_module.AutoCorrelationSupport(threshold=threshold) * cdi
    else:
        cdi.set_support(np.fft.ifftshift(support))
    obj = random_object(cdi.get_support() > 0, rng)  # centre at index 0, as the support
    # PyNX's transform keeps the norm: as many photons in the object as in the measurement.
    obj *= np.sqrt(measured.sum() / np.sum(np.abs(obj) ** 2))
    cdi.set_obj(obj.astype(np.complex64))
    return cdi


def _stage_line(cdi_module: ModuleType, cdi: Any, name: str) -> str:
    llk, llk_free, n_support = _figures(cdi_module, cdi)
    return f"{name}: support {n_support} voxels, llk {llk:.4f}, free llk {llk_free:.4f}"


def _figures(cdi_module: ModuleType, cdi: Any) -> tuple[float, float, int]:
    """Log-likelihood, free log-likelihood (nan without free voxels), voxels in the support."""
    measured = cdi_module.LLK() * cdi
    llk = measured.get_llk()
    free = float(llk[3]) if measured.nb_free_points else float("nan")
    return float(llk[0]), free, int(measured.nb_point_support)


def _reconstruction(cdi_module: ModuleType, cdi: Any, log: list[str]) -> Reconstruction:
    llk, llk_free, _ = _figures(cdi_module, cdi)
    support = np.fft.fftshift(cdi.get_support()) > 0
    obj = np.fft.fftshift(cdi.get_obj()) * support
    if not np.all(np.isfinite(obj)) or not np.any(obj):
        raise InputError(
            "the retrieval diverged (the object is not finite, or zero everywhere), expected a "
            "particle: check the counts and the mask, or try another seed"
        )
    return Reconstruction(obj.astype(np.complex64), support, llk, llk_free, tuple(log))
