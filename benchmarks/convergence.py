"""At which schedule complete counts converge: phase errors of several starts, by crystal.

A bench of retrievals that stagnate measures luck, so what a gap costs is told at a schedule at
which the complete counts come out right, and alike from every start.

python -m benchmarks.convergence --count 4 --size 48 --starts 4
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.evaluation.crystals.object_error import compare
from bcdi_inpaint.phasing.pynx_retrieval import retrieve_best
from bcdi_inpaint.phasing.reconstruction import Reconstruction, free_first
from bcdi_inpaint.phasing.schedule import Schedule
from bcdi_inpaint.tables import format_table
from simulation.crystal_kinds import KINDS
from simulation.crystals import Crystal, CrystalConfig, draw_crystals

SCHEDULES = {
    "100,150,50": Schedule(hio=100, raar=150, er=50, update_every=25),
    "0,600,200": Schedule(hio=0, raar=600, er=200),
    "200,600,200": Schedule(hio=200, raar=600, er=200),
    "400,600,200": Schedule(hio=400, raar=600, er=200),
}
"""Cycles of HIO, RAAR and ER: the former bench's, users' of PyNX's command, and with HIO before."""


def starts_of(crystal: Crystal, schedule: Schedule, starts: int) -> list[Reconstruction]:
    """What the starts on complete counts find, the best by free log-likelihood first."""
    found: list[Reconstruction] = []

    def take(number: int, outcome: Reconstruction | InputError) -> None:
        if isinstance(outcome, Reconstruction):
            found.append(outcome)

    none = np.zeros(crystal.counts.shape, dtype=bool)
    rng = np.random.default_rng(1)
    retrieve_best(crystal.counts, none, rng, runs=starts, schedule=schedule, report=take)
    return sorted(found, key=free_first)


def row(crystal: Crystal, name: str, starts: int) -> dict[str, object]:
    """Phase errors (rad) after one schedule: of the best by free log-likelihood, and of all."""
    cpu = time.process_time()
    found = starts_of(crystal, SCHEDULES[name], starts)
    cpu = time.process_time() - cpu
    inside = np.abs(crystal.truth) > 0.5 * np.abs(crystal.truth).max()
    errors = [compare(one.obj, crystal.truth, inside).phase_rms_rad for one in found]
    return {
        "crystal": crystal.name,
        "kind": crystal.kind,
        "strain (rad)": crystal.parameters.get("strain_rad", float("nan")),
        "HIO,RAAR,ER": name,
        "best (rad)": errors[0],
        "median (rad)": float(np.median(errors)),
        "worst (rad)": max(errors),
        "free llk": found[0].llk_free,
        "CPU (s) a start": cpu / starts,
    }


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=4, help="crystals, of all kinds in turn")
    parser.add_argument("--size", type=int, default=64, help="voxels a side")
    parser.add_argument("--starts", type=int, default=4)
    parser.add_argument("--strain", type=float, default=8, help="largest phase range, in rad")
    parser.add_argument("--seed", type=int, default=502)
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
    for crystal in draw_crystals(config, arguments.seed):
        rows = [row(crystal, name, arguments.starts) for name in SCHEDULES]
        print(format_table(rows, list(rows[0])), flush=True)


if __name__ == "__main__":
    main()
