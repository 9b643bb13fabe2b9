"""A scan phased: handed over, cut out around the peak, phased from several starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Filled
from bcdi_inpaint.gaps.gap import AXIS_NAMES
from bcdi_inpaint.gaps.masks import filled_planes, find_planes
from bcdi_inpaint.phasing.benefit import expected_benefit, filled_counts
from bcdi_inpaint.phasing.free_voxels import unseen_in
from bcdi_inpaint.phasing.handover import (
    AUTO,
    CHOICES,
    NAMES,
    WORTHWHILE,
    HandOver,
    HandOverSettings,
    check_name,
    hand_over,
    is_compared,
    resolve_handover,
)
from bcdi_inpaint.phasing.peak_box import PeakNearEdgeError, crop_around_peak, fast_size
from bcdi_inpaint.phasing.pynx_course import may_begin_at_objects
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.pynx_runs import check_arguments, run_preset
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import best_of, choose, judged
from bcdi_inpaint.scan.boxes import Box, Shape, as_box, as_shape, move
from bcdi_inpaint.scan.found_object import FoundObject
from bcdi_inpaint.scan.scan import Scan


def phase_scan(
    scan: Scan,
    fill: Filled | None = None,
    *,
    handover: str = AUTO,
    preset: Preset = Preset(),
    pynx: Sequence[str] = (),
    seed: int = 0,
    crop: Shape | None = None,
    gap_mask: BoolArray | None = None,
    settings: HandOverSettings = HandOverSettings(),
    knowledge: Knowledge = Knowledge(),
    objects: Sequence[FoundObject] = (),
    say: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Reconstruction:
    """Phase a scan with PyNX's runner, as `bcdi-inpaint phase` does: the best of several starts.

    The same seed gives the same object as the command. Where ``auto`` is to compare, the scan is
    phased with its fill and masked, and masked without `knowledge` where there is some: what free
    voxels like best is taken. Where these are voxels that `objects` have not seen, the first two
    begin at them, and the third is always done, from random starts; else all starts are random.

    Parameters
    ----------
    scan : the measured scan, (n_rock, n_y, n_x).
    fill : its fill; None for a scan without one.
    handover : how PyNX gets the fill, one of `handover.NAMES`, or ``auto``: as a prior where that
        helps, masked where it does not, and both where a scan is to be compared.
    preset : cycles and thresholds of every start, and how many there are.
    pynx : more arguments of PyNX's, in its own syntax.
    seed : of the starts.
    crop : shape of the box to phase, around the peak. By default the largest with the peak in its
        middle.
    gap_mask : (n_rock, n_y, n_x) bool, True = not measured, besides the scan's bad voxels; by
        default what was filled.
    settings : how far the fill is trusted.
    knowledge : what is known of the beam and the crystal.
    objects : what a refinement's starts came to, which the first runs begin at; the others begin at
        random.
    say : gets a line at each stage.
    progress : called with (cycles done, cycles in all).

    Returns
    -------
    The best reconstruction; it knows its `box` in the scan and what was `handed` over.

    Raises
    ------
    InputError
        A hand-over that is none, or that needs a fill, a parameter that PyNX does not take, a box
        that does not fit, or every start failed.
    MissingEngineError
        PyNX is not there.
    """
    params = check_arguments(preset, pynx)  # before the work
    runs = params["nb_run"]
    found_before = objects if objects and may_begin_at_objects(params) else ()

    def prepare(name: str) -> PreparedScan:
        return prepare_scan(
            scan,
            fill,
            handover=name,
            crop=crop,
            gap_mask=gap_mask,
            settings=settings,
            say=say,
        )

    def phase(
        prepared: PreparedScan, known: Knowledge, begun: Sequence[FoundObject]
    ) -> Reconstruction:
        found = run_preset(
            prepared.handed,
            preset,
            seed=seed,
            extra=pynx,
            knowledge=known,
            objects=[one.in_box(prepared.box) for one in begun],
            free=prepared.unseen_by(found_before),
            report=lambda number, outcome: say(run_line(number, runs, outcome)),
            progress=progress,
        )
        return prepared.best(found)

    if fill is None or not is_compared(handover, _verdict(fill, gap_mask, scan.bad_mask)):
        return phase(prepare(handover), knowledge, found_before)
    masked = prepare("mask")
    fair = masked.unseen_by(found_before) is not None
    begun = found_before if fair else ()  # else they were fitted to the voxels that decide
    ways = {"masked": phase(masked, knowledge, begun)}
    ways["filled"] = phase(prepare(WORTHWHILE), knowledge, begun)
    # A background stays known: with other counts the log-likelihoods could not be compared.
    nothing = Knowledge(background=knowledge.background, photon=knowledge.photon)
    if fair or knowledge != nothing:
        ways["plain"] = phase(masked, nothing, ())
    return ways[best_of({name: judged(one) for name, one in ways.items()})]


@dataclass(frozen=True)
class PreparedScan:
    """A scan ready to be phased.

    Attributes
    ----------
    handed : what PyNX gets, of the box.
    box : around the peak.
    """

    handed: HandOver
    box: Box

    @property
    def measured(self) -> BoolArray:
        """(n_rock, n_y, n_x) bool, where the box was measured."""
        return np.asarray(~(self.handed.bad_mask | self.handed.filled))

    def unseen_by(self, objects: Sequence[FoundObject]) -> BoolArray | None:
        """The islands of the box that objects of one refinement have not seen.

        None where no measured voxel is among them: they cannot judge.
        """
        found = unseen_in(objects, self.box)
        return found if found is not None and (found & self.measured).any() else None

    def best(self, found: Sequence[Reconstruction]) -> Reconstruction:
        """The best run; its box is the scan's, and it knows what the others found."""
        best = choose(found)
        corner = [part.start for part in self.box]
        box = None if best.box is None else as_box(move(best.box, corner))
        return replace(best, box=box, free_llks=tuple(one.llk_free for one in found))


def prepare_scan(
    scan: Scan,
    fill: Filled | None = None,
    *,
    handover: str = AUTO,
    crop: Shape | None = None,
    gap_mask: BoolArray | None = None,
    settings: HandOverSettings = HandOverSettings(),
    say: Callable[[str], None] = lambda line: None,
) -> PreparedScan:
    """Hand a scan over, and cut it out around the peak.

    Parameters
    ----------
    scan, fill, handover, crop, gap_mask, settings, say : see `phase_scan`.

    Raises
    ------
    InputError
        A hand-over that is none, or that needs a fill, or a box that does not fit.
    """
    check_name(handover, CHOICES)
    whole = _hand_over(scan, fill, handover, gap_mask, settings)
    say(f"handover {whole.name}: {NAMES[whole.name]}")
    filled = np.zeros(scan.shape, dtype=bool) if fill is None else fill.filled
    try:
        shape = None if crop is None else _as_phased(crop, say)
        box = crop_around_peak(whole.counts, scan.bad_mask & ~filled, shape)
    except PeakNearEdgeError as error:
        raise InputError(f"{error}: give the box to phase with --crop") from error
    handed = whole.crop(box)
    if whole.name != "mask" and not filled[box].any():
        say("none of the filled voxels is in the part that is phased")
        handed = replace(handed, name="mask", constraint=None, release_after=None)
    size = " x ".join(map(str, handed.counts.shape))
    say(f"phasing {size} around the peak: {_ranges(box)}")
    return PreparedScan(handed, box)


def _as_phased(crop: Shape, say: Callable[[str], None]) -> Shape:
    """The box that PyNX makes of one: its sides are even, without a prime factor above 13."""
    asked = " x ".join(map(str, crop))
    if min(crop) < 2:
        raise InputError(f"crop {asked}, expected 2 voxels a side or more: choose a larger box")
    taken = as_shape(2 * fast_size(side // 2) for side in crop)
    if taken != crop:
        box = " x ".join(map(str, taken))
        say(f"crop {asked}: PyNX takes {box}, even and of small prime factors")
    return taken


def run_line(number: int, runs: int, outcome: Reconstruction | InputError) -> str:
    """What is said of a run: its figures, or why it failed.

    Parameters
    ----------
    number : of the run, from 1.
    runs : how many there are.
    outcome : what it found, or why it failed.
    """
    label = f"run {number} of {runs}"
    if isinstance(outcome, InputError):
        return f"warning: {label}: {outcome}"
    return f"{label}: {outcome.figures}"


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
        verdict = _verdict(fill, gap_mask, scan.bad_mask)
        name = resolve_handover(AUTO, verdict, refined=fill.report.refined)
    return hand_over(fill.whole, gap, scan.bad_mask, name, settings=settings)


def _verdict(fill: Filled, gap_mask: BoolArray | None, bad_mask: BoolArray) -> str | None:
    """Whether the fill is worth having; None where that cannot be seen."""
    unknown = fill.filled | bad_mask
    if gap_mask is not None:
        unknown = unknown | gap_mask
    planes = filled_planes(find_planes(unknown), fill.filled)
    benefit = expected_benefit(fill.counts, unknown, planes, filled=filled_counts(fill))
    return None if benefit is None else benefit.verdict


def _ranges(box: Box) -> str:
    names = (*AXIS_NAMES[:2], "columns")
    parts = (f"{name} {p.start}:{p.stop}" for name, p in zip(names, box, strict=True))
    return ", ".join(parts)
