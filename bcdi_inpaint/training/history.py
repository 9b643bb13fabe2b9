"""The losses of a training, as its folder keeps them: a row an epoch, and a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

HISTORY = "metrics.csv"
"""The file with a row an epoch, in a training's folder."""


def read_history(path: Path) -> list[dict[str, float]]:
    """The rows of a `metrics.csv`, without empty cells; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [
            {name: float(cell) for name, cell in row.items() if cell}
            for row in csv.DictReader(file)
        ]


def draw_losses(path: Path, rows: Sequence[dict[str, float]]) -> None:
    """Draw the losses of training and validation, where there are any."""
    curves = [
        np.array([(row["step"], row[name]) for row in rows if name in row]).reshape(-1, 2)
        for name in ("train_loss", "val_loss")
    ]
    from bcdi_inpaint.plots import loss_curve

    if any(np.isfinite(curve[:, 1]).any() for curve in curves):
        loss_curve(*curves, path=path, force=True)
