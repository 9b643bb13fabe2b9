"""Treatments of a gap: what phase retrieval gets, for comparing one with another.

Beside our hand-overs: the complete counts, the gap masked, a linear fill as if it were measured,
and PyNX's own ``mask_interp``, which runs on GPUs alone and is made here of its definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.phasing.constraints import IntervalConstraint
from bcdi_inpaint.phasing.handover import NAMES, HandOver, HandOverSettings, hand_over
from bcdi_inpaint.phasing.refinement import Refinement, refine

COMPLETE, MASKED, LINEAR, INTERPOLATED = "complete", "mask", "linear", "mask_interp"
REFINED = {f"refined {name}": name for name in ("hard", "soft", "staged", "prior")}
"""Treatments that hand over a refined fill, and the hand-over of each."""
TREATMENTS = (COMPLETE, MASKED, LINEAR, INTERPOLATED, *(n for n in NAMES if n != MASKED), *REFINED)
INTERPOLATION_FACTORS = (0.5, 1.2)
"""Between which parts of the interpolated counts PyNX holds the calculated ones, by default."""


@dataclass
class GappedScan:
    """Counts with a gap, and its fills, each made when it is first asked for.

    Attributes
    ----------
    counts : (n_rock, n_y, n_x) float32, also those in the gap, for ``complete`` alone.
    gap : (n_rock, n_y, n_x) bool.
    seed : of the refinement's starts.
    settings : of the hand-overs.
    """

    counts: Float32Array
    gap: BoolArray
    model: Model
    device: str = "auto"
    seed: int = 0
    settings: HandOverSettings = HandOverSettings()
    none: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        self.none = np.zeros_like(self.gap)

    @cached_property
    def hidden(self) -> Float32Array:
        """The counts with zeros in the gap."""
        return np.where(self.gap, np.float32(0), self.counts)

    @cached_property
    def fill(self) -> Fill:
        """The network's fill."""
        return inpaint(self.hidden, self.gap, self.model, self.device)

    @cached_property
    def refinement(self) -> Refinement:
        """The network's fill after a phase retrieval around the peak, where that is accepted."""
        rng = np.random.default_rng(self.seed)
        return refine(
            self.hidden, self.gap, self.fill, model=self.model, rng=rng, device=self.device
        )

    def retrieval_input(self, treatment: str) -> HandOver:
        """What `retrieve` gets for one of `TREATMENTS`."""
        if treatment == COMPLETE:
            return HandOver(treatment, self.counts, self.none, self.none)
        if treatment == LINEAR:
            linear = METHODS["linear"](self.hidden, self.gap)
            return HandOver(treatment, linear, self.none, self.gap)
        if treatment == INTERPOLATED:
            return HandOver(treatment, self.hidden, self.gap, self.none, self._interpolated())
        fill = self.refinement.fill if treatment in REFINED else self.fill
        name = REFINED.get(treatment, treatment)
        return hand_over(fill, self.gap, self.none, name, settings=self.settings)

    def _interpolated(self) -> IntervalConstraint:
        """PyNX's bounds about the mean by inverse squared distance.

        For ``mask_interp=(16, 2)``, as in its tests; across wider gaps it looks farther here.
        """
        mean = METHODS["inverse_distance"](self.hidden, self.gap)
        lower, upper = (np.where(self.gap, factor * mean, 0) for factor in INTERPOLATION_FACTORS)
        upper[~self.gap] = np.inf
        return IntervalConstraint(lower.astype(np.float32), upper.astype(np.float32))
