"""What refining a fill costs: a partly coherent crystal with a gap beside its peak.

    python -m benchmarks.refine_cost --size 128 --report refine_cost.md

CPU seconds tell more than elapsed ones where the machine has other work: two idle cores that share
the work evenly take half of them.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path

from bcdi_inpaint.filling.inpainting import inpaint
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.phasing.refinement import refine
from bcdi_inpaint.tables import format_table
from benchmarks.refine_scans import Scan, draw_scans
from benchmarks.telling import tell


def cost(scan: Scan, model: Model, starts: int) -> dict[str, object]:
    """What filling and refining take, one after the other."""
    elapsed, cpu = time.perf_counter(), time.process_time()
    fill = inpaint(scan.counts, scan.gap, model)
    filling = time.process_time() - cpu
    cycles = 0

    def count(done: int, total: int) -> None:
        nonlocal cycles
        cycles = max(cycles, done) if done < total else cycles

    found = refine(scan.counts, scan.gap, fill, model=model, starts=starts, cycles=count)
    both = time.process_time() - cpu
    return {
        "voxels": " x ".join(map(str, scan.counts.shape)),
        "gap (px)": scan.width,
        "starts": starts,
        "cycles": cycles,
        "CPU of filling (s)": filling,
        "CPU of refining (s)": both - filling,
        "CPU a cycle (s)": (both - filling) / max(cycles, 1),
        "elapsed (s)": time.perf_counter() - elapsed,
        "peak memory (GiB)": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "found": found.remark.replace(";", ","),
    }


def report(row: dict[str, object], how: str) -> str:
    """A page with the one row, and how busy the machine was."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    lines = (f"- `{how}`", f"- {len(os.sched_getaffinity(0))} cores, load average {load}")
    table = format_table([row], list(row), "markdown")
    return "\n".join(("# What refining a fill costs", "", *lines, "", table))


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="voxels a side")
    parser.add_argument("--width", type=int, default=12, help="of the gap")
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--report", type=Path, help="file for the table")
    given = parser.parse_args()
    *_, scan = draw_scans(2, given.size, [given.width])  # the second crystal's beam is partly so
    how = f"python -m benchmarks.refine_cost --size {given.size} --width {given.width}"
    row = cost(scan, load_model(), given.starts)
    tell(report(row, f"{how} --starts {given.starts}"), given.report)


if __name__ == "__main__":
    main()
