"""What the methods that learn from the one scan make of its gaps, around the Bragg peak."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Literal

import numpy as np
import torch

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import find_planes, gap_mask
from bcdi_inpaint.scan.boxes import as_shape
from bcdi_inpaint.selftaught.adversarial import Optimised, adversarial_fill
from bcdi_inpaint.selftaught.adversaries import GanSettings
from bcdi_inpaint.selftaught.budget import Best, Budget, TooLittleTimeError
from bcdi_inpaint.selftaught.deep_image_prior import DipSettings, deep_image_prior
from bcdi_inpaint.selftaught.smooth_fit import smooth_fit

OPTIMISED: dict[str, Optimised] = {"gan-g": "generator", "gan-z": "seeds"}
"""What the two adversarial methods optimise."""
LEAST_GAN_STEPS = math.ceil(GanSettings.critic_steps / GanSettings.training_share)
"""Of a run of the adversarial methods: with fewer the generator of one of them takes no step."""
LEARNING = ("dip", *OPTIMISED)
"""Methods that learn from the one scan."""
Start = Literal["smooth", "published"]
"""What is learned: what a smooth fit of the scan lacks, or the scan itself, as in the papers."""


@dataclass(frozen=True)
class LearningOptions:
    """How a method that learns from the one scan is run.

    Attributes
    ----------
    minutes : in all; None for no limit.
    seed : of everything that is drawn.
    runs : from different random numbers; the fill is the mean of their logarithms, and their
        spread is reported.
    dip_steps, gan_steps : of one run at most; no committed command.
    largest : sides of the box around the peak that is learned, at most, in voxels: what a processor
        can do in minutes. Beyond it the fill is linear.
    start : what is learned; see `selftaught.smooth_fit` for what is better of the first.
    dip, gan : how the networks are made and learned.

    Raises InputError for a seed that is no whole number from 0 on, and for minutes that are none.
    """

    minutes: float | None = 10.0
    seed: int = 0
    runs: int = 2
    dip_steps: int = 1000
    gan_steps: int = 4000
    largest: tuple[int, int, int] = (48, 64, 64)
    start: Start = "smooth"
    dip: DipSettings = DipSettings()
    gan: GanSettings = GanSettings()

    def __post_init__(self) -> None:
        minutes: object = self.minutes
        if not isinstance(self.seed, int | np.integer) or self.seed < 0:
            raise InputError(
                f"seed is {self.seed!r}, expected a whole number of at least 0: give such a one"
            )
        if minutes is not None and not isinstance(minutes, Real):
            raise InputError(
                f"minutes is {minutes!r}, expected a number, or None for no limit: give one"
            )


@dataclass(frozen=True)
class Learned:
    """The fill of a box.

    Attributes
    ----------
    log_counts : (*box) float32, the mean of the runs; nan where none filled.
    spread : root mean square over the gap of the standard deviation between runs; 0 for one run.
    steps : of all runs.
    runs : how many were begun.
    interrupted : whether Ctrl-C ended it.
    at_fit : of how many runs no step was better than the smooth fit, where voxels were hidden.
    cut_short : whether a run, or the last part of one, had no time for more than a step.
    """

    log_counts: Float32Array
    spread: float
    steps: int
    runs: int
    interrupted: bool
    at_fit: int = 0
    cut_short: bool = False


@dataclass(frozen=True)
class Box3D:
    """What there is to learn in a box; all arrays (*box).

    Attributes
    ----------
    log_counts : any number where unknown.
    unknown : gaps and bad voxels.
    to_fill : what of the gaps is to be filled.
    hidden : known voxels that are hidden too, and filled.
    """

    log_counts: Float32Array
    unknown: BoolArray
    to_fill: BoolArray
    hidden: BoolArray


def learn(
    method: str,
    box: Box3D,
    budget: Budget,
    device: torch.device,
    options: LearningOptions = LearningOptions(),
) -> Learned:
    """Fill a box by a method of `LEARNING`, some times.

    From a smooth fit no run is worse than it where voxels are hidden: such a one gives the fit.

    Parameters
    ----------
    method : its name.
    box : what is to be filled and learned from.
    budget : of all runs.
    device : where it computes.
    options : how often, and from which seed.

    Raises
    ------
    InputError
        A budget too small for one step of the first run, a box too small for a frame, no whole
        planes to fill for the adversarial methods, or such gaps across all three axes.
    """
    base = np.zeros(box.unknown.shape, np.float32)
    if options.start == "smooth":
        base = smooth_fit(box.log_counts, ~(box.unknown | box.hidden))
    box = replace(box, log_counts=box.log_counts - base)
    rngs = np.random.default_rng(options.seed).spawn(options.runs)
    found: list[Best] = []
    cut_short = False
    for number, rng in enumerate(rngs):
        part = budget.part(number / options.runs, (number + 1) / options.runs)
        try:
            found.append(_once(method, box, rng, part, device, options))
        except KeyboardInterrupt:
            if not found:
                raise
            found[-1].interrupted = True
        except TooLittleTimeError:
            if not found:
                raise
            cut_short = True
        if found[-1].interrupted or cut_short:
            break
    logs = np.stack([best.log_counts for best in found if best.log_counts is not None])
    between = logs.std(axis=0, ddof=1)[box.to_fill] if len(logs) > 1 else np.zeros(1)
    between = between[np.isfinite(between)]
    return Learned(
        np.clip(logs.mean(axis=0) + base, 0, None),
        float(np.sqrt((between**2).mean())) if between.size else 0.0,
        sum(best.steps for best in found),
        len(found),
        found[-1].interrupted,
        sum(not best.best_step for best in found),
        cut_short or any(best.cut_short for best in found),
    )


def _once(
    method: str,
    box: Box3D,
    rng: np.random.Generator,
    budget: Budget,
    device: torch.device,
    options: LearningOptions,
) -> Best:
    begun = np.zeros_like(box.log_counts) if options.start == "smooth" else None  # nothing lacks
    if method == "dip":
        one = box.hidden.shape[0] == 1  # frame: an image, and a network of two dimensions
        best = deep_image_prior(
            box.log_counts[0] if one else box.log_counts,
            box.unknown[0] if one else box.unknown,
            box.hidden[0] if one else box.hidden,
            rng,
            budget,
            begun=begun[0] if one and begun is not None else begun,
            device=device,
            settings=options.dip,
        )
        if one and best.log_counts is not None:
            best.log_counts = best.log_counts[None]
        return best
    return _fill_slices(method, box, begun, rng, budget, device, options)


def _fill_slices(
    method: str,
    box: Box3D,
    begun: Float32Array | None,
    rng: np.random.Generator,
    budget: Budget,
    device: torch.device,
    options: LearningOptions,
) -> Best:
    """An adversarial fill of the box's slices along an axis that no gap lies across."""
    bad = set(find_planes(box.unknown))
    gaps = find_planes(box.to_fill)
    if not gaps:
        raise InputError(
            f"no whole frame, row or column of the gap lies in the box that {method} learns, "
            "expected one at least: take --method dip, network or kriging, which fill gaps of any "
            "shape"
        )
    # Bad voxels in a pseudo-gap are not hidden, so that its lines are whole with them alone.
    hidden = [plane for plane in find_planes(box.hidden | box.unknown) if plane not in bad]
    axis = slicing_axis(gaps, hidden)
    planes = [plane for plane in (*gaps, *hidden) if plane.axis != axis]
    of_hidden = [plane for plane in hidden if plane.axis != axis]
    held_out = gap_mask(of_hidden, as_shape(box.hidden.shape)) & box.hidden

    def slices(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.moveaxis(array, axis, 0))

    best = adversarial_fill(
        slices(box.log_counts),
        slices(box.unknown | (box.hidden & ~held_out)),
        slices(held_out),
        [Gap(p.axis - (p.axis > axis), p.start, p.stop) for p in planes],
        rng,
        budget,
        optimised=OPTIMISED[method],
        begun=None if begun is None else slices(begun),
        device=device,
        settings=options.gan,
    )
    assert best.log_counts is not None
    best.log_counts = np.moveaxis(best.log_counts, 0, axis)
    return best


def slicing_axis(gaps: Sequence[Gap], hidden: Sequence[Gap]) -> int:
    """The axis along which slices are cut: none of the gaps', and if it can be none of the hidden.

    Raises InputError for gaps across all three.
    """
    free = [axis for axis in range(3) if axis not in {gap.axis for gap in gaps}]
    if not free:
        raise InputError(
            f"gaps {', '.join(map(str, gaps))} lie across all three axes, expected an axis without "
            "for slices: give fewer with --gap, or another --method"
        )
    return min(free, key=lambda axis: axis in {gap.axis for gap in hidden})
