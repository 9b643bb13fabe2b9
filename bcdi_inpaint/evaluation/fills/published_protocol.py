"""The published protocol: random cubes with a gap in their middle."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.evaluation.fills.averages import Bootstrap
from bcdi_inpaint.evaluation.fills.cases import case_generator
from bcdi_inpaint.evaluation.fills.config import CubesConfig, EvaluationConfig
from bcdi_inpaint.evaluation.fills.methods import CEILING, Filler
from bcdi_inpaint.evaluation.fills.records import Record, distinct
from bcdi_inpaint.evaluation.fills.subjects import Subject, simulated_subjects, valid_counts
from bcdi_inpaint.evaluation.scores import pearson_log
from bcdi_inpaint.gaps.artificial import place_in_middle
from bcdi_inpaint.gaps.masks import gap_mask

CUBE_COLUMNS = ("scan", "cube", "cluster", "width", "method", "mean_counts", "pearson_log")


def bright_rows(path: Path, bright: float) -> list[int]:
    """Rows of a file of 3D patterns whose brightest voxel expects at least `bright` counts."""
    return [i for i, subject in enumerate(simulated_subjects(path)) if subject.brightest >= bright]


@dataclass(frozen=True)
class Cube:
    """One cube of a subject; `axis` is the one that its gap lies across.

    `number` counts the cubes of the subject.
    """

    subject: Subject
    number: int
    box: tuple[slice, ...]
    axis: int

    @property
    def name(self) -> str:
        """The subject's number and its own."""
        return f"{self.subject.index}.{self.number}"

    @property
    def cluster(self) -> str:
        """What varies independently: the particle; on a measured scan the cube."""
        measured = self.subject.expectation is None
        return str(self.number) if measured else self.subject.cluster

    def gap(self, width: int) -> BoolArray:
        """(size, size, size) bool, a gap of that width through the middle."""
        size = self.box[0].stop - self.box[0].start
        return _gap_in_middle(size, width, self.axis)


def judge_cubes(
    subjects: Iterable[Subject],
    n_subjects: int,
    config: EvaluationConfig,
    methods: Mapping[str, Filler],
    *,
    minutes: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Record], list[str]]:
    """Judge the methods in the middle gap of random cubes, by Pearson correlation.

    Every subject gives as many cubes; each is filled from what it shows alone. The gap is one of
    rows or of columns. A cube with more than a tenth of bad voxels, or with equal counts throughout
    its gap, is drawn again.

    Parameters
    ----------
    subjects : scans of one group, whose counts are known everywhere.
    n_subjects : how many they are.
    config : of which `published` says how many cubes, how large, and how wide their gaps.
    methods : by name.
    minutes : no further cube is begun after these.
    progress : called with 1 for each cube that is done.

    Returns
    -------
    A record for each cube, width and method, and a line on what went wrong.
    """
    began = time.monotonic()
    records: list[Record] = []
    try:
        for cube in draw_cubes(subjects, n_subjects, config):
            if minutes is not None and records and time.monotonic() - began > 60 * minutes:
                return records, [f"{cube.subject.group}: time was up after {minutes:g} minutes"]
            for width in config.published.widths:
                records += judge_cube(cube, width, methods)
            if progress is not None:
                progress(1)
    except NoCubeError as error:
        return records, [str(error)]
    return records, []


class NoCubeError(Exception):
    """A subject on which no cube was found; what it says is a line for the reader."""


def draw_cubes(
    subjects: Iterable[Subject], n_subjects: int, config: EvaluationConfig
) -> Iterator[Cube]:
    """The cubes of `judge_cubes`, the same whatever is judged in them.

    Parameters
    ----------
    subjects : scans of one group.
    n_subjects : how many they are.
    config : of which `published` says how many cubes.

    Raises
    ------
    NoCubeError
        On a subject no further cube was found.
    """
    for turn, subject in enumerate(subjects):
        rng = case_generator(config.seed, subject, "cubes", 0, 0)
        for number in range(len(range(turn, config.published.patches, n_subjects))):
            yield _draw_cube(subject, number, config.published, rng)


def _draw_cube(
    subject: Subject, number: int, published: CubesConfig, rng: np.random.Generator
) -> Cube:
    """A cube at a random place; raises NoCubeError where a thousand draws find none."""
    size = published.size
    for _ in range(1000 if min(subject.counts.shape) >= size else 0):
        corner = [int(rng.integers(n - size + 1)) for n in subject.counts.shape]
        axis = int(rng.integers(1, 3))
        cube = Cube(subject, number, tuple(slice(first, first + size) for first in corner), axis)
        if _says_something(cube, min(published.widths)):
            return cube
    raise NoCubeError(
        f"{subject.group} {subject.index}: no cube of {size} voxels with valid, differing counts "
        "was found"
    )


def _says_something(cube: Cube, narrowest: int) -> bool:
    """Whether most voxels of a cube are valid, and the counts in its gap differ."""
    bad = cube.subject.bad[cube.box]
    inside = cube.subject.counts[cube.box][cube.gap(narrowest) & ~bad]
    return bool(bad.mean() <= 0.1 and inside.size and np.ptp(inside) > 0)


def _gap_in_middle(size: int, width: int, axis: int) -> BoolArray:
    return gap_mask([place_in_middle(size, width, axis)], (size, size, size))


def judge_cube(cube: Cube, width: int, methods: Mapping[str, Filler]) -> list[Record]:
    """A record for each method in the gap of one width, and one for the ceiling of a pattern.

    Parameters
    ----------
    cube : of which the methods see no more.
    width : of the gap, in voxels.
    methods : by name.
    """
    subject = cube.subject
    counts, bad, gap = subject.counts[cube.box], subject.bad[cube.box], cube.gap(width)
    head: Record = {
        "scan": subject.group,
        "cube": cube.name,
        "cluster": cube.cluster,
        "width": width,
        "mean_counts": float(counts[~bad].mean(dtype=np.float64)),
    }
    records = []
    for name, fill in _fills(cube, gap, methods).items():
        found = pearson_log(valid_counts(counts), fill, gap & ~bad)
        records.append(head | {"method": name, "pearson_log": 0.0 if math.isnan(found) else found})
    return records


def _fills(cube: Cube, gap: BoolArray, methods: Mapping[str, Filler]) -> dict[str, np.ndarray]:
    """The cube as each method fills it, and its expectation where that is known."""
    subject = cube.subject
    counts, bad = subject.counts[cube.box], subject.bad[cube.box]
    hidden = np.where(gap | bad, 0, counts)
    if not hidden.any():
        fills: dict[str, np.ndarray] = {name: np.zeros_like(counts) for name in methods}
    else:  # in the dark nothing can be expected
        fills = {name: fill(hidden, gap, bad_mask=bad).counts for name, fill in methods.items()}
    if subject.expectation is not None:
        fills[CEILING] = subject.expectation[cube.box]
    return fills


def average_cubes(records: Sequence[Record], config: EvaluationConfig) -> list[Record]:
    """Average over bins of the logarithm of a cube's mean counts, for each scan, width, method."""
    rows = []
    for scan in distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        log_counts = np.log10([record["mean_counts"] for record in own])
        edges = np.linspace(log_counts.min(), log_counts.max(), config.published.bins + 1)[1:-1]
        for width in config.published.widths:
            for method in distinct(own, "method"):
                cell = [r for r in own if r["width"] == width and r["method"] == method]
                if cell:  # a method may be for gaps of one width
                    rows.append(_average_cell(cell, edges, config))
    return rows


def _average_cell(cell: Sequence[Record], edges: Float64Array, config: EvaluationConfig) -> Record:
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
