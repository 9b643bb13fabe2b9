"""What a retrieval gains by knowing a constant background, on crystals whose object is known.

    python -m benchmarks.background            # half an hour on a core
    python -m benchmarks.background --quick    # minutes, one crystal
    python -m benchmarks.background --found    # the support is found, as users have it

Faceted crystals with a constant background of some counts a voxel, all voxels measured, or a gap of
12 lines beside the peak, masked or with the network's fill as its prior. The same starts four ways:
the background ignored; heeded, which takes it off what is measured and estimated (down to zero),
the one that the scan shows and the true one; added to what is calculated, where a cycle takes F to
F sqrt(counts / (|F|^2 + background)). The support is given, the true one and a voxel more, because
most starts of few stagnate while they find it, and luck is measured. Then what `predict --refine`
makes of the gap with and without. How well a scan shows its background:
`python -m benchmarks.background_levels`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.phasing.background import find_background
from bcdi_inpaint.phasing.coherence import Coherence
from bcdi_inpaint.phasing.constraints import PriorConstraint
from bcdi_inpaint.phasing.handover import prior_of
from bcdi_inpaint.phasing.pynx_knowledge import Knowledge
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.pynx_runs import run_preset
from bcdi_inpaint.phasing.refinement import refine
from bcdi_inpaint.phasing.scan_phasing import prepare_scan
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.phasing.torch_retrieval import retrieve
from bcdi_inpaint.phasing.torch_state import State
from bcdi_inpaint.photons import photon_deviance
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.tables import format_table
from benchmarks.background_crystals import GAP, SIZE, Known, draw

BACKGROUNDS = (0.0, 0.3, 1.0, 3.0)
WAYS = ("ignored", "as shown", "true", "added")
TRIED = {"complete": WAYS[:1], "mask": WAYS, "prior": WAYS[:2]}
"""What is tried of each gap: the rest would tell little more."""
SCHEDULE = Schedule(hio=60, raar=160, er=60, update_every=25)
STARTS = 2
PRESET = Preset(hio=0, raar=220, er=60, runs=STARTS)
"""Of PyNX's runner."""


class Lifted(Coherence):
    """What a coherent beam and a constant background make of an intensity."""

    def __init__(self, background: float) -> None:
        super().__init__()
        object.__setattr__(self, "background", background)

    background: float

    @property
    def coherent(self) -> bool:
        """Whether it changes nothing."""
        return self.background == 0

    def blur(self, intensity: Tensor) -> Tensor:
        """The intensity with the background on it."""
        return intensity + self.background


def phase_error(
    known: Known, way: str, mask: BoolArray, prior: PriorConstraint | None, level: float
) -> float:
    """Phase error in rad of the start that fits best.

    Parameters
    ----------
    known : the crystal and its scan.
    way : of `WAYS`.
    mask : the gap.
    prior : the fill as a prior, None for a free gap.
    level : the background in counts a voxel that is heeded.
    """
    beam, taken = (Lifted(level), 0.0) if way == "added" else (Lifted(0.0), level)
    found: list[tuple[float, State]] = []
    for rng in np.random.default_rng(3).spawn(STARTS):
        try:
            state = retrieve(
                known.counts,
                mask,
                rng,
                schedule=SCHEDULE,
                support=known.support,
                constraint=prior,
                coherence=beam,
                background=taken,
            )
        except InputError:
            continue
        seen = state.intensity()[~mask]
        found.append((float(photon_deviance(known.counts[~mask], seen).mean()), state))
    if not found:
        return float("nan")
    _, best = min(found, key=lambda pair: pair[0])
    obj = np.fft.fftshift((best.obj * best.support).numpy())
    return compare(obj, known.obj).phase_rms_rad


def judge(seed: int, background: float, *, is_found: bool = False) -> Iterator[dict[str, object]]:
    """A row for each gap, with a column for each way to heed the background.

    Parameters
    ----------
    seed : of the crystal.
    background : in counts a voxel.
    is_found : whether the support is found; then complete data and the fill are left out.
    """
    known = replace(draw(seed, background), is_found=is_found)
    mask = np.zeros(known.counts.shape, dtype=bool)
    complete = mask.copy()
    mask[:, GAP] = True
    hidden = np.where(mask, 0, known.counts)
    fill = inpaint(hidden, mask, calibrate=True)
    shown = find_background(hidden, ~mask).level
    levels = {"ignored": 0.0, "as shown": shown, "true": background, "added": background}
    cases = (("complete", complete, None), ("mask", mask, None), ("prior", mask, prior_of(fill)))
    for what, gap, prior in cases[bool(background or is_found) :]:  # complete: does it converge?
        row: dict[str, object] = {"background": background, "gap": what, "shown": shown}
        for way in TRIED[what][: 2 if is_found else None]:
            if way == "ignored" or levels[way]:
                row[way] = phase_error(known, way, gap, prior, levels[way])
            else:
                row[way] = row["ignored"]
        yield _told(seed, row)
    if not is_found:
        yield _told(seed, refined_row(known, hidden, mask, fill, shown))
    for handover in ("mask", "prior"):
        row = {"background": background, "gap": f"{handover}, PyNX", "shown": shown}
        for way in ("ignored", "as shown"):
            if way == "ignored" or shown:
                row[way] = runner_error(known, hidden, mask, fill, handover, levels[way])
            else:
                row[way] = row["ignored"]
        yield _told(seed, row)


def runner_error(
    known: Known,
    hidden: Float32Array,
    mask: BoolArray,
    fill: Fill,
    handover: str,
    level: float,
) -> float:
    """Phase error in rad of the best run of PyNX's runner.

    Parameters
    ----------
    known : the crystal and its scan.
    hidden, mask : the scan with its gap, and the gap.
    fill : the network's.
    handover : how PyNX gets it.
    level : the background in counts a voxel that is taken off.
    """
    prepared = prepare_scan(Scan(hidden, mask), fill, handover=handover)
    found = run_preset(
        prepared.handed,
        PRESET,
        extra=() if known.is_found else ("--support_update_period", "0"),
        support=known.support,
        knowledge=Knowledge(background=level),
    )
    return compare(prepared.best(found).obj, known.obj).phase_rms_rad


def refined_row(
    known: Known, hidden: Float32Array, mask: BoolArray, fill: Fill, shown: float
) -> dict[str, object]:
    """RMS log error in the gap of the refined fill, the background ignored and as shown.

    Parameters
    ----------
    known : the crystal and its scan.
    hidden, mask : the scan with its gap, and the gap.
    fill : the network's.
    shown : the background that the scan shows.
    """
    row: dict[str, object] = {"background": known.background, "gap": "fill", "shown": shown}
    for way, given in (("ignored", 0.0), ("as shown", None)):
        if given is None and not shown:
            row[way] = row["ignored"]
            continue
        found = refine(hidden, mask, fill, background=given, starts=STARTS).fill
        wrong = np.log1p(found.counts[mask]) - np.log1p(known.expectation[mask])
        row[way] = float(np.sqrt(np.mean(wrong**2)))
    return row


def _told(seed: int, row: dict[str, object]) -> dict[str, object]:
    print(seed, row, file=sys.stderr, flush=True)
    return row


def averaged(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Medians over crystals, of the ways' ratios to what ignores the background too."""
    means = []
    for key in dict.fromkeys((row["background"], row["gap"]) for row in rows):
        own = [row for row in rows if (row["background"], row["gap"]) == key]
        found: dict[str, object] = {"background": key[0], "gap": key[1], "crystals": len(own)}
        for name in ("shown", "ignored"):
            found[name] = f"{np.nanmedian([float(str(row[name])) for row in own]):.3g}"
        for way in WAYS[1:]:
            tried = [row for row in own if way in row]
            ratios = [float(str(row[way])) / float(str(row["ignored"])) for row in tried]
            there = [ratio for ratio in ratios if np.isfinite(ratio)]
            found[f"{way} / ignored"] = f"{np.median(there):.2f}" if there else ""
        means.append(found)
    return means


def report(rows: Sequence[dict[str, object]], how: str, *, is_found: bool = False) -> str:
    """A page of medians over the crystals.

    Parameters
    ----------
    rows : of `judge`.
    how : the command.
    is_found : whether the support was found.
    """
    means = averaged(rows)
    return "\n".join(
        [
            "# What it earns to heed a constant background" + (", the support found" * is_found),
            "",
            f"- `{how}`",
            f"- crystals of {SIZE}^3 voxels, a gap of 12 lines 6 off the peak, the best of "
            f"{STARTS} starts by misfit, in the true support and a voxel more, or in one that is "
            "found (`--found`); medians over the crystals",
            "- background, shown: counts in every voxel, the true ones and what the scan shows "
            "(0: none)",
            "- ignored: phase error (rad); of `fill`, the RMS log error in the gap of what "
            "`predict --refine` writes; of `PyNX`, the phase error of its runner's best run",
            "- as shown, true: with the background taken off counts and fill, the one that the "
            "scan shows or the true one; added: to the calculated intensity",
            "",
            format_table(means, list(means[0]), "markdown"),
            "",
        ]
    )


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one crystal")
    parser.add_argument("--crystals", type=int, default=4)
    parser.add_argument("--levels", type=float, nargs="+", default=BACKGROUNDS)
    parser.add_argument("--found", action="store_true", help="the support is found")
    parser.add_argument("-o", "--output", type=Path, help="file for the table, as it grows")
    arguments = parser.parse_args()
    count = 1 if arguments.quick else arguments.crystals
    levels = " ".join(f"{level:g}" for level in arguments.levels)
    how = f"python -m benchmarks.background --crystals {count} --levels {levels}"
    how += " --found" if arguments.found else ""
    rows: list[dict[str, object]] = []
    for seed in range(count):
        for level in arguments.levels:
            for row in judge(seed, level, is_found=arguments.found):
                rows.append(row)
                if arguments.output is not None:
                    arguments.output.write_text(
                        report(rows, how, is_found=arguments.found), encoding="utf-8"
                    )
    print(report(rows, how, is_found=arguments.found))


if __name__ == "__main__":
    main()
