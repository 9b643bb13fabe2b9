"""The losses of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.style import COLOURS, STYLE, new_figure


def loss_curve(
    training: np.ndarray,
    validation: np.ndarray,
    *,
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """Training and validation loss against the step.

    Parameters
    ----------
    training, validation : (n_training, 2) and (n_validation, 2), steps and losses. Either may be
        empty; a loss that is not finite leaves its point out.
    path : the picture to write; None writes none.
    force : overwrite an existing file.

    Returns
    -------
    The matplotlib figure.

    Raises
    ------
    InputError
        No loss at all, an array of another shape, or a path that cannot be written.
    """
    target = None if path is None else checked_picture(path, force)
    curves = {
        "training": _points("training", training),
        "validation": _points("validation", validation),
    }
    if not any(len(points) for points in curves.values()):
        raise InputError("there is no loss, expected one of a step: train first")
    looks: dict[str, Any] = {
        "training": {"color": "0.55", "lw": 1.2},
        "validation": {"color": COLOURS["ours"], "lw": 1.6},
    }
    with mpl.rc_context(STYLE):
        figure = new_figure(6.4, 3.8)
        ax = figure.subplots()
        for name, points in curves.items():
            if len(points):
                few = "o" if len(points) < 50 else None
                ax.plot(*points.T, marker=few, ms=3, label=name, **looks[name])
        if all((points[:, 1] > 0).all() for points in curves.values()):
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("{x:g}")
        ax.set_xlabel("step")
        ax.set_ylabel("loss")
        ax.grid(which="both", color="0.9", lw=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(loc="upper right", frameon=False)
        return finish(figure, target)


def _points(name: str, curve: np.ndarray) -> Float64Array:
    """(n, 2) steps and losses of a curve, where they are finite."""
    points = np.asarray(curve, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(
            f"{name} has shape {points.shape}, expected (n, 2): a step and a loss in each row"
        )
    return points[np.isfinite(points).all(axis=1)]
