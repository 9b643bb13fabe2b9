"""A fill that goes the way of the data: scaled, cut and binned with them, then held."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.phasing.constraints import Constraint, IntervalConstraint, PriorConstraint
from bcdi_inpaint.phasing.handover import BOUNDED, HandOver, HandOverSettings
from bcdi_inpaint.phasing.pynx_projection import HeldAmplitudes
from bcdi_inpaint.scan.boxes import Box


@dataclass(frozen=True)
class CarriedFill:
    """A filled scan on its way into phase retrieval; all arrays (n_rock, n_y, n_x).

    Attributes
    ----------
    handover : one of `handover.NAMES`.
    counts : with the fill; those of voxels that are neither measured nor filled do not matter.
    filled : bool.
    sigma : standard deviation of log(1 + counts) of filled voxels.
    lower, upper : interval of the counts of filled voxels.
    release_after : of ``staged``, fraction of the cycles after which the bounds are dropped.
    """

    handover: str
    counts: Float32Array
    filled: BoolArray
    sigma: Float32Array
    lower: Float32Array
    upper: Float32Array
    release_after: float = HandOverSettings.release_after

    @classmethod
    def of(cls, handed: HandOver) -> CarriedFill:
        """What is handed over, in photons; its name follows from what is known of the voxels.

        Where nothing is, the hand-over's own name tells a fill that is wholly taken as measured
        from one that is in part.
        """
        counts, nothing = handed.counts, np.zeros(handed.counts.shape, np.float32)
        name = "partial" if handed.name == "partial" else "hard"
        filled, parts = handed.filled, (nothing, nothing, nothing)
        match handed.constraint:
            case PriorConstraint(estimates, sigma):
                name, filled, parts = "prior", np.isfinite(sigma), (sigma, nothing, nothing)
                counts = np.where(filled, estimates, counts).astype(np.float32)
            case IntervalConstraint(lower, upper):
                name, filled, parts = "soft", np.isfinite(upper), (nothing, lower, upper)
        if handed.release_after is None:
            return cls(name if filled.any() else "mask", counts, filled, *parts)
        return cls("staged", counts, filled, *parts, release_after=handed.release_after)

    def cut(self, box: Box) -> CarriedFill:
        """The part in a box."""
        arrays = ("counts", "filled", "sigma", "lower", "upper")
        return replace(self, **{name: getattr(self, name)[box] for name in arrays})

    def scaled(self, factor: np.ndarray) -> CarriedFill:
        """The fill of counts that are multiplied; the counts' relative uncertainty stays.

        `factor` broadcasts against the counts.
        """
        counts = self.counts * factor
        sigma = self.sigma * (1 + self.counts) * factor / (1 + counts)
        return replace(
            self,
            counts=counts,
            sigma=sigma.astype(np.float32),
            lower=self.lower * factor,
            upper=self.upper * factor,
        )

    def without(self, background: float) -> CarriedFill:
        """The fill of what is diffracted, without these counts in every voxel.

        Its standard deviation in counts stays.
        """
        level = np.float32(background)
        counts = np.maximum(self.counts - level, 0)
        return replace(
            self,
            counts=counts,
            sigma=self.sigma * ((1 + self.counts) / (1 + counts)),
            lower=np.maximum(self.lower - level, 0),
            upper=np.maximum(self.upper - level, 0),
        )

    def binned(self, masked: BoolArray, add_up: Callable[[np.ndarray], np.ndarray]) -> CarriedFill:
        """The fill of binned counts, where all that a bin lacks was filled.

        Counts add up, and so do the variances of the counts of filled voxels, and the bounds.

        Parameters
        ----------
        masked : (n_rock, n_y, n_x) bool, voxels that are not taken as measured.
        add_up : sums an array over the bins.
        """
        unknown = masked & ~self.filled
        counts = np.where(unknown, 0, self.counts)
        variance = np.where(self.filled, (self.sigma * (1 + counts)) ** 2, 0)
        lower, upper = (np.where(self.filled, b, counts) for b in (self.lower, self.upper))
        together = add_up(counts.astype(np.float32))
        is_filled = add_up(self.filled.astype(np.int32)) > 0
        return replace(
            self,
            counts=together,
            filled=is_filled & ~(add_up(unknown.astype(np.int32)) > 0),
            sigma=np.sqrt(add_up(variance.astype(np.float32))) / (1 + together),
            lower=add_up(lower.astype(np.float32)),
            upper=add_up(upper.astype(np.float32)),
        )

    def held(self, masked: BoolArray, cycles: Cycles) -> HeldAmplitudes | None:
        """What the cycles are to heed of masked voxels; None if it is nothing."""
        constraint = self.constraint()
        if constraint is None or not (masked & self.filled).any():
            return None
        known = constraint.on_amplitudes(masked)
        return HeldAmplitudes(known, cycles.before_end, self.release(cycles))

    def release(self, cycles: Cycles) -> int | None:
        """After how many cycles of a run the bounds are dropped; None if they stay."""
        return round(self.release_after * cycles.all) if self.handover == "staged" else None

    def used(self, masked: BoolArray) -> str:
        """The hand-over of what is phased, one of `handover.NAMES`; a part may hold no fill.

        `masked` (n_rock, n_y, n_x) bool are the voxels that are not taken as measured.
        """
        as_measured = self.handover in ("hard", "partial")
        if (masked & self.filled).any() and not as_measured:
            return self.handover
        if not (self.filled & ~masked).any():
            return "mask"
        return "partial" if self.handover == "partial" else "hard"

    def constraint(self) -> Constraint | None:
        """What is known of filled voxels; None if they are as measured, or free."""
        if self.handover in BOUNDED:
            lower = np.where(self.filled, self.lower, np.float32(0))
            return IntervalConstraint(lower, np.where(self.filled, self.upper, np.float32(np.inf)))
        if self.handover == "prior":
            sigma = np.where(self.filled, self.sigma, np.float32(np.inf))
            return PriorConstraint(self.counts, sigma)
        return None


@dataclass(frozen=True)
class Cycles:
    """How many cycles a run has.

    Attributes
    ----------
    before_end : that find the object; ER and ML, which end in the nearest minimum, are none.
    all : with these.
    """

    before_end: int
    all: int

    def __add__(self, other: Cycles) -> Cycles:
        return Cycles(self.before_end + other.before_end, self.all + other.all)

    def __mul__(self, times: int) -> Cycles:
        return Cycles(self.before_end * times, self.all * times)


NONE, LAST, FINDING = Cycles(0, 0), Cycles(0, 1), Cycles(1, 1)
NO_CYCLES = ("sup", "show", "fap", "psf", "fourier", "scale")
"""What the names of PyNX's operators begin or go on with that run no cycle."""


def count_cycles(algorithm: str) -> Cycles:
    """The cycles in an algorithm string of PyNX's.

    Examples
    --------
    >>> count_cycles("er**50,(sup*raar**50)**4,beta=0.8,hio**100")
    Cycles(before_end=300, all=350)
    """
    found = NONE
    for part in algorithm.lower().split(","):
        if "=" in part:
            continue
        try:
            found += _count(ast.parse(part.strip(), mode="eval").body)
        except (SyntaxError, TypeError):
            continue  # PyNX will say what is wrong with it
    return found


def _count(node: Any) -> Cycles:
    match node:
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=int(times))):
            return _count(base) * times
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _count(left) + _count(right)
        case ast.Call(func=func):
            return _count(func)
        case ast.Name(id=name):
            return _of_name(name)
    return NONE


def _of_name(name: str) -> Cycles:
    if any(part in name for part in NO_CYCLES):
        return NONE
    return LAST if name in ("er", "tv_er", "ml") else FINDING
