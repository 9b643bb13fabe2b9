"""Scans as people bring them: a Bragg peak, something wrong with it, and the file that it lies in.

What was made empty is known, and how bright it was: `benchmarks.fuzz` holds the output against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

SHAPE = (28, 48, 48)
"""(n_rock, n_y, n_x): square frames, so that a transposed mask fits."""
BRIGHT = 10.0
"""Photons from which on an empty voxel is surely no measured zero amid light."""


@dataclass(frozen=True)
class OddScan:
    """A scan with something wrong.

    Attributes
    ----------
    kind : what is wrong.
    stored : (n_rock, n_y, n_x), or another order of axes: what goes into the file.
    mask : what the file says is bad, of the same shape, or one frame; None for none.
    truth : (n_rock, n_y, n_x), the counts before anything was made empty.
    emptied : (n_rock, n_y, n_x) bool, True where something was.
    options : of the command.
    arrays : further files by name that `options` name.
    """

    kind: str
    stored: np.ndarray
    mask: np.ndarray | None
    truth: np.ndarray
    emptied: np.ndarray
    options: tuple[str, ...] = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def never_zero(self) -> np.ndarray:
        """(n_rock, n_y, n_x) bool, True where an output must not hold a measured zero."""
        return self.emptied & (self.truth >= BRIGHT)


Make = Callable[[OddScan, np.random.Generator], OddScan]


def peak(rng: np.random.Generator) -> np.ndarray:
    """The counts of a Bragg peak with fringes and light everywhere, (n_rock, n_y, n_x) uint32."""
    centre = [n / 2 + rng.uniform(-3, 3) for n in SHAPE]
    grids = np.meshgrid(*[np.arange(n) - c for n, c in zip(SHAPE, centre, strict=True)])
    z, y, x = (grid.transpose(1, 0, 2) for grid in grids)
    fringes = 0.4 + 0.6 * np.cos(y / 3) ** 2 * np.cos(x / 4) ** 2
    expected = 10 ** rng.uniform(4, 6) * fringes / (1 + 0.02 * (z**2 + y**2 + x**2)) ** 1.5
    counts: np.ndarray = rng.poisson(expected + 1).astype(np.uint32)
    return counts


def cross(rng: np.random.Generator) -> np.ndarray:
    """A detector's gap of 4 or 6 rows and columns, (n_y, n_x) bool."""
    gap = np.zeros(SHAPE[1:], dtype=bool)
    row, column = (int(n) for n in rng.integers(12, 30, 2))
    width = int(rng.choice([4, 6]))
    gap[row : row + width] = gap[:, column : column + width] = True
    return gap


def plain(rng: np.random.Generator) -> OddScan:
    """A scan with nothing wrong: a cross without counts, which the mask knows half of the time."""
    truth, gap = peak(rng), cross(rng)
    emptied = np.broadcast_to(gap, SHAPE)
    stored = np.where(emptied, 0, truth).astype(truth.dtype)
    return OddScan("plain", stored, gap if rng.random() < 0.5 else None, truth, emptied)


def make_odd(rng: np.random.Generator, kind: str | None = None) -> OddScan:
    """A scan with something wrong: of a kind, or any."""
    name = kind or str(rng.choice(sorted(KINDS)))
    return replace(KINDS[name](plain(rng), rng), kind=name)


def _empty(scan: OddScan, where: tuple[slice, ...]) -> OddScan:
    stored, emptied = scan.stored.copy(), scan.emptied.copy()
    stored[where], emptied[where] = 0, True
    return replace(scan, stored=stored, emptied=emptied)


def _lost_frames(scan: OddScan, rng: np.random.Generator) -> OddScan:
    first = int(rng.integers(2, SHAPE[0] - 6))
    return _empty(scan, (slice(first, first + int(rng.integers(1, 4))),))


def _aborted(scan: OddScan, rng: np.random.Generator) -> OddScan:
    return _empty(scan, (slice(int(rng.integers(SHAPE[0] // 2, SHAPE[0] - 1)), None),))


def _dead_chip(scan: OddScan, rng: np.random.Generator) -> OddScan:
    row, column = (int(n) for n in rng.integers(4, 30, 2))
    height, width = (int(n) for n in rng.integers(8, 14, 2))
    return _empty(scan, (slice(None), slice(row, row + height), slice(column, column + width)))


def _dead_line(scan: OddScan, rng: np.random.Generator) -> OddScan:
    """A line beside the gap is dead."""
    rows = np.flatnonzero(scan.emptied[0].all(axis=1))
    return _empty(scan, (slice(None), slice(int(rows[-1]) + 1, int(rows[-1]) + 2)))


def _uncovered_arm(scan: OddScan, rng: np.random.Generator) -> OddScan:
    mask = scan.emptied[0].all(axis=int(rng.integers(2)), keepdims=True)
    return replace(scan, mask=np.broadcast_to(mask, SHAPE[1:]).copy())


def _partly(scan: OddScan, rng: np.random.Generator) -> OddScan:
    """The gap is there in a part of the frames only."""
    emptied = scan.emptied.copy()
    emptied[: int(rng.integers(8, 20))] = False
    return replace(scan, stored=np.where(emptied, 0, scan.truth), mask=None, emptied=emptied)


def _moved(scan: OddScan, rng: np.random.Generator) -> OddScan:
    """The gap moves amid the scan, and the mask with it; or a gap mask says so."""
    emptied = scan.emptied.copy()
    first = int(rng.integers(8, 20))
    emptied[first:] = np.roll(
        emptied[first:], int(rng.integers(2, 6)), axis=int(rng.integers(1, 3))
    )
    moved = replace(scan, stored=np.where(emptied, 0, scan.truth), emptied=emptied)
    if rng.random() < 0.5:
        return replace(moved, mask=emptied)
    arrays = {"gap.npy": emptied.astype(np.uint8)}
    return replace(moved, mask=None, options=("--gap-mask", "gap.npy"), arrays=arrays)


def _lying_mask(scan: OddScan, rng: np.random.Generator) -> OddScan:
    gap = scan.emptied[0]
    lies: list[np.ndarray] = [
        np.roll(gap, int(rng.integers(2, 9)), axis=int(rng.integers(2))),
        gap[::-1],
        gap[:, ::-1],
        gap.T,
        np.rot90(gap),
        ~gap,
        np.roll(gap, [int(n) for n in rng.integers(-12, 12, 2)], axis=(0, 1)),
    ]
    return replace(scan, mask=lies[int(rng.integers(len(lies)))].copy())


def _wrong_roi(scan: OddScan, rng: np.random.Generator) -> OddScan:
    rows, columns = (int(n) for n in rng.integers(215, 256, 2))
    options = ("--detector", "maxipix", "--roi", f"{rows},{columns}")
    return replace(scan, mask=None, options=options)


def _wrong_gap(scan: OddScan, rng: np.random.Generator) -> OddScan:
    first = int(rng.integers(2, 38))
    return replace(scan, options=("--gap", f"rows={first}:{first + 6}"))


def _unit(scan: OddScan, rng: np.random.Generator) -> OddScan:
    factor = 10 ** rng.uniform(-6, 4)
    if rng.random() < 0.3:  # of a monitor
        factor = factor * rng.uniform(0.8, 1.2, (SHAPE[0], 1, 1))
    stored = (scan.stored * factor).astype(rng.choice(["f4", "f8"]))
    options = ("--photon", f"{float(np.median(factor))}") if rng.random() < 0.2 else ()
    return replace(scan, stored=stored, options=options)


def _mark(scan: OddScan, rng: np.random.Generator) -> OddScan:
    mark = int(rng.choice([65535, 2**20 - 1, 2**32 - 1, 10**9, -1, -2]))
    dtype = rng.choice(["i8", "f4", "f8"] + ["i4"] * (mark < 2**31))
    return replace(scan, stored=np.where(scan.emptied, mark, scan.truth).astype(dtype), mask=None)


def _wide_pixels(scan: OddScan, rng: np.random.Generator) -> OddScan:
    stored = scan.stored.astype(np.float64)
    gap = scan.emptied[0]
    for axis in (1, 2):
        lines = np.flatnonzero(gap.all(axis=2 - axis))
        for line in (int(lines[0]) - 1, int(lines[-1]) + 1):
            beside = [slice(None)] * 3
            beside[axis] = slice(line, line + 1)
            stored[tuple(beside)] = rng.poisson(3.0 * stored[tuple(beside)])
    return replace(scan, stored=stored.astype(np.uint32), mask=None)


def _negatives(scan: OddScan, rng: np.random.Generator) -> OddScan:
    noise = rng.normal(0, rng.uniform(0.1, 3), SHAPE)
    stored = np.where(scan.emptied, 0, scan.stored + noise - 1).astype(np.float32)
    options: list[tuple[str, ...]] = [(), ("--clip",), ("--mask", "invalid")]
    return replace(scan, stored=stored, options=options[int(rng.integers(3))])


def _rocking_last(scan: OddScan, rng: np.random.Generator) -> OddScan:
    is_said = rng.random() < 0.5
    turned = replace(scan, stored=np.ascontiguousarray(np.moveaxis(scan.stored, 0, -1)), mask=None)
    if is_said:
        return replace(turned, options=("--axes", "yxn"))
    return replace(
        turned, truth=np.moveaxis(scan.truth, 0, -1), emptied=np.moveaxis(scan.emptied, 0, -1)
    )


KINDS: dict[str, Make] = {
    "plain": lambda scan, rng: scan,
    "lost-frames": _lost_frames,
    "aborted": _aborted,
    "dead-chip": _dead_chip,
    "dead-line": _dead_line,
    "uncovered-arm": _uncovered_arm,
    "partly": _partly,
    "moved": _moved,
    "lying-mask": _lying_mask,
    "wrong-roi": _wrong_roi,
    "wrong-gap": _wrong_gap,
    "unit": _unit,
    "mark": _mark,
    "wide-pixels": _wide_pixels,
    "negatives": _negatives,
    "rocking-last": _rocking_last,
}
"""What can be wrong, by name."""
