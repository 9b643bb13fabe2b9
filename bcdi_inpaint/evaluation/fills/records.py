"""What is recorded of a method in a gap: where it is, and its scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Record = dict[str, Any]
"""One method in one case: where it is, and its scores; a column of `CASE_COLUMNS` each."""

LEVELS = (68, 95)
"""Per cent, of the intervals whose coverage is counted."""
SCORES = ("pearson_log", "mae_log", "accuracy", "ssim", "poisson_deviance")
"""Scores of `evaluation.scores` that are recorded."""
INSIDE = tuple(f"inside_{level}" for level in LEVELS)
"""Share of the truths inside the intervals of each level."""
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


def distinct(records: Sequence[Record], column: str) -> list[Any]:
    """The values of a column, each once, in the order in which they come."""
    return list(dict.fromkeys(record[column] for record in records))
