"""A schedule as PyNX operators, stage by stage, with the name of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from bcdi_inpaint.phasing.constraints import AmplitudeConstraint, Constraint
from bcdi_inpaint.phasing.pynx_operators import constrained_cycle
from bcdi_inpaint.phasing.schedule import Schedule, Stage, half_way

LARGEST_SUPPORT = 0.9
"""Part of the array above which a support is lost; PyNX's own commands take 0.5 to 0.8."""


@dataclass(frozen=True)
class PynxStages:
    """A schedule as PyNX operators.

    Attributes
    ----------
    cdi_module : PyNX's.
    schedule : the cycles.
    shrinks : whether the support is updated.
    constraint, known : what is known of masked voxels, as it was given and of their amplitudes.
    release : cycles for which the constraint holds.
    """

    cdi_module: ModuleType
    schedule: Schedule
    shrinks: bool
    constraint: Constraint | None
    known: AmplitudeConstraint | None
    release: int

    def stages(self) -> Iterator[Stage]:
        """Those between which the support or the strength of a prior changes."""
        changes = self.constraint is not None and self.constraint.changes
        return self.schedule.stages(divided=self.shrinks or changes)

    def operator(self, stage: Stage) -> tuple[str, Any]:
        """The name and the PyNX operator of a stage, and of the support's update after it."""
        held = 0 if self.known is None else min(max(self.release - stage.begin, 0), stage.cycles)
        parts = [*self._held(stage, held), *self._free(stage, stage.cycles - held)]
        if self.shrinks and stage.algorithm != "ER":  # the last cycles fit the object alone
            parts.append(("SupportUpdate", self._update()))
        name, operator = parts[0]
        for later, after in parts[1:]:
            name, operator = f"{later}*{name}", after * operator
        return name, operator

    def _held(self, stage: Stage, cycles: int) -> Iterator[tuple[str, Any]]:
        if cycles and self.known is not None and self.constraint is not None:
            label = self.constraint.label
            one = constrained_cycle(
                stage.algorithm,
                self.known,
                half_way(stage.done),
                label=label,
                beta=self.schedule.beta,
            )
            yield f"{label}{stage.algorithm}**{cycles}", one**cycles

    def _free(self, stage: Stage, cycles: int) -> Iterator[tuple[str, Any]]:
        if cycles:
            options = {} if stage.algorithm == "ER" else {"beta": self.schedule.beta}
            one = getattr(self.cdi_module, stage.algorithm)(**options)
            yield f"{stage.algorithm}**{cycles}", one**cycles

    def _update(self) -> Any:
        first, last = self.schedule.smooth_width
        return self.cdi_module.SupportUpdate(
            threshold_relative=self.schedule.support_threshold,
            smooth_width=(first, last, self.schedule.before_er),
            max_fraction=LARGEST_SUPPORT,
        )
