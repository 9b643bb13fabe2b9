"""Refining a fill by physics: what could a crystal of finite size diffract into the gap?

A short phase retrieval, with the fill as its prior, computes the intensity in the gap.
How much of it to believe is decided where the truth is known: a pseudo-gap of the same shape, as
far from the Bragg peak, is hidden, filled and computed in the same way, and compared with what was
measured there. If the computed intensity does not predict it better, the fill stays.

Islands of measured voxels are hidden from every start. The objects that the starts come to are not
fitted to them, so they tell which of these and of random starts is the better one. Two choices go
by them before: the form of the beam (`beam_form`), and whether the crystal was found
(`generations`). So they may be a little kinder to these objects than to random starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError, memory_errors
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.phasing.beam_form import form_beam
from bcdi_inpaint.phasing.coherence_check import compute_checked
from bcdi_inpaint.phasing.judged_states import Refinement, judge_states
from bcdi_inpaint.phasing.peak_box import crop_around_peak, shrink_box
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, prepare_task
from bcdi_inpaint.running.early_end import EarlyEnd
from bcdi_inpaint.scan.boxes import Box


def refine(
    counts: np.ndarray,
    gap_mask: BoolArray,
    fill: Fill,
    *,
    bad_mask: BoolArray | None = None,
    model: str | Path | Model = "default",
    seed: int = 0,
    rng: np.random.Generator | None = None,
    starts: int = 3,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    cycles: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
    watch: Callable[[Box, np.ndarray], None] | None = None,
    settings: RefinementSettings = RefinementSettings(),
    background: float | None = None,
) -> Refinement:
    """Refine a fill by a phase retrieval around the Bragg peak, where that predicts better.

    Nothing is raised for a retrieval that fails or has no memory: the fill stays, and the remark
    says why. Ctrl-C, and `stop` where it returns True, end it after the cycle at hand: of what was
    computed until then the best goes into the fill, if held-out voxels like it, and the fill stays
    where no start has ended yet. A second Ctrl-C leaves the fill at once.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photon counts; not changed.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    fill : what `inpaint` made of them.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid.
    model : ``default``, a weights file, or a loaded `Model`; the one that made the fill, which
        fills the pseudo-gap too.
    seed : of the random starts.
    rng : source of the random starts, in place of the seed, and of what they are not to see.
    starts : random starts; the one that fits the measured voxels best counts, or the mean of
        those that fit nearly as well.
    device : ``auto``, ``cpu`` or ``cuda``.
    progress : called with (starts done, starts in all).
    cycles : called after each cycle with (cycles done, cycles in all); where not every start is
        gone on with, there are fewer, and the last call is ahead of the count.
    stop : asked after each cycle whether to end with the best so far, as Ctrl-C does: True from a
        button that was pressed, for example. It may be asked again after that.
    watch : called after each stage of a start with the box that is phased and the intensity that
        is calculated there so far.
    settings : how it is done.
    background : photons in every voxel that no crystal diffracts, which are taken off; by default
        what the scan shows, if held-out voxels like it.

    Returns
    -------
    The refinement: `fill` is the better fill, `remark` says what was found. Where it failed,
    `fill.report.background` is what was given, or found before.

    Raises
    ------
    InputError
        A model that does not load.
    """
    model = model if isinstance(model, Model) else load_model(model)
    rng = np.random.default_rng(seed) if rng is None else rng
    bad_mask = np.zeros(counts.shape, dtype=bool) if bad_mask is None else bad_mask
    end, awaited, level = EarlyEnd(stop), "a start had ended", background
    try:
        with memory_errors():
            crop = crop_around_peak(counts, gap_mask | bad_mask)
            box = shrink_box(crop, settings.largest_box)
            task = prepare_task(
                counts, gap_mask, bad_mask, fill, model, box, device, settings, background, rng
            )
            level = task.background.level
            total = starts * task.cycles
            seen = None if watch is None else partial(watch, box)
            task = replace(task, report=_counter(cycles, total), end=end, watch=seen)
            computed = compute_checked(task, rng, starts, progress)
            awaited = "the starts were judged"
            computed = replace(computed, near=form_beam(task, computed.near, computed.search))
            found = judge_states(task, computed, fill, box, rng)
            cycles(total, total)
            return _with_report(found)
    except InputError as error:
        why = str(error)
    except MemoryError:
        why = f"out of memory on the {choose_device(device).type}, expected room for the box"
    except KeyboardInterrupt:
        why, end.came = f"interrupted before {awaited}", True
    if level is not None:
        fill = replace(fill, report=replace(fill.report, background=level))
    nan = float("nan")
    return _with_report(Refinement(fill, False, nan, nan, (), f"not refined: {why}", end.came))


def _counter(cycles: Callable[[int, int], None], total: int) -> Callable[[], None]:
    """Counts its own calls, and tells `cycles` of each."""
    done = count(1)
    return lambda: cycles(next(done), total)


def _with_report(refinement: Refinement) -> Refinement:
    """The refinement, whose fill says in its report what was decided."""
    fill = refinement.fill
    report = replace(
        fill.report,
        refined=refinement.accepted,
        remark=refinement.remark,
        interrupted=refinement.interrupted or fill.report.interrupted,
    )
    return replace(refinement, fill=replace(fill, report=report))


def fill_and_refine(
    counts: np.ndarray, gap_mask: BoolArray, bad_mask: BoolArray, model: Model, device: str = "auto"
) -> Refinement:
    """Fill and refine in one, from seed 0.

    Parameters
    ----------
    counts, gap_mask, bad_mask : see `refine`.
    model : fills the gap and the pseudo-gap.
    device : ``auto``, ``cpu`` or ``cuda``.

    Returns
    -------
    The refinement.

    Raises
    ------
    InputError
        As `inpaint`.
    """
    fill = inpaint(counts, gap_mask, model, device, bad_mask=bad_mask)
    return refine(counts, gap_mask, fill, bad_mask=bad_mask, model=model, device=device)
