"""All methods in one gap after the other; what was judged is kept, so that a study goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import (
    Case,
    Filler,
    Guess,
    Record,
    View,
    judge_case,
)
from bcdi_inpaint.evaluation.fills.records import BY_COUNTS
from bcdi_inpaint.safe_files import new_file, replace_file
from bcdi_inpaint.studies.border import border_distance, value_distance
from bcdi_inpaint.studies.fillers import LearningFiller, Watched

FURTHER = ("l1", "border", "values", "seconds")
"""Of a record, besides the evaluation's: the error of log counts in parts of the brightest one's
(Chavez et al.), the distances of `studies.border`, and the seconds that the processor computed."""


def judge_all(
    cases: Iterable[Case],
    methods: Mapping[str, Filler],
    seed: int,
    folder: Path,
    remarks: list[str] | None = None,
) -> Iterator[list[Record]]:
    """Judge methods in gaps, those that the folder has not.

    Parameters
    ----------
    cases : the gaps.
    methods : by name; the same for all that a folder holds.
    seed : of what is drawn.
    folder : of the parts, a file for each case; it is made.
    remarks : a line is added on each gap that is left out, as a method cannot fill it; without, an
        InputError comes through.

    Yields
    ------
    The records of each case, one for each method.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        path = folder / f"{_name(case)}.json"
        if not path.exists():
            try:
                records, view = _judge(case, methods, seed)
            except InputError as error:
                if remarks is None:
                    raise
                remarks.append(
                    f"{case.subject.group} {case.subject.index}: a gap of {case.width} "
                    f"({case.kind}) was left out: {error}"
                )
                continue
            if case.subject.index == 0:
                _save_view(path.with_suffix(".npz"), view)
            replace_file(path, json.dumps(records).encode())
        yield json.loads(path.read_text())


def _name(case: Case) -> str:
    subject = case.subject
    return f"{subject.group}-{subject.index:04d}-{case.kind}-{case.width:02d}-{case.placement}"


def _judge(case: Case, methods: Mapping[str, Filler], seed: int) -> tuple[list[Record], View]:
    watched = {name: Watched(fill) for name, fill in methods.items()}
    records, view = judge_case(case, watched, seed)
    for record in records:
        record.pop(BY_COUNTS)
        record.update(_further(case, record, watched.get(record["method"])))
        method = methods.get(record["method"])
        if isinstance(method, LearningFiller):
            record |= {"spread": method.spread, "steps": method.steps}
    return records, view


def _further(case: Case, record: Record, watched: Watched | None) -> Record:
    """See `FURTHER`."""
    subject = case.subject
    if watched is None or watched.guess is None:
        assert subject.expectation is not None  # only the ceiling is no method
        guess, seconds = Guess(subject.expectation, case.gap), math.nan
    else:
        guess, seconds = watched.guess, watched.seconds
    scored = case.gap & ~subject.bad
    brightest = math.log1p(float(np.where(subject.bad, 0, subject.counts).max()))
    return {
        "l1": record["mae_log"] / brightest if brightest > 0 else math.nan,
        "border": border_distance(subject.counts, guess.counts, case.gap, subject.bad),
        "values": value_distance(subject.counts, guess.counts, scored),
        "seconds": seconds,
    }


def _save_view(path: Path, view: View) -> None:
    """Keep a view for the pictures."""
    with new_file(path) as passing, passing.open("wb") as file:
        head = json.dumps([view.group, view.kind, view.width, view.frame, [*view.images]])
        np.savez(file, head=np.array(head), gap=view.gap, images=np.stack([*view.images.values()]))


def read_views(folder: Path) -> list[View]:
    """The views that were kept, of the first scan or pattern of each group."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as kept:
            group, kind, width, frame, names = json.loads(str(kept["head"]))
            images = dict(zip(names, kept["images"], strict=True))
            found.append(View(group, kind, width, frame, kept["gap"], images))
    return found
