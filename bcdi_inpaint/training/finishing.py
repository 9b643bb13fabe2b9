"""What follows a network's own training: its last step, and the calibration of its intervals."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import LogPatterns
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.gap_network import GapNetwork
from bcdi_inpaint.network.symmetry_step import SymmetryStep
from bcdi_inpaint.network.weights import Model, load_model, save_weights
from bcdi_inpaint.safe_files import part_name
from bcdi_inpaint.training.calibrating import measure_calibration
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.plan_time import clock_of
from bcdi_inpaint.training.run_options import RunOptions
from bcdi_inpaint.training.step_training import LearnedStep, Watch, train_last_step
from bcdi_inpaint.training.streams import Stream


@dataclass(frozen=True)
class Finish:
    """What is saved beside a network's weights.

    Attributes
    ----------
    calibration : of the intervals; None for none.
    last_step : of the fill; None for none.
    card : what the weights' file says of both, in values that JSON holds.
    """

    calibration: Calibration | None = None
    last_step: SymmetryStep | None = None
    card: dict[str, object] = field(default_factory=dict)


def finish(
    network: GapNetwork,
    patterns: LogPatterns | None,
    held_out: LogPatterns,
    plan: Plan,
    folder: Path,
    options: RunOptions,
) -> Finish:
    """Learn the last step of a trained network where the plan has one, then calibrate both.

    Parameters
    ----------
    network : trained to its plan's end.
    patterns : (n, *shape) log expectations that it trained on; None with a feed.
    held_out : the same that it did not train on.
    plan : of the training.
    folder : where it is kept for a moment, to be as it will be loaded.
    options : device, and whether progress is shown.
    """
    wanted = plan.training.last_step
    calibrates = plan.network.n_dim == 3 and plan.training.calibration_patterns > 0
    if wanted is None and not calibrates:
        return Finish()
    model, learned = _as_loaded(network, folder, plan), LearnedStep(None, {})
    if wanted is not None:
        assert patterns is not None, "a plan with a feed has no last step"
        minutes = plan.training.step_minutes
        learned = train_last_step(
            model,
            patterns,
            held_out,
            wanted,
            plan.training.seed,
            Watch(clock_of(plan), None if minutes is None else 60 * minutes),
            device=options.device,
            quiet=options.quiet,
        )
        model = replace(model, last_step=learned.step)
    calibration = _calibrate(model, held_out, plan, options) if calibrates else None
    card: dict[str, object] = {} if wanted is None else {"last_step": learned.card}
    return Finish(calibration, learned.step, card)


def _as_loaded(network: GapNetwork, folder: Path, plan: Plan) -> Model:
    """A network as it will be loaded from its file."""
    passing = folder / part_name()
    try:
        save_weights(passing, network, {})
        return replace(load_model(passing), patch=plan.patches.size)
    finally:
        passing.unlink(missing_ok=True)


def _calibrate(model: Model, held_out: LogPatterns, plan: Plan, options: RunOptions) -> Calibration:
    """The calibration of a network with its last step, on patterns not trained on."""
    number = min(plan.training.calibration_patterns, len(held_out))
    spread = np.linspace(0, len(held_out) - 1, number).round().astype(int)
    rng = Stream.CALIBRATION.generator(plan.training.seed)
    return measure_calibration(
        model, held_out[spread], rng, device=options.device, quiet=options.quiet
    )
