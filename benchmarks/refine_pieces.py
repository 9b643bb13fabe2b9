"""What each piece of the refinement is worth: the same scans, with one piece after another.

    python -m benchmarks.refine_pieces --crystals 4 --size 48 --widths 6 12 -o refine_pieces.md

Crystals of several kinds, coherent and partly coherent, each with a gap beside its peak; every
variant has the same scans, fills and seeds. Their seed is none that anything was chosen on. Where
BCDI_INPAINT_DATA names a folder with a real crystal's object, counts are drawn from it too. Rows
are printed as they come, and with --keep not computed again; half a minute a gap of 48 voxels a
side, on a core that nothing else uses.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import rms
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.evaluation.scores import ceiling_share, pearson_log
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.phasing.coherence import CoherenceSettings
from bcdi_inpaint.phasing.coherence_check import compute_checked
from bcdi_inpaint.phasing.judged_states import judge_states
from bcdi_inpaint.phasing.mixing import MixingSettings
from bcdi_inpaint.phasing.peak_box import crop_around_peak
from bcdi_inpaint.phasing.refinement_task import RefinementSettings, prepare_task
from bcdi_inpaint.safe_files import replace_file
from bcdi_inpaint.tables import format_table
from benchmarks.refine_scans import Scan, draw_scans
from benchmarks.telling import tell

BY_CLASS = RefinementSettings(mixing=MixingSettings(rule="classes"))
FULL = replace(BY_CLASS, mixing=MixingSettings(rule="voxels"))
UNBLURRED = CoherenceSettings(steps=0)
CUT = replace(FULL.schedule, settled=1.0, widen=0)
ONCE = replace(BY_CLASS, again=replace(BY_CLASS.again, hio=0, raar=0, er=0))
LAST = {"and the gap alone": BY_CLASS}
FAMILIES = (
    {"neither": replace(ONCE, coherence=UNBLURRED, schedule=CUT, strengths=())},
    {
        "edge and coherence": replace(ONCE, strengths=()),
        "and density": ONCE,
        **LAST,
    },
)
"""What each variant knows, one piece more from line to line; those of a family have their starts
in common.

`neither` takes the beam as coherent and the support as shrink-wrap cut it; `and the gap alone` is
what users have, with starts once more.
"""
BY_SUPPORT = (
    {
        "loose support in HIO": replace(
            BY_CLASS,
            schedule=replace(BY_CLASS.schedule, hio_threshold=None),
            again=replace(BY_CLASS.again, hio_threshold=None),
        )
    },
    {"tight support in HIO": BY_CLASS},
)
"""A support that is tight in HIO, as users have it, and one that is no tighter than after it."""
BY_VOXEL = {"and each voxel": FULL}
"""What users have, with a share for each voxel in place of one for each class of brightness."""
STARTS = 3


Row = dict[str, object]


def kept_rows(
    scan: Scan, model: Model, folder: Path | None, families: Sequence[dict[str, RefinementSettings]]
) -> list[Row]:
    """What `judged` gives, read where the folder has it, and else left there.

    Parameters
    ----------
    scan, model, families : see `judged`.
    folder : None where nothing is kept.
    """
    names = " ".join(name for family in families for name in family)
    kept = f"{scan.name} of {len(scan.counts)}, {model.sha256[:8]}, {names}.json"
    path = None if folder is None else folder / kept
    if path is not None and path.exists():
        return list(json.loads(path.read_text()))
    rows = list(judged(scan, model, families))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(rows).encode())
    return rows


def judged(
    scan: Scan, model: Model, families: Sequence[dict[str, RefinementSettings]] = FAMILIES
) -> Iterator[Row]:
    """The scores of all variants in the gap of a scan, against its noise-free expectation.

    Parameters
    ----------
    scan : with its gap hidden.
    model : the network that fills.
    families : of variants, see `FAMILIES`.
    """
    fill = inpaint(scan.counts, scan.gap, model)
    no_bad = np.zeros_like(scan.gap)
    linear = METHODS["linear"](scan.counts, scan.gap, bad_mask=no_bad)
    yield _row(scan, "linear", linear, 0.0)
    yield _row(scan, "network", fill.counts, 0.0)
    box = crop_around_peak(scan.counts, scan.gap)
    for family in families:
        begin = time.process_time()
        first = next(iter(family.values()))
        task = prepare_task(scan.counts, scan.gap, no_bad, fill, model, box, "cpu", first)
        computed = compute_checked(task, np.random.default_rng(0), STARTS)
        common = time.process_time() - begin
        for name, settings in family.items():
            begin = time.process_time()
            own, rng = replace(task, settings=settings), np.random.default_rng(0)
            found = judge_states(own, computed, fill, box, rng)
            seconds = common + time.process_time() - begin
            row = _row(scan, name, found.fill.counts, seconds) | {"remark": found.remark}
            print(*row.values(), sep=", ", file=sys.stderr, flush=True)
            yield row


def _row(scan: Scan, name: str, filled: np.ndarray, seconds: float) -> Row:
    truth, found = scan.expectation[scan.gap], np.asarray(filled)[scan.gap]
    return {
        "beam": scan.kind,
        "gap (px)": scan.width,
        "knows": name,
        "Pearson": pearson_log(scan.expectation, filled, scan.gap),
        "RMS log error": rms(np.log1p(found) - np.log1p(truth)),
        "CPU (s)": seconds,
    }


def averaged(rows: Sequence[Row]) -> list[Row]:
    """The mean of every kind of beam, width and variant, and its share of the way to the truth."""
    keys = ("beam", "gap (px)", "knows")
    table = []
    for cell in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        means = _means(rows, cell)
        linear = _means(rows, (*cell[:2], "linear"))["Pearson"]
        way = ceiling_share(means["Pearson"], linear, 1.0)
        table.append(dict(zip(keys, cell, strict=True)) | {"of the way": way} | means)
    return table


def _means(rows: Sequence[Row], cell: tuple[object, ...]) -> dict[str, float]:
    own = [row for row in rows if (row["beam"], row["gap (px)"], row["knows"]) == cell]
    names = ("Pearson", "RMS log error", "CPU (s)")
    return {name: float(np.mean([float(str(row[name])) for row in own])) for name in names}


def report(rows: Sequence[Row], model: Model, how: str) -> str:
    """A page of the mean of all scans, by width and then by kind of crystal too."""
    everything = averaged([row | {"beam": "all"} for row in rows])
    by_kind = averaged(rows)
    return "\n".join(
        [
            "# What each piece of the refinement is worth",
            "",
            f"- `{how}`",
            f"- network: {model.name}, sha256 `{model.sha256}`",
            "- of the way: of the mean correlation of log(1 + counts) with the truth in the gap, "
            "from linear interpolation (0) to 1; CPU seconds of one core",
            "",
            format_table(everything, list(everything[0]), "markdown"),
            "",
            "The same for each kind of crystal and beam:",
            "",
            format_table(by_kind, list(by_kind[0]), "markdown"),
            "",
        ]
    )


def _variants(
    arguments: argparse.Namespace,
) -> tuple[Sequence[dict[str, RefinementSettings]], str]:
    """The families that are asked for, and the options that asked for them."""
    if arguments.last:
        return (LAST,), " --last"
    if arguments.support:
        return BY_SUPPORT, " --support"
    families = FAMILIES[-arguments.families :]
    how = f" --families {arguments.families}" if arguments.families < len(FAMILIES) else ""
    if arguments.voxels:
        return (*families[:-1], families[-1] | BY_VOXEL), f"{how} --voxels"
    return families, how


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crystals", type=int, default=4)
    parser.add_argument("--size", type=int, default=48, help="voxels a side")
    parser.add_argument("--widths", type=int, nargs="+", default=[6, 12])
    parser.add_argument("--model", default="default")
    parser.add_argument(
        "--families", type=int, default=len(FAMILIES), help="1 leaves out what knows `neither`"
    )
    parser.add_argument("--voxels", action="store_true", help="a share for each voxel too")
    parser.add_argument("--last", action="store_true", help="what users have, and no other variant")
    parser.add_argument("--support", action="store_true", help="tight in HIO, and loose")
    parser.add_argument("--keep", type=Path, help="folder for each gap's scores, by these settings")
    parser.add_argument("-o", "--output", type=Path, help="file for the tables, as they grow")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    named = os.environ.get("BCDI_INPAINT_DATA")
    folder = Path(named) if named else None
    widths = " ".join(str(width) for width in arguments.widths)
    how = (
        f"python -m benchmarks.refine_pieces --crystals {arguments.crystals} "
        f"--size {arguments.size} --widths {widths}"
    )
    families, chosen = _variants(arguments)
    how += chosen
    rows: list[Row] = []
    for scan in draw_scans(arguments.crystals, arguments.size, arguments.widths, folder):
        rows += kept_rows(scan, model, arguments.keep, families)
        if arguments.output is not None:
            replace_file(arguments.output, report(rows, model, how).encode())
    tell(report(rows, model, how))


if __name__ == "__main__":
    main()
