"""Which cycles find the object: phase errors of several starts of PyNX's runner, by crystal.

A bench of retrievals that stagnate measures luck. So the cycles that `bcdi-inpaint phase` asks for
are held against others on crystals whose object is known: with all counts, and with a gap beside
the peak that stays masked or is handed over as a prior. All else is the preset's.

python -m benchmarks.convergence --count 6 --size 36 --starts 3
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.api import inpaint
from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.phasing.handover import HandOver, hand_over
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.pynx_runs import run_preset
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import choose
from bcdi_inpaint.tables import format_table
from simulation.crystal_kinds import KINDS
from simulation.crystals import Crystal, CrystalConfig, draw_crystals

DISTANCE = 2
"""Columns between the peak and the gap."""


@dataclass(frozen=True)
class Case:
    """What is phased: a crystal, and how its counts are handed over."""

    crystal: Crystal
    handed: HandOver

    @property
    def inside(self) -> BoolArray:
        """(n_rock, n_y, n_x) bool, the particle."""
        modulus = np.abs(self.crystal.truth)
        return modulus > 0.5 * modulus.max()

    def error(self, found: Reconstruction) -> float:
        """RMS phase error inside the particle, in rad."""
        return compare(found.obj, self.crystal.truth, self.inside).phase_rms_rad


def cases_of(crystal: Crystal, width: int, handovers: list[str]) -> Iterator[Case]:
    """A crystal's counts: complete, or with a gap `width` columns wide, handed over in turn."""
    counts = crystal.counts.astype(np.float32)
    none = np.zeros(counts.shape, bool)
    gap = none.copy()
    first = counts.shape[2] // 2 + DISTANCE
    gap[:, :, first : first + width] = True
    hidden = np.where(gap, 0, counts).astype(np.float32)
    for name in handovers:
        if name == "complete":
            yield Case(crystal, HandOver("mask", counts, none, none))
        elif name == "mask":
            yield Case(crystal, HandOver("mask", hidden, gap, none))
        else:
            yield Case(crystal, hand_over(inpaint(hidden, gap).whole, gap, none, name))


def row(case: Case, name: str, cycles: str, starts: int, seed: int) -> dict[str, object]:
    """Phase errors (rad) with one chain of cycles: of the run that would be taken, and of all.

    Parameters
    ----------
    case : what is phased.
    name : how it is handed over.
    cycles : of HIO, RAAR and ER.
    starts : how many.
    seed : of the starts.
    """
    hio, raar, er = map(int, cycles.split(","))
    cpu = time.process_time()
    try:
        preset = Preset(hio=hio, raar=raar, er=er, runs=starts)
        found = run_preset(case.handed, preset, seed=seed)
    except InputError:  # every start lost its support
        found = []
    cpu = time.process_time() - cpu
    errors = [case.error(one) for one in found] or [float("nan")]
    return {
        "crystal": case.crystal.name,
        "kind": case.crystal.kind,
        "strain (rad)": case.crystal.parameters.get("strain_rad", float("nan")),
        "gap": name,
        "HIO,RAAR,ER": cycles,
        "taken (rad)": case.error(choose(found)) if found else float("nan"),
        "best (rad)": min(errors),
        "median (rad)": float(np.median(errors)),
        "lost": starts - len(found),
        "CPU (s) a start": cpu / starts,
    }


def medians(rows: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Over the crystals, of each hand-over and chain."""
    for gap, cycles in dict.fromkeys((one["gap"], one["HIO,RAAR,ER"]) for one in rows):
        own = [one for one in rows if (one["gap"], one["HIO,RAAR,ER"]) == (gap, cycles)]
        columns = ("taken (rad)", "best (rad)", "median (rad)")
        middle = {name: float(np.nanmedian([one[name] for one in own])) for name in columns}
        lost = sum(int(str(one["lost"])) for one in own)
        yield {"gap": gap, "HIO,RAAR,ER": cycles, "crystals": len(own), **middle, "lost": lost}


def main() -> None:
    """Command line of the benchmark."""
    own = Preset()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=6, help="crystals, of all kinds in turn")
    parser.add_argument("--size", type=int, default=36, help="voxels a side")
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--strain", type=float, default=8, help="largest phase range, in rad")
    parser.add_argument("--width", type=int, default=6, help="columns of the gap")
    parser.add_argument("--seed", type=int, default=502)
    parser.add_argument("--gaps", nargs="+", default=["mask", "prior"])
    chains = [f"{own.hio},{own.raar},{own.er}", "0,600,200", "100,400,150"]
    parser.add_argument("--cycles", nargs="+", default=list(dict.fromkeys(chains)))
    arguments = parser.parse_args()
    config = CrystalConfig(
        count=arguments.count,
        atomistic=0,
        size=arguments.size,
        oversampling=(2.5, 4),
        strain_rad=(0, arguments.strain),
        kinds=dict.fromkeys(KINDS, 1.0),
        background_share=0.5,
        centre_peak=True,
    )
    rows = []
    for crystal in draw_crystals(config, arguments.seed):
        cases = cases_of(crystal, arguments.width, arguments.gaps)
        for name, case in zip(arguments.gaps, cases, strict=True):
            for cycles in arguments.cycles:
                rows.append(row(case, name, cycles, arguments.starts, arguments.seed))
                print(format_table(rows[-1:], list(rows[-1])).splitlines()[-1], flush=True)
    print(format_table(rows, list(rows[0])))
    together = list(medians(rows))
    print(format_table(together, list(together[0])))


if __name__ == "__main__":
    main()
