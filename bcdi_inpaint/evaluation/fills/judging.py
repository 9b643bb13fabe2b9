"""The scores of every method in every gap."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills.config import EvaluationConfig
from bcdi_inpaint.evaluation.fills.methods import CEILING, Filler, Guess
from bcdi_inpaint.evaluation.fills.places import Case, cases, generator_of
from bcdi_inpaint.evaluation.fills.subjects import Subject
from bcdi_inpaint.evaluation.scores import score
from bcdi_inpaint.gaps.artificial import GapPlacement
from bcdi_inpaint.photons import predicted_ranks, some_of

LEVELS = (68, 95)  # per cent, of the intervals whose coverage is counted
Record = dict[str, Any]
"""One method in one case: where it is, and its scores; a column of `CASE_COLUMNS` each."""
SCORES = ("pearson_log", "mae_log", "accuracy", "ssim", "poisson_deviance")
INSIDE = tuple(f"inside_{level}" for level in LEVELS)
BY_COUNTS = "by_counts"
"""Of a record: voxels by decade of their expected counts, and how many are inside."""
CASE_COLUMNS = (
    "scan",
    "index",
    "cluster",
    "kind",
    "width",
    "placement",
    "method",
    "judged",
    "voxels",
    "mean_counts",
    "brightest",
    *SCORES,
    *INSIDE,
)


def judge(case: Case, methods: Mapping[str, Filler], seed: int) -> tuple[list[Record], View]:
    """The scores of every method in one gap, where all of them filled it, and a picture of them.

    `judged` is the part of the gap's valid voxels that was scored. Where the expectation is known
    it is judged too, as the method ``ceiling``. InputError where a method fills nothing.
    """
    subject = case.subject
    hidden = np.where(case.gap | subject.bad, 0, subject.counts)
    guesses = {name: fill(hidden, case.gap, subject.bad) for name, fill in methods.items()}
    valid = case.gap & ~subject.bad
    where = valid.copy()
    for guess in guesses.values():
        where &= guess.filled
    if not where.any():
        raise InputError("no voxel is valid and filled by all methods, expected some")
    common: Record = {
        "scan": subject.group,
        "index": subject.index,
        "cluster": case.cluster,
        "kind": case.kind,
        "width": case.width,
        "placement": case.placement,
        "judged": float(where.sum() / valid.sum()),
        "voxels": int(where.sum()),
        "mean_counts": float(subject.counts[where].mean(dtype=np.float64)),
        "brightest": subject.brightest,
    }
    if subject.expectation is not None:
        guesses[CEILING] = Guess(subject.expectation, case.gap)
    records = []
    for name, guess in guesses.items():
        rng = generator_of(seed, subject, f"{case.kind} {name}", case.width, case.placement)
        own = _scores(subject, guess, where) | _coverage(subject, guess, where, rng)
        records.append(common | {"method": name} | own)
    return records, _view(case, guesses)


@dataclass(frozen=True)
class View:
    """One frame of a case, the one with the most light in the gap, for pictures.

    `images` are (n_y, n_x) counts, NaN where unknown: the truth, and what each method made of it;
    `gap` is a mask.
    """

    group: str
    kind: GapPlacement
    width: int
    frame: int
    gap: BoolArray
    images: dict[str, Float32Array]


def _view(case: Case, guesses: Mapping[str, Guess]) -> View:
    subject = case.subject
    light = np.where(case.gap & ~subject.bad, valid_counts(subject.counts), 0)
    frame = int(light.sum(axis=(1, 2), dtype=np.float64).argmax())
    gap, bad = case.gap[frame], subject.bad[frame]
    images = {"counts": np.where(bad, np.nan, subject.counts[frame]).astype(np.float32)}
    for name, guess in guesses.items():
        unknown = np.where(gap, ~guess.filled[frame], bad & (name != CEILING))
        images[name] = np.where(unknown, np.nan, guess.counts[frame]).astype(np.float32)
    return View(subject.group, case.kind, case.width, frame, gap.copy(), images)


def _scores(subject: Subject, guess: Guess, where: BoolArray) -> Record:
    counts = valid_counts(subject.counts)
    found = score(counts, guess.counts, where)
    values = {name: getattr(found, name) for name in SCORES}
    if math.isnan(values["pearson_log"]) and np.ptp(counts[where]) > 0:
        values["pearson_log"] = 0.0  # a constant fill says nothing about what varies
    return values


def valid_counts(counts: Float32Array) -> Float32Array:
    """Counts without the marks of bad pixels: they are not scored, but scale the SSIM."""
    return np.nan_to_num(np.clip(counts, 0, None), nan=0.0, posinf=0.0)


def _coverage(subject: Subject, guess: Guess, where: BoolArray, rng: np.random.Generator) -> Record:
    """The share of truths inside each of `LEVELS`; nan for a method that gives no interval.

    And by decade of the counts that the method expects, how many voxels there are and how many of
    them are inside at each level. Of a measured scan's voxels some are drawn where they are many.
    """
    if guess.interval is None:
        return {**dict.fromkeys(INSIDE, math.nan), BY_COUNTS: {}}
    if subject.expectation is not None:
        inside = [_inside(subject.expectation, guess.interval(p / 100), where) for p in LEVELS]
    else:
        where = some_of(where, rng)
        ranks = predicted_ranks(subject.counts, guess.interval, where, rng)  # (n,)
        inside = [np.abs(2 * ranks - 1) <= p / 100 for p in LEVELS]
    shares = [float(each.mean()) for each in inside]
    return {**dict(zip(INSIDE, shares, strict=True)), BY_COUNTS: _by_counts(guess, where, inside)}


def _inside(
    truth: np.ndarray, bounds: tuple[np.ndarray, np.ndarray], where: BoolArray
) -> BoolArray:
    """Which truths of the voxels in `where` the bounds hold, (n,)."""
    low, high = bounds
    return np.asarray(((low <= truth) & (truth <= high))[where])


def _by_counts(
    guess: Guess, where: BoolArray, inside: Sequence[BoolArray]
) -> dict[int, tuple[int, ...]]:
    """Voxels of each decade of the expected counts, and how many are inside; -1 is below 1."""
    decades = np.floor(np.log10(np.clip(guess.counts[where], 0.1, None))).astype(int)  # (n,)
    return {
        int(decade): tuple(
            int(np.count_nonzero(each & (decades == decade)))
            for each in (np.ones_like(decades, dtype=bool), *inside)
        )
        for decade in np.unique(decades)
    }


@dataclass(frozen=True)
class Outcome:
    """All that was judged: a record for each case and method, remarks, and views for pictures."""

    records: list[Record]
    remarks: list[str]
    views: list[View]


def judge_all(
    subjects: Iterator[Subject],
    config: EvaluationConfig,
    methods: Mapping[str, Filler],
    *,
    minutes: float | None = None,
    progress: Callable[[Subject], None] | None = None,
) -> Outcome:
    """Judge the methods in every gap of every subject.

    Where time runs out (`minutes`) a subject that is begun is finished, and a remark says so. The
    view of the first gap of each width is kept, of the first subject of a group.
    """
    outcome = Outcome([], [], [])
    began = time.monotonic()
    pictured: set[tuple[str, int]] = set()
    for n_done, subject in enumerate(subjects):
        if minutes is not None and n_done and time.monotonic() - began > 60 * minutes:
            outcome.remarks.append(
                f"time was up after {n_done} patterns and scans ({minutes:g} minutes): the rest "
                "was not judged"
            )
            break
        found, missing = cases(subject, config)
        outcome.remarks.extend(missing)
        for case in found:
            try:
                records, view = judge(case, methods, config.seed)
            except InputError as error:
                outcome.remarks.append(
                    f"{subject.group} {subject.index}: a gap of {case.width} ({case.kind}) was "
                    f"left out: {error}"
                )
                continue
            outcome.records.extend(records)
            if (subject.group, case.width) not in pictured:
                pictured.add((subject.group, case.width))
                outcome.views.append(view)
        if progress is not None:
            progress(subject)
    return outcome
