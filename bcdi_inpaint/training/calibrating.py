"""Calibrating a network: how far its fills are from the truth, in units of the scales it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import Float32Array, LogPatterns
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.gaps.artificial import draw_gaps
from bcdi_inpaint.gaps.bad_voxels import draw_bad_voxels
from bcdi_inpaint.gaps.masks import mask_in_box
from bcdi_inpaint.network.calibration import Calibration, calibrate
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.running.progress import with_progress
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.training.plan import PatchConfig

WIDTHS = (3, 6, 9, 12, 18, 24, 38)
"""Widths in lines of the gaps that a calibration is measured in; detectors have gaps of 3 to 41."""
MOST_VOXELS = 4000
"""Voxels of one gap that count, so that a wide gap does not drown the others; no committed
command chose it."""


@dataclass(frozen=True)
class Errors:
    """Errors in voxels of gaps whose truth is known; all arrays (n,).

    Attributes
    ----------
    errors : filled minus true log(1 + expected counts).
    scales : the scale of that error, as the uncalibrated network gives it.
    log_counts : the filled log(1 + expected counts).
    widths : of the gap.
    patterns : which pattern the voxel is of.
    """

    errors: Float32Array
    scales: Float32Array
    log_counts: Float32Array
    widths: NDArray[np.int64]
    patterns: NDArray[np.int64]


def measure_errors(
    model: Model,
    log_expectations: LogPatterns,
    rng: np.random.Generator,
    *,
    widths: Sequence[int] = WIDTHS,
    device: str = "auto",
    quiet: bool = True,
) -> Errors:
    """Fill artificial gaps in simulated patterns, and compare with the truth.

    Parameters
    ----------
    model : to be judged; its own calibration plays no role.
    log_expectations : (n, n_rock, n_y, n_x) log(1 + expected photons), not trained on.
    rng : source of noise, gaps, and of the voxels that count.
    widths : of the gaps in lines; each pattern gets a gap of each width, and fresh Poisson noise.
    device : ``auto``, ``cpu`` or ``cuda``.
    quiet : show no progress.

    Returns
    -------
    At most `MOST_VOXELS` voxels of each gap. A gap that cannot be filled, in a pattern too dark for
    that, has none.

    Raises
    ------
    InputError
        No gap can be filled.
    """
    uncalibrated = replace(model, calibration=Calibration(sigma_per_scale=((1.0,),)))
    cases = list(product(range(len(log_expectations)), widths))
    found = []
    reason = ""
    for index, width in with_progress(cases, "calibration", len(cases), quiet):
        try:
            logs = log_expectations[index]
            found.append(_errors_in_a_gap(uncalibrated, logs, index, width, rng, device))
        except InputError as error:
            reason = str(error).partition(", expected")[0]
    if not found:
        raise InputError(
            f"none of the {len(cases)} gaps to calibrate in can be filled ({reason}), expected one "
            "at least: make brighter held-out patterns, or set training.calibration_patterns to 0"
        )
    return Errors(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _errors_in_a_gap(
    model: Model,
    logs: NDArray[np.float16],
    index: int,
    width: int,
    rng: np.random.Generator,
    device: str,
) -> tuple[NDArray[Any], ...]:
    """The columns of `Errors` for one gap of one pattern."""
    expectation = np.expm1(logs.astype(np.float32))
    counts = rng.poisson(expectation).astype(np.float32)
    config = PatchConfig(widths=((width, width),), shares=(1.0,))
    peak = [int(p) for p in np.unravel_index(int(expectation.argmax()), counts.shape)]
    gaps = draw_gaps(counts.shape, peak, rng, **config.gap_options)
    gap = mask_in_box(gaps, whole(counts.shape))
    bad = draw_bad_voxels(counts.shape, rng, **config.bad_options)
    fill = inpaint(counts, gap, model, device, bad_mask=bad, calibrate=False)
    voxels = np.flatnonzero(fill.filled)
    voxels = rng.choice(voxels, min(MOST_VOXELS, voxels.size), replace=False)
    log_counts = np.log1p(fill.counts.ravel()[voxels])
    error = log_counts - logs.ravel()[voxels].astype(np.float32)
    scale = fill.sigma.ravel()[voxels]
    return (
        error,
        scale,
        log_counts,
        np.full(voxels.size, gaps[0].width),
        np.full(voxels.size, index),
    )


def measure_calibration(
    model: Model,
    log_expectations: LogPatterns,
    rng: np.random.Generator,
    *,
    widths: Sequence[int] = WIDTHS,
    device: str = "auto",
    quiet: bool = True,
) -> Calibration:
    """Measure the calibration of a model on patterns that it was not trained on.

    Parameters
    ----------
    model : to be calibrated; not changed.
    log_expectations : (n, n_rock, n_y, n_x) log(1 + expected photons), not trained on.
    rng : source of noise, gaps, and of the voxels that count.
    widths : of the gaps in lines.
    device : ``auto``, ``cpu`` or ``cuda``.
    quiet : show no progress.

    Returns
    -------
    The calibration, with which the model's intervals hold on such patterns.

    Raises
    ------
    InputError
        No gap can be filled.
    """
    found = measure_errors(model, log_expectations, rng, widths=widths, device=device, quiet=quiet)
    return calibrate(found.errors, found.scales, found.widths, np.expm1(found.log_counts))
