"""A compact phase retrieval in torch, for the refinement of fills.

PyNX phases crystals; what is wanted here is only the intensity that an object of finite size could
have in a gap. One projection keeps every measured Fourier amplitude and applies the constraint to
those that were not measured, the other keeps the object inside its support. All tensors here have
the centre at index 0 and the transform keeps the norm, as in PyNX. Algorithms, numbers and formulas
are those of `schedule` and `constraints`, which PyNX's cycles use too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.constraints import AmplitudeConstraint, Constraint, scale_modulus
from bcdi_inpaint.phasing.schedule import HALF_WAY, Schedule, half_way
from bcdi_inpaint.phasing.starts import random_object

SMALLEST_SUPPORT, LARGEST_SUPPORT = 27, 0.7
"""Voxels, and part of the array, between which a support makes sense. Chosen; a support of 3 x 3 x
3 voxels is no particle, one of most of the array no constraint."""
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Amplitudes:
    """What is known of the Fourier amplitudes, the centre at index 0.

    Attributes
    ----------
    measured : (n_rock, n_y, n_x) float32, square roots of the counts.
    free : (n_rock, n_y, n_x) bool, True = not measured.
    constraint : on voxels that were not measured, None without one; its arrays are tensors.
    half_way : how strict a prior is, see `schedule.half_way`.
    """

    measured: Tensor
    free: Tensor
    constraint: AmplitudeConstraint | None = None
    half_way: float = HALF_WAY[1]

    def when(self, done: float) -> Amplitudes:
        """With a prior as strict as it is when the part `done` of HIO and RAAR is done."""
        return replace(self, half_way=half_way(done))

    def project(self, obj: Tensor) -> Tensor:
        """The object with the amplitudes that are wanted; phases are kept."""
        spectrum = torch.fft.fftn(obj, norm="ortho")
        modulus = spectrum.abs()
        wanted = torch.where(self.free, modulus, self.measured)
        if self.constraint is not None:
            own = modulus.reshape(-1)[self.constraint.index]
            wanted.view(-1)[self.constraint.index] = self.constraint.modulus(own, self.half_way)
        return torch.fft.ifftn(scale_modulus(spectrum, modulus, wanted), norm="ortho")


def amplitudes(
    counts: FloatArray,
    bad_mask: BoolArray,
    constraint: Constraint | None = None,
    device: torch.device = CPU,
) -> Amplitudes:
    """What a pattern and a constraint say of the Fourier amplitudes.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), centred; what stands in bad voxels does not matter.
    bad_mask : (n_rock, n_y, n_x) bool, True = not measured.
    constraint : on bad voxels.
    device : where the tensors are to be.

    Raises
    ------
    InputError
        The constraint does not fit; see `constraints`.
    """
    measured = np.sqrt(np.where(bad_mask, 0, np.maximum(counts, 0))).astype(np.float32)
    known = None
    if constraint is not None:
        known = constraint.on_amplitudes(bad_mask).convert(
            lambda array: torch.from_numpy(array).to(device)
        )
    return Amplitudes(_tensor(measured, device), _tensor(bad_mask, device), known)


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
    rng: np.random.Generator,
    *,
    support: BoolArray | None = None,
    schedule: Schedule = Schedule(),
    device: torch.device = CPU,
) -> State:
    """A random object in the support, by default where the autocorrelation of `counts` is strong.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), centred, with a guess where nothing was measured.
    rng : source of the object.
    support : (n_rock, n_y, n_x) bool, centred.
    schedule : for the autocorrelation's threshold.
    device : where the tensors are to be.
    """
    intensity = _tensor(counts.astype(np.float32), device)
    if support is None:
        correlation = torch.fft.ifftn(intensity).abs()
        inside = correlation > schedule.autocorrelation_threshold * correlation.max()
    else:
        inside = _tensor(support, device)
    drawn = random_object(inside.cpu().numpy(), rng)
    obj = torch.from_numpy(drawn.astype(np.complex64)).to(device)
    obj *= (intensity.sum() / (obj.abs() ** 2).sum()).sqrt()
    return State(obj, inside)


def cycle(
    state: State,
    known: Amplitudes,
    algorithm: str,
    count: int,
    *,
    beta: float = Schedule.beta,
    report: Callable[[], None] = lambda: None,
) -> None:
    """Cycles of one algorithm, in place.

    Parameters
    ----------
    state : object and support; its object changes.
    known : what the object's Fourier amplitudes have to be.
    algorithm : ``HIO``, ``RAAR`` or ``ER``.
    count : how many cycles.
    beta : feedback of HIO and RAAR.
    report : called after each cycle.
    """
    for _ in range(count):
        projected = known.project(state.obj)
        outside: Tensor | int = 0
        if algorithm == "HIO":
            outside = state.obj - beta * projected
        elif algorithm == "RAAR":
            outside = beta * state.obj + (1 - 2 * beta) * projected
        state.obj = torch.where(state.support, projected, outside)
        report()


def shrink(state: State, width: float, threshold: float = Schedule.support_threshold) -> None:
    """A new support: where the smoothed modulus is large, in place.

    Marchesini et al., Phys. Rev. B 68, 140101 (2003).

    Parameters
    ----------
    state : object and support; its support changes.
    width : standard deviation of the smoothing, in voxels.
    threshold : part of the modulus' root mean square in the support above which it is large.

    Raises
    ------
    InputError
        Next to nothing or next to everything is left.
    """
    modulus = state.obj.abs()
    least = threshold * (modulus[state.support] ** 2).mean().sqrt()
    state.support = _smooth(modulus, width) > least
    size = int(state.support.sum())
    if not SMALLEST_SUPPORT <= size <= LARGEST_SUPPORT * state.support.numel():
        raise InputError(
            f"the support has {size} voxels, expected {SMALLEST_SUPPORT} to "
            f"{LARGEST_SUPPORT:.0%} of {state.support.numel()}: no object was found"
        )


def _smooth(values: Tensor, width: float) -> Tensor:
    """Values convolved with a Gaussian of `width` voxels, by FFT, so that edges meet."""
    smoothed = torch.fft.rfftn(values)
    for axis, n in enumerate(values.shape):
        last = axis == values.ndim - 1
        frequency = (torch.fft.rfftfreq if last else torch.fft.fftfreq)(n, device=values.device)
        fading = torch.exp(-2 * (torch.pi * width * frequency) ** 2)
        smoothed *= fading.reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    return torch.fft.irfftn(smoothed, values.shape)


def retrieve(
    counts: FloatArray,
    bad_mask: BoolArray,
    rng: np.random.Generator,
    *,
    support: BoolArray | None = None,
    schedule: Schedule = Schedule(),
    constraint: Constraint | None = None,
    guess: FloatArray | None = None,
    device: torch.device = CPU,
    report: Callable[[], None] = lambda: None,
) -> State:
    """Phase one pattern from one random start; there are no voxels set aside.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), the peak at the centre.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid; these voxels are free.
    rng : source of the start.
    support : (n_rock, n_y, n_x) bool, centred; it stays as it is. Without it the support starts
        from the autocorrelation and shrinks.
    schedule : the cycles.
    constraint : what is known of invalid voxels: an interval of their counts, or a prior.
    guess : (n_rock, n_y, n_x) counts that the first support and object are made of; by default
        `counts` with zeros in invalid voxels.
    device : where it runs.
    report : called after each cycle.

    Returns
    -------
    The object and its support.

    Raises
    ------
    InputError
        The constraint does not fit, the support is lost, or the object is not finite.
    """
    first_guess = np.where(bad_mask, 0, counts) if guess is None else guess
    known = amplitudes(counts, bad_mask, constraint, device)
    state = start(first_guess, rng, support=support, schedule=schedule, device=device)
    first, last = schedule.smooth_width
    for stage in schedule.stages():
        now = known.when(stage.done)
        cycle(state, now, stage.algorithm, stage.cycles, beta=schedule.beta, report=report)
        if support is None and stage.algorithm != "ER":
            width = first + (last - first) * stage.done
            shrink(state, width, schedule.support_threshold)
    if not torch.isfinite(state.obj).all():
        raise InputError("the object is not finite, expected numbers: the retrieval has diverged")
    return state


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """An array, its centre moved to index 0."""
    return torch.from_numpy(np.fft.ifftshift(array)).to(device)
