"""The main job from end to end on a simulated scan: simulate, fill, phase, compare.

Leaves a folder with the scan and the filled scan (CXI), one picture and a short table.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import Complex128Array, Float32Array
from bcdi_inpaint.classical.methods import METHODS
from bcdi_inpaint.errors import InputError, MissingEngineError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.evaluation.scores import ceiling_share, score
from bcdi_inpaint.files import StoredFill, read_fill, read_objects, read_scan
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.jobs.phased_knowledge import knowledge_of
from bcdi_inpaint.jobs.provenance import fill_in_file
from bcdi_inpaint.phasing.free_voxels import unseen_in
from bcdi_inpaint.phasing.handover import LEVEL, HandOver, hand_over
from bcdi_inpaint.phasing.peak_box import crop_around_peak
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.pynx_runs import run_preset
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import choose
from bcdi_inpaint.plots import demo_panel
from bcdi_inpaint.running.workers import Workers
from bcdi_inpaint.scan.found_object import FoundObject
from bcdi_inpaint.tables import format_table
from simulation.demo_scan import (
    DEFAULT,
    DemoSettings,
    Simulated,
    report_stage,
    simulate,
    write_demo_scan,
)

TREATMENTS = ("complete", "gap as zero", "gap masked", "ours")
"""What PyNX is given, by what the table calls it."""


def _predict(scan_path: Path) -> Path:
    """`bcdi-inpaint predict --refine` on the file, as a user runs it; the path it wrote."""
    command = ["bcdi-inpaint", "predict", str(scan_path), "--refine", "--force", "-v"]
    print(f"$ {' '.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", "bcdi_inpaint", *command[1:]], check=True)
    return scan_path.with_name(f"{scan_path.stem}_inpainted.cxi")


def _fill_table(scan: Simulated, fills: dict[str, Float32Array], seconds: float) -> str:
    """How near each fill comes to the counts that were hidden."""
    scores = {
        name: score(scan.counts, fill, scan.gap)
        for name, fill in (fills | {"noise ceiling": scan.expectation}).items()
    }
    line, top = scores["linear"].pearson_log, scores["noise ceiling"].pearson_log
    rows = [
        [
            name,
            s.pearson_log,
            s.poisson_deviance,
            f"{100 * ceiling_share(s.pearson_log, line, top):.0f} %",
            f"{seconds:.1f}" if name == "ours" else "",
        ]
        for name, s in scores.items()
    ]
    columns = ["fill", "Pearson of log(1+counts)", "mean Poisson deviance", "of the way", "seconds"]
    return format_table(
        [dict(zip(columns, row, strict=True)) for row in rows], columns, style="markdown"
    )


def _fill_in(path: Path) -> tuple[Fill, StoredFill]:
    """The fill in a file that `predict` wrote, and what the file says of it."""
    stored = read_fill(path)
    assert stored is not None, "predict wrote it"
    return fill_in_file(str(path), read_scan(path).counts, stored), stored


def _phase(
    scan: Simulated, filled_path: Path, seed: int, settings: DemoSettings
) -> tuple[str, dict[str, Complex128Array], dict[str, str]]:
    """Phase the complete scan, and the gap in three treatments; a table, objects, their errors.

    Ours is what `bcdi-inpaint phase` does with the filled file: the fill as a prior, with what the
    file says of beam and crystal, from the objects that the refinement found. The others are what
    PyNX alone makes of the scan. The objects are aligned with the true one, which is among them.
    """
    box = crop_around_peak(scan.counts, np.zeros_like(scan.gap), settings.phased)
    cropped = np.fft.ifftshift(scan.amplitude[box])
    truth = np.fft.fftshift(np.fft.ifftn(cropped))  # the object as this box resolves it
    handed, known = _handed_over(scan, filled_path)
    boxed = {name: each.crop(box) for name, each in handed.items()}
    rows, objects, notes = [], {"truth": truth}, {}
    begun = [one.in_box(box) for one in read_objects(filled_path)]
    for name, found in _run_all(boxed, known, begun, seed, settings.preset).items():
        chosen = compare(choose(found).obj, truth)
        errors = [compare(one.obj, truth).phase_rms_rad for one in found]
        rows.append(
            [
                name,
                chosen.phase_rms_rad,
                f"{min(errors):.3f} to {max(errors):.3f}",
                chosen.modulus_rms,
            ]
        )
        objects[name] = chosen.aligned
        spread = f"{min(errors):.2f} to {max(errors):.2f}"
        notes[name] = f"off by {chosen.phase_rms_rad:.2f} rad\n(starts {spread})"
    columns = ["handed to PyNX", "phase error (rad, RMS)", "of all starts", "modulus error"]
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return format_table(named, columns, style="markdown"), objects, notes


def _run_all(
    handed: Mapping[str, HandOver],
    known: Knowledge,
    begun: Sequence[FoundObject],
    seed: int,
    preset: Preset,
) -> dict[str, list[Reconstruction]]:
    """What PyNX finds of each treatment; in processes, because a cycle keeps only one core busy."""
    processes = min(len(os.sched_getaffinity(0)), len(handed))
    stage = f"PyNX phases {', '.join(handed)}: {preset.runs} starts of each"
    with Workers(processes, environment={}) as workers, report_stage(stage):
        tasks = {
            name: workers.submit(
                run_preset,
                each,
                preset,
                seed=seed,
                knowledge=known if name == "ours" else Knowledge(),
                objects=begun if name == "ours" else (),
                free=unseen_in(begun, begun[0].box) if name == "ours" and begun else None,
            )
            for name, each in handed.items()
        }
        return {name: task.result() for name, task in tasks.items()}


def _handed_over(scan: Simulated, filled_path: Path) -> tuple[dict[str, HandOver], Knowledge]:
    """What each of `TREATMENTS` hands over, and what the filled file knows beside the counts."""
    none, hidden = np.zeros_like(scan.gap), np.where(scan.gap, np.float32(0), scan.counts)
    fill, stored = _fill_in(filled_path)
    given = (
        HandOver("complete", scan.counts, none, none),
        HandOver("zero", hidden, none, none),
        hand_over(fill, scan.gap, none, "mask"),
        hand_over(fill, scan.gap, none, "prior"),
    )
    return dict(zip(TREATMENTS, given, strict=True)), knowledge_of(stored.provenance, {})


def run(folder: Path, seed: int, settings: DemoSettings = DEFAULT) -> None:
    """Run the whole demonstration.

    Parameters
    ----------
    folder : what it leaves goes there.
    seed : of the particle and of the photons.
    settings : what is simulated and phased.

    Raises
    ------
    InputError
        For what a user can mend.
    """
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    scan = simulate(seed, settings)
    scan_path = folder / "scan.cxi"
    write_demo_scan(scan_path, scan, seed, settings)
    filling = time.monotonic()
    filled_path = _predict(scan_path)
    fill, _ = _fill_in(filled_path)
    seconds = time.monotonic() - filling
    hidden = np.where(scan.gap, 0, scan.counts)
    fills = {name: METHODS[name](hidden, scan.gap) for name in ("linear", "cubic")}
    fills |= {"network alone": inpaint(hidden, scan.gap).counts, "ours": fill.counts}
    tables = [_fill_table(scan, fills, seconds)]
    objects, notes = None, None
    try:
        phased, objects, notes = _phase(scan, filled_path, seed, settings)
        tables.append(phased)
    except MissingEngineError as error:
        print(f"not phased: {error}")
    picture = folder / "demo.png"
    demo_panel(
        scan.counts,
        scan.gap,
        fills["linear"],
        fill.counts,
        scan.expectation,
        sigma=fill.sigma,
        interval=fill.interval(LEVEL),
        reconstructions=objects,
        notes=notes,
        voxel_nm=scan.voxel_nm(settings.phased),
        path=picture,
        force=True,
    )
    text = "\n\n".join(tables)
    (folder / "table.md").write_text(text + "\n")
    print(f"\n{text}\n\n{folder}: scan.cxi, scan_inpainted.cxi, {picture.name}, table.md")
    print(f"{time.monotonic() - started:.0f} s in all")


def main() -> None:
    """Command line of the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"), help="folder")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    try:
        run(arguments.output, arguments.seed)
    except InputError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(2)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)


if __name__ == "__main__":
    main()
