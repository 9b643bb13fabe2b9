"""What is done beside a window, which is told how far it is: gaps found, fills made and written.

A task is a function of `tell` and picklable arguments, for `running.watched`. What goes back and
forth holds no scan that lies in a file.
"""

from __future__ import annotations

import hashlib
import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from bcdi_inpaint.checks.numbers import NumberWishes, prepare
from bcdi_inpaint.checks.wide_pixels import find_with_wide_pixels
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.scores import score
from bcdi_inpaint.files import check_output
from bcdi_inpaint.filling.fill import Fill, Filled
from bcdi_inpaint.filling.learned_fill import LEARNING
from bcdi_inpaint.filling.light_map import light_of
from bcdi_inpaint.filling.methods import METHODS
from bcdi_inpaint.filling.streamed_fill import StreamedFill
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import GapFinding
from bcdi_inpaint.gaps.masks import mask_in_box
from bcdi_inpaint.jobs.asked import Answer, Found, Question, Tried
from bcdi_inpaint.jobs.gap_options import gap_options
from bcdi_inpaint.jobs.make_fill import Watch, advise, make_fill, near_peak
from bcdi_inpaint.jobs.open_in_photons import open_in_photons
from bcdi_inpaint.jobs.predict import run_provenance
from bcdi_inpaint.jobs.request import Request, mask_files
from bcdi_inpaint.jobs.write_fill import HandedFill, fill_record, write_fill
from bcdi_inpaint.peak.centre import find_central_voxel
from bcdi_inpaint.phasing.benefit import NOWHERE
from bcdi_inpaint.running.watched import Tell
from bcdi_inpaint.scan.boxes import Shape, as_box, as_shape, blocks, grow, whole
from bcdi_inpaint.scan.photon_view import as_stored, photon_of
from bcdi_inpaint.scan.scan import Measured
from bcdi_inpaint.tables import number_of

INTERVAL_S = 0.4
"""Between two pictures of a fill that is being made."""
MARGIN = 8
"""Voxels beside a hidden gap that a structural similarity looks at."""


_known: dict[str, tuple[Measured, GapFinding]] = {}
"""The last scan and its gaps: they are found once, however often they are filled."""


def find(tell: Tell, question: Question) -> Found:
    """Find the gaps of a scan, its peak, and what a fill is worth; errors as `find_scan_gaps`."""
    tell(("methods", METHODS, LEARNING))
    scan, finding = _found(question)
    lines = [f"gaps: {finding.places} ({finding.origin})"]
    lines += [f"note: {remark}" for remark in dict.fromkeys((*scan.remarks, *finding.remarks))]
    if finding.survey is None:
        return Found(finding, None, tuple(lines))
    light = light_of(finding.survey)
    box, corner = near_peak(scan, light)
    near = scan.part(box)
    peak = find_central_voxel(near.counts, near.bad_mask | finding.region.part(box))
    advice = advise(scan, finding.region, light)
    lines.append(f"advice: {advice or NOWHERE}")
    place = None if peak is None else as_shape(p + c for p, c in zip(peak, corner, strict=True))
    return Found(replace(finding, survey=None), place, tuple(lines))


def fill(tell: Tell, question: Question) -> Answer:
    """Fill a scan; where it is stopped, the best so far.

    Raises InputError as `predict` does, KeyboardInterrupt where there is nothing yet to keep.
    """
    scan, finding = _found(question)
    photon = photon_of(scan)
    shown = _Shown(tell, photon)
    watch = Watch(
        shown.say,
        shown.progress,
        shown.cycles,
        lambda: tell.is_stopped,
        shown.filled,
        shown.retrieved,
    )
    try:
        made = make_fill(_request(question), scan, finding, None, watch)
    except KeyboardInterrupt:
        return _stopped(shown.last, scan, finding, photon)
    refinement = made.refinement
    said = made.report.remark if refinement is None else refinement.remark
    is_whole = not (made.report.interrupted or (refinement and refinement.interrupted))
    is_refined = refinement is not None and refinement.accepted
    fill = _sendable(made.fill, scan, photon)
    return Answer(fill, made.handover, made.record, said, is_refined, is_whole)


def _stopped(
    last: StreamedFill | None, scan: Measured, finding: GapFinding, photon: float
) -> Answer:
    """What the network has filled so far, the rest masked."""
    so_far = None if last is None else last.so_far()
    if so_far is None or not so_far.n_filled:
        raise KeyboardInterrupt
    said = f"stopped: {number_of(so_far.n_filled, 'voxel')} filled, the rest stays as it was"
    record = fill_record(so_far, finding.places) | {"stopped": said, "job_sha256": "interrupted"}
    return Answer(_sendable(so_far, scan, photon), "mask", record, said, is_whole=False)


def _sendable(fill: Filled, scan: Measured, photon: float) -> Filled:
    """A fill in the unit of its scan, which stays where it is."""
    made = fill.in_unit(photon)
    if isinstance(made, StreamedFill):
        return replace(made, scan=cast(Measured, None))
    assert isinstance(made, Fill), "one in memory"
    return made.over(as_stored(scan).part(whole(scan.shape)).counts)


def attempt(tell: Tell, question: Question, hidden: tuple[Gap, ...]) -> Tried:
    """Hide a gap in measured voxels, fill it with all others, and score it there.

    Parameters
    ----------
    tell : is told how far it is.
    question : as for `fill`.
    hidden : the gap.

    Raises
    ------
    InputError
        As `predict`; and where nothing of the hidden gap was measured or filled.
    """
    scan, finding = _found(question)
    wishes = {**question.wishes, "trust_gaps": True}
    gaps = (*finding.gaps, *hidden)
    made = fill(tell, replace(question, gaps=gaps, wishes=wishes, rest=finding.rest))
    box = grow(_hull(hidden, scan.shape), (MARGIN,) * 3, scan.shape)
    measured = scan.part(as_box(box))
    alone = made.fill.alone(as_box(box))
    where = mask_in_box(hidden, box) & alone.filled & ~measured.bad_mask
    where &= ~finding.region.part(as_box(box))
    if not where.any():
        raise InputError(
            f"nothing of {', '.join(map(str, hidden))} was measured and filled, expected a place "
            "beside the gaps: choose another"
        )
    truth = np.where(measured.bad_mask, 0, measured.counts)
    filled = np.where(alone.filled, alone.counts / photon_of(scan), truth)
    return Tried(made, hidden, score(truth, filled, where))


def write(
    tell: Tell, question: Question, answer: Answer, output: Path, force: bool, command: str
) -> Path:
    """Write a fill with the promises of `predict`: never in the place of its input, whole or not.

    Parameters
    ----------
    tell : of no use.
    question : what was asked for.
    answer : the fill.
    output : the file to write.
    force : whether an existing file may be replaced.
    command : the command line that does the same, which the file records.

    Raises
    ------
    InputError
        Where the file cannot or must not be written, or the fill changes voxels outside the gaps.
    """
    request = _request(question)
    inputs = [request.scan or None, *mask_files(request.masks), *request.mask_good]
    check_output(output, force, inputs)
    scan, finding = _found(question)
    _check_in_gaps(answer.fill, finding)
    handed = HandedFill(_laid(answer.fill, scan), answer.handover, finding.region, question.drawn)
    now = {"date": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    run = run_provenance(request) if request.scan else now
    by_hand = _by_hand(question)
    record = run | {"command": command} | by_hand | dict(answer.record)
    write_fill(output, scan, handed, record, force=force)
    return output


def _check_in_gaps(fill: Filled, finding: GapFinding) -> None:
    """Refuse a fill that changes voxels outside the gaps: those were measured."""
    n = 0
    for box in blocks(finding.shape):
        filled = fill.plan.fillable_in(box) if isinstance(fill, StreamedFill) else fill.filled[box]
        n += int(np.count_nonzero(filled & ~finding.region.part(box)))
    if n:
        raise InputError(
            f"fill covers {number_of(n, 'voxel')} outside the gaps ({finding.places}), expected "
            "it to cover the gaps alone: press Fill again"
        )


def _laid(fill: Filled, scan: Measured) -> Filled:
    """A fill that came back, laid into its scan."""
    return replace(fill, scan=as_stored(scan)) if isinstance(fill, StreamedFill) else fill


def _by_hand(question: Question) -> dict[str, Any]:
    """What the file says was marked by hand; no job is the same where that is more than gaps."""
    said = list(map(str, question.gaps))
    job = {} if question.drawn is None and question.rest is None else {"job_sha256": "by hand"}
    if question.drawn is not None:
        n = int(np.count_nonzero(question.drawn))
        said.append(f"{n} bad {'pixels of every frame' if question.drawn.ndim == 2 else 'voxels'}")
    return job | ({"by_hand": ", ".join(said)} if said else {})


def _request(question: Question) -> Request:
    return Request(question.scan, gaps=question.gaps, **question.wishes)


OF_THE_FILL = ("method", "model", "minutes", "refine", "seed", "device", "handover")
"""Wishes that leave the scan and its gaps as they are."""


def _found(question: Question) -> tuple[Measured, GapFinding]:
    """The scan of a question in photons, and its gaps."""
    wishes = {name: w for name, w in question.wishes.items() if name not in OF_THE_FILL}
    asked = replace(question, wishes=wishes)
    key = hashlib.sha256(pickle.dumps(asked)).hexdigest()
    if key not in _known:
        _known.clear()
        _known[key] = _look(asked)
    return _known[key]


def _look(question: Question) -> tuple[Measured, GapFinding]:
    request, drawn = _request(question), () if question.drawn is None else (question.drawn,)
    if question.memory is None:
        scan = open_in_photons(request, drawn).scan
    else:
        wishes = NumberWishes(request.photon, request.clip, masks=drawn)
        scan = prepare(question.memory, wishes).scan
    options = gap_options(request, scan)
    if question.rest is not None:
        options = replace(options, gap_mask=question.rest)
    finding = find_with_wide_pixels(scan, options)
    return finding.seen(scan), finding


def _hull(gaps: tuple[Gap, ...], shape: Shape) -> list[slice]:
    box = list(whole(shape))
    if len({gap.axis for gap in gaps}) == 1:
        axis = gaps[0].axis
        box[axis] = slice(min(gap.start for gap in gaps), max(gap.stop for gap in gaps))
    return box


class _Shown:
    """Tells a window what there is to see, no more often than it can look."""

    def __init__(self, tell: Tell, photon: float) -> None:
        self._tell, self._photon = tell, photon
        self._next = 0.0
        self.last: StreamedFill | None = None

    def say(self, line: str) -> None:
        self._tell.calmly(("line", line))

    def progress(self, done: int, total: int) -> None:
        self._tell(("progress", "filling", done, total))

    def cycles(self, done: int, total: int) -> None:
        self._tell.calmly(("progress", "refining", done, total))

    def filled(self, so_far: StreamedFill) -> None:
        self.last = so_far
        made = replace(so_far, scan=cast(Measured, None), photon=self._photon)
        self._when_due(self._tell, lambda: ("filled", made))

    def retrieved(self, box: Any, intensity: np.ndarray) -> None:
        self._when_due(
            self._tell.calmly, lambda: ("retrieved", box, intensity * np.float32(self._photon))
        )

    def _when_due(self, tell: Callable[[Any], None], message: Callable[[], Any]) -> None:
        """Tell it unless that was done just now; what takes long to tell is told more seldom."""
        started = time.monotonic()
        if started < self._next:
            return
        tell(message())
        took = time.monotonic() - started
        self._next = time.monotonic() + max(INTERVAL_S, 5 * took)
