"""The point spread function of a partly coherent beam, for PyNX's CPU backend.

A beam that is partly coherent blurs the intensity, and PyNX's GPU backends compare the measured
counts with the calculated intensity as it is blurred (`InitPSF`, `UpdatePSF`, `psf` in a runner).
PyNX 2025.1's CPU backend takes the same parameters and ignores them. Here is what it lacks: the
amplitude goes F -> F sqrt(I_measured / (|F|^2 * psf)), log-likelihoods are of the blurred
intensity, and the function is updated as on a GPU, by steps of Richardson and Lucy (J. N. Clark et
al., Nat. Commun. 3, 993 (2012)). A `CDI` without a point spread function goes through PyNX's own
code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from scipy.fft import fftfreq, fftshift, ifftshift, irfftn, rfftfreq, rfftn

from bcdi_inpaint.arrays import Float32Array, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.point_spread import fit_psf
from bcdi_inpaint.pynx_engine import import_pynx

SEEN = "intensity_seen"
"""The attribute of a `CDI` with its blurred intensity, while its amplitudes are projected."""
NO_INTENSITY = 1e-20
"""Blurred counts below which the intensity itself is taken, as PyNX does: a convolution by Fourier
transforms may come out negative."""
LEAST_STEP = 1e-6
"""What a voxel of the function is multiplied with at least in an update, of the mean; PyNX's."""
BELOW_ZERO = np.float32(1e-6)
"""Of its largest voxel, how far one of the function may be below 0 in an update. Transforms leave
1e-8 by rounding, of either sign, and updates multiply: without a limit some runs diverged, a
Gaussian's within a dozen updates, a pseudo-Voigt's within forty. One at 0 changes the runs where
that is all."""
LEAST_PSF = np.float32(1e-30)
"""What a voxel further below 0 becomes; PyNX's, where its GPU backends filter the function."""
FIRST_UPDATES = 10
"""Updates with which a function begins that is given by a model; PyNX's."""
FWHM = 2.3548
"""Full width at half maximum of a Gaussian, in standard deviations."""
Op = Callable[[Any, Any], Any]


def model_psf(shape: Sequence[int], model: str, fwhm: float, eta: float) -> FloatArray:
    """PyNX's models of a point spread function, as its GPU backends have them; the sum is 1.

    Parameters
    ----------
    shape : of the scan.
    model : what has ``gauss`` or ``lorentz`` in its name is that, another one pseudo-Voigt.
    fwhm : full width at half maximum, in voxels.
    eta : the Lorentzian's part of a pseudo-Voigt.

    Returns
    -------
    float32 of that shape, its centre at index 0.

    Examples
    --------
    >>> psf = model_psf((8, 8, 8), "gaussian", 1.0, 0.0)
    >>> float(psf[0, 0, 1] / psf[0, 0, 0]).__round__(4)  # exp(-4 ln 2)
    0.0625
    """
    axes = np.meshgrid(*(fftfreq(n, 1 / n) for n in shape), indexing="ij", sparse=True)
    squared = sum(axis**2 for axis in axes)
    sigma = fwhm / FWHM
    gaussian = np.exp(-squared / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))
    lorentzian = 2 / np.pi * fwhm / (4 * squared + fwhm**2)
    name = model.lower()
    share = 0.0 if "gauss" in name else 1.0 if "lorentz" in name else eta
    psf = share * lorentzian + (1 - share) * gaussian
    return (psf / psf.sum()).astype(np.float32)


def gaussian_psf_f(shape: Sequence[int], sigma: Sequence[float] | FloatArray) -> Any:
    """The real Fourier transform of a Gaussian point spread function, as `CDI.init_psf` takes it.

    Parameters
    ----------
    shape : of the scan.
    sigma : standard deviations in voxels along its axes.

    Returns
    -------
    (..., n_x // 2 + 1) complex64; it begins with 1.
    """
    frequencies = [*(fftfreq(n) for n in shape[:-1]), rfftfreq(shape[-1])]
    axes = np.meshgrid(*frequencies, indexing="ij", sparse=True)
    exponent = sum((width * axis) ** 2 for width, axis in zip(sigma, axes, strict=True))
    return np.exp(-2 * np.pi**2 * exponent).astype(np.complex64)


def any_psf_f(shape: Sequence[int], psf: Float32Array) -> Any:
    """The real Fourier transform of a point spread function, as `CDI.init_psf` takes it.

    Parameters
    ----------
    shape : of the scan.
    psf : three axes, centred, in voxels of the scan.

    Returns
    -------
    (..., n_x // 2 + 1) complex64; it begins with 1.
    """
    return rfftn(ifftshift(fit_psf(psf, shape))).astype(np.complex64)


def blur(intensity: Any, psf_f: Any) -> Any:
    """An intensity convolved with a point spread function, given by its real transform."""
    return irfftn(rfftn(intensity) * psf_f, s=intensity.shape)


def intensity_seen(cdi: Any) -> Any:
    """The calculated intensity of a `CDI` of the CPU's in Fourier space, as a detector sees it."""
    seen = getattr(cdi, SEEN, None)
    if seen is not None:
        return seen
    return as_seen(np.abs(cdi._obj) ** 2, cdi._psf_f)


def as_seen(intensity: Any, psf_f: Any) -> Any:
    """An intensity as a detector sees it.

    Parameters
    ----------
    intensity : of all axes, the centre at index 0.
    psf_f : real Fourier transform of the point spread function; None for a coherent beam.
    """
    if psf_f is None:
        return intensity
    return _without_negatives(blur(intensity, psf_f), intensity)


def _without_negatives(blurred: Any, own: Any) -> Any:
    return np.where(blurred < NO_INTENSITY, np.maximum(own, blurred), blurred)


def update_psf(psf_f: Any, counts: Any, intensity: Any) -> Any:
    """One step of Richardson and Lucy towards the point spread function of a scan.

    Parameters
    ----------
    psf_f : real Fourier transform of the function as it is.
    counts : measured; negative where they are not.
    intensity : calculated, of the same shape, not blurred.

    Returns
    -------
    That of the next one, complex64.
    """
    return _step(psf_f, counts, blur(intensity, psf_f), intensity)


def _step(psf_f: Any, counts: Any, blurred: Any, intensity: Any) -> Any:
    """The step with the blurred intensity in both places, as PyNX has it.

    PyNX lets a voxel fall as far below 0 as it will; see `BELOW_ZERO`.
    """
    seen = np.maximum(_without_negatives(blurred, intensity), np.float32(NO_INTENSITY))
    ratio = np.where(counts >= 0, counts / seen, np.float32(1))
    change = irfftn(rfftn(ratio) * rfftn(blurred).conj(), s=counts.shape)
    psf = irfftn(psf_f, s=counts.shape)
    psf *= np.maximum(change / change.mean(), np.float32(LEAST_STEP))
    psf[psf < -BELOW_ZERO * psf.max()] = LEAST_PSF
    return rfftn(psf / psf.sum()).astype(np.complex64)


def heed_psf(backend: ModuleType) -> None:
    """Let PyNX's CPU backend heed the point spread function of every `CDI` that has one.

    Parameters
    ----------
    backend : PyNX's module of operators for the CPU. Calling this again changes nothing.
    """
    wraps = {"ApplyAmplitude": _projection, "LLK": _likelihood}
    wraps |= {"InitPSF": _init, "UpdatePSF": _update}
    for name, wrap in wraps.items():
        operator = getattr(backend, name)
        if not hasattr(operator.op, "without_psf"):
            own = operator.op
            operator.op = functools.wraps(own)(wrap(backend, own))
            operator.op.without_psf = own


def _projection(backend: ModuleType, own: Op) -> Op:
    """`ApplyAmplitude`: PyNX divides by |F|, so what it gives is put on the blurred scale."""

    def op(operator: Any, cdi: Any) -> Any:
        if operator.update_psf and cdi._psf_f is None:
            cdi = backend.InitPSF() * cdi
        if cdi._psf_f is None:
            return own(operator, cdi)
        intensity = np.abs(cdi._obj * operator.scale_in) ** 2
        blurred = blur(intensity, cdi._psf_f)
        seen = _without_negatives(blurred, intensity)
        with _remembered(cdi, seen):
            cdi = own(operator, cdi)
        gain = np.sqrt(intensity / np.maximum(seen, np.float32(NO_INTENSITY)))
        cdi._obj *= np.where(cdi.iobs >= 0, gain, np.float32(1))
        if operator.update_psf:
            _refuse_filter(operator.psf_filter)
            cdi._psf_f = _step(cdi._psf_f, cdi.iobs, blurred, intensity)
        return cdi

    return op


@contextmanager
def _remembered(cdi: Any, seen: Any) -> Iterator[None]:
    """The blurred intensity on a `CDI`, for what PyNX calls while it projects."""
    setattr(cdi, SEEN, seen)
    try:
        yield
    finally:
        delattr(cdi, SEEN)


def _likelihood(backend: ModuleType, own: Op) -> Op:
    """`LLK`, of amplitudes that are the roots of the blurred intensity."""

    def op(operator: Any, cdi: Any) -> Any:
        if cdi._psf_f is None:
            return own(operator, cdi)
        if cdi.in_object_space():
            return backend.IFT() * (operator * (backend.FT() * cdi))
        amplitudes, cdi._obj = cdi._obj, np.sqrt(intensity_seen(cdi))
        try:
            return own(operator, cdi)
        finally:
            cdi._obj = amplitudes

    return op


def _init(backend: ModuleType, own: Op) -> Op:
    """`InitPSF`: a given array, or a model and some updates."""

    def op(operator: Any, cdi: Any) -> Any:
        if operator.psf is None:
            made = model_psf(cdi.iobs.shape, operator.model, operator.fwhm, operator.eta)
            cdi._psf_f = rfftn(made).astype(np.complex64)
            return backend.UpdatePSF(filter=operator.filter) ** FIRST_UPDATES * cdi
        match_shape = import_pynx("cdi.selection").match_shape
        given = fftshift(match_shape([operator.psf], shape=cdi.iobs.shape)[0])
        cdi._psf_f = rfftn((given / given.sum()).astype(np.float32)).astype(np.complex64)
        return cdi

    return op


def _update(backend: ModuleType, own: Op) -> Op:
    """`UpdatePSF`, of the amplitudes as they are."""

    def op(operator: Any, cdi: Any) -> Any:
        _refuse_filter(operator.filter)
        if cdi.in_object_space():
            return backend.IFT() * (operator * (backend.FT() * cdi))
        if cdi._psf_f is None:
            cdi = backend.InitPSF() * cdi
        intensity = np.abs(cdi._obj * operator.scale_in) ** 2
        for _ in range(operator.nb_cycle):
            cdi._psf_f = update_psf(cdi._psf_f, cdi.iobs, intensity)
        return cdi

    return op


def _refuse_filter(name: str | None) -> None:
    if name is not None:
        raise InputError(f"psf_filter is {name}, expected none on the CPU: leave it out")
