"""What is known of voxels that were not measured: an interval of their counts, or a prior.

A measured voxel fixes the amplitude, a masked one leaves it free. Between the two is a voxel of
which something is known. Where its expected counts lie in an interval, the calculated amplitude
stays as it is inside, and moves to the nearer bound where it is outside. Where the counts are
estimated, the amplitude moves a part of the way to the estimate, in every cycle. The phase is kept.

The formulas take numpy and torch arrays, so that both engines have the same ones.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray, IntArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.schedule import SMALLEST_AMPLITUDE
from bcdi_inpaint.scan.boxes import Box


def clip_modulus(modulus: Any, least: Any, most: Any) -> Any:
    """Move moduli between their bounds.

    Parameters
    ----------
    modulus : (n,) numpy or torch array, calculated.
    least, most : (n,) of the same kind, the bounds.

    Returns
    -------
    (n,) of the same kind.

    Examples
    --------
    >>> clip_modulus(np.array([1.0, 3.0, 9.0]), np.array([2.0] * 3), np.array([4.0] * 3))
    array([2., 3., 4.])
    """
    return modulus.clip(least, most)


def pull_modulus(modulus: Any, log_counts: Any, sigma: Any, half_way: float) -> Any:
    """Move moduli a part of the way to estimates.

    The logarithm of 1 + counts goes the part 1 / (1 + (sigma / half_way)^2).

    Parameters
    ----------
    modulus : (n,) numpy or torch array, calculated.
    log_counts : (n,) of the same kind, log(1 + estimated counts).
    sigma : (n,) of the same kind, its standard deviation; 0 fixes a voxel.
    half_way : the standard deviation with which a cycle goes half of the way.

    Returns
    -------
    (n,) of the same kind.

    Examples
    --------
    >>> pull_modulus(np.array([0.0, 0.0]), np.log1p([9.0, 9.0]), np.array([0.0, np.inf]), 0.1)
    array([3., 0.])
    """
    xp = sys.modules[type(modulus).__module__.partition(".")[0]]  # numpy or torch
    found = xp.log1p(modulus * modulus)
    return xp.sqrt(xp.expm1(found + pull_weight(sigma, half_way) * (log_counts - found)))


def pull_weight(sigma: Any, half_way: float) -> Any:
    """The part of the way that a cycle goes to an estimate, 0 to 1, like `sigma`.

    Examples
    --------
    >>> pull_weight(0.1, half_way=0.1)
    0.5
    """
    return 1 / (1 + (sigma / half_way) ** 2)


def scale_modulus(amplitude: Any, modulus: Any, wanted: Any) -> Any:
    """Give complex amplitudes other moduli; their phases stay, and an amplitude of zero stays zero.

    Parameters
    ----------
    amplitude : (n,) complex numpy or torch array.
    modulus : (n,) its moduli.
    wanted : (n,) those that it gets.

    Returns
    -------
    (n,) complex, of the same kind.
    """
    return amplitude * modulus_factor(modulus, wanted)


def modulus_factor(modulus: Any, wanted: Any) -> Any:
    """What amplitudes of a modulus are multiplied with to get the one that is wanted."""
    return wanted / modulus.clip(SMALLEST_AMPLITUDE)


@dataclass(frozen=True)
class AmplitudeInterval:
    """An `IntervalConstraint` as an engine needs it: of the voxels that have bounds alone.

    Attributes
    ----------
    index : (n_bounded,) int, of the voxels in the flattened array, centre at index 0.
    least, most : (n_bounded,) float32, amplitudes: square roots of the expected counts' bounds.
    """

    index: Any
    least: Any
    most: Any

    def modulus(self, calculated: Any, half_way: float) -> Any:
        """(n_bounded,) moduli that a cycle wants in place of the calculated ones."""
        return clip_modulus(calculated, self.least, self.most)

    def convert(self, to: Callable[[Any], Any]) -> AmplitudeInterval:
        """The same with every array converted, for example to torch."""
        return AmplitudeInterval(to(self.index), to(self.least), to(self.most))


@dataclass(frozen=True)
class AmplitudePrior:
    """A `PriorConstraint` as an engine needs it: of the voxels that have an estimate alone.

    Attributes
    ----------
    index : (n_estimated,) int, of the voxels in the flattened array, centre at index 0.
    log_counts : (n_estimated,) float32, log(1 + estimated counts).
    sigma : (n_estimated,) float32, standard deviations of `log_counts`; 0 fixes a voxel.
    """

    index: Any
    log_counts: Any
    sigma: Any

    def modulus(self, calculated: Any, half_way: float) -> Any:
        """(n_estimated,) moduli that a cycle wants in place of the calculated ones."""
        return pull_modulus(calculated, self.log_counts, self.sigma, half_way)

    def convert(self, to: Callable[[Any], Any]) -> AmplitudePrior:
        """The same with every array converted, for example to torch."""
        return AmplitudePrior(to(self.index), to(self.log_counts), to(self.sigma))


AmplitudeConstraint = AmplitudeInterval | AmplitudePrior


@dataclass(frozen=True)
class IntervalConstraint:
    """Bounds between which the expected counts of voxels that were not measured are held.

    Attributes
    ----------
    lower, upper : (n_rock, n_y, n_x) expected counts, centred; 0 and infinity leave a voxel free.
        Those of measured voxels do not matter.
    """

    lower: FloatArray
    upper: FloatArray

    label: ClassVar[str] = "Bounded"
    changes: ClassVar[bool] = False
    """Whether it depends on how far the retrieval is."""

    def crop(self, box: Box) -> IntervalConstraint:
        """The constraint of a box of the array."""
        return IntervalConstraint(self.lower[box], self.upper[box])

    def without(self, background: float) -> IntervalConstraint:
        """The bounds of what is diffracted, without these counts in every voxel."""
        lower, upper = (np.maximum(b - np.float32(background), 0) for b in (self.lower, self.upper))
        return IntervalConstraint(lower, upper)

    def on_amplitudes(self, masked: BoolArray) -> AmplitudeInterval:
        """The bounds of the masked voxels' amplitudes.

        `masked` (n_rock, n_y, n_x) bool is centred. Raises InputError if shapes differ, or if some
        bounds are no numbers, below zero or in the wrong order.
        """
        _check_shapes("bounds", self.lower, self.upper, masked.shape)
        bounded = masked & ~((self.lower <= 0) & np.isposinf(self.upper))
        index, least, most = _at(bounded, self.lower, self.upper)
        _check_interval(least, most)
        return AmplitudeInterval(index, _amplitude(least), _amplitude(most))


@dataclass(frozen=True)
class PriorConstraint:
    """Estimated counts with their uncertainty, towards which the calculated ones are pulled.

    What the measured voxels and the support determine withstands the pull: they take it back in
    every cycle. What they leave open follows the estimate. So the cycles end near the object that
    is the likeliest when both are believed.

    Attributes
    ----------
    counts : (n_rock, n_y, n_x) estimated counts, centred. Those of measured voxels do not matter.
    sigma : (n_rock, n_y, n_x) standard deviations of log(1 + counts). Infinity leaves a voxel free,
        whatever its estimate.
    """

    counts: FloatArray
    sigma: FloatArray

    label: ClassVar[str] = "Prior"
    changes: ClassVar[bool] = True
    """Whether it depends on how far the retrieval is."""

    def crop(self, box: Box) -> PriorConstraint:
        """The constraint of a box of the array."""
        return PriorConstraint(self.counts[box], self.sigma[box])

    def without(self, background: float) -> PriorConstraint:
        """The estimate of what is diffracted, without these counts in every voxel.

        Its standard deviation in counts stays.
        """
        left = np.maximum(self.counts - np.float32(background), 0)
        return PriorConstraint(left, self.sigma * ((1 + self.counts) / (1 + left)))

    def on_amplitudes(self, masked: BoolArray) -> AmplitudePrior:
        """The estimates of the masked voxels, as logarithms.

        `masked` (n_rock, n_y, n_x) bool is centred. Raises InputError if shapes differ, or if some
        estimates or standard deviations are no numbers or below zero.
        """
        _check_shapes("prior's arrays", self.counts, self.sigma, masked.shape)
        index, counts, sigma = _at(masked & ~np.isposinf(self.sigma), self.counts, self.sigma)
        _check_estimates("estimates", counts)
        _check_estimates("standard deviations", sigma)
        return AmplitudePrior(index, np.log1p(counts).astype(np.float32), sigma.astype(np.float32))


Constraint = IntervalConstraint | PriorConstraint


def _at(
    chosen: BoolArray, first: FloatArray, second: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Where voxels lie in the flattened array, centre at index 0, and two arrays' values there."""
    shifted = np.fft.ifftshift(chosen)
    one, two = (np.fft.ifftshift(array)[shifted] for array in (first, second))
    return np.flatnonzero(shifted), one, two


def _amplitude(counts: FloatArray) -> Float32Array:
    return np.sqrt(counts).astype(np.float32)


def _check_shapes(what: str, first: FloatArray, second: FloatArray, shape: tuple[int, ...]) -> None:
    if not first.shape == second.shape == shape:
        raise InputError(
            f"the {what} have shapes {first.shape} and {second.shape}, expected the counts' "
            f"{shape}: give {what} of the counts' shape"
        )


def _check_interval(least: FloatArray, most: FloatArray) -> None:
    wrong = ~((least >= 0) & (least <= most) & np.isfinite(least))  # nan is wrong too
    if wrong.any():
        first = np.flatnonzero(wrong)[0]
        raise InputError(
            f"the bounds of {int(wrong.sum())} voxels are no interval, the first from "
            f"{least[first]:.3g} to {most[first]:.3g}, expected 0 <= lower <= upper: check the fill"
        )


def _check_estimates(name: str, values: FloatArray) -> None:
    wrong = ~((values >= 0) & np.isfinite(values))  # nan is wrong too
    if wrong.any():
        raise InputError(
            f"the prior's {name} of {int(wrong.sum())} voxels are wrong, the first is "
            f"{values[wrong][0]:.3g}, expected numbers from 0 up: check the fill"
        )
