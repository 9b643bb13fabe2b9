"""What a window is about: a scan, its fills, what was marked, and the question that fills it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import DETECTOR, MARKED, OpenFill, default_output, open_fill, open_scan
from bcdi_inpaint.filling.fill import Filled
from bcdi_inpaint.gaps.gap import Gap, parse_gap
from bcdi_inpaint.gaps.gap_finding import GapFinding
from bcdi_inpaint.gaps.masks import as_region
from bcdi_inpaint.jobs.asked import Question
from bcdi_inpaint.jobs.calculated import calculated_intensity
from bcdi_inpaint.jobs.hand_marks import HandMarks
from bcdi_inpaint.jobs.opened_fill import OpenedFill, opened_fill
from bcdi_inpaint.jobs.shown import Named, Shown
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Measured, as_scan


@dataclass
class Subject:
    """A scan in a window.

    Attributes
    ----------
    name : of the scan, for people.
    shown : the scan and what lies over it.
    marks : its gaps, and what the user marked.
    file : the scan's file; empty where it is in memory.
    memory : the scan where it lies in no file.
    fills : that it came with.
    """

    name: str
    shown: Shown
    marks: HandMarks
    file: str = ""
    memory: Measured | None = None
    fills: list[Named] = field(default_factory=list)

    def question(self, **wishes: Any) -> Question:
        """What is asked of the worker: the scan with what is marked now, filled as wished."""
        marks = self.marks
        gaps = tuple(marks.gaps) if marks.is_by_hand else ()
        rest = marks.rest if marks.is_by_hand else None
        return Question(self.file, gaps, wishes, self.memory, marks.drawn, rest)

    @property
    def output(self) -> Path:
        """Where a fill is written if nothing else is said."""
        source = self.file or self.shown.scan.source or "scan.cxi"
        return default_output(source)

    def command(self, question: Question, output: Path | None) -> str:
        """The command line that makes the same fill.

        Parameters
        ----------
        question : what the fill answers.
        output : the file that it is saved in, which what was drawn is taken from; None if in none.

        Raises
        ------
        InputError
            Where something was drawn that no file holds.
        """
        if question.drawn is not None and output is None:
            raise InputError(
                "bad voxels are drawn and lie in no saved fill, expected one that --mask takes "
                "them from: save the fill first (Ctrl+S)"
            )
        wishes = question.wishes
        words = ["bcdi-inpaint", "predict", question.scan or "SCAN"]
        words += [f"--gap={str(gap).replace(' ', '=')}" for gap in question.gaps]
        if question.drawn is not None:
            words.append(f"--mask={output}:/{DETECTOR}/{MARKED}")
        for option, default in (("method", "network"), ("model", "default"), ("minutes", None)):
            given = wishes.get(option, default)
            words += [f"--{option}={given}"] if given != default else []
        for option in ("trust_gaps", "refine"):
            words += [f"--{option.replace('_', '-')}"] if wishes.get(option) else []
        return shlex.join(words)


def subject_of_files(files: Sequence[str]) -> Subject:
    """A scan's file, and files of its fills and reconstructions.

    Raises InputError for one that cannot be read, or is none of these.
    """
    scan = open_scan(files[0])
    own = open_fill(files[0])
    shown = Shown(scan, None if own is None else OpenedFill(own))
    subject = Subject(Path(files[0]).name, shown, HandMarks(scan.shape), files[0])
    for file in files if own is not None else files[1:]:
        add_file(subject, file)
    return subject


def add_file(subject: Subject, path: str) -> Named | None:
    """Take up a file of a fill, or of a reconstruction; the fill.

    Parameters
    ----------
    subject : to which it is added.
    path : the file.

    Raises
    ------
    InputError
        For a file that is neither, or of another scan.
    """
    with suppress(InputError, KeyError):
        subject.shown.calculated = calculated_intensity(path, subject.shown.shape)
        return None
    fill = opened_fill(path, subject.shown.shape)
    named = Named(_name_of(path, subject.fills), fill, _words(fill.stored))
    subject.fills.append(named)
    _take_marks(subject.marks, fill.stored)
    return named


def _name_of(path: str, others: Iterable[Named]) -> str:
    """The name of a fill's file, with its folder or a number where another fill has that name."""
    taken = {named.name for named in others}
    file = Path(path).absolute()
    alike = f"{file.parent.name}/{file.name}"
    numbered = (f"{alike} ({number})" for number in count(2))
    return next(name for name in chain((file.name, alike), numbered) if name not in taken)


def _take_marks(marks: HandMarks, stored: OpenFill) -> None:
    """What a file says was marked by hand."""
    if stored.marked is not None:
        marks.load(stored.marked.read(whole(marks.shape)) != 0)
    for text in str(stored.provenance.get("by_hand", "")).split(", "):
        with suppress(InputError):
            gap = parse_gap(text.replace(" ", "=", 1))
            if gap not in marks.gaps:
                marks.put(None, gap.axis, gap.start, gap.stop)


def _words(stored: OpenFill) -> str:
    """How a fill was made, a line for each thing that its file says."""
    return "\n".join(f"{name}: {value}" for name, value in stored.provenance.items())


def subject_of(scan: Any, gaps: Any = None, fills: Iterable[Filled] = ()) -> Subject:
    """A scan as a notebook has it: a file, a scan, or counts.

    Parameters
    ----------
    scan : the file, the scan, or (n_rock, n_y, n_x) counts.
    gaps : what `find_gaps` returns, gaps, a mask, or None to look for them.
    fills : of the scan.

    Raises
    ------
    InputError
        For a scan that cannot be read, or gaps and fills that do not fit it.
    """
    if isinstance(scan, str | Path):
        subject = subject_of_files([str(scan)])
    else:
        measured: Measured = as_scan(scan) if isinstance(scan, np.ndarray) else scan
        name = "counts in memory" if measured.source is None else measured.source.name
        shown, marks = Shown(measured), HandMarks(measured.shape)
        subject = Subject(name, shown, marks, memory=measured)
    if gaps is not None:
        _give_gaps(subject.marks, gaps)
    for number, fill in enumerate(fills, 1):
        if fill.whole.counts.shape != subject.shown.shape:
            raise InputError(
                f"fill has {fill.whole.counts.shape} voxels, expected {subject.shown.shape} as "
                "the scan has: give a fill of this scan"
            )
        subject.fills.append(Named(f"{fill.model} {number}", fill, str(fill)))
    return subject


def _give_gaps(marks: HandMarks, gaps: np.ndarray | Gap | GapFinding | Iterable[Gap]) -> None:
    if isinstance(gaps, GapFinding):
        marks.take(gaps)
        return
    region = as_region(gaps, marks.shape)
    for gap in region.planes:
        marks.put(None, gap.axis, gap.start, gap.stop)
    marks.rest = region.rest
