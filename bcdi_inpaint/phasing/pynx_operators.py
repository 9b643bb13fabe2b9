"""PyNX's HIO, RAAR and ER with a constraint on voxels that were not measured.

PyNX has bounds of its own, but on GPUs alone, and with one pair of factors for all voxels.
Here everything but these voxels is PyNX's: transform, amplitudes of the measured and of the
free voxels, support. The cycles are tested on the CPU; on a GPU, where the object passes through
the host's memory once a cycle, only the accounts of which copy is newer are.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.constraints import (
    AmplitudeConstraint,
    Constraint,
    scale_modulus,
)
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.free_voxels import MASKED_BELOW
from bcdi_inpaint.phasing.handover import prior_of
from bcdi_inpaint.phasing.pynx_density import DENSITY, HeldDensity, heed_density
from bcdi_inpaint.phasing.pynx_projection import CARRIED, HeldAmplitudes, heed_fills
from bcdi_inpaint.phasing.schedule import ALGORITHMS, Schedule
from bcdi_inpaint.pynx_engine import import_pynx

if TYPE_CHECKING:
    from bcdi_inpaint.filling.fill import Fill


def constrain_amplitude(known: AmplitudeConstraint, half_way: float = 0.1) -> Any:
    """The constraint alone, as a PyNX operator on a `CDI` in Fourier space.

    It belongs after `ApplyAmplitude`, which leaves masked voxels as they are. `half_way` is a
    prior's, see `schedule.half_way`. Raises MissingEngineError without PyNX.
    """
    return _operator("ConstrainedAmplitude", _Amplitude)(known, half_way)


def constrained_cycle(
    algorithm: str,
    known: AmplitudeConstraint,
    half_way: float = 0.1,
    *,
    label: str = "Bounded",
    beta: float = Schedule.beta,
) -> Any:
    """One cycle of PyNX's ``HIO``, ``RAAR`` or ``ER`` with a constraint, as a PyNX operator.

    It multiplies and has powers as PyNX's: ``SupportUpdate() * one ** 50 * cdi``.

    Parameters
    ----------
    algorithm : one of `schedule.ALGORITHMS`.
    known : the constraint, of the voxels that PyNX has masked.
    half_way : of a prior, the standard deviation with which the cycle goes half of the way.
    label : what the operator's name begins with, for example in PyNX's log.
    beta : feedback of HIO and RAAR.

    Raises
    ------
    InputError
        Another algorithm.
    MissingEngineError
        PyNX is not there.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(f"algorithm is {algorithm!r}, expected one of {', '.join(ALGORITHMS)}")
    made = _operator(f"{label}{algorithm}", _Cycle, algorithm)
    return made(known, half_way, beta)


def with_fill(operator: Any, fill: Fill | Constraint, *, cycles: int = 0) -> Any:
    """One of PyNX's operators, heeding a fill in the voxels that the `CDI` has masked.

    It multiplies and has powers as PyNX's own: ``with_fill(RAAR(), fill) ** 200 * cdi``, and runs
    where PyNX's operators run, on a GPU if there is one.

    Parameters
    ----------
    operator : HIO, RAAR, ER, GPS, FourierApplyAmplitude, or a product of such.
    fill : a filled scan, which is a prior with its uncertainty, or a constraint; of the shape of
        the `CDI`, centred.
    cycles : over which a prior grows stricter, see `schedule.half_way`; 0 for strict at once.

    Raises
    ------
    MissingEngineError
        PyNX is not there.
    """
    heed_fills()
    if not hasattr(fill, "on_amplitudes"):
        fill = prior_of(fill)
    return _operator("WithFill", _WithFill)(operator, fill, cycles, [])


def with_density(operator: Any, settings: DensitySettings) -> Any:
    """One of PyNX's operators, evening out the density inside the crystal in each of its cycles.

    It multiplies and has powers as PyNX's own: ``with_density(ER(), even) ** 100 * cdi``; around it
    goes `with_fill`, where there is a fill too.

    Parameters
    ----------
    operator : HIO, RAAR, ER, CF, or a product of such.
    settings : how far the density is evened out; it begins at once.

    Raises
    ------
    MissingEngineError
        PyNX is not there.
    """
    heed_density()
    return _operator("WithDensity", _WithDensity)(operator, HeldDensity(settings, 0))


@functools.cache
def _operator(name: str, mixin: type, algorithm: str = "") -> Any:
    """A class of PyNX operators; made late, because its parent is PyNX's."""
    cdi_module = import_pynx("cdi")
    backend = sys.modules[cdi_module.HIO.__module__]  # of the CPU, of CUDA or of OpenCL
    parents = (mixin, cdi_module.OperatorCDI)
    return type(name, parents, {"algorithm": algorithm, "backend": backend})


class _Composed:
    """An operator whose parts keep PyNX's accounts of where the newest data are."""

    backend: ModuleType
    algorithm: str

    def timestamp_increment(self, cdi: Any) -> None:
        """Nothing: the base class would declare the host's copy as new as a GPU's."""


class _WithFill(_Composed):
    """Any operator of PyNX's, while the `CDI` carries a fill."""

    def __init__(self, inner: Any, fill: Constraint, cycles: int, held: list[Any]) -> None:
        super().__init__()
        self.inner, self.fill, self.cycles, self.held = inner, fill, cycles, held

    def __pow__(self, n: int) -> Any:
        return type(self)(self.inner**n, self.fill, self.cycles, self.held)

    def op(self, cdi: Any) -> Any:
        if not self.held:  # filled once, for all powers of this operator
            masked = np.fft.fftshift(cdi.get_iobs() <= MASKED_BELOW)
            self.held.append(HeldAmplitudes(self.fill.on_amplitudes(masked), self.cycles))
        setattr(cdi, CARRIED, self.held[0])
        try:
            return self.inner * cdi
        finally:
            delattr(cdi, CARRIED)


class _WithDensity(_Composed):
    """Any operator of PyNX's, while the `CDI` carries how even its density is."""

    def __init__(self, inner: Any, held: HeldDensity) -> None:
        super().__init__()
        self.inner, self.held = inner, held

    def __pow__(self, n: int) -> Any:
        return type(self)(self.inner**n, self.held)

    def op(self, cdi: Any) -> Any:
        setattr(cdi, DENSITY, self.held)
        try:
            return self.inner * cdi
        finally:
            delattr(cdi, DENSITY)


class _Amplitude(_Composed):
    """The calculated amplitude, in Fourier space, as the constraint wants it."""

    def __init__(self, known: AmplitudeConstraint, half_way: float) -> None:
        super().__init__()
        self.known, self.half_way = known, half_way

    def op(self, cdi: Any) -> Any:
        amplitude = cdi.get_obj()  # on a GPU a copy, else the array itself
        constrain(amplitude, self.known, self.half_way)
        cdi.set_obj(amplitude)
        cdi._is_in_object_space = False  # which set_obj takes for granted
        return cdi


class _Cycle(_Composed):
    """Cycles of one algorithm."""

    def __init__(
        self, known: AmplitudeConstraint, half_way: float, beta: float, nb_cycle: int = 1
    ) -> None:
        super().__init__()
        self.known, self.half_way, self.beta, self.nb_cycle = known, half_way, beta, nb_cycle

    def __pow__(self, n: int) -> Any:
        return type(self)(self.known, self.half_way, self.beta, self.nb_cycle * n)

    def op(self, cdi: Any) -> Any:
        cycle = self._one()
        for _ in range(self.nb_cycle):
            cdi = cycle * cdi
            cdi.update_history(mode="algorithm", algorithm=self.algorithm)
            cdi.cycle += 1
        return cdi

    def _one(self) -> Any:
        """One cycle, of PyNX's parts; their transforms keep the norm, so amplitudes are roots."""
        parts = self.backend
        projection = getattr(parts, f"{self.algorithm}Proj")
        onto_support = projection() if self.algorithm == "ER" else projection(self.beta)
        constraint = constrain_amplitude(self.known, self.half_way)
        cycle = onto_support * parts.IFT() * constraint * parts.ApplyAmplitude() * parts.FT()
        return cycle if self.algorithm == "ER" else cycle * parts.CopyToPrevious()


def constrain(amplitude: Any, known: AmplitudeConstraint, half_way: float) -> None:
    """Move a complex amplitude to where a constraint wants it, in place.

    Parameters
    ----------
    amplitude : (n_rock, n_y, n_x) complex64, centre at index 0.
    known : the constraint.
    half_way : of a prior, the standard deviation with which the amplitude goes half of the way.
    """
    own = amplitude.take(known.index)
    modulus = np.abs(own)
    amplitude.put(known.index, scale_modulus(own, modulus, known.modulus(modulus, half_way)))
