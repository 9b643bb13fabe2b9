"""Learning the last step of a fill behind a trained network; see `network.symmetry_step`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray, rms
from bcdi_inpaint.filling.step_inputs import see_gap_voxels
from bcdi_inpaint.gaps.artificial import GapPlacement, place_near_peak
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.network.symmetry_step import SymmetryStep
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.peak.centre import find_peak
from bcdi_inpaint.scan.boxes import as_shape
from bcdi_inpaint.training.plan import LastStepConfig

PLACEMENTS: tuple[GapPlacement, ...] = ("row", "column")
"""Where gaps lie that the step learns from, by turns."""


@dataclass(frozen=True)
class Case:
    """Voxels of a gap.

    Attributes
    ----------
    inputs : (n, n_inputs) float32, what the step sees.
    truth : (n,) float32, log(1 + expected photons).
    """

    inputs: Float32Array
    truth: Float32Array


@dataclass(frozen=True)
class Hidden:
    """A pattern with a gap on it; all of its shape.

    Attributes
    ----------
    counts : photons, the hidden ones too.
    expectation : of the photons.
    mask : True in the gap.
    """

    counts: FloatArray
    expectation: FloatArray
    mask: BoolArray


def hide(
    counts: FloatArray,
    expectation: FloatArray,
    placement: GapPlacement,
    width: int,
    rng: np.random.Generator,
) -> Hidden | None:
    """Put a gap beside the peak of a pattern; None where it has no place, or there is no peak.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photons.
    expectation : of them, noise-free.
    placement : see `gaps.artificial.place_near_peak`.
    width : of the gap in lines.
    rng : source of where it lies.
    """
    shape = as_shape(counts.shape)
    peak = find_peak(counts, np.zeros(shape, dtype=bool))
    gaps = () if peak is None else place_near_peak(placement, width, shape, peak, rng)
    return Hidden(counts, expectation, gap_mask(gaps, shape)) if gaps else None


def look_at(
    hidden: Hidden, model: Model, rng: np.random.Generator, voxels: int, device: str = "auto"
) -> Case | None:
    """What the step sees of a gap, and the truth; None where the gap has no light at all.

    Parameters
    ----------
    hidden : the pattern with its gap.
    model : the network that fills; its own last step plays no role.
    rng : source of which voxels count.
    voxels : how many of them at most.
    device : ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        For counts that nothing can be filled from.
    """
    counts = np.where(hidden.mask, 0, hidden.counts)
    inputs, truth = [], []
    for seen in see_gap_voxels(counts, hidden.mask, model, device):
        inputs.append(seen.inputs)
        expected = hidden.expectation[seen.box][seen.voxels]
        truth.append(np.log1p(expected).astype(np.float32))
    if not inputs:
        return None
    chosen = rng.permutation(sum(map(len, truth)))[:voxels]
    return Case(np.concatenate(inputs)[chosen], np.concatenate(truth)[chosen])


def learn(
    cases: Sequence[Case], settings: LastStepConfig, seed: int, steps: int | None = None
) -> SymmetryStep:
    """Train a step on cases, each with as much weight as its voxels.

    Parameters
    ----------
    cases : at least one.
    settings : how many steps of the optimiser, how large and how fast.
    seed : of the first weights, and of the voxels of each step.
    steps : in place of those of the settings.

    Returns
    -------
    The step; the same for the same seed, whatever else was drawn.
    """
    steps = settings.steps if steps is None else steps
    inputs = torch.from_numpy(np.concatenate([case.inputs for case in cases]))
    truth = torch.from_numpy(np.concatenate([case.truth for case in cases]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        step = SymmetryStep()
    step.centre, step.spread = inputs.mean(dim=0), inputs.std(dim=0) + 1e-3
    rate = settings.learning_rate
    optimizer = torch.optim.AdamW(step.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    drawn = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        chosen = torch.randint(0, len(truth), (settings.batch_size,), generator=drawn)
        optimizer.zero_grad()
        loss(step, inputs[chosen], truth[chosen]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return step.eval()


def loss(step: SymmetryStep, inputs: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of log counts, how far the counts are off for photon noise, and the scale.

    The second is in double standard deviations of the noise (Anscombe, *Biometrika* **35**, 246,
    1948), on logarithms: bright voxels count more, and do not rule. The last is the negative log
    likelihood of a Laplace distribution.

    Parameters
    ----------
    step : whose loss it is.
    inputs : (n, n_inputs).
    truth : (n,).
    """
    logs, log_scales = step(inputs)
    error = (logs.clamp(min=0) - truth).detach().abs()
    of_scale = error / log_scales.exp() + log_scales
    off = (_stabilised(logs.clamp(0, 20)) - _stabilised(truth)).abs()
    return ((logs - truth) ** 2).mean() + 0.2 * torch.log1p(off).mean() + 0.3 * of_scale.mean()


def _stabilised(log_counts: Tensor) -> Tensor:
    """The square root of counts, whose noise is the same everywhere."""
    return torch.sqrt(torch.expm1(log_counts) + 3 / 8)


def rms_errors(case: Case, step: SymmetryStep) -> tuple[float, float]:
    """Root mean square errors of log(1 + counts) in a gap, before the step and after it."""
    after = step.apply_to(torch.from_numpy(case.inputs))[0].clamp(min=0).numpy()
    return rms(case.inputs[:, 0] - case.truth), rms(after - case.truth)
