"""Phase retrieval with PyNX.

The objects and counts that go in and out are centred in their arrays: the Bragg peak and the
particle sit at index n // 2 of each axis, not at 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import scipy.fft

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.peak.centre import find_central_voxel
from bcdi_inpaint.phasing.constraints import (
    LARGEST_MASKED,
    Knowledge,
    Prior,
    bounded,
    bounds_of,
    half_way,
    prior_of,
)
from bcdi_inpaint.pynx_engine import import_pynx, quiet

# Radius in voxels of the islands of free voxels: neighbours know of each other, so single voxels
# would not be free.
FREE_ISLAND_RADIUS = 3
SMALLEST_BOX = 16
"""Voxels a side, below which there is no pattern to phase."""


@dataclass(frozen=True)
class Schedule:
    """The order and the length of the cycles: HIO, then RAAR, then ER.

    Attributes
    ----------
    hio, raar, er : numbers of cycles.
    update_every : cycles between two updates of the support (shrink-wrap).
    support_threshold : the support keeps where the smoothed modulus exceeds this fraction of its
        root mean square in the support.
    smooth_width : width in voxels of that smoothing at the beginning and at the end.
    autocorrelation_threshold : the first support is where the autocorrelation exceeds this
        fraction of its maximum.
    free_fraction : fraction of the voxels set aside for the free log-likelihood.
    """

    hio: int = 100
    raar: int = 400
    er: int = 150
    update_every: int = 50
    support_threshold: float = 0.25
    smooth_width: tuple[float, float] = (2.0, 0.5)
    autocorrelation_threshold: float = 0.1
    free_fraction: float = 0.02

    @property
    def cycles(self) -> int:
        """Of all three together."""
        return self.hio + self.raar + self.er


@dataclass(frozen=True)
class Reconstruction:
    """What phase retrieval found.

    Attributes
    ----------
    obj : (n_rock, n_y, n_x) complex64, the object, centred; zero outside the support.
    support : (n_rock, n_y, n_x) bool.
    llk : Poisson log-likelihood per measured voxel; the smaller the better, about 1 for a perfect
        fit where every voxel has counts, less where many have none.
    llk_free : the same over voxels that the retrieval did not see; nan where there are none.
    log : one line per stage: algorithm, cycles, size of the support, both log-likelihoods.
    """

    obj: np.ndarray
    support: np.ndarray
    llk: float
    llk_free: float
    log: tuple[str, ...]


# --- cropping -------------------------------------------------------------------------------------


def crop_around_peak(
    counts: np.ndarray, bad_mask: np.ndarray, shape: tuple[int, int, int] | None = None
) -> tuple[slice, slice, slice]:
    """The slices of a box of `shape` around the Bragg peak, moved inwards to fit the array.

    The peak is found as `peak.centre.find_central_voxel` finds it: no hot pixel moves the box.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x)
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid
    shape : of the box, per axis not more than the counts' shape. By default the largest of even
        sizes with small prime factors that has the peak in its middle.

    Raises
    ------
    InputError
        The box is larger than the array, no valid voxel has counts, or the peak is so near the
        edge that no box around it is worth phasing.
    """
    centre = find_central_voxel(counts, bad_mask)
    if centre is None:
        raise InputError(
            "no valid voxel has counts, expected a Bragg peak: check the mask and the data"
        )
    if shape is None:
        shape = _largest_box(centre, counts.shape)
    if any(size > n for size, n in zip(shape, counts.shape, strict=True)):
        raise InputError(
            f"crop {shape} is larger than the counts {counts.shape}, expected at "
            "most their shape: choose a smaller crop"
        )
    starts = [
        int(np.clip(c - size // 2, 0, n - size))
        for c, size, n in zip(centre, shape, counts.shape, strict=True)
    ]
    rock, y, x = (slice(start, start + size) for start, size in zip(starts, shape, strict=True))
    return rock, y, x


def _largest_box(centre: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Sizes of the largest box with the peak in its middle that transforms fast on every device."""
    halves = [min(c, n - c) for c, n in zip(centre, shape, strict=True)]
    rock, y, x = (2 * _smooth(half) for half in halves)
    if min(rock, y, x) < SMALLEST_BOX:
        raise InputError(
            f"the peak at {centre} is too near the edge of the counts {shape}, expected it at "
            f"least {SMALLEST_BOX // 2} voxels inside: give the box to phase with --crop"
        )
    return rock, y, x


def _smooth(n: int) -> int:
    """The largest number up to `n` without a prime factor above 13, which is what PyNX takes.

    0 if there is none.
    """
    for candidate in range(n, 0, -1):
        rest = candidate
        for prime in (2, 3, 5, 7, 11, 13):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return candidate
    return 0


# --- retrieval ------------------------------------------------------------------------------------


def retrieve(
    counts: np.ndarray,
    bad_mask: np.ndarray,
    rng: np.random.Generator,
    *,
    support: np.ndarray | None = None,
    chain: Schedule = Schedule(),
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
    prior: tuple[np.ndarray, np.ndarray] | None = None,
    release_after: float | None = None,
    filled: np.ndarray | None = None,
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
    chain : the cycles.
    bounds : lower and upper bounds of the expected counts, each (n_rock, n_y, n_x), between which
        the calculated intensity of invalid voxels is held; 0 and infinity leave a voxel free.
        Bounds of valid voxels do not count.
    prior : in place of bounds: estimated counts of invalid voxels, and the standard deviations of
        log(1 + counts), each (n_rock, n_y, n_x); infinity leaves a voxel free. In every cycle the
        calculated intensities are drawn towards them (see `bounds.Prior`), less and less strongly.
    release_after : fraction of the cycles after which bounds or prior are dropped; None keeps them.
    filled : (n_rock, n_y, n_x) bool, valid voxels whose counts are estimates. They are taken as
        measured, but the free log-likelihood is of measured voxels only.
    progress : called with the number of cycles just done.

    Raises
    ------
    MissingEngineError
        PyNX is not there.
    InputError
        The shapes do not match, nothing was measured, the bounds or the prior are none or both
        given, the support vanished or filled the array, the object is not finite, or there is too
        little memory.
    """
    _check_arrays(counts, bad_mask, support, filled)
    _check_knowledge(bounds, prior, release_after)
    cdi_module = import_pynx("cdi")
    log: list[str] = []
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    with quiet(), np.errstate(all="ignore"), scipy.fft.set_workers(workers):
        release = chain.cycles if release_after is None else round(release_after * chain.cycles)
        try:
            cdi = _start(cdi_module, counts, bad_mask, support, rng, chain, filled)
            held = _knowledge(cdi, bounds, prior)
            for name, operator, cycles in _stages(
                cdi_module, chain, support is None, held, release
            ):
                cdi = operator * cdi
                log.append(_stage_line(cdi_module, cdi, name))
                if progress is not None:
                    progress(cycles)
        except (cdi_module.SupportTooSmall, cdi_module.SupportTooLarge) as error:
            raise InputError(
                f"the support was lost ({error}): give a support, or change the chain's "
                f"support_threshold ({chain.support_threshold})"
            ) from error
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise InputError(
                f"out of memory while phasing {counts.shape} voxels, expected room for about ten "
                "complex arrays: crop nearer to the peak, or set PYNX_PU=cpu"
            ) from error
        return _reconstruction(cdi_module, cdi, log)


def is_out_of_memory(error: Exception) -> bool:
    """Whether the host's or a GPU's memory was too small; PyCUDA and PyOpenCL have own errors."""
    return isinstance(error, MemoryError) or type(error).__name__ in (
        "MemoryError",
        "OutOfMemoryError",
    )


def retrieve_best(
    counts: np.ndarray,
    bad_mask: np.ndarray,
    rng: np.random.Generator,
    *,
    starts: int = 2,
    **options: Any,
) -> Reconstruction:
    """The best of several random starts by free log-likelihood; arguments as for `retrieve`.

    A start that fails is left out; if all do, the last one's error is raised.
    """
    results: list[Reconstruction] = []
    failure = InputError(f"starts is {starts}, expected at least 1: give a positive number")
    for _ in range(starts):
        try:
            results.append(retrieve(counts, bad_mask, rng, **options))
        except InputError as error:
            failure = error
    if not results:
        raise failure
    return best(results)


def best(results: Sequence[Reconstruction]) -> Reconstruction:
    """The one of least free log-likelihood, or log-likelihood where there are no free voxels."""
    return min(results, key=lambda r: r.llk if np.isnan(r.llk_free) else r.llk_free)


def _check_arrays(
    counts: np.ndarray,
    bad_mask: np.ndarray,
    support: np.ndarray | None,
    filled: np.ndarray | None,
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


def _check_knowledge(
    bounds: tuple[np.ndarray, np.ndarray] | None,
    prior: tuple[np.ndarray, np.ndarray] | None,
    release_after: float | None,
) -> None:
    if bounds is not None and prior is not None:
        raise InputError("both bounds and a prior are given, expected one of them: leave one out")
    if release_after is None:
        return
    if bounds is None and prior is None:
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
    bad_mask: np.ndarray,
    support: np.ndarray | None,
    rng: np.random.Generator,
    chain: Schedule,
    filled: np.ndarray | None,
) -> Any:
    """A PyNX `CDI` with free voxels, a support and a random object inside it."""
    measured = np.where(bad_mask, 0, np.maximum(counts, 0)).astype(np.float32)
    iobs = np.fft.ifftshift(measured)  # PyNX has the centre at index 0
    cdi = cdi_module.CDI(iobs, mask=np.fft.ifftshift(bad_mask).astype(np.int8))
    islands = _free_islands(counts.shape, chain.free_fraction, rng)
    if islands is not None:
        cdi.init_free_pixels(island_radius=FREE_ISLAND_RADIUS, coords=islands[::-1])  # x first
        if filled is not None and np.any(filled):
            cdi.set_free_pixel_mask(cdi.get_free_pixel_mask() & ~np.fft.ifftshift(filled))
    if support is None:
        threshold = chain.autocorrelation_threshold
        cdi = cdi_module.AutoCorrelationSupport(threshold=threshold) * cdi
    else:
        cdi.set_support(np.fft.ifftshift(support))
    inside = cdi.get_support() > 0  # (n_rock, n_y, n_x), centre at index 0
    modulus = rng.uniform(0, 1, counts.shape)
    phase_rad = rng.uniform(0, 2 * np.pi, counts.shape)
    obj = inside * modulus * np.exp(1j * phase_rad)
    # PyNX's transform keeps the norm: as many photons in the object as in the measurement.
    obj *= np.sqrt(measured.sum() / np.sum(np.abs(obj) ** 2))
    cdi.set_obj(obj.astype(np.complex64))
    return cdi


def _free_islands(
    shape: tuple[int, ...], fraction: float, rng: np.random.Generator
) -> tuple[np.ndarray, ...] | None:
    """Centres, relative to the array's centre, of spheres of free voxels; None if there are none.

    They keep clear of the border and of the innermost twentieth of each axis, where the peak's
    few voxels hold most of the counts. On short axes there is no room for any.
    """
    n_islands = int(np.prod(shape) * fraction / (4 / 3 * np.pi * FREE_ISLAND_RADIUS**3))
    if n_islands == 0 or min(shape) < 4 * FREE_ISLAND_RADIUS:
        return None
    room = [(n // 2 - FREE_ISLAND_RADIUS) for n in shape]
    centres = [rng.integers(-half, half, n_islands) for half in room]
    squares = [
        (c / (0.05 * n + FREE_ISLAND_RADIUS)) ** 2 for c, n in zip(centres, shape, strict=True)
    ]
    outside = sum(squares) > 1
    return tuple(c[outside] for c in centres) if np.any(outside) else None


def _knowledge(
    cdi: Any,
    bounds: tuple[np.ndarray, np.ndarray] | None,
    prior: tuple[np.ndarray, np.ndarray] | None,
) -> Knowledge | None:
    """Centred bounds or a prior (n_rock, n_y, n_x) as those of the voxels that PyNX has masked."""
    given, made_of, what = (
        (bounds, bounds_of, "bounds") if prior is None else (prior, prior_of, "prior's arrays")
    )
    if given is None:
        return None
    first, second = given
    if first.shape != second.shape or first.shape != cdi.get_iobs().shape:
        raise InputError(
            f"the {what} have shapes {first.shape} and {second.shape}, expected the counts' "
            f"{cdi.get_iobs().shape}: give {what} of the counts' shape"
        )
    masked = cdi.get_iobs() <= LARGEST_MASKED
    return made_of(np.fft.ifftshift(first), np.fft.ifftshift(second), masked)


def _stages(
    cdi_module: ModuleType, chain: Schedule, shrink: bool, known: Knowledge | None, release: int
) -> Iterator[tuple[str, Any, int]]:
    """The stages' names, PyNX operators and cycles, in the order in which they are applied.

    Bounds or a prior hold for the first `release` cycles.
    """
    first, last = chain.smooth_width
    update = cdi_module.SupportUpdate(
        threshold_relative=chain.support_threshold,
        smooth_width=(first, last, max(chain.hio + chain.raar, 1)),
        max_fraction=0.9,
    )
    begin = 0
    for algorithm, cycles in _blocks(chain, shrink or isinstance(known, Prior)):
        known = _eased(known, begin / max(chain.hio + chain.raar, 1))
        held = 0 if known is None else min(max(release - begin, 0), cycles)
        if known is not None and held > 0:
            operator, name = bounded(algorithm, known) ** held, f"{known.label}{algorithm}**{held}"
        if held < cycles:
            free = getattr(cdi_module, algorithm)() ** (cycles - held)
            free_name = f"{algorithm}**{cycles - held}"
            operator = free * operator if held else free
            name = f"{free_name}*{name}" if held else free_name
        if shrink and algorithm != "ER":  # the last cycles fit the object, not the support
            operator, name = update * operator, f"SupportUpdate*{name}"
        yield name, operator, cycles
        begin += cycles


def _eased(known: Knowledge | None, done: float) -> Knowledge | None:
    """A prior as strong as it is when the part `done` of HIO and RAAR is; bounds as they are."""
    if not isinstance(known, Prior):
        return known
    return replace(known, half_way=half_way(done))


def _blocks(chain: Schedule, divided: bool) -> Iterator[tuple[str, int]]:
    """Algorithms and cycles, HIO and RAAR divided between updates of the support or the prior."""
    for algorithm, cycles in (("HIO", chain.hio), ("RAAR", chain.raar)):
        length = chain.update_every if divided else max(cycles, 1)
        for begin in range(0, cycles, length):
            yield algorithm, min(length, cycles - begin)
    if chain.er > 0:
        yield "ER", chain.er


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
