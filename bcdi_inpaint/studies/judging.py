"""All methods in one gap after the other; what was judged is kept, so that a study goes on.

It also grows: a method that comes later is judged in the gaps that others were judged in, without
them. So is a network that was trained again, in its place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.fills import (
    CEILING,
    Case,
    Filler,
    Guess,
    Record,
    View,
    judge_case,
)
from bcdi_inpaint.evaluation.fills.records import BY_COUNTS
from bcdi_inpaint.safe_files import new_file, replace_file
from bcdi_inpaint.studies.border import compare_border, compare_values
from bcdi_inpaint.studies.fillers import LearningFiller, Watched

FURTHER = ("l1", "border", "values", "seconds")
"""Of a record, besides the evaluation's: the error of log counts in parts of the brightest one's
(Chavez et al.), the distances of `studies.border`, and the seconds that the processor computed."""
PROBABILITIES = ("border_p", "values_p")
"""Of a record: of the two distances; nan in what was judged without."""
OF_LEARNERS = ("spread", "steps", "at_fit")
"""Of a record of a method that learns from one scan: see `LearningFiller`."""
WEIGHTS = "weights"
"""Of a record: the hash of the weights of the network that filled; "" of other methods."""


def judge_all(
    cases: Iterable[Case],
    methods: Mapping[str, Filler],
    seed: int,
    folder: Path,
    remarks: list[str] | None = None,
    weights: Mapping[str, str] | None = None,
    widths: Mapping[str, int] | None = None,
) -> Iterator[list[Record]]:
    """Judge methods in gaps, those that the folder has not.

    Parameters
    ----------
    cases : the gaps.
    methods : by name.
    seed : of what is drawn.
    folder : of the parts, a file for each case; it is made.
    remarks : a line is added on each gap that is left out, as a method cannot fill it; without, an
        InputError comes through.
    weights : hashes of networks' weights, by method: with other weights it is judged again.
    widths : of the gaps that a method is for, by its name: it is judged in no others.

    Yields
    ------
    The records of each case, one for each method that it is for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hashes = weights or {}
    for case in cases:
        path = part_path(folder, case)
        known = judged_methods(path, hashes)
        own = {
            name: fill
            for name, fill in methods.items()
            if (widths or {}).get(name, case.width) == case.width
        }
        if missing := {name: fill for name, fill in own.items() if name not in known}:
            try:
                known = _judge_missing(case, missing, own, known, seed, path)
            except InputError as error:
                if remarks is None:
                    raise
                remarks.append(
                    f"{case.subject.group} {case.subject.index}: a gap of {case.width} "
                    f"({case.kind}) was left out: {error}"
                )
                continue
            for name, record in known.items():
                record.setdefault(WEIGHTS, hashes.get(name, ""))  # others keep theirs
            replace_file(path, json.dumps([*known.values()]).encode())
        yield [known[name] for name in (*own, CEILING) if name in known]


def part_path(folder: Path, case: Case) -> Path:
    """The file of a case in a folder of parts."""
    subject = case.subject
    name = f"{subject.group}-{subject.index:04d}-{case.kind}-{case.width:02d}-{case.placement}"
    return folder / f"{name}.json"


def judged_methods(path: Path, weights: Mapping[str, str]) -> dict[str, Record]:
    """The records of a case's file, by method; not those of a network with other weights.

    Parameters
    ----------
    path : of the file, which may not be there.
    weights : hashes of networks' weights, by method; of a method that it lacks any will do.
    """
    if not path.exists():
        return {}
    records: list[Record] = json.loads(path.read_text())
    return {
        record["method"]: record | {name: record.get(name, math.nan) for name in PROBABILITIES}
        for record in records
        if record[WEIGHTS] == weights.get(record["method"], record[WEIGHTS])
    }


def _judge_missing(
    case: Case,
    missing: Mapping[str, Filler],
    methods: Mapping[str, Filler],
    known: Mapping[str, Record],
    seed: int,
    path: Path,
) -> dict[str, Record]:
    """The records that are known, and those of the missing methods, in the same voxels.

    Scored are those that all methods fill: where the missing ones fill others, all are judged.
    """
    records, view = _judge(case, missing, seed)
    found = {**known, **{record["method"]: record for record in records}}
    asked = [*methods, CEILING]
    if len({record["voxels"] for name, record in found.items() if name in asked}) > 1:
        records, view = _judge(case, methods, seed)
        found = {record["method"]: record for record in records}
    if case.subject.index == 0:
        _save_view(path.with_suffix(".npz"), view)
    return found


def _judge(case: Case, methods: Mapping[str, Filler], seed: int) -> tuple[list[Record], View]:
    watched = {name: Watched(fill) for name, fill in methods.items()}
    records, view = judge_case(case, watched, seed)
    scored = case.gap & ~case.subject.bad
    for each in watched.values():
        assert each.guess is not None
        scored &= each.guess.filled
    for record in records:
        record.pop(BY_COUNTS)
        record.update(_further(case, scored, record, watched.get(record["method"])))
        method = methods.get(record["method"])
        if isinstance(method, LearningFiller):
            record |= {name: getattr(method, name) for name in OF_LEARNERS}
    return records, view


def _further(case: Case, scored: BoolArray, record: Record, watched: Watched | None) -> Record:
    """See `FURTHER` and `PROBABILITIES`; of the voxels that all methods fill."""
    subject = case.subject
    if watched is None or watched.guess is None:
        assert subject.expectation is not None  # only the ceiling is no method
        guess, seconds = Guess(subject.expectation, case.gap), math.nan
    else:
        guess, seconds = watched.guess, watched.seconds
    brightest = math.log1p(float(np.where(subject.bad, 0, subject.counts).max()))
    left_out = subject.bad | (case.gap & ~scored)
    border = compare_border(subject.counts, guess.counts, scored, left_out)
    values = compare_values(subject.counts, guess.counts, scored)
    return {
        "l1": record["mae_log"] / brightest if brightest > 0 else math.nan,
        "border": border.distance,
        "values": values.distance,
        "seconds": seconds,
        "border_p": border.p,
        "values_p": values.p,
    }


def _save_view(path: Path, view: View) -> None:
    """Keep a view for the pictures, with what other methods made of it before."""
    before = _read_view(path).images if path.exists() else {}
    images = {**before, **view.images}
    with new_file(path) as passing, passing.open("wb") as file:
        head = json.dumps([view.group, view.kind, view.width, view.frame, [*images]])
        np.savez(file, head=np.array(head), gap=view.gap, images=np.stack([*images.values()]))


def _read_view(path: Path) -> View:
    with np.load(path) as kept:
        group, kind, width, frame, names = json.loads(str(kept["head"]))
        images = dict(zip(names, kept["images"], strict=True))
        return View(group, kind, width, frame, kept["gap"], images)


def read_views(folder: Path) -> list[View]:
    """The views that were kept, of the first scan or pattern of each group."""
    return [_read_view(path) for path in sorted(folder.glob("*.npz"))]
