"""What `predict` takes for whole stacks: seconds by stage, memory, against a copy and against 2024.

python -m benchmarks.predict            # minutes, and some GB on the disk
python -m benchmarks.predict --quick    # about one
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bcdi_inpaint.tables import format_table
from benchmarks.published import count_patches, seconds_per_patch
from benchmarks.stacks import SEED, Stack, copy_seconds, eiger2m, maxipix, write_stack

REPOSITORY = Path(__file__).resolve().parents[1]


# --- one prediction, in a process of its own ------------------------------------------------------

STAGES = {
    "reading": ("plan_work", "read_log_counts"),
    "calibration": ("calibrate_own",),
    "features": ("compute_region_features", "find_centre"),
    "network": ("predict_patches",),
    "stitching": ("fill_region",),
}
"""Functions of `filling.inpainting` and `region_filling` by stage; of nested ones each second
counts once."""
WHOLE = {"calibration"}
"""Stages that keep the seconds of what is nested in them."""


class Watch:
    """Seconds by stage of the main thread: of nested calls each second counts once."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[list[float]] = []
        self._is_whole = False

    def watched(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, timed."""

        @functools.wraps(call)
        def timed(*arguments: Any, **options: Any) -> Any:
            is_main = threading.current_thread() is threading.main_thread()
            if self._is_whole or not is_main:
                return call(*arguments, **options)
            started, self._is_whole = time.perf_counter(), stage in WHOLE
            self._open.append([0.0])
            try:
                return call(*arguments, **options)
            finally:
                taken, self._is_whole = time.perf_counter() - started, False
                inner = self._open.pop()[0]
                self.seconds[stage] += taken - inner
                if self._open:
                    self._open[-1][0] += taken

        return timed


def child(path: Path) -> None:
    """Fill one file; prints what it took as JSON."""
    from bcdi_inpaint.filling import inpainting, region_filling
    from bcdi_inpaint.jobs import predict as prediction

    watch = Watch()
    for stage, names in STAGES.items():
        for name in names:
            for module in (inpainting, region_filling):
                if hasattr(module, name):
                    setattr(module, name, watch.watched(stage, getattr(module, name)))
    prediction.write_fill = watch.watched("writing", prediction.write_fill)
    prediction.find_scan_gaps = watch.watched("reading", prediction.find_scan_gaps)
    started = time.perf_counter()
    result = prediction.predict(prediction.Request(str(path), force=True))
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        **{stage: watch.seconds[stage] for stage in (*STAGES, "writing")},
        "total": seconds,
        "CPU (s)": used.ru_utime + used.ru_stime,
        "calibration / filling": watch.seconds["calibration"]
        / sum(watch.seconds[stage] for stage in ("features", "network", "stitching")),
        "patches": result.fill.report.n_patches,
        "dim": result.fill.report.n_unlit,
        "peak memory (GiB)": used.ru_maxrss / 2**20,
    }
    print(json.dumps(told))
    result.output.unlink()


def predicted(path: Path) -> dict[str, float]:
    """What filling a file takes, measured in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.predict", "--child", str(path.absolute())]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


# --- the table ------------------------------------------------------------------------------------


def row(stack: Stack, folder: Path, each: float, *, is_compared: bool) -> dict[str, object]:
    """What one stack takes; compared with a copy and the published procedure, or memory alone."""
    path = folder / f"{stack.name}_{stack.shape[0]}.cxi"
    share = write_stack(stack, path)
    told: dict[str, object] = {
        "stack": stack.name,
        "shape": " x ".join(map(str, stack.shape)),
        "not 0": f"{100 * share:.1f} %",
        **predicted(path),
    }
    if is_compared:
        total = float(str(told["total"]))
        told["copy"] = copy = copy_seconds(path, folder / "copy.h5")
        told["total / copy"] = total / copy
        told["published / total"] = each * count_patches(stack.shape, stack.gaps) / total
    path.unlink()
    return told


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a quarter of a stack only")
    parser.add_argument("--only", choices=("MAXIPIX", "Eiger2M"), help="one detector")
    parser.add_argument("--folder", type=Path, help="where the stacks are written meanwhile")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child)
        return
    stacks = [(maxipix(256), True), (maxipix(512), False), (eiger2m(256), True)]
    stacks.append((eiger2m(512), False))
    if arguments.quick:
        stacks = [(maxipix(128, 256), True), (maxipix(256, 256), False)]
    each = seconds_per_patch(SEED)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{len(os.sched_getaffinity(0))} cores, load average {load} before")
    print(f"published network: {1e3 * each:.0f} ms a patch")
    rows = []
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for stack, is_compared in stacks:
            if arguments.only in (None, stack.name):
                rows.append(row(stack, Path(folder), each, is_compared=is_compared))
                print(rows[-1], file=sys.stderr, flush=True)
    print(format_table(rows, COLUMNS))


COLUMNS = [
    "stack",
    "shape",
    "not 0",
    *STAGES,
    "writing",
    "total",
    "calibration / filling",
    "CPU (s)",
    "patches",
    "dim",
    "peak memory (GiB)",
    "copy",
    "total / copy",
    "published / total",
]


if __name__ == "__main__":
    main()
