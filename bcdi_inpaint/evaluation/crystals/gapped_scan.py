"""Counts with a gap, and what each treatment hands over of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.evaluation.crystals.treatments import (
    COMPLETE,
    HELD_AT_ZERO,
    INTERPOLATED,
    LINEAR,
    MASKED,
    ZERO,
    Treatment,
)
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.constraints import IntervalConstraint
from bcdi_inpaint.phasing.handover import HandOver, HandOverSettings, hand_over
from bcdi_inpaint.phasing.judged_states import Refinement
from bcdi_inpaint.phasing.refinement import refine

INTERPOLATION_FACTORS = (0.5, 1.2)
"""Between which parts of the interpolated counts PyNX holds the calculated ones, by default."""


@dataclass
class GappedScan:
    """Counts with a gap, and its fills, each made when it is first asked for.

    Attributes
    ----------
    counts : (n_rock, n_y, n_x) float32, also those in the gap, for ``complete`` alone.
    gap : (n_rock, n_y, n_x) bool.
    model : the network that fills.
    device : where it computes.
    seed : of the refinement's starts.
    settings : of the hand-overs.
    bad : (n_rock, n_y, n_x) bool, was not measured, also for ``complete``; None for no voxel.
    """

    counts: Float32Array
    gap: BoolArray
    model: Model
    device: str = "auto"
    seed: int = 0
    settings: HandOverSettings = HandOverSettings()
    bad: BoolArray | None = None
    none: BoolArray = field(init=False)
    invalid: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        self.none = np.zeros_like(self.gap)
        self.invalid = self.none if self.bad is None else self.bad

    @cached_property
    def hidden(self) -> Float32Array:
        """The counts with zeros in the gap."""
        return np.where(self.gap, np.float32(0), self.counts)

    @cached_property
    def fill(self) -> Fill:
        """The network's fill."""
        return inpaint(self.hidden, self.gap, self.model, self.device, bad_mask=self.bad)

    @cached_property
    def refinement(self) -> Refinement:
        """The network's fill after a phase retrieval around the peak, where that is accepted."""
        return refine(
            self.hidden,
            self.gap,
            self.fill,
            bad_mask=self.bad,
            model=self.model,
            rng=np.random.default_rng(self.seed),
            device=self.device,
        )

    def fill_of(self, treatment: Treatment) -> Fill:
        """The fill that a treatment hands over, or is held against."""
        return self.refinement.fill if treatment.refined else self.fill

    def retrieval_input(self, treatment: Treatment) -> HandOver:
        """What phase retrieval gets."""
        name, bad = treatment.handover, self.invalid
        if name == COMPLETE:
            return HandOver(name, self.counts, bad, self.none)
        if name == ZERO:
            return HandOver(name, self.hidden, bad & ~self.gap, self.none)
        if name == LINEAR:
            linear = METHODS["linear"](self.hidden, self.gap | bad)
            return HandOver(name, linear, bad & ~self.gap, self.gap)
        if name == INTERPOLATED:
            masked = self.gap | bad
            return HandOver(name, self.hidden, masked, self.none, self._interpolated())
        if name in (MASKED, HELD_AT_ZERO):
            return HandOver(MASKED, self.hidden, bad | self.gap, self.none)
        fill = self.fill_of(treatment)
        return hand_over(fill, self.gap, bad, name, settings=self.settings)

    def _interpolated(self) -> IntervalConstraint:
        """PyNX's bounds about the mean by inverse squared distance.

        For ``mask_interp=(16, 2)``, as in its tests; across wider gaps it looks farther here.
        """
        mean = METHODS["inverse_distance"](self.hidden, self.gap | self.invalid)
        lower, upper = (np.where(self.gap, factor * mean, 0) for factor in INTERPOLATION_FACTORS)
        upper[~self.gap] = np.inf
        return IntervalConstraint(lower.astype(np.float32), upper.astype(np.float32))
