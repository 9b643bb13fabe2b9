"""What weights gain on others, by kind of crystal and on measured scans, in the same gaps.

    python -m benchmarks.compare_weights --model new.safetensors
    python -m benchmarks.compare_weights --model new.safetensors --report docs/reports/NAME.md

Of the way is from linear interpolation to the noise ceiling, in Pearson; behind a difference
stands its 95 % confidence interval over crystals, of a real crystal's object and of measured scans
over gaps. A real object and measured scans are looked for in the folder that BCDI_INPAINT_DATA
names. A quarter of an hour on a core.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.evaluation.fills.averages import Bootstrap
from bcdi_inpaint.evaluation.fills.config import EvaluationConfig
from bcdi_inpaint.evaluation.fills.judging import judge_subjects
from bcdi_inpaint.evaluation.fills.methods import CEILING, NETWORK, Filler, Guess, fillers
from bcdi_inpaint.evaluation.fills.records import Record, distinct
from bcdi_inpaint.evaluation.fills.subjects import Subject, measured_folder, measured_subjects
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.tables import format_table
from benchmarks.coverage import SCANS
from benchmarks.kinds_of_scans import draw_kinds, draw_real
from benchmarks.telling import tell, with_interval

WIDTHS = (3, 6, 12, 24)
COLUMNS = ("scan", "cluster", "kind", "width", "method", "pearson_log", "poisson_deviance")
"""What is kept of a record."""
BEFORE, AFTER = "before", "after"
"""The weights that are compared with, and those that are judged."""
ALL = "all"
"""The row of all widths of a kind, and that of all simulated kinds."""
SEED = 5


def fill_with(model: Model) -> Filler:
    """What fills a gap with these weights, without intervals."""

    def fill(counts: np.ndarray, gap_mask: BoolArray, *, bad_mask: BoolArray) -> Guess:
        found = inpaint(counts, gap_mask, model, bad_mask=bad_mask, calibrate=False)
        return Guess(found.counts, found.filled)

    return fill


def subjects(crystals: int, real: int, size: int) -> Iterator[Subject]:
    """All scans: simulated crystals, a real crystal's object, measured scans.

    Parameters
    ----------
    crystals : of every kind.
    real : measurements of a real object.
    size : voxels a side.
    """
    folder = measured_folder()
    yield from draw_kinds(crystals, size)
    yield from draw_real(real, size, folder)
    yield from measured_subjects(SCANS, folder)


def scores(model: Model, given: argparse.Namespace) -> list[Record]:
    """The scores of linear interpolation and of weights in a gap of every width of every scan.

    They are taken from the folder that keeps them, where they are there.
    """
    kept = None
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
        name = f"{model.sha256[:12]}-{given.crystals}-{given.real}-{given.size}.json"
        kept = given.keep / name
        if kept.exists():
            return list(json.loads(kept.read_text()))
    config = EvaluationConfig(
        seed=SEED,
        widths=WIDTHS,
        kinds=("row", "column", "off_centre"),
        kinds_per_pattern=1,
        placements=2,
    )
    methods = fillers(["linear"], None) | {NETWORK: fill_with(model)}
    scans = subjects(given.crystals, given.real, given.size)
    found = judge_subjects(scans, config, methods, progress=_tell)
    print("\n".join(found.remarks), file=sys.stderr)
    records = [{key: record[key] for key in COLUMNS} for record in found.records]
    if kept is not None:
        replace_file(kept, json.dumps(records).encode())
    return records


def _tell(subject: Subject) -> None:
    print(f"{subject.group} {subject.index}", file=sys.stderr, flush=True)


def side_by_side(before: Sequence[Record], after: Sequence[Record]) -> list[Record]:
    """The records of two weights in the same gaps, linear interpolation and the ceiling once."""
    others = [record for record in before if record["method"] != NETWORK]
    named = [
        record | {"method": name}
        for name, records in ((BEFORE, before), (AFTER, after))
        for record in records
        if record["method"] == NETWORK
    ]
    return others + named


class Paired:
    """The scores of all methods in the same cases, and resamples of their means.

    Parameters
    ----------
    records : of one kind and width, or of several.
    score : which of the scores.
    """

    def __init__(self, records: Sequence[Record], score: str) -> None:
        self._of = {
            method: [record for record in records if record["method"] == method]
            for method in distinct(records, "method")
        }
        own = self._of[AFTER]
        self.n_cases, self._score = len(own), score
        self.bootstrap = Bootstrap([r["cluster"] for r in own], resamples=2000, seed=SEED)

    def means(self, method: str) -> Float64Array:
        """(1 + resamples,) the mean score of a method."""
        return self.bootstrap.means([record[self._score] for record in self._of[method]])

    def shares(self, method: str) -> Float64Array:
        """(1 + resamples,) per cent of the way from linear interpolation to the ceiling."""
        linear, ceiling = self.means("linear"), self.means(CEILING)
        return 100 * (self.means(method) - linear) / (ceiling - linear)


def way_rows(records: Sequence[Record]) -> Iterator[Record]:
    """A row for every kind and width, then for all widths: how far both weights go."""
    for kind in distinct(records, "scan"):
        own = [record for record in records if record["scan"] == kind]
        for width in (*distinct(own, "width"), ALL):
            pair = Paired([r for r in own if width in (ALL, r["width"])], "pearson_log")
            yield {"crystals": kind, "gap (px)": width} | _way(pair)
    for width in (*distinct(records, "width"), ALL):
        pair = Paired([r for r in records if width in (ALL, r["width"])], "pearson_log")
        yield {"crystals": ALL, "gap (px)": width} | _way(pair)


def _way(pair: Paired) -> Record:
    before, after = pair.shares(BEFORE), pair.shares(AFTER)
    return {
        "cases": pair.n_cases,
        "before (%)": f"{before[0]:.1f}",
        "after (%)": f"{after[0]:.1f}",
        "difference": with_interval(pair.bootstrap.interval(after - before)),
    }


def deviance_rows(records: Sequence[Record]) -> Iterator[Record]:
    """A row for every measured scan and width: the mean Poisson deviance of both weights."""
    for scan in distinct(records, "scan"):
        own = [record for record in records if record["scan"] == scan]
        for width in distinct(own, "width"):
            pair = Paired([r for r in own if r["width"] == width], "poisson_deviance")
            before, after = pair.means(BEFORE), pair.means(AFTER)
            change = pair.bootstrap.interval(100 * (after / before - 1))
            pearson = Paired([r for r in own if r["width"] == width], "pearson_log")
            yield {
                "scan": scan,
                "gap (px)": width,
                "cases": pair.n_cases,
                "deviance before": f"{before[0]:.4g}",
                "after": f"{after[0]:.4g}",
                "change (%)": with_interval(change),
                "Pearson before": f"{pearson.means(BEFORE)[0]:.4f}",
                "Pearson after": f"{pearson.means(AFTER)[0]:.4f}",
            }


def report(given: argparse.Namespace) -> str:
    """What both tables say, in Markdown."""
    after, before = (load_model(name) for name in (given.model, given.against))
    records = side_by_side(scores(before, given), scores(after, given))
    is_measured = {scan.name for scan in SCANS}
    ways = list(way_rows([r for r in records if r["scan"] not in is_measured]))
    deviances = list(deviance_rows([r for r in records if r["scan"] in is_measured]))
    command = (
        "python -m benchmarks.compare_weights --model AFTER --against BEFORE "
        f"--crystals {given.crystals} --real {given.real} --size {given.size}"
    )
    parts = [
        f"`{command}`: before, weights {before.sha256[:12]}; after, {after.sha256[:12]}. "
        f"Cubes of {given.size} voxels.",
        "Of the way from linear interpolation to the noise ceiling, in Pearson:",
        format_table(ways, list(ways[0]), "markdown"),
    ]
    if deviances:
        table = format_table(deviances, list(deviances[0]), "markdown")
        parts += ["Artificial gaps of measured scans, mean Poisson deviance:", table]
    return "\n\n".join(parts)


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="weights that are judged")
    parser.add_argument("--against", default="default", help="weights that they are compared with")
    parser.add_argument("--crystals", type=int, default=8, help="of every kind")
    parser.add_argument("--real", type=int, default=16, help="measurements of a real object")
    parser.add_argument("--size", type=int, default=64, help="voxels a side")
    parser.add_argument("--keep", type=Path, help="folder for the scores of each weights")
    parser.add_argument("--report", type=Path, help="file for the tables")
    arguments = parser.parse_args()
    tell(report(arguments), arguments.report)


if __name__ == "__main__":
    main()
