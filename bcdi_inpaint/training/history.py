"""The losses of a training: a line an epoch, a row in a file, a picture."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Sequence
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
from lightning.pytorch.callbacks import Callback

from bcdi_inpaint.files import replace_file
from bcdi_inpaint.plots import loss_curve

HISTORY = "metrics.csv"


class PlainLines(Callback):
    """One line an epoch, for logs, where a bar would be a mess."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the step and the losses."""
        seen = _metrics(trainer)
        if not trainer.is_global_zero:
            return
        minutes = (time.monotonic() - self._started) / 60
        names = ("train_loss", "val_loss", "val_mse", "guess_mse", "val_likelihood")
        train, val, mse, guess, likelihood = (seen.get(name, math.nan) for name in names)
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
        """Add a row, in place of any of this step or later ones, of a run that was cut short."""
        row = {"step": trainer.global_step, "epoch": trainer.current_epoch, **_metrics(trainer)}
        if not trainer.is_global_zero:
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


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a `metrics.csv`, without what is empty; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            {name: float(cell) for name, cell in row.items() if cell}
            for row in csv.DictReader(file)
        ]


def draw_losses(path: Path, rows: Sequence[dict[str, float]]) -> None:
    """The picture of the losses, where there are any."""
    curves = [
        np.array([(row["step"], row[name]) for row in rows if name in row]).reshape(-1, 2)
        for name in ("train_loss", "val_loss")
    ]
    if any(np.isfinite(curve).any() for curve in curves):
        loss_curve(path, *curves, force=True)
