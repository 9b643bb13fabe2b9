"""A handful of frames of a scan: the brightest and some spread over it, found cheaply."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.scan.boxes import as_box
from bcdi_inpaint.scan.scan import Measured, Scan
from bcdi_inpaint.scan.validity import invalid_voxels


@dataclass(frozen=True)
class PeekSettings:
    """How many frames are looked at.

    Chosen so that a stack of 256 frames is read to a twentieth; no committed command.

    Attributes
    ----------
    spread : frames over the whole scan that are read first.
    closer : times that frames on both sides of the brightest are read, at half the distance.
    kept : the brightest of them that are kept.
    kept_spread : frames that are kept besides, spread over the scan.
    most_of_frame : share of a frame's voxels below the value to which hot pixels are cut when
        frames are compared.
    """

    spread: int = 7
    closer: int = 3
    kept: int = 3
    kept_spread: int = 3
    most_of_frame: float = 0.999


@dataclass(frozen=True)
class Peek:
    """Some frames of a scan as stored.

    Attributes
    ----------
    frames : their numbers in the scan, rising.
    counts : (n_frames, n_y, n_x), of the stored type.
    bad : bool of the same shape, what the masks mark.
    flags : the file's own mask of the same shape, None without one.
    """

    frames: tuple[int, ...]
    counts: np.ndarray
    bad: BoolArray
    flags: np.ndarray | None

    def without(self, gap: GapRegion) -> Peek:
        """The same frames with a gap as bad."""
        _, n_y, n_x = self.counts.shape
        frames = (as_box((slice(n, n + 1), slice(0, n_y), slice(0, n_x))) for n in self.frames)
        return replace(self, bad=self.bad | np.concatenate([gap.part(box) for box in frames]))

    @property
    def valid(self) -> BoolArray:
        """Voxels that are not masked and hold a finite value that is no mark of its type."""
        return ~self.bad & ~(invalid_voxels(self.counts) & ~(self.counts < 0))


def peek(scan: Measured, settings: PeekSettings = PeekSettings()) -> Peek:
    """Read a handful of frames: the brightest that are found, and some spread over the scan."""
    n = scan.shape[0]
    step = n / settings.spread
    first = sorted({min(int((i + 0.5) * step), n - 1) for i in range(settings.spread)})
    read = {number: _frame(scan, number) for number in first}
    light = {number: _light(part, settings) for number, part in read.items()}
    for _ in range(settings.closer):
        step /= 2
        brightest = max(light, key=lambda number: light[number])
        for number in {brightest - max(round(step), 1), brightest + max(round(step), 1)} - {*read}:
            if 0 <= number < n:
                read[number] = _frame(scan, number)
                light[number] = _light(read[number], settings)
    by_light = sorted(light, key=lambda number: -light[number])
    spread = first[:: max(len(first) // settings.kept_spread, 1)][: settings.kept_spread]
    return _together({number: read[number] for number in {*by_light[: settings.kept], *spread}})


def _frame(scan: Measured, number: int) -> Scan:
    _, n_y, n_x = scan.shape
    return scan.part(as_box((slice(number, number + 1), slice(0, n_y), slice(0, n_x))))


def _light(part: Scan, settings: PeekSettings) -> float:
    """How bright a frame is; hot pixels count little."""
    known = part.counts[~invalid_voxels(part.counts)].astype(np.float64)
    if not known.size:
        return 0.0
    place = int(settings.most_of_frame * (known.size - 1))
    return float(np.minimum(known, np.partition(known, place)[place]).sum())


def _together(read: dict[int, Scan]) -> Peek:
    frames = sorted(read)
    flags = [read[number].flags for number in frames]
    return Peek(
        tuple(frames),
        np.concatenate([read[number].counts for number in frames]),
        np.concatenate([read[number].bad_mask for number in frames]),
        np.concatenate(flags) if flags[0] is not None else None,  # type: ignore[arg-type]
    )
