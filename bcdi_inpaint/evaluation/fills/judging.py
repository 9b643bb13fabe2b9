"""The scores of every method in every gap."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills.cases import Case, case_generator, place_cases
from bcdi_inpaint.evaluation.fills.config import EvaluationConfig
from bcdi_inpaint.evaluation.fills.methods import CEILING, Filler, Guess
from bcdi_inpaint.evaluation.fills.records import BY_COUNTS, INSIDE, LEVELS, SCORES, Record
from bcdi_inpaint.evaluation.fills.subjects import Subject, valid_counts
from bcdi_inpaint.evaluation.fills.views import View, view_case
from bcdi_inpaint.evaluation.scores import score
from bcdi_inpaint.photons import predicted_ranks, some_of


@dataclass(frozen=True)
class JudgedFills:
    """All that was judged.

    Attributes
    ----------
    records : one for each case and method.
    remarks : lines on what was left out, and why.
    views : for pictures: the first gap of each width, on the first subject of a group.
    """

    records: list[Record] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    views: list[View] = field(default_factory=list)


def judge_subjects(
    subjects: Iterable[Subject],
    config: EvaluationConfig,
    methods: Mapping[str, Filler],
    *,
    minutes: float | None = None,
    progress: Callable[[Subject], None] | None = None,
) -> JudgedFills:
    """Judge the methods in every gap of every subject.

    A case that a method refuses is left out, with a remark.

    Parameters
    ----------
    subjects : scans whose counts are known everywhere.
    config : where the gaps lie.
    methods : by name.
    minutes : no further subject is begun after these; a remark says so.
    progress : called with each subject that is done.

    Returns
    -------
    Records, remarks and views.
    """
    judged = JudgedFills()
    began = time.monotonic()
    for n_done, subject in enumerate(subjects):
        if minutes is not None and n_done and time.monotonic() - began > 60 * minutes:
            judged.remarks.append(
                f"time was up after {n_done} patterns and scans ({minutes:g} minutes): the rest "
                "was not judged"
            )
            break
        _judge_subject(subject, config, methods, judged)
        if progress is not None:
            progress(subject)
    return judged


def _judge_subject(
    subject: Subject,
    config: EvaluationConfig,
    methods: Mapping[str, Filler],
    judged: JudgedFills,
) -> None:
    """Judge every gap of a subject, and add what is found to `judged`."""
    cases, missing = place_cases(subject, config)
    judged.remarks.extend(missing)
    for case in cases:
        try:
            records, view = judge_case(case, methods, config.seed)
        except InputError as error:
            judged.remarks.append(
                f"{subject.group} {subject.index}: a gap of {case.width} ({case.kind}) was left "
                f"out: {error}"
            )
            continue
        judged.records.extend(records)
        if not any((one.group, one.width) == (view.group, view.width) for one in judged.views):
            judged.views.append(view)


def judge_case(case: Case, methods: Mapping[str, Filler], seed: int) -> tuple[list[Record], View]:
    """Score every method in one gap, where all of them filled it.

    Parameters
    ----------
    case : the gap and the scan.
    methods : by name.
    seed : of the voxels that are drawn where the ranks of many could be counted.

    Returns
    -------
    A record for each method, and a picture of them. `judged` of a record is the part of the gap's
    valid voxels that was scored. Where the expectation is known it is judged too, as the method
    ``ceiling``.

    Raises
    ------
    InputError
        A method fills nothing.
    """
    subject = case.subject
    hidden = np.where(case.gap | subject.bad, 0, subject.counts)
    guesses = {name: fill(hidden, case.gap, bad_mask=subject.bad) for name, fill in methods.items()}
    scored = _filled_by_all(case, guesses)
    if subject.expectation is not None:
        guesses[CEILING] = Guess(subject.expectation, case.gap)
    head = _head(case, scored)
    records = []
    for name, guess in guesses.items():
        rng = case_generator(seed, subject, f"{case.kind} {name}", case.width, case.placement)
        own = _scores(subject, guess, scored) | _coverage(subject, guess, scored, rng)
        records.append(head | {"method": name} | own)
    return records, view_case(case, guesses)


def _filled_by_all(case: Case, guesses: Mapping[str, Guess]) -> BoolArray:
    """The valid voxels of the gap that every method filled; InputError if there are none."""
    scored = case.gap & ~case.subject.bad
    for guess in guesses.values():
        scored &= guess.filled
    if not scored.any():
        raise InputError("no voxel is valid and filled by all methods, expected some")
    return scored


def _head(case: Case, scored: BoolArray) -> Record:
    """What the records of all methods in a gap have in common."""
    subject = case.subject
    return {
        "scan": subject.group,
        "index": subject.index,
        "cluster": case.cluster,
        "kind": case.kind,
        "width": case.width,
        "placement": case.placement,
        "judged": float(scored.sum() / (case.gap & ~subject.bad).sum()),
        "voxels": int(scored.sum()),
        "mean_counts": float(subject.counts[scored].mean(dtype=np.float64)),
        "brightest": subject.brightest,
    }


def _scores(subject: Subject, guess: Guess, scored: BoolArray) -> Record:
    # A hot pixel that is marked bad would scale the SSIM.
    counts = np.where(subject.bad, np.float32(0), valid_counts(subject.counts))
    found = score(counts, guess.counts, scored)
    values = {name: getattr(found, name) for name in SCORES}
    if math.isnan(values["pearson_log"]) and np.ptp(counts[scored]) > 0:
        values["pearson_log"] = 0.0  # a constant fill says nothing about what varies
    return values


def _coverage(
    subject: Subject, guess: Guess, scored: BoolArray, rng: np.random.Generator
) -> Record:
    """The share of truths inside each of `LEVELS`; nan for a method that gives no interval.

    And by decade of the counts that the method expects, how many voxels there are and how many of
    them are inside at each level. Of a measured scan's voxels some are drawn where they are many.
    """
    if guess.interval is None:
        return {**dict.fromkeys(INSIDE, math.nan), BY_COUNTS: {}}
    if subject.expectation is not None:
        inside = [_inside(subject.expectation, guess.interval(p / 100), scored) for p in LEVELS]
    else:
        scored = some_of(scored, rng)
        ranks = predicted_ranks(subject.counts, guess.interval, scored, rng)  # (n,)
        inside = [np.abs(2 * ranks - 1) <= p / 100 for p in LEVELS]
    shares = [float(each.mean()) for each in inside]
    return {**dict(zip(INSIDE, shares, strict=True)), BY_COUNTS: _by_counts(guess, scored, inside)}


def _inside(
    truth: np.ndarray, bounds: tuple[np.ndarray, np.ndarray], scored: BoolArray
) -> BoolArray:
    """Which truths of the scored voxels the bounds hold, (n,)."""
    low, high = bounds
    return np.asarray(((low <= truth) & (truth <= high))[scored])


def _by_counts(
    guess: Guess, scored: BoolArray, inside: Sequence[BoolArray]
) -> dict[int, tuple[int, ...]]:
    """Voxels of each decade of the expected counts, and how many are inside; -1 is below 1."""
    decades = np.floor(np.log10(np.clip(guess.counts[scored], 0.1, None))).astype(int)  # (n,)
    return {
        int(decade): tuple(
            int(np.count_nonzero(each & (decades == decade)))
            for each in (np.ones_like(decades, dtype=bool), *inside)
        )
        for decade in np.unique(decades)
    }
