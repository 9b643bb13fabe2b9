"""Marks of bad pixels: a value that stands in the same voxels of every frame, far from counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.checks.peek import Peek
from bcdi_inpaint.scan.remarks import Remark, Remarks
from bcdi_inpaint.scan.validity import COUNTER_LIMITS


@dataclass(frozen=True)
class MarkSettings:
    """When a value is a mark.

    Chosen on simulated scans; no committed command.

    Attributes
    ----------
    of_line : share of a line's voxels that hold the mark in every frame.
    above : share of the other valid voxels that a mark above zero exceeds.
    largest_ratio : times that it exceeds that share's largest value.
    elsewhere : largest share of the voxels outside its lines that hold it, where it may be a count.
    moving : the same of a mark that is none: a counter's limit, or the one value below zero; a gap
        may move with the frames.
    most : largest share of a frame that a mark fills.
    """

    of_line: float = 0.9
    above: float = 0.99
    largest_ratio: float = 3.0
    elsewhere: float = 0.002
    moving: float = 0.3
    most: float = 0.5


SETTINGS = MarkSettings()


def find_marks(seen: Peek, settings: MarkSettings = SETTINGS) -> tuple[float, ...]:
    """Values that fill whole lines in every peeked frame and are far from all others."""
    lit = seen.counts[_has_light(seen)]
    if not len(lit):
        return ()
    first = lit[0]
    stuck = (lit == first).all(axis=0) & (first != 0)
    values = np.unique(first[stuck & _in_stuck_lines(stuck, settings)]).tolist()
    return tuple(float(value) for value in values if _is_mark(value, lit, first, stuck, settings))


def _has_light(seen: Peek) -> BoolArray:
    """Frames that are not one value throughout, as lost ones are."""
    flat = seen.counts.reshape(len(seen.counts), -1)
    return np.asarray((flat != flat[:, :1]).any(axis=1))


def _in_stuck_lines(stuck: BoolArray, settings: MarkSettings) -> BoolArray:
    """Voxels of lines that are nearly all stuck, (n_y, n_x)."""
    rows = stuck.mean(axis=1) >= settings.of_line
    columns = stuck.mean(axis=0) >= settings.of_line
    return np.asarray(rows[:, None] | columns[None, :])


def _is_mark(
    value: float,
    lit: np.ndarray,
    first: np.ndarray,
    stuck: BoolArray,
    settings: MarkSettings,
) -> bool:
    """Whether a stuck value fills a line by itself, is rare elsewhere, and is no count there."""
    here = stuck & (first == value)
    fills = max(here.mean(axis=0).max(), here.mean(axis=1).max()) >= settings.of_line
    others = lit[:, ~stuck]
    others = others[np.isfinite(others)] if others.dtype.kind == "f" else others
    if not fills or not others.size or others.min() == others.max():
        return False  # there are no counts to be far from
    if here.mean() > settings.most or not _is_rare(value, others, settings):
        return False
    if value < 0:
        return True
    if value in COUNTER_LIMITS:
        return bool(value > np.median(others))
    return bool(value > settings.largest_ratio * np.quantile(others, settings.above))


def _is_rare(value: float, others: np.ndarray, settings: MarkSettings) -> bool:
    """Whether a value is rare among other voxels (n_frames, n), or stands there as a mark too."""
    share = float(np.mean(others == value))
    if share <= settings.elsewhere:
        return True
    if share > settings.moving:
        return False
    if value in COUNTER_LIMITS:
        return True
    # Where a background was subtracted, dark voxels lie below zero, and most of a scan is dark.
    n_other_below = np.mean((others < 0) & (others != value))
    is_one = value < 0 and value == round(value) and n_other_below <= settings.elsewhere
    return bool(is_one and share <= np.mean(others == 0))


def mark_remarks(marks: tuple[float, ...], seen: Peek) -> Remarks:
    """A line for each mark: where it stands."""
    return tuple(Remark("mark", _describe(mark, seen)) for mark in marks)


def _describe(mark: float, seen: Peek) -> str:
    here = (seen.counts == mark).all(axis=0)
    lines = [
        f"{n} {name}"
        for name, n in (
            ("rows", int((here.mean(axis=1) >= SETTINGS.of_line).sum())),
            ("columns", int((here.mean(axis=0) >= SETTINGS.of_line).sum())),
        )
        if n
    ]
    return (
        f"the value {mark:.10g} fills {' and '.join(lines) or 'lines'} of every frame: it marks "
        "what was not measured, and is masked wherever it stands"
    )
