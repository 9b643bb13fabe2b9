"""What `predict` takes for whole stacks: seconds by stage, memory, against a copy and against 2024.

python benchmarks/predict.py            # minutes, and some GB on the disk
python benchmarks/predict.py --quick    # about one
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# This script has the name of a module: Python must not look for it in the script's folder.
sys.path[:] = [str(Path(__file__).resolve().parents[1]), *sys.path[1:]]

import h5py
import numpy as np
import torch

from bcdi_inpaint.gaps.detectors import DETECTORS, place_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import mask_in_box
from bcdi_inpaint.tables import format_table

SEED = 31
BACKGROUND = 0.06
"""Photons in a voxel far from the peak: measured stacks have 4 to 9 % of their voxels not zero."""
PEAK = 3e5
"""Photons in the brightest voxel."""
FRINGE = 5.0
"""Voxels between fringes."""
REACH = 110
"""Voxels from the peak beyond which it is fainter than the background."""
DATA, MASK = (f"entry_1/instrument_1/detector_1/{name}" for name in ("data", "mask"))


# --- the stacks -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stack:
    """A stack to fill: its name, its shape, its gaps, and the frame, row and column of its peak."""

    name: str
    shape: tuple[int, int, int]
    gaps: tuple[Gap, ...]
    peak: tuple[int, int, int]


def maxipix(n_frames: int, side: int = 512) -> Stack:
    """A cross of 6 lines in a quadratic crop of the MAXIPIX, the peak beside its crossing."""
    start = (side - 6) // 2
    gaps = Gap(1, start, start + 6), Gap(2, start, start + 6)
    return Stack("MAXIPIX", (n_frames, side, side), gaps, (n_frames // 2, start + 14, start - 9))


def eiger2m(n_frames: int) -> Stack:
    """All of the Eiger2M, the peak beside the gap between two modules, where a column crosses."""
    detector = DETECTORS["eiger2m"]
    gaps = place_gaps(detector, detector.shape)
    return Stack("Eiger2M", (n_frames, *detector.shape), gaps, (n_frames // 2, 1120, 505))


def peak_box(stack: Stack) -> tuple[list[slice], np.ndarray]:
    """Where the peak is, and its expected photons: the form factor of an ellipsoid, sheared."""
    box = [
        slice(max(c - REACH, 0), min(c + REACH, n))
        for c, n in zip(stack.peak, stack.shape, strict=True)
    ]
    z, y, x = np.ogrid[tuple(box)]
    z, y, x = ((axis - c).astype(np.float32) for axis, c in zip((z, y, x), stack.peak, strict=True))
    squares = (1.1 * z) ** 2 + (0.9 * y + 0.2 * x) ** 2 + (x - 0.15 * z) ** 2
    q = np.maximum(np.pi / FRINGE * np.sqrt(squares), 1e-2)
    return box, PEAK * (3 * (np.sin(q) - q * np.cos(q)) / q**3) ** 2


def counted(stack: Stack) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Its frames one by one: the counts (int32), 0 in the gaps, and where those are (bool)."""
    rng = np.random.default_rng(SEED)
    (frames, rows, columns), expected = peak_box(stack)
    n_rock, n_y, n_x = stack.shape
    hidden = mask_in_box(stack.gaps, (slice(0, 1), slice(0, n_y), slice(0, n_x)))[0]
    for k in range(n_rock):
        frame = np.zeros((n_y, n_x), np.int32)
        single = rng.integers(0, frame.size, round(BACKGROUND * frame.size))
        np.add.at(frame.reshape(-1), single, 1)
        if frames.start <= k < frames.stop:
            frame[rows, columns] += rng.poisson(expected[k - frames.start]).astype(np.int32)
        frame[hidden] = 0
        yield frame, hidden


def write_stack(stack: Stack, path: Path) -> float:
    """Write it as PyNX would, one chunk a frame, deflated; the share of voxels that are not 0."""
    n_rock, n_y, n_x = stack.shape
    filters: dict[str, Any] = {
        "chunks": (1, n_y, n_x),
        "compression": "gzip",
        "compression_opts": 4,
        "shuffle": True,
    }
    n_lit = 0
    with h5py.File(path, "w") as file:
        data = file.create_dataset(DATA, stack.shape, np.int32, **filters)
        mask = file.create_dataset(MASK, stack.shape, np.int8, **filters)
        for k, (frame, hidden) in enumerate(counted(stack)):
            n_lit += int(np.count_nonzero(frame))
            data[k], mask[k] = frame, hidden
    return n_lit / (n_rock * n_y * n_x)


def copy_seconds(path: Path, to: Path) -> float:
    """Seconds to copy it plainly with h5py: frame by frame, through the same filters."""
    started = time.perf_counter()
    with h5py.File(path) as source, h5py.File(to, "w") as target:
        for name in (DATA, MASK):
            old = source[name]
            new = target.create_dataset(
                name,
                old.shape,
                old.dtype,
                chunks=old.chunks,
                compression=old.compression,
                compression_opts=old.compression_opts,
                shuffle=old.shuffle,
            )
            for k in range(len(old)):
                new[k] = old[k]
    seconds = time.perf_counter() - started
    to.unlink()
    return seconds


# --- one prediction, in a process of its own ------------------------------------------------------

STAGES = {
    "reading": ("plan_work", "read_log_counts"),
    "features": ("compute_region_features", "find_centre"),
    "network": ("predict_patches",),
    "stitching": ("_fill_region",),
}
"""Functions of `filling.inpainting` by stage; of nested ones each second counts once."""


class Watch:
    """Seconds by stage of the main thread: of nested calls each second counts once."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[list[float]] = []

    def watched(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, timed."""

        @functools.wraps(call)
        def timed(*arguments: Any, **options: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return call(*arguments, **options)
            started = time.perf_counter()
            self._open.append([0.0])
            try:
                return call(*arguments, **options)
            finally:
                taken = time.perf_counter() - started
                inner = self._open.pop()[0]
                self.seconds[stage] += taken - inner
                if self._open:
                    self._open[-1][0] += taken

        return timed


def child(path: Path) -> None:
    """Fill one file; prints what it took as JSON."""
    from bcdi_inpaint.filling import inpainting
    from bcdi_inpaint.jobs import predict as prediction

    watch = Watch()
    for stage, names in STAGES.items():
        for name in names:
            setattr(inpainting, name, watch.watched(stage, getattr(inpainting, name)))
    prediction.write_fill = watch.watched("writing", prediction.write_fill)
    prediction.found_gaps = watch.watched("reading", prediction.found_gaps)
    started = time.perf_counter()
    result = prediction.predict(prediction.Request(str(path), force=True))
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        **{stage: watch.seconds[stage] for stage in (*STAGES, "writing")},
        "total": seconds,
        "CPU (s)": used.ru_utime + used.ru_stime,
        "patches": result.fill.report.n_patches,
        "dim": result.fill.report.n_unlit,
        "peak memory (GiB)": used.ru_maxrss / 2**20,
    }
    print(json.dumps(told))
    result.output.unlink()


def predicted(path: Path) -> dict[str, float]:
    """What filling a file takes, measured in a fresh process."""
    command = [sys.executable, str(Path(__file__).resolve()), "--child", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


# --- the published procedure ----------------------------------------------------------------------


def published_seconds_per_patch() -> float:
    """Seconds the network of Masto et al. (2024) takes for a patch, one at a time as they do."""
    from benchmarks.network import PATCH, PublishedNetwork

    torch.manual_seed(SEED)
    network, patch = PublishedNetwork().eval(), torch.rand(1, 1, PATCH, PATCH, PATCH)
    seconds = []
    with torch.inference_mode():
        for _ in range(21):
            started = time.perf_counter()
            network(patch)
            seconds.append(time.perf_counter() - started)
    return min(seconds[1:])


def published_patches(stack: Stack) -> int:
    """How many patches it takes: a stride of 1 over each gap's plane."""
    from benchmarks.network import PATCH

    sides = [n - PATCH + 1 for n in stack.shape]
    return sum(sides[0] * sides[2 if gap.axis == 1 else 1] for gap in stack.gaps)


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
        told["published / total"] = each * published_patches(stack) / total
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
    each = published_seconds_per_patch()
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
