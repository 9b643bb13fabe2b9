"""What follows a training as it runs: a line an epoch, and a row in a file."""

from __future__ import annotations

import csv
import io
import math
import time
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.training.engine import Callback, pl
from bcdi_inpaint.training.history import read_history
from bcdi_inpaint.training.plan import Plan
from bcdi_inpaint.training.plan_time import PlanTime

SAFEST = "32-true"
"""The precision whose sums are the least often no number."""


class PlanLimit(Callback):
    """Ends a training when its plan's minutes of the network are over; the module has the time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        """Stop behind the step in which the time was over; InputError if that was the first."""
        own: PlanTime = pl_module.time
        # Clocks differ between processes that train together, and all have to stop at one step.
        if not trainer.strategy.broadcast(own.share >= 1):
            return
        if trainer.global_step == 1 < self._plan.training.steps:
            given, spent = self._plan.training.minutes, own.seconds / 60
            raise InputError(
                f"training.minutes is {given:g}, expected more than the {spent:.2g} that "
                f"one step of {self._plan.name} takes: give more, or make its network smaller"
            )
        own.is_over = trainer.should_stop = True


class NumbersOnly(Callback):
    """Ends a training whose loss is no number any more: further steps would not bring it back."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """InputError where the loss is not finite; before a checkpoint is written of that."""
        loss = _metrics(trainer).get("val_loss", 0.0)
        if not math.isfinite(loss):
            training = self._plan.training
            or_else = "" if training.precision == SAFEST else f", or training.precision to {SAFEST}"
            raise InputError(
                f"the loss of {self._plan.name} is {loss:g} after {trainer.global_step} steps, "
                f"expected a number: set training.learning_rate below {training.learning_rate:g}"
                f"{or_else}"
            )


class PlainLines(Callback):
    """One line an epoch, for logs, where a bar would be a mess."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the step and the losses."""
        metrics = _metrics(trainer)
        if not trainer.is_global_zero:
            return
        minutes = (time.monotonic() - self._started) / 60
        names = ("train_loss", "val_loss", "val_mse", "guess_mse", "val_likelihood")
        train, val, mse, guess, likelihood = (metrics.get(name, math.nan) for name in names)
        print(
            f"step {trainer.global_step:6d}  {minutes:6.1f} min  train {train:.4f}  val {val:.4f}  "
            f"mse {mse:.4f} (kriged {guess:.4f})  likelihood {likelihood:.4f}",
            flush=True,
        )


class History(Callback):
    """`metrics.csv`: a row an epoch, also of the epochs before a training was resumed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a row; rows of this step and later ones are of a run that was cut short, and go.

        A run that is resumed at an epoch's end comes by here once more, and has measured nothing.
        """
        metrics = _metrics(trainer)
        row = {"step": trainer.global_step, "epoch": trainer.current_epoch, **metrics}
        if not (trainer.is_global_zero and metrics):
            return
        rows = [old for old in read_history(self._path) if old["step"] < row["step"]]
        names = list(dict.fromkeys(name for each in (*rows, row) for name in each))
        stream = io.StringIO()
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows([*rows, row])
        replace_file(self._path, stream.getvalue().encode())


def _metrics(trainer: pl.Trainer) -> dict[str, float]:
    """What was logged, the same in all processes; every one of them has to ask."""
    return {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
