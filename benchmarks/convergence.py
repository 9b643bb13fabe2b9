"""Which cycles find the object: phase errors of several starts of PyNX's runner, by crystal.

A bench of retrievals that stagnate measures luck. So the cycles and the thresholds of the support
that `bcdi-inpaint phase` asks for are held against others on crystals whose object is known: with
all counts, and with a gap beside the peak that stays masked or is handed over as a prior. All runs
have a point spread function, as users give one; all else is the preset's.

python -m benchmarks.convergence --count 6 --size 36 --starts 3
python -m benchmarks.convergence --count 8 --size 64 --starts 4 --gaps complete \\
    --chains 0,600,200,0.2,0.4 0,1000,200,0.15,0.25 400,600,200,0.15,0.25
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.api import inpaint
from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.phasing.handover import HandOver, hand_over
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.phasing.pynx_runs import run_preset
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import choose, free_misfit
from bcdi_inpaint.tables import format_table
from benchmarks.telling import tell
from simulation.crystal_kinds import KINDS
from simulation.crystals import Crystal, CrystalConfig, draw_crystals

DISTANCE = 2
"""Columns between the peak and the gap."""
CONVERGED = 0.25
"""Rad of phase error up to which a start is counted as converged."""
PSF = ("--psf", "pseudo-voigt,1,0.05,20")
"""Of the partly coherent beam, as cdiutils has PyNX fit it."""


@dataclass(frozen=True)
class Chain:
    """Cycles, and the range that each start draws the threshold of its support from."""

    hio: int
    raar: int
    er: int
    threshold: tuple[float, float]

    @classmethod
    def read(cls, text: str) -> Chain:
        """Of HIO,RAAR,ER,LOWEST,HIGHEST; ValueError for what is none."""
        hio, raar, er, low, high = text.split(",")
        return cls(int(hio), int(raar), int(er), (float(low), float(high)))

    @property
    def head(self) -> dict[str, object]:
        """What the rows of a table say of it."""
        low, high = self.threshold
        return {
            "HIO,RAAR,ER": f"{self.hio},{self.raar},{self.er}",
            "thresholds": f"{low:g}-{high:g}",
        }

    def preset(self, starts: int) -> Preset:
        """As PyNX's runner takes it."""
        return Preset(
            hio=self.hio,
            raar=self.raar,
            er=self.er,
            runs=starts,
            support_threshold=self.threshold,
        )


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


def row(case: Case, name: str, chain: Chain, starts: int, seed: int) -> dict[str, object]:
    """Phase errors (rad) with one chain of cycles: of the run that would be taken, and of all.

    Parameters
    ----------
    case : what is phased.
    name : how it is handed over.
    chain : cycles and thresholds.
    starts : how many.
    seed : of the starts.
    """
    cpu = time.process_time()
    try:
        found = run_preset(case.handed, chain.preset(starts), seed=seed, extra=PSF)
    except InputError:  # every start lost its support
        found = []
    cpu = time.process_time() - cpu
    errors = [case.error(one) for one in found] or [float("nan")]
    return {
        "crystal": case.crystal.name,
        "kind": case.crystal.kind,
        "strain (rad)": case.crystal.parameters.get("strain_rad", float("nan")),
        "gap": name,
        **chain.head,
        "by free LLK (rad)": case.error(min(found, key=free_misfit)) if found else float("nan"),
        "as phase takes (rad)": case.error(choose(found)) if found else float("nan"),
        "best (rad)": min(errors),
        "median (rad)": float(np.median(errors)),
        "converged": sum(error < CONVERGED for error in errors) / starts,
        "lost": starts - len(found),
        "CPU (s) a start": cpu / starts,
    }


def medians(rows: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Over the crystals, of each hand-over and chain; of starts that converged, their share."""
    heads = ("gap", "HIO,RAAR,ER", "thresholds")
    for head in dict.fromkeys(tuple(one[name] for name in heads) for one in rows):
        own = [one for one in rows if tuple(one[name] for name in heads) == head]
        columns = ("by free LLK (rad)", "as phase takes (rad)", "best (rad)", "median (rad)")
        middle = {name: float(np.nanmedian([one[name] for one in own])) for name in columns}
        taken = [float(str(one["by free LLK (rad)"])) for one in own]
        yield {
            **dict(zip(heads, head, strict=True)),
            "crystals": len(own),
            **middle,
            "crystals converged": sum(error < CONVERGED for error in taken),
            "starts converged": float(np.mean([one["converged"] for one in own])),
            "lost": sum(int(str(one["lost"])) for one in own),
        }


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
    low, high = own.support_threshold
    chains = [f"{own.hio},{own.raar},{own.er},{low},{high}", "0,600,200,0.2,0.4"]
    parser.add_argument("--chains", nargs="+", default=list(dict.fromkeys(chains)))
    parser.add_argument("-o", "--output", type=Path, help="keep the tables in this file too")
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
            for chain in map(Chain.read, arguments.chains):
                rows.append(row(case, name, chain, arguments.starts, arguments.seed))
                print(format_table(rows[-1:], list(rows[-1])).splitlines()[-1], flush=True)
    tell(_page(arguments, rows), arguments.output)


def _page(arguments: argparse.Namespace, rows: list[dict[str, object]]) -> str:
    """The tables, with how they were made."""
    together = list(medians(rows))
    lines = [
        "# Which cycles find the object",
        "",
        f"- crystals of {arguments.size} voxels a side of all kinds, phases up to "
        f"{arguments.strain:g} rad, seed {arguments.seed}; {arguments.starts} starts, PSF {PSF[1]}",
        f"- converged: within {CONVERGED:g} rad of the true phase, RMS inside the particle; "
        "*crystals converged* counts the starts of best free log-likelihood",
        "",
        format_table(together, list(together[0]), "markdown"),
        "",
        "## By crystal",
        "",
        format_table(rows, list(rows[0]), "markdown"),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
