"""How near the fills come to the truth: held-out simulated crystals, and real scans.

    python benchmarks/accuracy.py [--model FILE] [--patterns N] [--csv FILE]

Simulated patterns come from a seed of their own: neither their particles nor their noise were seen
in training or validation. Real scans (left out where there are none, see BCDI_INPAINT_DATA) get
artificial gaps where they have none, so that the truth is known there.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from bcdi_inpaint.detectors import Gap
from bcdi_inpaint.gaps import gap_mask
from bcdi_inpaint.inpainting import inpaint
from bcdi_inpaint.interpolation import METHODS
from bcdi_inpaint.pattern_file import read_log_expectation
from bcdi_inpaint.scores import Scores, ceiling_share, score, table
from bcdi_inpaint.weights import Model, load_weights
from simulation.campaign import run
from simulation.recipe import Recipe

SEED = 13  # of the patterns that are reported on; training had 11, validation 12
OFFSETS = (-14, 9, 20)  # of a gap's middle from the Bragg peak, in voxels
CLASSICAL = ("linear", "cubic", "inverse_distance")


@dataclass(frozen=True)
class Case:
    """One scan with one artificial gap; arrays (n_rock, n_y, n_x). `expectation` if simulated."""

    scan: str
    width: int
    counts: NDArray[np.float32]
    gap: NDArray[np.bool_]
    bad: NDArray[np.bool_]
    expectation: NDArray[np.float32] | None = None


def artificial_gaps(
    counts: NDArray[np.float32], width: int, offsets: tuple[int, ...]
) -> Iterator[NDArray[np.bool_]]:
    """Plane gaps of a width along each axis, beside the Bragg peak, clear of the array's edge."""
    peak = np.unravel_index(int(counts.argmax()), counts.shape)
    for axis, n in enumerate(counts.shape):
        for offset in offsets:
            start = int(np.clip(peak[axis] + offset - width // 2, 4, n - width - 4))
            yield gap_mask([Gap(axis, start, start + width)], counts.shape)


def simulated(count: int, widths: tuple[int, ...]) -> Iterator[Case]:
    """Held-out patterns; each gets one gap of every width, its axis and place by turns."""
    recipe = Recipe(count=count, seed=SEED, particles=max(1, count // 4))
    with tempfile.TemporaryDirectory() as folder:
        run(recipe, Path(folder) / "held_out.h5", quiet=True)
        patterns = read_log_expectation(Path(folder) / "held_out.h5")
    for index, log_expectation in enumerate(patterns):
        expectation = np.expm1(log_expectation.astype(np.float32))
        rng = np.random.default_rng([SEED, 2, index])
        counts = rng.poisson(expectation).astype(np.float32)
        for width in widths:
            gaps = list(artificial_gaps(expectation, width, OFFSETS))
            gap = gaps[index % len(gaps)]
            yield Case("simulated", width, counts, gap, np.zeros_like(gap), expectation)


def real(widths: tuple[int, ...]) -> Iterator[Case]:
    """Real scans, where they are: parts without gaps, with artificial ones."""
    here = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("BCDI_INPAINT_DATA", here.parent / "shared" / "data"))
    for name, counts, bad in _real_scans(folder):
        for width in widths:
            for gap in artificial_gaps(np.where(bad, 0, counts), width, OFFSETS):
                yield Case(name, width, counts, gap, bad)


def _real_scans(
    folder: Path,
) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.bool_]]]:
    path = folder / "S1398_counts_mask.npz"
    if path.exists():
        with np.load(path) as file:
            part = (slice(1, None), slice(254), slice(254))
            yield "S1398", file["counts"][part].astype(np.float32), file["mask"][part] != 0
    path = folder / "ft_crop_64_counts.npz"
    if path.exists():
        with np.load(path) as file:
            yield (
                "ft_crop_64",
                file["counts"].astype(np.float32),
                np.asarray(file["zeroed_alien_block"] != 0),
            )


def judge(case: Case, model: Model) -> dict[str, Scores]:
    """The scores of every method in the gap of one case, where its truth is known."""
    hidden = np.where(case.gap | case.bad, 0, case.counts)
    fills = {name: METHODS[name](hidden, case.gap, case.bad) for name in CLASSICAL}
    fills["ours"] = inpaint(hidden, case.gap, model, bad_mask=case.bad).counts
    if case.expectation is not None:
        fills["ceiling"] = case.expectation
    where = case.gap & ~case.bad
    return {name: score(case.counts, fill, where) for name, fill in fills.items()}


Judged = dict[tuple[str, int], list[dict[str, Scores]]]


def mean(judged: list[dict[str, Scores]], method: str, name: str) -> float:
    """The mean of one score over the cases."""
    return float(np.nanmean([getattr(scores[method], name) for scores in judged]))


def rows(judged: Judged) -> Iterator[list[object]]:
    """One row for each scan, width and method."""
    for (scan, width), cases in judged.items():
        linear = mean(cases, "linear", "pearson_log")
        for method in cases[0]:
            pearson = [scores[method].pearson_log for scores in cases]
            ceiling = mean(cases, "ceiling", "pearson_log") if "ceiling" in cases[0] else np.nan
            yield [
                scan,
                width,
                method,
                float(np.nanmean(pearson)),
                float(np.nanstd(pearson) / np.sqrt(len(pearson))),
                mean(cases, method, "mae_log"),
                mean(cases, method, "poisson_deviance"),
                ceiling_share(float(np.nanmean(pearson)), linear, ceiling),
            ]


def main() -> None:
    """Judge, and print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    parser.add_argument("--patterns", type=int, default=24)
    parser.add_argument("--widths", type=int, nargs="+", default=[3, 6, 9, 12])
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    model, widths = load_weights(arguments.model), tuple(arguments.widths)
    judged: Judged = {}
    cases = chain(simulated(arguments.patterns, widths), real(widths))
    for case in tqdm(cases, desc="cases", mininterval=10):
        judged.setdefault((case.scan, case.width), []).append(judge(case, model))
    columns = [
        "scan",
        "gap px",
        "fill",
        "Pearson log",
        "+-",
        "MAE log",
        "Poisson deviance",
        "of the way",
    ]
    found = [dict(zip(columns, row, strict=True)) for row in rows(judged)]
    print(f"model sha256 {model.sha256}\n")
    print(table(found, columns, style="markdown"))
    if arguments.csv:
        arguments.csv.write_text(table(found, columns, style="csv"))


if __name__ == "__main__":
    main()
