"""A compact phase retrieval in torch, for the refinement of fills.

PyNX phases crystals; what is wanted here is only the intensity that an object of finite size could
have in a gap. One projection keeps every Fourier amplitude between its bounds (equal ones where it
was measured, 0 and infinity where it was not) and draws those of a prior to it, the other keeps the
object inside its support (ER, HIO: Fienup, Appl. Opt. 21, 2758 (1982); RAAR: Luke, Inverse Problems
21, 37 (2005)). All tensors here have the centre at index 0 and the transform keeps the norm, as in
PyNX.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.constraints import HALF_WAY, half_way

BETA = 0.9
"""Of HIO and RAAR."""
SUPPORT_THRESHOLD = 0.25
"""The support keeps where the smoothed modulus exceeds this part of its root mean square in it."""
SMOOTH_WIDTH = (2.0, 0.5)
"""Width in voxels of that smoothing, first and last."""
AUTOCORRELATION_THRESHOLD = 0.1
"""The first support is where the autocorrelation exceeds this part of its maximum."""
SMALLEST_SUPPORT, LARGEST_SUPPORT = 27, 0.7
"""Voxels, and part of the array, between which a support makes sense."""
SMALLEST_AMPLITUDE = 1e-12
"""What is divided by where the calculated amplitude is smaller."""


@dataclass(frozen=True)
class Schedule:
    """How many cycles of HIO, of RAAR, of ER, and between two updates of the support.

    They come in this order: HIO finds the object, RAAR settles it, ER ends in the nearest minimum.
    """

    raar: int = 300
    er: int = 100
    update_every: int = 50
    hio: int = 0


@dataclass(frozen=True)
class Prior:
    """Estimated counts of some voxels; the same as `bounds.Prior`, on any device.

    Attributes
    ----------
    where : (n_rock, n_y, n_x) bool, the centre at index 0.
    log_counts, sigma : (n_estimated,) float32, log(1 + counts) and its standard deviation.
    """

    where: Tensor
    log_counts: Tensor
    sigma: Tensor

    def drawn(self, modulus: Tensor, half_way: float) -> Tensor:
        """(n_estimated,) moduli, a part of the way from those of `modulus` to the estimates."""
        found = torch.log1p(modulus[self.where] ** 2)
        weight = 1 / (1 + (self.sigma / half_way) ** 2)
        return torch.sqrt(torch.expm1(found + weight * (self.log_counts - found)))


@dataclass(frozen=True)
class Amplitudes:
    """Bounds of the Fourier amplitudes, (n_rock, n_y, n_x) float32 each, the centre at index 0.

    And a prior of some that are free, heeded as `half_way` says (see `bounds.Prior`).
    """

    least: Tensor
    most: Tensor
    prior: Prior | None = None
    half_way: float = HALF_WAY[1]

    def eased(self, done: float) -> Amplitudes:
        """With the prior as strong as it is when the part `done` of HIO and RAAR is."""
        return replace(self, half_way=half_way(done))

    def projected(self, obj: Tensor) -> Tensor:
        """The object next to `obj` whose amplitudes lie between the bounds; phases are kept."""
        spectrum = torch.fft.fftn(obj, norm="ortho")
        modulus = spectrum.abs()
        wanted = torch.minimum(torch.maximum(modulus, self.least), self.most)
        if self.prior is not None:
            wanted[self.prior.where] = self.prior.drawn(modulus, self.half_way)
        spectrum *= wanted / modulus.clamp(min=SMALLEST_AMPLITUDE)
        return torch.fft.ifftn(spectrum, norm="ortho")


def amplitudes(lower: FloatArray, upper: FloatArray, device: torch.device) -> Amplitudes:
    """The amplitudes of expected counts between bounds (n_rock, n_y, n_x), centred."""
    least, most = (
        torch.from_numpy(np.sqrt(np.fft.ifftshift(np.maximum(bound, 0))).astype(np.float32))
        for bound in (lower, upper)
    )
    return Amplitudes(least.to(device), most.to(device))


def prior_of(
    counts: FloatArray,
    sigma: FloatArray,
    where: BoolArray,
    device: torch.device,
) -> Prior:
    """The prior of the voxels `where`; all are centred and (n_rock, n_y, n_x)."""
    chosen = np.fft.ifftshift(where)
    values = (np.fft.ifftshift(array)[chosen] for array in (np.log1p(counts), sigma))
    log_counts, deviations = (torch.from_numpy(v.astype(np.float32)).to(device) for v in values)
    return Prior(torch.from_numpy(chosen).to(device), log_counts, deviations)


@dataclass
class State:
    """An object (n_rock, n_y, n_x) complex64 and its support, bool, the centre at index 0."""

    obj: Tensor
    support: Tensor

    def intensity(self) -> Float32Array:
        """(n_rock, n_y, n_x) what the object inside the support diffracts, centred."""
        spectrum = torch.fft.fftn(self.obj * self.support, norm="ortho")
        return np.fft.fftshift((spectrum.abs() ** 2).cpu().numpy())


def start(
    counts: FloatArray,
    known: Amplitudes,
    rng: np.random.Generator,
    support: BoolArray | None = None,
) -> State:
    """A random object in the support, by default where the autocorrelation of `counts` is strong.

    `counts` (n_rock, n_y, n_x) are centred, with a guess where nothing was measured.
    """
    device = known.least.device
    light = torch.from_numpy(np.fft.ifftshift(counts).astype(np.float32)).to(device)
    if support is None:
        correlation = torch.fft.ifftn(light).abs()
        inside = correlation > AUTOCORRELATION_THRESHOLD * correlation.max()
    else:
        inside = torch.from_numpy(np.fft.ifftshift(support)).to(device)
    values = rng.uniform(0, 1, counts.shape) * np.exp(2j * np.pi * rng.uniform(0, 1, counts.shape))
    obj = torch.from_numpy(values.astype(np.complex64)).to(device) * inside
    obj *= (light.sum() / (obj.abs() ** 2).sum()).sqrt()
    return State(obj, inside)


def cycle(state: State, known: Amplitudes, algorithm: str, count: int) -> None:
    """`count` cycles of ``HIO``, ``RAAR`` or ``ER``, in place."""
    for _ in range(count):
        projected = known.projected(state.obj)
        outside: Tensor | int = 0
        if algorithm == "HIO":
            outside = state.obj - BETA * projected
        elif algorithm == "RAAR":
            outside = BETA * state.obj + (1 - 2 * BETA) * projected
        state.obj = torch.where(state.support, projected, outside)


def shrink(state: State, width: float) -> None:
    """A new support: where the modulus, smoothed over `width` voxels, is large, in place.

    Marchesini et al., Phys. Rev. B 68, 140101 (2003). InputError if next to nothing or next to
    everything is left.
    """
    modulus = state.obj.abs()
    threshold = SUPPORT_THRESHOLD * (modulus[state.support] ** 2).mean().sqrt()
    smoothed = torch.fft.rfftn(modulus)
    for axis, n in enumerate(modulus.shape):
        last = axis == modulus.ndim - 1
        frequency = (torch.fft.rfftfreq if last else torch.fft.fftfreq)(n, device=modulus.device)
        fading = torch.exp(-2 * (torch.pi * width * frequency) ** 2)
        smoothed *= fading.reshape([-1 if a == axis else 1 for a in range(modulus.ndim)])
    state.support = torch.fft.irfftn(smoothed, modulus.shape) > threshold
    size = int(state.support.sum())
    if not SMALLEST_SUPPORT <= size <= LARGEST_SUPPORT * state.support.numel():
        raise InputError(
            f"the support has {size} voxels, expected {SMALLEST_SUPPORT} to "
            f"{LARGEST_SUPPORT:.0%} of {state.support.numel()}: no object was found"
        )


def retrieve(
    counts: FloatArray,
    known: Amplitudes,
    rng: np.random.Generator,
    *,
    support: BoolArray | None = None,
    chain: Schedule = Schedule(),
) -> State:
    """Phase from one random start; arguments as for `start`. A given support stays as it is.

    Raises InputError where the support is lost or the object is not finite.
    """
    state = start(counts, known, rng, support)
    first, last = SMOOTH_WIDTH
    begun = 0
    for algorithm, cycles in (("HIO", chain.hio), ("RAAR", chain.raar)):
        for begin in range(0, cycles, chain.update_every):
            done = begun / (chain.hio + chain.raar)
            cycle(state, known.eased(done), algorithm, min(chain.update_every, cycles - begin))
            if support is None:
                shrink(state, first + (last - first) * done)
            begun += chain.update_every
    cycle(state, known, "ER", chain.er)
    if not torch.isfinite(state.obj).all():
        raise InputError("the object is not finite, expected numbers: the retrieval has diverged")
    return state
