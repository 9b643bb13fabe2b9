"""Stacks of frames to fill, as a detector leaves them, and what copying one takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bcdi_inpaint.gaps.detectors import DETECTORS, place_gaps
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import mask_in_box

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


def draw_frames(stack: Stack) -> Iterator[tuple[np.ndarray, np.ndarray]]:
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
        for k, (frame, hidden) in enumerate(draw_frames(stack)):
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
