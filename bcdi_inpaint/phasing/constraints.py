"""HIO, RAAR and ER of PyNX with half-knowledge of some voxels: bounds, or a prior.

A measured voxel fixes the amplitude, a masked one leaves it free. Between the two is a voxel of
which something is known. Where its expected counts lie in an interval, the calculated amplitude
stays where it is inside, and is moved to the nearer bound where it is outside. Where they are
estimated, it is drawn a part of the way to the estimate, in every cycle. Its phase is kept.

PyNX has such estimates of its own, but on GPUs alone, and with one pair of factors for all voxels.
Here everything but these voxels is PyNX's: transform, amplitudes of the measured and of the
free voxels, support. The cycles are tested on the CPU; on a GPU, where the object passes through
the host's memory once a cycle, only the accounts of which copy is newer are.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.pynx_engine import import_pynx

SMALLEST_AMPLITUDE = np.float32(1e-12)
"""What PyNX divides by where the calculated amplitude is smaller."""
LARGEST_MASKED = -1e19
"""PyNX's intensities up to this one stand for masked voxels."""
ALGORITHMS = ("HIO", "RAAR", "ER")
BETA = 0.9
"""Of HIO and RAAR, as in PyNX."""
HALF_WAY = (0.3, 0.1)
"""Standard deviation of a prior that a cycle goes half of the way to, first and last. A strong pull
keeps starts from stagnating, a weak one leaves the end to what was measured. Chosen on a dozen
crystals that no figure is told of."""


@dataclass(frozen=True)
class Bounds:
    """Bounds of the Fourier amplitude, for the voxels that have any.

    Attributes
    ----------
    index : (n_bounded,) int, of the voxels in the flattened array, centre at index 0.
    least, most : (n_bounded,) float32, amplitudes: square roots of the expected counts' bounds.
    """

    index: np.ndarray
    least: np.ndarray
    most: np.ndarray

    label = "Bounded"

    def applied(self, amplitude: np.ndarray) -> None:
        """Move the complex `amplitude` (n_rock, n_y, n_x) between the bounds, in place."""
        bounded = amplitude.take(self.index)  # (n_bounded,)
        modulus = np.abs(bounded)
        wanted = np.clip(modulus, self.least, self.most)
        bounded *= wanted / np.maximum(modulus, SMALLEST_AMPLITUDE)
        amplitude.put(self.index, bounded)


@dataclass(frozen=True)
class Prior:
    """Estimated counts with their uncertainty, to which the calculated ones are drawn.

    In every cycle log(1 + counts) goes the part 1 / (1 + (sigma / half_way)^2) of the way. What the
    measured voxels and the support determine withstands that: they take it back every time. What
    they leave open follows the estimate. So the cycles end near the object that is the likeliest
    when both are believed.

    Attributes
    ----------
    index : (n_estimated,) int, of the voxels in the flattened array, centre at index 0.
    log_counts : (n_estimated,) float32, log(1 + estimated counts).
    sigma : (n_estimated,) float32, standard deviations of `log_counts`; 0 fixes a voxel.
    half_way : the standard deviation with which a cycle goes half of the way.
    """

    index: np.ndarray
    log_counts: np.ndarray
    sigma: np.ndarray
    half_way: float = HALF_WAY[1]

    label = "Prior"

    @functools.cached_property
    def weight(self) -> np.ndarray:
        """(n_estimated,) float32, the part of the way that a cycle goes."""
        return 1 / (1 + (self.sigma / np.float32(self.half_way)) ** 2)

    def applied(self, amplitude: np.ndarray) -> None:
        """Draw the complex `amplitude` (n_rock, n_y, n_x) to the estimates, in place."""
        drawn = amplitude.take(self.index)  # (n_estimated,)
        modulus = np.abs(drawn)
        found = np.log1p(modulus * modulus)
        wanted = np.sqrt(np.expm1(found + self.weight * (self.log_counts - found)))
        drawn *= wanted / np.maximum(modulus, SMALLEST_AMPLITUDE)
        amplitude.put(self.index, drawn)


def half_way(done: float) -> float:
    """A prior's `half_way` when the part `done` of HIO and RAAR is: from first to last."""
    first, last = HALF_WAY
    return float(first * (last / first) ** min(done, 1.0))


Knowledge = Bounds | Prior
"""Of some voxels' amplitudes, short of a measurement."""


def bounds_of(lower: np.ndarray, upper: np.ndarray, masked: np.ndarray) -> Bounds:
    """The bounds of the masked voxels.

    Parameters
    ----------
    lower, upper : (n_rock, n_y, n_x) expected counts, centre at index 0 as in PyNX. 0 and infinity
        leave a voxel free.
    masked : (n_rock, n_y, n_x) bool. Bounds of other voxels do not count: these are measured.

    Raises
    ------
    InputError
        The shapes differ, or some bounds are no numbers, below zero or in the wrong order.
    """
    for name, bound in (("lower", lower), ("upper", upper)):
        if bound.shape != masked.shape:
            raise InputError(
                f"the {name} bounds have shape {bound.shape}, expected the mask's {masked.shape}: "
                "give bounds of the counts' shape"
            )
    index = np.flatnonzero(masked & ~((lower <= 0) & np.isposinf(upper)))
    least, most = lower.take(index), upper.take(index)
    wrong = ~((least >= 0) & (least <= most) & np.isfinite(least))  # nan is wrong too
    if wrong.any():
        first = np.flatnonzero(wrong)[0]
        raise InputError(
            f"the bounds of {int(wrong.sum())} voxels are no interval, the first from "
            f"{least[first]:.3g} to {most[first]:.3g}, expected 0 <= lower <= upper: check the fill"
        )
    return Bounds(index, *(np.sqrt(bound).astype(np.float32) for bound in (least, most)))


def prior_of(counts: np.ndarray, sigma: np.ndarray, masked: np.ndarray) -> Prior:
    """The prior of the masked voxels.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) estimated counts, centre at index 0 as in PyNX.
    sigma : (n_rock, n_y, n_x) standard deviations of log(1 + counts). Infinity leaves a voxel free,
        whatever its estimate.
    masked : (n_rock, n_y, n_x) bool. Estimates of other voxels do not count: these are measured.

    Raises
    ------
    InputError
        The shapes differ, or some estimates or standard deviations are no numbers or below zero.
    """
    given = {"estimates": counts, "standard deviations": sigma}
    for name, array in given.items():
        if array.shape != masked.shape:
            raise InputError(
                f"the prior's {name} have shape {array.shape}, expected the mask's "
                f"{masked.shape}: give {name} of the counts' shape"
            )
    index = np.flatnonzero(masked & ~np.isposinf(sigma))
    for name, array in given.items():
        values = array.take(index)
        wrong = ~((values >= 0) & np.isfinite(values))  # nan is wrong too
        if wrong.any():
            raise InputError(
                f"the prior's {name} of {int(wrong.sum())} voxels are wrong, the first is "
                f"{values[wrong][0]:.3g}, expected numbers from 0 up: check the fill"
            )
    log_counts = np.log1p(counts.take(index)).astype(np.float32)
    return Prior(index, log_counts, sigma.take(index).astype(np.float32))


def bound_amplitude(bounds: Knowledge) -> Any:
    """The projection alone, as a PyNX operator on a `CDI` in Fourier space, the norm kept.

    It belongs after `ApplyAmplitude`, which leaves masked voxels as they are. Raises
    MissingEngineError without PyNX.
    """
    return _operators()["amplitude"](bounds)


def bounded(algorithm: str, bounds: Knowledge, beta: float = BETA) -> Any:
    """One cycle of PyNX's ``HIO``, ``RAAR`` or ``ER`` that heeds them, as a PyNX operator.

    It multiplies and has powers as theirs: ``SupportUpdate() * bounded("ER", bounds) ** 50 * cdi``.

    Raises
    ------
    InputError
        Another algorithm.
    MissingEngineError
        PyNX is not there.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(f"algorithm is {algorithm!r}, expected one of {', '.join(ALGORITHMS)}")
    return _operators()[algorithm](bounds, beta)


@functools.cache
def _operators() -> Mapping[str, Any]:
    """Our operators' classes by name; made late, because their parents are PyNX's."""
    cdi_module = import_pynx("cdi")
    backend = sys.modules[cdi_module.HIO.__module__]  # of the CPU, of CUDA or of OpenCL
    projections = {
        "HIO": backend.HIOProj,
        "RAAR": backend.RAARProj,
        "ER": lambda _beta: backend.ERProj(),
    }

    class Composed(cdi_module.OperatorCDI):  # type: ignore[misc, name-defined]
        """An operator whose parts keep PyNX's accounts of where the newest data are."""

        def timestamp_increment(self, cdi: Any) -> None:
            """Nothing: the base class would declare the host's copy as new as a GPU's."""

    class BoundAmplitude(Composed):
        """The calculated amplitude, in Fourier space, as the bounds or the prior want it."""

        def __init__(self, bounds: Knowledge) -> None:
            super().__init__()
            self.bounds = bounds

        def op(self, cdi: Any) -> Any:
            amplitude = cdi.get_obj()  # on a GPU a copy, else the array itself
            self.bounds.applied(amplitude)
            cdi.set_obj(amplitude)
            cdi._is_in_object_space = False  # which set_obj takes for granted
            return cdi

    class BoundedCycle(Composed):
        """Cycles of one algorithm."""

        algorithm = ""

        def __init__(self, bounds: Knowledge, beta: float = BETA, nb_cycle: int = 1) -> None:
            super().__init__()
            self.bounds, self.beta, self.nb_cycle = bounds, beta, nb_cycle

        def __pow__(self, n: int) -> Any:
            return type(self)(self.bounds, self.beta, self.nb_cycle * n)

        def op(self, cdi: Any) -> Any:
            # Both transforms keep the norm, so that amplitudes compare with counts everywhere.
            cycle = projections[self.algorithm](self.beta) * backend.IFT()
            cycle = cycle * BoundAmplitude(self.bounds) * backend.ApplyAmplitude() * backend.FT()
            if self.algorithm != "ER":
                cycle = cycle * backend.CopyToPrevious()
            for _ in range(self.nb_cycle):
                cdi = cycle * cdi
                cdi.update_history(mode="algorithm", algorithm=self.algorithm)
                cdi.cycle += 1
            return cdi

    cycles = {
        name: type(f"Bounded{name}", (BoundedCycle,), {"algorithm": name}) for name in ALGORITHMS
    }
    return {"amplitude": BoundAmplitude, **cycles}
