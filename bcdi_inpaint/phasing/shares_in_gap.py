"""What shares that were fitted in a pseudo-gap are worth in the gap.

The pseudo-gap is another place, and hid more: the fill was worse with it, and the retrieval may be
better there than it is in the gap. How far both are from one another can be told without the truth.
"""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.arrays import Float32Array, FloatArray, rms
from bcdi_inpaint.phasing.computed_intensity import log_intensity
from bcdi_inpaint.phasing.evidence import Evidence
from bcdi_inpaint.phasing.refinement_task import RefinementTask
from bcdi_inpaint.phasing.trials import Trial


def mix_in_gap(task: RefinementTask, trial: Trial, found: Float32Array) -> FloatArray:
    """(n_filled,) log(1 + counts) of the mixture where the fill filled, as far as it is believed.

    Parameters
    ----------
    task : what is phased.
    trial : whose rule mixes.
    found : (n_rock, n_y, n_x) log(1 + intensity) that is mixed in.
    """
    log_fill = np.log1p(task.fill.counts)
    evidence = Evidence(task.log_counts, ~task.unknown, log_fill, found, trial.spread)
    rule = trial.mixture.rule.for_a_better_fill(part_believed(task, trial, found))
    return rule.mix(evidence, task.fill.filled)


def part_believed(task: RefinementTask, trial: Trial, found: Float32Array) -> float:
    """The part of a trial's shares that is believed in the gap, 0 to 1.

    Parameters
    ----------
    task, trial, found : see `mix_in_gap`; the shares are the trial's.
    """
    return task.settings.mixing.believed * error_left(task) * nearness(task, trial, found)


def error_left(task: RefinementTask) -> float:
    """What is left of the fill's squared error where the pseudo-gap is not hidden too.

    With a second gap hidden the network's fill is worse in both of them, the wider they are the
    more; so the pseudo-gap tells too much for the computed intensity. How much worse is seen in the
    gap itself, where both fills are: the square of their difference is what the second gap adds.
    """
    pseudo, both = task.pseudo, task.unknown & task.blind_fill.filled & task.fill.filled
    first = np.log1p(task.blind_fill.counts)
    error = rms(first[pseudo] - task.log_counts[pseudo])
    added = rms(first[both] - np.log1p(task.fill.counts[both])) if both.any() else 0.0
    return float(np.clip(1 - (added / max(error, 1e-12)) ** 2, 0, 1))


def nearness(task: RefinementTask, trial: Trial, found: Float32Array) -> float:
    """How near the computed intensity is to the fill in the gap, against the pseudo-gap; at most 1.

    The ratio of the mean squared distances. A share is what the fill errs in the direction of the
    computed intensity, as a part of the distance: where that is larger and the fill no worse, it is
    the computed intensity that errs.

    Parameters
    ----------
    task, trial, found : see `mix_in_gap`.
    """
    gap, pseudo = task.unknown & task.fill.filled, task.pseudo
    hidden = log_intensity(trial.states)[pseudo] - np.log1p(task.blind_fill.counts[pseudo])
    apart = found[gap] - np.log1p(task.fill.counts[gap])
    return float(min((rms(hidden) / max(rms(apart), 1e-12)) ** 2, 1))
