"""Small subjects, cases and records for the tests of the evaluation."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.evaluation.fills import (
    INSIDE,
    SCORES,
    Case,
    Subject,
)
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import gap_mask

SHAPE = (12, 40, 44)


def expectation_of(shape: tuple[int, ...] = SHAPE, brightest: float = 1e5) -> np.ndarray:
    """A peak with fringes, a little off the middle."""
    z, y, x = (np.indices(shape).T - np.array(shape) / 2 + [1, 2, -1]).T
    light = np.exp(-(z**2 / 40 + y**2 / 90 + x**2 / 100)) * (1 + 0.9 * np.cos(1.3 * x) * np.cos(y))
    return (brightest * light / light.max() + 0.5).astype(np.float32)


def subject_of(rng: np.random.Generator, **changes: object) -> Subject:
    expectation = expectation_of()
    counts = rng.poisson(expectation).astype(np.float32)
    values = {
        "group": "simulated",
        "index": 0,
        "cluster": "particle 0",
        "counts": counts,
        "bad": np.zeros(SHAPE, dtype=bool),
        "expectation": expectation,
    }
    return Subject(**(values | changes))  # type: ignore[arg-type]


def case_of(subject: Subject, width: int = 4) -> Case:
    gap = gap_mask([Gap(1, 25, 25 + width)], SHAPE)
    return Case(subject, "row", width, 0, gap)


def record_of(method: str, pearson: float, **changes: object) -> dict[str, object]:
    record = dict.fromkeys((*SCORES, *INSIDE), 0.5)
    where = {"scan": "s", "index": 0, "cluster": "a", "kind": "row", "width": 3, "placement": 0}
    rest = {"judged": 1.0, "mean_counts": 1.0, "brightest": 2e4, "voxels": 100, "method": method}
    return {**record, **where, **rest, "pearson_log": pearson, **changes}
