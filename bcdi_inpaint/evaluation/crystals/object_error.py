"""How far a reconstruction is from the known object, in what a scan can tell.

Objects are centred in their arrays: the particle sits at index n // 2 of each axis, not at 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.ndimage import fourier_shift

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.shifts import shift_between


@dataclass(frozen=True)
class Comparison:
    """A reconstruction beside the truth, after aligning what a scan leaves open.

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


def compare(obj: np.ndarray, truth: np.ndarray, inside: np.ndarray | None = None) -> Comparison:
    """How far a reconstruction is from the true object, in what a scan can tell.

    An intensity leaves open where the object is, its global phase, and its inversion with the
    phase's sign turned (the twin image). It does not leave a linear phase ramp open: that moves the
    pattern on its grid. But where the grid lies a scan knows only as far as its angles and lattice
    parameter are known. So the ramp is taken off too, as is usual, and with it the strain's mean:
    an error of that is not counted. All four are aligned before comparing, translation and ramp to
    fractions of a voxel.

    Parameters
    ----------
    obj, truth : (n_rock, n_y, n_x) complex, centred, of one shape.
    inside : (n_rock, n_y, n_x) bool, the true particle; by default where the true modulus exceeds
        half its maximum.

    Returns
    -------
    The errors, of the object or its twin, whichever is nearer.

    Raises
    ------
    InputError
        The shapes differ, or the object is zero everywhere.

    Examples
    --------
    >>> truth = np.zeros((12, 12, 12), dtype=complex)
    >>> truth[4:8, 5:8, 3:9] = 1
    >>> truth[4, 5, 3] = 0  # so that it differs from its twin
    >>> found = compare(1j * np.roll(truth, 2, axis=2), truth)
    >>> print(f"{found.phase_rms_rad:.2f} rad, {found.modulus_rms:.2f}, twin: {found.inverted}")
    0.00 rad, 0.00, twin: False
    """
    if obj.shape != truth.shape:
        raise InputError(
            f"reconstruction has shape {obj.shape}, expected the truth's {truth.shape}: crop both "
            "to one shape"
        )
    if not np.any(obj) or not np.any(truth):
        raise InputError("the object is zero everywhere, expected a particle: phase it again")
    # In single precision the squares of squared spectra overflow.
    obj, truth = obj.astype(np.complex128), truth.astype(np.complex128)
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
    aligned = _with_ramp(obj, shift_between(*spectra))
    for _ in range(2):  # what is left of one disturbs the estimate of the other
        aligned = _translated(aligned, shift_between(np.abs(truth), np.abs(aligned)))
        ramp, global_phase_rad = _residual_phase(aligned, truth, inside)
        aligned = _with_ramp(aligned, -ramp) * np.exp(-1j * global_phase_rad)
    return aligned


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


def shell_correlation(obj: np.ndarray, truth: np.ndarray, threshold: float = 0.5) -> float:
    """Resolution: the frequency where the Fourier-shell correlation falls below a threshold.

    Harauz and van Heel, Optik 73, 146 (1986).

    Parameters
    ----------
    obj, truth : (n_rock, n_y, n_x) complex, aligned.
    threshold : of the correlation, 0 to 1.

    Returns
    -------
    In parts of Nyquist's frequency; 1 where the correlation stays above.
    """
    spectra = [scipy.fft.fftn(scipy.fft.ifftshift(array)) for array in (obj, truth)]
    squares = [np.fft.fftfreq(n) ** 2 for n in obj.shape]
    radius = np.sqrt(sum(np.ix_(*squares))) * 2  # (*shape), 1 is Nyquist's frequency
    n_shells = min(obj.shape) // 2
    shell = np.minimum((radius * n_shells).astype(int), n_shells).ravel()
    cross, *powers = (
        np.bincount(shell, weights.real.ravel(), n_shells + 1)[:n_shells]
        for weights in (
            spectra[0] * np.conj(spectra[1]),
            np.abs(spectra[0]) ** 2,
            np.abs(spectra[1]) ** 2,
        )
    )
    correlation = cross / np.sqrt(np.maximum(powers[0] * powers[1], np.finfo(float).tiny))
    below = np.flatnonzero(correlation < threshold)
    return float(below[0] / n_shells) if below.size else 1.0
