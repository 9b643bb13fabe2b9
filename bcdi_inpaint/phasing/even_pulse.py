"""An even density for a while, then let go: where a gap is so wide that it leaves much open.

A gap on one side of the peak leaves open waves that change the crystal's modulus and its phase
alike; see `density`. Cycles with an even density take them out, and what the measured voxels say of
a density that is not quite even comes back in the cycles after that. Across 24 lines of 64, by the
object that fits best, three even crystals came from 0.139, 0.102 and 0.115 rad off the truth to
0.116, 0.082 and 0.079. Of a varying density, which the misfit tells, one came from 0.145 to 0.160;
no committed command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bcdi_inpaint.errors import memory_errors
from bcdi_inpaint.gaps.masks import filled_planes, find_planes
from bcdi_inpaint.phasing.computed_intensity import continue_state, measured_misfit
from bcdi_inpaint.phasing.density import DensitySettings
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_state import State


@dataclass(frozen=True)
class PulseSettings:
    """When and how. Chosen on five simulated crystals; no committed command.

    Attributes
    ----------
    fringes : widest gap, in fringes, that is left as it is.
    density : how even. Three voxels from the edge: crystals that are fifteen voxels wide have
        hardly an inside else.
    evened : cycles with the even density.
    let_go : cycles without it afterwards.
    states : that are evened out, of the best ones.
    worse : times the misfit without an even density that the best state has with it at most. Three
        even crystals had 1.02 to 1.13, four others 1.23 to 1.31.
    """

    fringes: float = 5.0
    density: DensitySettings = DensitySettings(strength=0.1, margin=3)
    evened: Schedule = Schedule(hio=0, raar=150, er=30)
    let_go: Schedule = Schedule(hio=0, raar=30, er=30)
    states: int = 2
    worse: float = 1.15


def even_out_briefly(
    task: RefinementTask,
    states: tuple[State, ...],
    settings: PulseSettings = PulseSettings(),
) -> tuple[State, ...]:
    """The states, the best of them as they come out of an even density where that may be true.

    It may where the best state fits nearly as well with it as after as many cycles without. An
    early end, or no memory, leaves the states until then.

    Parameters
    ----------
    task : what is phased, with nothing hidden but the gap.
    states : of all starts. Their prior is the fill that was given: a surer one draws an object
        away from what it fits.
    settings : when and how.
    """
    kept = states
    with task.end.keeping():
        try:
            if states and fringes_across(task, states) > settings.fringes:
                kept = _evened_out(task, states, settings)
        except MemoryError:
            return states
    return kept


@memory_errors()
def _evened_out(
    task: RefinementTask, states: tuple[State, ...], settings: PulseSettings
) -> tuple[State, ...]:
    known = task.amplitudes(task.fill, task.unknown, states[0].background)

    def gone_on(state: State, density: DensitySettings, schedule: Schedule) -> State:
        turned = replace(state, density=density)
        continue_state(turned, known, schedule, task.end.look)  # these were not announced
        return turned

    ranked = sorted(states, key=partial(measured_misfit, task))
    best = ranked[0]
    if replace(best, density=settings.density).interior() is None:
        return states
    evened = gone_on(best, settings.density, settings.evened)
    alone = gone_on(best, best.density, settings.evened)
    if measured_misfit(task, evened) > settings.worse * measured_misfit(task, alone):
        return states
    others = ranked[1 : settings.states]
    pulsed = [evened, *(gone_on(other, settings.density, settings.evened) for other in others)]
    let_go = (gone_on(state, best.density, settings.let_go) for state in pulsed)
    return (*let_go, *ranked[settings.states :])


def fringes_across(task: RefinementTask, states: Sequence[State]) -> float:
    """How many fringes of the best state's support the widest gap is wide; 0 without whole lines.

    Bad lines that were not filled are no gap. A crystal of a part 1 / n of the array has fringes of
    n lines.
    """
    best = min(states, key=partial(measured_misfit, task))
    support = best.support.cpu().numpy()
    widths = [0.0]
    for plane in filled_planes(find_planes(task.unknown), task.fill.filled):
        others = tuple(axis for axis in range(3) if axis != plane.axis)
        extent = np.count_nonzero(support.any(axis=others))
        widths.append((plane.stop - plane.start) * extent / support.shape[plane.axis])
    return max(widths)
