"""What the starts of a refinement came to, as objects that a phase retrieval may begin at.

It does not stagnate where theirs did not.
"""

from __future__ import annotations

from collections.abc import Sequence

from bcdi_inpaint.phasing.computed_intensity import measured_misfit
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.found_object import FoundObject


def collect_objects(
    task: RefinementTask, states: Sequence[State], box: Box
) -> tuple[FoundObject, ...]:
    """What states hold, the one that fits the measured voxels best first.

    Parameters
    ----------
    task : what was phased.
    states : what its starts came to.
    box : of the task in the scan.
    """
    found = [_object_of(task, state, box) for state in states]
    return tuple(sorted(found, key=lambda one: one.misfit))


def _object_of(task: RefinementTask, state: State, box: Box) -> FoundObject:
    misfit = measured_misfit(task, state)
    return FoundObject(*state.centred(), box, misfit, task.unseen, state.coherence.psf)
