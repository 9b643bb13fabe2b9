"""The published protocol: random cubes with a gap in their middle."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.evaluation.fills.averages import Bootstrap, distinct
from bcdi_inpaint.evaluation.fills.config import EvaluationConfig, PublishedConfig
from bcdi_inpaint.evaluation.fills.judging import Record, valid_counts
from bcdi_inpaint.evaluation.fills.methods import CEILING, Filler
from bcdi_inpaint.evaluation.fills.places import generator_of
from bcdi_inpaint.evaluation.fills.subjects import Subject, simulated
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.gaps.artificial import place_in_middle
from bcdi_inpaint.gaps.masks import gap_mask

CUBE_COLUMNS = ("scan", "cube", "cluster", "width", "method", "mean_counts", "pearson_log")


def bright_rows(path: Path, bright: float) -> list[int]:
    """Places in a pattern file of the 3D patterns whose brightest voxel expects that much."""
    return [i for i, subject in enumerate(simulated(path)) if subject.brightest >= bright]


def judge_cubes(
    subjects: Iterator[Subject],
    n_subjects: int,
    config: EvaluationConfig,
    methods: Mapping[str, Filler],
    *,
    minutes: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Record], list[str]]:
    """Pearson correlation in the middle gap of random cubes: a record for each, width and method.

    Every one of the subjects, which are of one group, gives as many cubes; each is filled from
    what it shows alone. The gap is one of rows or of columns. A cube with more than a tenth of bad
    voxels, or with equal counts throughout its gap, is drawn again. Lines tell what went wrong.
    """
    began = time.monotonic()
    records: list[Record] = []
    for turn, subject in enumerate(subjects):
        rng = generator_of(config.seed, subject, "cubes", 0, 0)
        wanted = len(range(turn, config.published.patches, n_subjects))
        for number in range(wanted):
            if minutes is not None and records and time.monotonic() - began > 60 * minutes:
                return records, [f"{subject.group}: time was up after {minutes:g} minutes"]
            drawn = _draw_cube(subject, config.published, rng)
            if drawn is None:
                return records, [
                    f"{subject.group} {subject.index}: no cube of {config.published.size} voxels "
                    "with valid, differing counts was found"
                ]
            for width in config.published.widths:
                records += _judge_cube(subject, *drawn, width, methods, number)
            if progress is not None:
                progress(1)
    return records, []


def _draw_cube(
    subject: Subject, published: PublishedConfig, rng: np.random.Generator
) -> tuple[tuple[slice, ...], int] | None:
    """Where a cube lies, and across which axis its gap; None where a thousand draws find none."""
    size = published.size
    if min(subject.counts.shape) < size:
        return None
    narrow = min(published.widths)
    for _ in range(1000):
        corner = [int(rng.integers(n - size + 1)) for n in subject.counts.shape]
        axis = int(rng.integers(1, 3))
        box = tuple(slice(first, first + size) for first in corner)
        bad = subject.bad[box]
        inside = subject.counts[box][_gap_in_middle(size, narrow, axis) & ~bad]
        if bad.mean() <= 0.1 and inside.size and np.ptp(inside) > 0:
            return box, axis
    return None


def _gap_in_middle(size: int, width: int, axis: int) -> BoolArray:
    return gap_mask([place_in_middle(size, width, axis)], (size, size, size))


def _judge_cube(
    subject: Subject,
    box: tuple[slice, ...],
    axis: int,
    width: int,
    methods: Mapping[str, Filler],
    number: int,
) -> list[Record]:
    counts, bad = subject.counts[box], subject.bad[box]
    gap = _gap_in_middle(counts.shape[0], width, axis)
    hidden = np.where(gap | bad, 0, counts)
    if not hidden.any():
        fills = {name: np.zeros_like(counts) for name in methods}  # nothing can be expected
    else:
        fills = {name: fill(hidden, gap, bad).counts for name, fill in methods.items()}
    if subject.expectation is not None:
        fills[CEILING] = subject.expectation[box]
    records = []
    for name, fill in fills.items():
        found = pearson_log(valid_counts(counts), fill, gap & ~bad)
        records.append(
            {
                "scan": subject.group,
                "cube": f"{subject.index}.{number}",
                "cluster": subject.cluster if subject.expectation is not None else str(number),
                "width": width,
                "method": name,
                "mean_counts": float(counts[~bad].mean(dtype=np.float64)),
                "pearson_log": 0.0 if math.isnan(found) else found,
            }
        )
    return records


def summary_of_cubes(records: Sequence[Record], config: EvaluationConfig) -> list[Record]:
    """The mean over bins of the logarithm of a cube's mean counts, for each scan, width, method."""
    rows = []
    for scan in distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        light = np.log10([record["mean_counts"] for record in own])
        edges = np.linspace(light.min(), light.max(), config.published.bins + 1)[1:-1]
        for width in config.published.widths:
            for method in distinct(own, "method"):
                cell = [r for r in own if r["width"] == width and r["method"] == method]
                rows.append(_summary_of_cubes(cell, edges, config))
    return rows


def _summary_of_cubes(
    cell: Sequence[Record], edges: Float64Array, config: EvaluationConfig
) -> Record:
    bootstrap = Bootstrap([r["cluster"] for r in cell], config.resamples, config.seed)
    pearson = np.array([r["pearson_log"] for r in cell])
    bins = np.digitize(np.log10([r["mean_counts"] for r in cell]), edges)  # (n,)
    means = np.array(
        [bootstrap.means(np.where(bins == number, pearson, np.nan)) for number in np.unique(bins)]
    )  # (n_bins, 1 + resamples)
    known = ~np.isnan(means)
    averaged = np.where(known, means, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return {
        "scan": cell[0]["scan"],
        "width": cell[0]["width"],
        "method": cell[0]["method"],
        "cubes": len(cell),
        "bins": len(means),
        "pearson_log": bootstrap.interval(averaged),
        "unbinned": bootstrap.interval(bootstrap.means(pearson)),
    }
