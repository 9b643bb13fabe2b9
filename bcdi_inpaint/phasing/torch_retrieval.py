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

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.coherence import COHERENT, Coherence, scale_in_place, squared_modulus
from bcdi_inpaint.phasing.constraints import AmplitudeConstraint, Constraint, modulus_factor
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.peak_box import shrink_box
from bcdi_inpaint.phasing.schedule import HALF_WAY, Schedule, Stage, half_way
from bcdi_inpaint.phasing.starts import random_object
from bcdi_inpaint.phasing.torch_state import State, to_tensor
from bcdi_inpaint.phasing.torch_support import first_support, shrink_support, widen_support
from bcdi_inpaint.scan.boxes import Box, as_box, sides, whole

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

    def project(self, obj: Tensor, coherence: Coherence = COHERENT) -> Tensor:
        """The object with the amplitudes that are wanted; phases are kept.

        Of a beam that is partly coherent every amplitude is scaled by what its blurred intensity
        lacks: Clark et al., Nat. Commun. 3, 993 (2012).
        """
        spectrum = torch.fft.fftn(obj, norm="ortho")
        modulus = coherence.blur(squared_modulus(spectrum)).sqrt_()
        wanted = torch.where(self.free, modulus, self.measured)
        if self.constraint is not None:
            own = modulus.reshape(-1)[self.constraint.index]
            wanted.view(-1)[self.constraint.index] = self.constraint.modulus(own, self.half_way)
        scale_in_place(spectrum, modulus_factor(modulus, wanted))
        return torch.fft.ifftn(spectrum, norm="ortho")


def amplitudes(
    counts: FloatArray,
    bad_mask: BoolArray,
    constraint: Constraint | None = None,
    device: torch.device = CPU,
    background: float = 0.0,
) -> Amplitudes:
    """What a pattern and a constraint say of the Fourier amplitudes.

    A background is taken off both, down to zero.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), centred; what stands in bad voxels does not matter.
    bad_mask : (n_rock, n_y, n_x) bool, True = not measured.
    constraint : on bad voxels.
    device : where the tensors are to be.
    background : counts in every voxel that no crystal diffracts.

    Raises
    ------
    InputError
        The constraint does not fit; see `constraints`.
    """
    measured = np.sqrt(np.where(bad_mask, 0, np.maximum(counts - background, 0)))
    known = None
    if constraint is not None:
        constraint = constraint.without(background) if background else constraint
        known = constraint.on_amplitudes(bad_mask).convert(
            lambda array: torch.from_numpy(array).to(device)
        )
    both = to_tensor(measured.astype(np.float32), device), to_tensor(bad_mask, device)
    return Amplitudes(*both, known)


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
    intensity = to_tensor(counts.astype(np.float32), device)
    if support is None:
        inside = first_support(intensity, schedule.autocorrelation_threshold)
    else:
        inside = to_tensor(support, device)
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
    interior = state.interior()
    state.obj = state.obj.clone()  # other states may have the one that was there
    for _ in range(count):
        projected = known.project(state.obj, state.coherence)
        if interior is not None:
            interior.even_out(projected, state.density.strength)
        _advance(state.obj, projected, state.support, algorithm, beta)
        report()


def _advance(obj: Tensor, projected: Tensor, support: Tensor, algorithm: str, beta: float) -> None:
    """An object after a cycle: inside the support as it was projected, outside by the algorithm.

    In place: most of a cycle's time would go into fetching memory.
    """
    outside, new = torch.view_as_real(obj), torch.view_as_real(projected)
    if algorithm == "HIO":
        outside.add_(new, alpha=-beta)
    elif algorithm == "RAAR":
        outside.mul_(beta).add_(new, alpha=1 - 2 * beta)
    else:
        outside.zero_()
    torch.where(support, projected, obj, out=obj)


def retrieve(
    counts: FloatArray,
    bad_mask: BoolArray,
    rng: np.random.Generator | None,
    *,
    support: BoolArray | None = None,
    schedule: Schedule = Schedule(),
    constraint: Constraint | None = None,
    guess: FloatArray | None = None,
    device: torch.device = CPU,
    coherence: Coherence = COHERENT,
    density: DensitySettings = DensitySettings(),
    background: float = 0.0,
    report: Callable[[], None] = lambda: None,
    settle: Callable[[State, Stage], None] = lambda state, stage: None,
    begin: State | None = None,
) -> State:
    """Phase one pattern from one random start; there are no voxels set aside.

    HIO sees the middle of a large array alone, if the schedule says so.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), the peak at the centre.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid; these voxels are free.
    rng : source of the start; None where `begin` says what it is.
    support : (n_rock, n_y, n_x) bool, centred; it stays as it is. Without it the support starts
        from the autocorrelation and shrinks.
    schedule : the cycles.
    constraint : what is known of invalid voxels: an interval of their counts, or a prior.
    guess : (n_rock, n_y, n_x) counts that the first support and object are made of; by default
        `counts` with zeros in invalid voxels.
    device : where it runs.
    coherence : of the beam.
    density : how even the crystal's density is, from where in RAAR on.
    background : counts in every voxel.
    report : called after each cycle.
    settle : called after each stage of the whole array; it may change what the state says of
        coherence and density.
    begin : an object and its support, of the whole array, to start from instead of a random one.

    Returns
    -------
    The object and its support.

    Raises
    ------
    InputError
        The constraint does not fit, the support is lost, or the object is not finite.
    """
    first_guess = np.where(bad_mask, 0, counts) if guess is None else guess
    first_guess = np.maximum(first_guess - background, 0) if background else first_guess
    everywhere = whole(first_guess.shape)
    box = everywhere if support is not None else _box_of_hio(everywhere, schedule)

    def known_in(box: Box) -> Amplitudes:
        part = None if constraint is None else constraint.crop(box)
        return amplitudes(counts[box], bad_mask[box], part, device, background)

    known = known_in(box)
    if begin is None:
        assert rng is not None, "a random object has no source"
        state = start(first_guess[box], rng, support=support, schedule=schedule, device=device)
    else:
        state = replace(begin.on_grid(sides(box)))
    state.coherence, state.background = coherence, background
    for stage in schedule.stages():
        if box != everywhere and stage.algorithm != "HIO":
            box = everywhere
            known, state = known_in(box), state.on_grid(first_guess.shape)
        if stage.done >= schedule.part_of_raar(density.begin):
            state.density = density
        now = known.when(stage.done)
        cycle(state, now, stage.algorithm, stage.cycles, beta=schedule.beta, report=report)
        if support is None and stage.algorithm != "ER":
            _renew_support(state, stage, schedule)
        if box == everywhere:
            settle(state, stage)
    if not torch.isfinite(state.obj).all():
        raise InputError("the object is not finite, expected numbers: the retrieval has diverged")
    return state.on_grid(first_guess.shape)


def _box_of_hio(box: Box, schedule: Schedule) -> Box:
    """The middle half of each side, or what the schedule asks for at least."""
    if not schedule.hio_box or not schedule.hio:
        return box
    n_kept = (max(schedule.hio_box, n // 2) for n in sides(box))
    return as_box(shrink_box(box, n)[axis] for axis, n in enumerate(n_kept))


def _renew_support(state: State, stage: Stage, schedule: Schedule) -> None:
    """A new support after a stage, in place; a wider one that stays once it is settled."""
    before, after = (schedule.settled_part(n) for n in (stage.begin, stage.begin + stage.cycles))
    if before >= 1:
        return
    first, last = schedule.smooth_width
    width = first + (last - first) * before
    state.support = _shrunk_support(state, width, stage, schedule)
    if after >= 1:
        state.support = widen_support(state.support, schedule.widen)


def _shrunk_support(state: State, width: float, stage: Stage, schedule: Schedule) -> Tensor:
    """The support after a stage; by the looser threshold where the one of HIO leaves none."""
    own, loose = schedule.threshold_in(stage.algorithm), schedule.support_threshold
    try:
        return shrink_support(state.obj, state.support, width, own)
    except InputError:
        if own == loose:
            raise
    return shrink_support(state.obj, state.support, width, loose)
