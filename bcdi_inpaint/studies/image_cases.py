"""Images to judge on: a simulated pattern of two dimensions as a scan of one frame, and its gaps.

So everything that judges fills of scans judges those of images too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from bcdi_inpaint.evaluation.fills import SIMULATED, Case, Subject
from bcdi_inpaint.evaluation.fills.cases import case_generator
from bcdi_inpaint.files.patterns import StoredPattern
from bcdi_inpaint.gaps.artificial import SETTINGS, GapPlacement
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask
from bcdi_inpaint.scan.boxes import as_shape
from bcdi_inpaint.studies.config import GapShape

PLACED: dict[GapShape, GapPlacement] = {"vertical": "column", "cross": "cross"}
"""What the evaluation of scans calls these gaps."""
AXES = {"vertical": (2,), "cross": (1, 2)}
"""Across which a gap's planes lie."""


def as_subject(pattern: StoredPattern) -> Subject:
    """A pattern (n_y, n_x) as a scan (1, n_y, n_x)."""
    return Subject(
        SIMULATED,
        pattern.index,
        f"pattern {pattern.index}",
        pattern.counts[None].astype(np.float32),
        pattern.bad[None],
        pattern.expectation[None],
    )


def place_anywhere(subject: Subject, shape: GapShape, width: int, seed: int) -> Case | None:
    """A gap at a random place of an image; None where it does not fit.

    Parameters
    ----------
    subject : the image, (1, n_y, n_x).
    shape : columns, or columns and rows.
    width : of the gap, in pixels.
    seed : the study's.
    """
    rng = case_generator(seed, subject, shape, width, 0)
    margin = SETTINGS.known_beside
    planes = []
    for axis in AXES[shape]:
        room = subject.counts.shape[axis] - width - 2 * margin
        if room < 0:
            return None
        start = margin + int(rng.integers(room + 1))
        planes.append(Gap(axis, start, start + width))
    gap = gap_mask(planes, as_shape(subject.counts.shape))
    return Case(subject, PLACED[shape], width, 0, gap)


def image_cases(
    subjects: Iterable[Subject], shapes: Sequence[GapShape], widths: Sequence[int], seed: int
) -> Iterator[Case]:
    """A gap of each width on each image, of the shapes by turns.

    Parameters
    ----------
    subjects : images (1, n_y, n_x).
    shapes : of the gaps.
    widths : of the gaps, in pixels.
    seed : the study's.
    """
    for number, subject in enumerate(subjects):
        for turn, width in enumerate(widths):
            case = place_anywhere(subject, shapes[(number + turn) % len(shapes)], width, seed)
            if case is not None:
                yield case
