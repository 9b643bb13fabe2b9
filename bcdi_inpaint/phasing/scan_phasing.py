"""A scan phased: handed over, cut out around the peak, phased from several starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Filled
from bcdi_inpaint.gaps.gap import AXIS_NAMES, Gap
from bcdi_inpaint.gaps.masks import find_planes
from bcdi_inpaint.phasing.benefit import expected_benefit
from bcdi_inpaint.phasing.handover import (
    AUTO,
    CHOICES,
    NAMES,
    HandOver,
    HandOverSettings,
    check_name,
    hand_over,
    resolve_handover,
)
from bcdi_inpaint.phasing.peak_box import crop_around_peak
from bcdi_inpaint.phasing.pynx_retrieval import retrieve_best
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.pynx_engine import import_pynx
from bcdi_inpaint.scan.boxes import Box, Shape
from bcdi_inpaint.scan.scan import Scan


def phase_scan(
    scan: Scan,
    fill: Filled | None = None,
    *,
    handover: str = AUTO,
    runs: int = 5,
    seed: int = 0,
    schedule: Schedule = Schedule(),
    crop: Shape | None = None,
    gap_mask: BoolArray | None = None,
    settings: HandOverSettings = HandOverSettings(),
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] | None = None,
) -> Reconstruction:
    """Phase a scan with PyNX, as `bcdi-inpaint phase` does: the best of several random starts.

    The same seed gives the same object as the command.

    Parameters
    ----------
    scan : the measured scan, (n_rock, n_y, n_x).
    fill : its fill; None for a scan without one.
    handover : how PyNX gets the fill, one of `handover.NAMES`, or ``auto``: as a prior where that
        helps, else masked.
    runs : random starts.
    seed : of the starts.
    schedule : cycles of every start.
    crop : shape of the box to phase, around the peak. By default the largest with the peak in its
        middle.
    gap_mask : (n_rock, n_y, n_x) bool, True = not measured, besides the scan's bad voxels; by
        default what was filled.
    settings : how far the fill is trusted.
    say : gets a line at each stage.
    progress : called with (cycles done, cycles in all).

    Returns
    -------
    The best reconstruction; it knows its `box` in the scan and what was `handed` over.

    Raises
    ------
    InputError
        A hand-over that is none, or that needs a fill, runs below 1, a box that does not fit, or
        every start failed.
    MissingEngineError
        PyNX is not there.
    """
    check_name(handover, CHOICES)
    check_runs(runs, schedule)
    import_pynx("cdi")  # it is better missed before the work
    whole = _hand_over(scan, fill, handover, gap_mask, settings)
    say(f"handover {whole.name}: {NAMES[whole.name]}")
    filled = np.zeros(scan.shape, dtype=bool) if fill is None else fill.filled
    box = crop_around_peak(whole.counts, scan.bad_mask & ~filled, crop)
    handed = whole.crop(box)
    size = " x ".join(map(str, handed.counts.shape))
    say(f"phasing {size} around the peak: {_ranges(box)}")
    watch = _Watch(runs, schedule.cycles, say, progress)
    best = retrieve_best(
        handed.counts,
        handed.bad_mask,
        np.random.default_rng(seed),
        runs=runs,
        report=watch.report,
        schedule=schedule,
        constraint=handed.constraint,
        release_after=handed.release_after,
        filled=handed.filled,
        progress=watch.step,
    )
    return replace(best, box=box, handed=handed)


def check_runs(runs: int, schedule: Schedule) -> None:
    """Refuse fewer than one start and schedules without a cycle, with an InputError."""
    if runs < 1:
        raise InputError(f"runs is {runs}, expected at least 1: give a positive number")
    cycles = (schedule.hio, schedule.raar, schedule.er)
    if min(cycles) < 0 or not sum(cycles):
        raise InputError(
            f"cycles are {','.join(map(str, cycles))}, expected HIO,RAAR,ER, none below 0 "
            "and some above: for example 100,400,150"
        )


def _hand_over(
    scan: Scan,
    fill: Filled | None,
    handover: str,
    gap_mask: BoolArray | None,
    settings: HandOverSettings,
) -> HandOver:
    """The scan as it is wanted; without a fill the gap stays masked."""
    if fill is None:
        if handover not in (AUTO, "mask"):
            raise InputError(
                f"handover is {handover} without a fill, expected auto or mask: fill the scan first"
            )
        unknown = scan.bad_mask if gap_mask is None else scan.bad_mask | gap_mask
        counts = scan.counts.astype(np.float32)
        return HandOver("mask", counts, unknown, np.zeros_like(unknown))
    gap = fill.filled if gap_mask is None else gap_mask | fill.filled
    name = handover
    if handover == AUTO:
        verdict = _verdict(fill, gap, scan.bad_mask)
        name = resolve_handover(AUTO, verdict, refined=fill.report.refined)
    return hand_over(fill.whole, gap, scan.bad_mask, name, settings=settings)


def _verdict(fill: Filled, gap: BoolArray, bad_mask: BoolArray) -> str | None:
    """Whether the fill is worth having; None where that cannot be seen."""
    unknown = gap | bad_mask
    planes = [plane for plane in find_planes(unknown) if _lines(fill.filled, plane).any()]
    benefit = expected_benefit(fill.counts, unknown, planes)
    return None if benefit is None else benefit.verdict


def _lines(mask: BoolArray, gap: Gap) -> BoolArray:
    """What a mask holds in the lines of a gap, which come first in the result."""
    return np.moveaxis(mask, gap.axis, 0)[gap.start : gap.stop]


@dataclass
class _Watch:
    """Reports the starts: a line for each, and the cycles done of all."""

    runs: int
    cycles: int
    say: Callable[[str], None]
    progress: Callable[[int, int], None] | None
    done: int = 0

    def step(self, cycles: int) -> None:
        """Some cycles were just done."""
        self.done += cycles
        if self.progress is not None:
            self.progress(self.done, self.runs * self.cycles)

    def report(self, number: int, outcome: Reconstruction | InputError) -> None:
        """A start has found something or failed, then without its last cycles."""
        self.done = (number + 1) * self.cycles
        label = f"run {number + 1} of {self.runs}"
        if isinstance(outcome, InputError):
            self.say(f"warning: {label}: {outcome}")
            return
        self.say(
            f"{label}: free log-likelihood {outcome.llk_free:.4g}, log-likelihood "
            f"{outcome.llk:.4g}, support {int(outcome.support.sum())} voxels"
        )


def _ranges(box: Box) -> str:
    names = (*AXIS_NAMES[:2], "columns")
    parts = (f"{name} {p.start}:{p.stop}" for name, p in zip(names, box, strict=True))
    return ", ".join(parts)
