"""Kinds of crystals and beams: even or varying density, coherent or partly coherent light."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import Complex64Array, Complex128Array, Float64Array
from simulation.fields import correlated_field

KINDS = {
    "coherent, even": (False, False),
    "coherent, varying": (False, True),
    "partly coherent, even": (True, False),
    "partly coherent, varying": (True, True),
}
"""By name: whether the beam is partly coherent, and whether the modulus varies inside."""
REAL = {False: "coherent, real object", True: "partly coherent, real object"}
"""Kinds of measurements of real objects, by whether the beam is partly coherent."""
NARROWEST_VOXEL = 1e-3
"""Half width of a Lorentzian below which nothing of it leaves a voxel."""
LEAST_MODULUS = 0.1
"""Part of the mean below which a varying modulus does not fall: no crystal has holes of it."""


def deal_kinds(shares: Mapping[str, float], count: int) -> list[str]:
    """Deal kinds to crystals one by one, each to the one whose share is most behind.

    More crystals begin with the same kinds.

    Examples
    --------
    >>> deal_kinds({"coherent, even": 1, "partly coherent, even": 2}, 4)
    ['partly coherent, even', 'coherent, even', 'partly coherent, even', 'partly coherent, even']
    """
    total = sum(shares.values())
    dealt: list[str] = []
    for n in range(1, count + 1):
        behind = {kind: n * share / total - dealt.count(kind) for kind, share in shares.items()}
        dealt.append(max(behind, key=lambda kind: behind[kind]))
    return dealt


def vary_modulus(
    obj: Complex128Array | Complex64Array,
    spread: float,
    correlation_voxel: Float64Array | float,
    rng: np.random.Generator,
) -> Complex128Array:
    """Multiply an object by a smooth random field.

    Parameters
    ----------
    obj : (*shape,), the object, zero or nearly so outside the particle.
    spread : standard deviation of the field inside, over its mean.
    correlation_voxel : length over which the field is alike, in voxels, one for all axes or one
        for each.
    rng : source of the field.

    Returns
    -------
    (*shape,), the object whose modulus varies.
    """
    field = correlated_field(obj.shape, correlation_voxel, rng)
    inside = np.abs(obj) > 0.5 * np.abs(obj).max()
    deviation = (field - field[inside].mean()) / field[inside].std()
    return np.asarray(obj * np.maximum(1 + spread * deviation, LEAST_MODULUS))


def bring_peak_to_middle(amplitude: Complex128Array) -> Complex128Array:
    """Move an amplitude so that its brightest voxel lies at index n // 2 of each axis.

    Strain moves a peak off the middle; a user of the scan brings it back.
    """
    brightest = np.unravel_index(np.argmax(np.abs(amplitude)), amplitude.shape)
    shifts = [n // 2 - int(at) for n, at in zip(amplitude.shape, brightest, strict=True)]
    return np.roll(amplitude, shifts, axis=(0, 1, 2))


def blur_intensity(
    intensity: Float64Array, sigma_voxel: Float64Array, tail_share: float = 0.0
) -> Float64Array:
    """What a partly coherent beam shows: the intensity convolved with a pseudo-Voigt (periodic).

    A Gaussian after Clark et al., Nat. Commun. 3, 993 (2012); measured beams have tails beside it.

    Parameters
    ----------
    intensity : (n_rock, n_y, n_x).
    sigma_voxel : (3,), the Gaussian's standard deviation along each axis.
    tail_share : part of the blur that is a Lorentzian of three dimensions. Its projection on an
        axis is as wide at half of its height as the Gaussian; itself it is 0.644 times as wide.

    Returns
    -------
    (n_rock, n_y, n_x), of the same sum.
    """
    core = np.asarray(gaussian_filter(intensity, sigma_voxel, mode="wrap"))
    if not tail_share:
        return core
    tails = scipy.fft.rfftn(_lorentzian(intensity.shape, sigma_voxel))
    tails = scipy.fft.irfftn(scipy.fft.rfftn(intensity) * tails, intensity.shape)
    return np.asarray((1 - tail_share) * core + tail_share * np.maximum(tails, 0))


def _lorentzian(shape: tuple[int, ...], sigma_voxel: Float64Array) -> Float64Array:
    """A Lorentzian in three dimensions, its sum 1, the centre at index 0."""
    half_widths = np.maximum(np.sqrt(2 * np.log(2)) * np.asarray(sigma_voxel), NARROWEST_VOXEL)
    offsets = np.ix_(*(scipy.fft.fftfreq(n, 1 / n) for n in shape))
    scaled = [(at / width) ** 2 for at, width in zip(offsets, half_widths, strict=True)]
    peak = (1 + scaled[0] + scaled[1] + scaled[2]) ** -2
    return np.asarray(peak / peak.sum())


def object_of(amplitude: Complex128Array) -> Complex128Array:
    """The centred object whose transform, of the same norm, is the centred amplitude."""
    shifted = scipy.fft.ifftn(scipy.fft.ifftshift(amplitude), norm="ortho")
    return np.asarray(scipy.fft.fftshift(shifted))


def amplitude_of(obj: Complex128Array) -> Complex128Array:
    """The centred amplitude of a centred object, of the same norm."""
    shifted = scipy.fft.fftn(scipy.fft.ifftshift(obj), norm="ortho")
    return np.asarray(scipy.fft.fftshift(shifted))
