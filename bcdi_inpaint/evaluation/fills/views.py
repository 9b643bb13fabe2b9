"""One frame of a gap with what each method made of it, for pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.evaluation.fills.cases import Case
from bcdi_inpaint.evaluation.fills.methods import CEILING, Guess
from bcdi_inpaint.evaluation.fills.subjects import valid_counts
from bcdi_inpaint.gaps.artificial import GapPlacement


@dataclass(frozen=True)
class View:
    """The frame of a case with the most photons in the gap.

    Attributes
    ----------
    group : the subject's.
    kind, width : of the gap.
    frame : its index.
    gap : (n_y, n_x) bool.
    images : (n_y, n_x) counts, NaN where unknown: the truth, and what each method made of it.
    """

    group: str
    kind: GapPlacement
    width: int
    frame: int
    gap: BoolArray
    images: dict[str, Float32Array]


def view_case(case: Case, guesses: Mapping[str, Guess]) -> View:
    """The frame of a case with the most photons in the gap; copies, which do not keep the scan."""
    subject = case.subject
    frame = _brightest_frame(case)
    gap, bad = case.gap[frame], subject.bad[frame]
    images = {"counts": np.where(bad, np.nan, subject.counts[frame]).astype(np.float32)}
    for name, guess in guesses.items():
        unknown = np.where(gap, ~guess.filled[frame], bad & (name != CEILING))
        images[name] = np.where(unknown, np.nan, guess.counts[frame]).astype(np.float32)
    return View(subject.group, case.kind, case.width, frame, gap.copy(), images)


def _brightest_frame(case: Case) -> int:
    subject = case.subject
    in_gap = np.where(case.gap & ~subject.bad, valid_counts(subject.counts), 0)
    return int(in_gap.sum(axis=(1, 2), dtype=np.float64).argmax())
