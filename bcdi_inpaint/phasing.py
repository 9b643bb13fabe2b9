"""Phase retrieval with PyNX, and how far a reconstruction is from a known object.

The objects and counts that go in and out are centred in their arrays: the Bragg peak and the
particle sit at index n // 2 of each axis, not at 0.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import scipy.fft
from scipy.ndimage import center_of_mass, fourier_shift
from skimage.registration import phase_cross_correlation

from bcdi_inpaint.engines import import_pynx, quiet
from bcdi_inpaint.errors import InputError

# Radius in voxels of the islands of free voxels: neighbours know of each other, so single voxels
# would not be free.
FREE_ISLAND_RADIUS = 3


@dataclass(frozen=True)
class Chain:
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


@dataclass(frozen=True)
class Comparison:
    """A reconstruction beside the truth, after aligning what the intensities leave open.

    Attributes
    ----------
    phase_rms_rad : RMS of the phase difference inside the true particle.
    modulus_rms : RMS of the modulus difference there, relative to the true RMS modulus.
    inverted : whether the reconstruction was the twin image.
    aligned : (n_rock, n_y, n_x) complex, the reconstruction in the truth's place and phase.
    """

    phase_rms_rad: float
    modulus_rms: float
    inverted: bool
    aligned: np.ndarray


# --- cropping -------------------------------------------------------------------------------------


def crop_around_peak(
    counts: np.ndarray, bad_mask: np.ndarray, shape: tuple[int, int, int]
) -> tuple[slice, slice, slice]:
    """The slices of a box of `shape` around the Bragg peak, moved inwards to fit the array.

    The peak is the centre of mass of the valid counts above a tenth of their maximum.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x)
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid
    shape : of the box, per axis not more than the counts' shape

    Raises
    ------
    InputError
        The box is larger than the array, or no valid voxel has counts.
    """
    if any(size > n for size, n in zip(shape, counts.shape, strict=True)):
        raise InputError(
            f"crop {shape} is larger than the counts {counts.shape}, expected at most their shape: "
            "choose a smaller crop"
        )
    valid = np.where(bad_mask, 0, counts)
    if valid.max() <= 0:
        raise InputError(
            "no valid voxel has counts, expected a Bragg peak: check the mask and the data"
        )
    centre = center_of_mass(np.where(valid > 0.1 * valid.max(), valid, 0))
    starts = [
        int(np.clip(round(c) - size // 2, 0, n - size))
        for c, size, n in zip(centre, shape, counts.shape, strict=True)
    ]
    rock, y, x = (slice(start, start + size) for start, size in zip(starts, shape, strict=True))
    return rock, y, x


# --- retrieval ------------------------------------------------------------------------------------


def retrieve(
    counts: np.ndarray,
    bad_mask: np.ndarray,
    rng: np.random.Generator,
    *,
    support: np.ndarray | None = None,
    chain: Chain = Chain(),
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

    Raises
    ------
    MissingEngineError
        PyNX is not there.
    InputError
        The shapes do not match, nothing was measured, or the support vanished or filled the array.
    """
    _check_arrays(counts, bad_mask, support)
    cdi_module = import_pynx("cdi")
    log: list[str] = []
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    with quiet(), np.errstate(all="ignore"), scipy.fft.set_workers(workers):
        cdi = _start(cdi_module, counts, bad_mask, support, rng, chain)
        try:
            for name, operator in _stages(cdi_module, chain, shrink=support is None):
                cdi = operator * cdi
                log.append(_stage_line(cdi_module, cdi, name))
        except (cdi_module.SupportTooSmall, cdi_module.SupportTooLarge) as error:
            raise InputError(
                f"the support was lost ({error}): give a support, or change the chain's "
                f"support_threshold ({chain.support_threshold})"
            ) from error
        return _reconstruction(cdi_module, cdi, log)


def retrieve_best(
    counts: np.ndarray,
    bad_mask: np.ndarray,
    rng: np.random.Generator,
    *,
    starts: int = 2,
    support: np.ndarray | None = None,
    chain: Chain = Chain(),
) -> Reconstruction:
    """The best of several random starts by free log-likelihood; arguments as for `retrieve`.

    A start that loses its support is left out; if all do, the last one's error is raised.
    """
    results: list[Reconstruction] = []
    failure = InputError(f"starts is {starts}, expected at least 1: give a positive number")
    for _ in range(starts):
        try:
            results.append(retrieve(counts, bad_mask, rng, support=support, chain=chain))
        except InputError as error:
            failure = error
    if not results:
        raise failure
    return min(results, key=lambda r: r.llk if np.isnan(r.llk_free) else r.llk_free)


def _check_arrays(counts: np.ndarray, bad_mask: np.ndarray, support: np.ndarray | None) -> None:
    for name, array in (("mask", bad_mask), ("support", support)):
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


def _start(
    cdi_module: ModuleType,
    counts: np.ndarray,
    bad_mask: np.ndarray,
    support: np.ndarray | None,
    rng: np.random.Generator,
    chain: Chain,
) -> Any:
    """A PyNX `CDI` with free voxels, a support and a random object inside it."""
    measured = np.where(bad_mask, 0, np.maximum(counts, 0)).astype(np.float32)
    iobs = np.fft.ifftshift(measured)  # PyNX has the centre at index 0
    cdi = cdi_module.CDI(iobs, mask=np.fft.ifftshift(bad_mask).astype(np.int8))
    islands = _free_islands(counts.shape, chain.free_fraction, rng)
    if islands is not None:
        cdi.init_free_pixels(island_radius=FREE_ISLAND_RADIUS, coords=islands)
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


def _stages(cdi_module: ModuleType, chain: Chain, *, shrink: bool) -> Iterator[tuple[str, Any]]:
    """The stages' names and PyNX operators, in the order in which they are applied."""
    first, last = chain.smooth_width
    update = cdi_module.SupportUpdate(
        threshold_relative=chain.support_threshold,
        smooth_width=(first, last, max(chain.hio + chain.raar, 1)),
        max_fraction=0.9,
    )
    for name, cycles in (("HIO", chain.hio), ("RAAR", chain.raar)):
        algorithm = getattr(cdi_module, name)()
        length = chain.update_every if shrink else max(cycles, 1)
        for begin in range(0, cycles, length):
            block = min(length, cycles - begin)
            if shrink:
                yield f"SupportUpdate*{name}**{block}", update * algorithm**block
            else:
                yield f"{name}**{block}", algorithm**block
    if chain.er > 0:  # the last cycles fit the object, not the support
        yield f"ER**{chain.er}", cdi_module.ER() ** chain.er


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
    return Reconstruction(obj.astype(np.complex64), support, llk, llk_free, tuple(log))


# --- comparison with a truth ----------------------------------------------------------------------


def compare(obj: np.ndarray, truth: np.ndarray, inside: np.ndarray | None = None) -> Comparison:
    """How far a reconstruction is from the true object, in what the intensities can tell.

    An intensity leaves open where the object is, its global phase, and its inversion with the
    phase's sign turned (the twin image); a peak off the array's centre adds a linear phase ramp.
    All four are aligned before comparing, translation and ramp to fractions of a voxel.

    Parameters
    ----------
    obj, truth : (n_rock, n_y, n_x) complex, centred, of one shape
    inside : (n_rock, n_y, n_x) bool, the true particle; by default where the true modulus exceeds
        half its maximum

    Raises
    ------
    InputError
        The shapes differ, or the object is zero everywhere.
    """
    if obj.shape != truth.shape:
        raise InputError(
            f"reconstruction has shape {obj.shape}, expected the truth's {truth.shape}: crop both "
            "to one shape"
        )
    if not np.any(obj) or not np.any(truth):
        raise InputError("the object is zero everywhere, expected a particle: phase it again")
    if inside is None:
        inside = np.abs(truth) > 0.5 * np.abs(truth).max()
    twin = np.roll(np.conj(np.flip(obj)), [1 - n % 2 for n in obj.shape], axis=(0, 1, 2))
    candidates = [
        _comparison(_align(candidate, truth, inside), truth, inside, inverted)
        for candidate, inverted in ((obj, False), (twin, True))
    ]
    return min(candidates, key=lambda c: c.phase_rms_rad)


def _comparison(
    aligned: np.ndarray, truth: np.ndarray, inside: np.ndarray, inverted: bool
) -> Comparison:
    difference_rad = np.angle(aligned[inside] * np.conj(truth[inside]))
    found, true = np.abs(aligned[inside]), np.abs(truth[inside])
    found = found * (found @ true) / max(found @ found, np.finfo(float).tiny)
    return Comparison(
        phase_rms_rad=float(np.sqrt(np.mean(difference_rad**2))),
        modulus_rms=float(np.sqrt(np.mean((found - true) ** 2) / np.mean(true**2))),
        inverted=inverted,
        aligned=aligned,
    )


def _align(obj: np.ndarray, truth: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """`obj` with its ramp, translation and global phase matched to `truth`'s."""
    # A ramp moves the intensity, wherever the object is: the first estimate of it.
    spectra = [np.abs(scipy.fft.fftn(array)) ** 2 for array in (truth, obj)]
    aligned = _with_ramp(obj, _shift_between(*spectra))
    for _ in range(2):  # what is left of one disturbs the estimate of the other
        aligned = _translated(aligned, _shift_between(np.abs(truth), np.abs(aligned)))
        ramp, global_phase_rad = _residual_phase(aligned, truth, inside)
        aligned = _with_ramp(aligned, -ramp) * np.exp(-1j * global_phase_rad)
    return aligned


def _shift_between(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """The translation in voxels (3,) that takes `moving` onto `fixed`, to 0.01 voxel.

    Guizar-Sicairos, Thurman and Fienup, Opt. Lett. 33, 156 (2008).
    """
    shift, _, _ = phase_cross_correlation(fixed, moving, upsample_factor=100, normalization=None)
    return np.asarray(shift, dtype=float)


def _translated(obj: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """`obj` moved by `shift` voxels (3,), by a ramp in Fourier space."""
    return scipy.fft.ifftn(fourier_shift(scipy.fft.fftn(obj), shift))


def _centred_grid(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Open grid of the indices relative to the centre n // 2, one array per axis."""
    return [
        np.asarray(axis) - n // 2
        for axis, n in zip(np.ogrid[tuple(map(slice, shape))], shape, strict=True)
    ]


def _with_ramp(obj: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """`obj` with a phase ramp of `periods` (3,) over the array added per axis."""
    grid = _centred_grid(obj.shape)
    turns = sum(p * axis / n for p, axis, n in zip(periods, grid, obj.shape, strict=True))
    return obj * np.exp(2j * np.pi * turns)


def _residual_phase(
    obj: np.ndarray, truth: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, float]:
    """The ramp in periods over the array (3,) and the global phase in rad left in `obj`.

    Least squares of the phase difference inside the particle, which the spectra's alignment has
    left well within a turn.
    """
    product = obj[inside] * np.conj(truth[inside])  # (n_inside,)
    mean_rad = float(np.angle(product.sum()))
    difference_rad = np.angle(product * np.exp(-1j * mean_rad))
    centres = np.array([n // 2 for n in obj.shape])
    positions = (np.argwhere(inside) - centres) / np.array(obj.shape)  # (n_inside, 3), in arrays
    design = np.column_stack([2 * np.pi * positions, np.ones(len(positions))])
    solution, *_ = np.linalg.lstsq(design, difference_rad, rcond=None)
    return solution[:3], mean_rad + float(solution[3])
