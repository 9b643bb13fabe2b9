"""One start with all that was measured: what the last starts of a refinement have in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.phasing.coherence import Coherence
from bcdi_inpaint.phasing.handover import prior_of
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.schedule import Stage
from bcdi_inpaint.phasing.torch_retrieval import retrieve
from bcdi_inpaint.phasing.torch_state import State


def start_with_gap_hidden(
    task: RefinementTask,
    prior: Fill,
    rng: np.random.Generator | None = None,
    *,
    coherence: Coherence,
    background: float,
    report: Callable[[], None],
    begin: State | None = None,
) -> State:
    """One start with nothing hidden but the gap.

    Parameters
    ----------
    task : what is phased.
    prior : what is known of the gap.
    rng : source of a random object.
    coherence : of the beam.
    background : counts in every voxel.
    report : called after each cycle.
    begin : what it begins at instead of a random object.

    Raises
    ------
    InputError
        Its support is lost.
    """

    def settle(state: State, stage: Stage) -> None:
        if task.watch is not None:
            task.watch(state.intensity())

    return retrieve(
        task.counts,
        task.unknown,
        rng,
        schedule=task.settings.again,
        constraint=prior_of(prior),
        guess=prior.counts,
        device=task.device,
        coherence=coherence,
        background=background,
        report=report,
        settle=settle,
        begin=begin,
    )
