"""The methods that fill a scan, by name: the network, classical ones, and those that learn from it.

Whatever the method, only the gaps change, and the fill says how sure it is: the network by its own
calibration, all others by what they make of a pseudo-gap, whose counts are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.classical.methods import METHODS as CLASSICAL
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import FillReport
from bcdi_inpaint.filling.learned_fill import LEARNING, Box3D, Learned, LearningOptions, learn
from bcdi_inpaint.filling.learning_box import cut_planes, learning_box
from bcdi_inpaint.filling.streamed_fill import FilledRegion, StreamedFill
from bcdi_inpaint.filling.work import Work, plan_work
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion, mask_in_box
from bcdi_inpaint.gaps.pseudo_gap import make_pseudo_gap
from bcdi_inpaint.gaps.survey import Survey
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.mean_calibration import calibrate_mean
from bcdi_inpaint.photons import LEAST_COUNTS
from bcdi_inpaint.scan.boxes import Box, Shape, sides, whole
from bcdi_inpaint.scan.scan import Measured, Scan
from bcdi_inpaint.scan.validity import check_counts
from bcdi_inpaint.selftaught.budget import Budget, silent
from bcdi_inpaint.tables import number_of

NETWORK = "network"
"""The method of `filling.inpainting`."""
METHODS = (NETWORK, *CLASSICAL, *LEARNING)
"""All methods."""
NO_PSEUDO_GAP = "no pseudo-gap has room beside the gaps: how sure the fill is, is not known"


def check_method(method: str) -> None:
    """InputError for a name that is none of `METHODS`.

    Examples
    --------
    >>> check_method("kriging")
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r}, expected one of {', '.join(METHODS)}")


@dataclass(frozen=True)
class _Task:
    """A scan in memory with what is to be filled; arrays (n_rock, n_y, n_x).

    `near` is the box that is learned, `cut` the gaps that it holds a part of alone.
    """

    measured: Scan
    unknown: BoolArray
    to_fill: BoolArray
    hidden: BoolArray
    near: Box
    cut: tuple[Gap, ...]

    def filled_by(self, name: str, to_fill: BoolArray, unknown: BoolArray) -> Float32Array:
        """The counts after a classical fill, which looks at no unknown voxel."""
        counts = np.where(unknown, 0, self.measured.counts)
        return CLASSICAL[name](counts, to_fill, bad_mask=unknown & ~to_fill)


def fill_by_method(
    scan: Measured,
    gap: GapRegion,
    method: str,
    device: str = "auto",
    *,
    survey: Survey | None = None,
    options: LearningOptions = LearningOptions(),
    progress: Callable[[int, int], None] | None = None,
) -> StreamedFill:
    """Fill the gaps of a scan by a method other than the network; the scan is held in memory.

    Parameters
    ----------
    scan : the measured scan.
    gap : the voxels to fill.
    method : one of `METHODS`, but for the network.
    device : ``auto``, ``cpu`` or ``cuda``; of methods that learn.
    survey : of the scan with that gap, where it was made already.
    options : of methods that learn.
    progress : called with (steps done, steps in all) by them.

    Returns
    -------
    The fill. Its `sigma` is what the method's errors in a pseudo-gap were, by their brightness.

    Raises
    ------
    InputError
        An unknown method, counts that are none, gaps that cannot be filled, a scan that is too
        small for the method, or less time than one step takes.
    """
    check_method(method)
    work = plan_work(scan, gap, survey=survey)
    # What is learned from one side of a gap alone is no use; the others see all of the scan.
    to_hold = gap.planes if method in LEARNING else ()
    task = _prepare(scan, gap, work, options.largest, to_hold)
    if method in LEARNING:
        counts, hidden, learned = _learn(task, method, device, options, progress)
    else:
        counts, hidden, learned = *_classical(task, method), None
    counts = np.maximum(counts, LEAST_COUNTS).astype(np.float32)
    calibration, said = _calibrated(task, hidden)
    ones = np.ones(np.count_nonzero(task.to_fill))
    sigma = np.zeros(scan.shape, np.float32)
    sigma[task.to_fill] = calibration.sigma(ones, ones, counts[task.to_fill])
    report = FillReport(
        work.plan.warnings,
        device=choose_device(device).type if learned else "cpu",
        remark=f"{method}: {said}{_of_learning(task, learned)}",
        interrupted=learned is not None and learned.interrupted,
    )
    inside = np.where(task.to_fill, counts, np.float32(0))
    region = FilledRegion(whole(scan.shape), inside, sigma)
    return StreamedFill(scan, work.plan, work.light, (region,), calibration, method, "", report)


def _prepare(
    scan: Measured, gap: GapRegion, work: Work, largest: Shape, planes: Sequence[Gap]
) -> _Task:
    """The scan in memory, and a pseudo-gap in the box around its peak, if there is room."""
    measured = scan.part(whole(scan.shape))
    check_counts(measured, gap.part(whole(scan.shape)))
    unknown = measured.bad_mask | gap.part(whole(scan.shape))
    to_fill = work.plan.fillable
    near = learning_box(work.light.coarse_peak, largest, scan.shape, planes)
    hidden = np.zeros_like(unknown)
    with suppress(InputError):  # the remark says so
        hidden[near] = make_pseudo_gap(to_fill[near], unknown[near])
    cut = cut_planes(near, planes, scan.shape)
    return _Task(measured, unknown, to_fill, hidden, near, cut)


def _classical(task: _Task, method: str) -> tuple[Float32Array, Float32Array]:
    """The counts with the gap filled, and with the pseudo-gap filled."""
    counts = task.filled_by(method, task.to_fill, task.unknown)
    if not task.hidden.any():
        return counts, counts
    return counts, task.filled_by(method, task.hidden, task.unknown | task.hidden)


def _learn(
    task: _Task,
    method: str,
    device: str,
    options: LearningOptions,
    progress: Callable[[int, int], None] | None,
) -> tuple[Float32Array, Float32Array, Learned]:
    """The counts with gap and pseudo-gap filled, twice, and how that was learned."""
    steps = options.dip_steps if method == "dip" else options.gan_steps
    budget = Budget(steps * options.runs, options.minutes, progress or silent)
    near, both = task.near, task.to_fill | task.hidden
    # Of a gap that the box cuts, one side is known there alone.
    to_learn = task.to_fill[near] & ~mask_in_box(task.cut, near)
    if not to_learn.any():
        raise InputError(
            f"the gap lies beyond the box of {_sides_of(near)} voxels around the peak, in which "
            f"{method} learns, or is cut by it, expected one there with both of its sides: take "
            "another --method"
        )
    known = np.where(task.unknown[near], 0, task.measured.counts[near]).astype(np.float32)
    box = Box3D(np.log1p(known), task.unknown[near], to_learn, task.hidden[near])
    learned = learn(method, box, budget, choose_device(device), options)
    counts = task.filled_by("linear", both, task.unknown | task.hidden)
    made = (to_learn | task.hidden[near]) & np.isfinite(learned.log_counts)
    counts[near][made] = np.expm1(learned.log_counts[made])
    return counts, counts, learned


def _at_fit(learned: Learned) -> str:
    """That a smooth fit is all there is; empty where every run was better."""
    if not learned.at_fit:
        return ""
    where = "" if learned.at_fit == learned.runs else f"in {learned.at_fit} of {learned.runs} runs "
    return f"{where}no step was better than the smooth fit that it began at, which was taken; "


def _calibrated(task: _Task, filled: Float32Array) -> tuple[Calibration, str]:
    """The calibration by the pseudo-gap, and a line on it."""
    measured, expected = task.measured.counts[task.hidden], filled[task.hidden]
    if not measured.size:
        return calibrate_mean(measured, expected), NO_PSEUDO_GAP
    error = float(np.sqrt(((np.log1p(measured) - np.log1p(expected)) ** 2).mean()))
    said = f"RMS log error {error:.3g} in {measured.size} voxels that were hidden"
    return calibrate_mean(measured, np.maximum(expected, LEAST_COUNTS)), said


def _sides_of(box: Box) -> str:
    return " x ".join(map(str, sides(box)))


def _of_learning(task: _Task, learned: Learned | None) -> str:
    """The rest of the line, on how a method learned."""
    if learned is None:
        return ""
    stopped = ", interrupted" if learned.interrupted else ""
    if learned.cut_short:
        stopped += ", cut short as time was up"
    if learned.runs > 1:
        runs = (
            f"{learned.runs} runs{stopped}, spread between runs {learned.spread:.2g} of log counts"
        )
    else:
        runs = f"one run{stopped}, which tells no spread"
    steps = number_of(learned.steps, "step")
    linear = f"{_at_fit(learned)}linear beyond the {_sides_of(task.near)} voxels around the peak"
    if task.cut:
        linear += f" and in {', '.join(map(str, task.cut))}, which they cut"
    in_planes = task.to_fill[task.near] & ~mask_in_box(task.cut, task.near)
    left = int(np.count_nonzero(in_planes & ~np.isfinite(learned.log_counts)))
    if left:
        linear += f" and in {number_of(left, 'voxel')} there that no whole frame, row or column has"
    return f"; {steps} in {runs}; {linear}"
