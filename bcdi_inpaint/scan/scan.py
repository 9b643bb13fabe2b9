"""A scan: the counts of one rocking curve and what the file says about them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from bcdi_inpaint.errors import InputError

# EIGER detectors mark bad pixels with 2**32 - 1, and the mark survives a change to a wider type
# (in float32 it rounds to 2**32). 2**16 - 1 may be an honest count once the type is wider.
EIGER_MARK = 2**32 - 1

BLOCK = 8
"""Frames that are held at a time where a scan is gone through."""

Shape = tuple[int, int, int]
Box = tuple[slice, slice, slice]
"""A part of an array (n_rock, n_y, n_x): slices whose start and stop lie inside it."""


@dataclass(frozen=True)
class Metadata:
    """What the file tells about the experiment; `None` where it says nothing.

    Units are in the names. `extra` holds further small values by their path in the CXI file
    (for example ``sample_1/name``).
    """

    energy_ev: float | None = None
    distance_m: float | None = None
    x_pixel_size_m: float | None = None
    y_pixel_size_m: float | None = None
    instrument: str | None = None
    sample: str | None = None
    start_time: str | None = None
    extra: dict[str, str | float | int] = field(default_factory=dict)


class Measured(Protocol):
    """A rocking curve that is read part by part: a `Scan`, or one that stays in its file."""

    @property
    def shape(self) -> Shape:
        """(n_rock, n_y, n_x)."""

    @property
    def dtype(self) -> np.dtype:
        """Of the counts, as stored."""

    @property
    def metadata(self) -> Metadata:
        """What the file says about the experiment."""

    @property
    def source(self) -> Path | None:
        """The file it came from."""

    @property
    def flags_dtype(self) -> np.dtype | None:
        """Of the mask as stored, None without one."""

    def part(self, box: Box) -> Scan:
        """The scan within a box."""

    def bad_in(self, box: Box) -> np.ndarray:
        """Its `bad_mask` within a box, without reading the counts where that is possible."""


def blocks(shape: Shape) -> Iterator[Box]:
    """Boxes of `BLOCK` whole frames that together are an array of that shape."""
    n_rock, n_y, n_x = shape
    for first in range(0, n_rock, BLOCK):
        yield slice(first, min(first + BLOCK, n_rock)), slice(0, n_y), slice(0, n_x)


def whole(shape: Shape) -> Box:
    """The box that is all of an array."""
    n_rock, n_y, n_x = shape
    return slice(0, n_rock), slice(0, n_y), slice(0, n_x)


def volume(box: Box) -> int:
    """How many voxels a box has."""
    return math.prod(part.stop - part.start for part in box)


@dataclass(frozen=True)
class Scan:
    """One measured rocking curve.

    Attributes
    ----------
    counts : (n_rock, n_y, n_x) array of the file's own type, exactly as stored.
        Axis 0 is the rocking axis, then detector vertical (rows) and horizontal (columns).
    bad_mask : (n_rock, n_y, n_x) bool, True where the file's mask marks a voxel invalid,
        whatever the reason (gap, hot pixel, alien signal).
    flags : the mask as it was stored, broadcast to the counts' shape, or None without a mask.
    metadata : what the file says about the experiment.
    source : the file the scan came from, or None.
    """

    counts: np.ndarray
    bad_mask: np.ndarray
    flags: np.ndarray | None = None
    metadata: Metadata = Metadata()
    source: Path | None = None

    def __post_init__(self) -> None:
        if self.counts.ndim != 3:
            raise InputError(
                f"counts have {self.counts.ndim} dimensions {self.counts.shape}, expected 3 "
                "(rocking axis, y, x): stack the frames of the rocking curve into one array"
            )
        if self.bad_mask.shape != self.counts.shape or self.bad_mask.dtype != np.bool_:
            raise InputError(
                f"mask is {self.bad_mask.dtype} {self.bad_mask.shape}, expected bool "
                f"{self.counts.shape}: give a mask of the counts' shape"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n_rock, n_y, n_x)."""
        n_rock, n_y, n_x = self.counts.shape
        return n_rock, n_y, n_x

    @property
    def dtype(self) -> np.dtype:
        """Of the counts."""
        return self.counts.dtype

    @property
    def flags_dtype(self) -> np.dtype | None:
        """Of the mask as stored, None without one."""
        return None if self.flags is None else self.flags.dtype

    def part(self, box: Box) -> Scan:
        """The scan within a box; its arrays are views."""
        flags = None if self.flags is None else self.flags[box]
        return Scan(self.counts[box], self.bad_mask[box], flags, self.metadata, self.source)

    def bad_in(self, box: Box) -> np.ndarray:
        """The bad voxels of a box, a view."""
        return self.bad_mask[box]


def invalid_voxels(counts: np.ndarray) -> np.ndarray:
    """Voxels whose value cannot be a count; bool of the shape of `counts`.

    These are NaN, infinite and negative values, and the marks of bad pixels: the maximum of an
    integer type, and 2**32 - 1 also in wider types. A value beyond the reach of float32, the
    type of every output, counts as infinite.
    """
    if counts.dtype.kind == "f":
        in_range = (counts >= 0) & (counts <= np.finfo(np.float32).max)  # False for NaN too
        mark = counts.dtype.type(EIGER_MARK) if counts.dtype.itemsize >= 4 else np.inf
        return ~in_range | (counts == mark)
    largest = np.iinfo(counts.dtype).max
    invalid = (counts < 0) | (counts == largest)
    return invalid | (counts == EIGER_MARK) if largest > EIGER_MARK else invalid


class CountsCheck:
    """Refuses counts that nothing can be filled from; it is shown a scan part by part."""

    def __init__(self) -> None:
        self.n_voxels = self.n_known = self.n_invalid = self.n_lit = 0
        self._first: tuple[int, int, int] | None = None
        self._value: object = None

    def add(self, box: Box, counts: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Look at a box, (n_rock, n_y, n_x); which of its known voxels hold light, flat indices.

        `known` (bool, of the same shape) leaves out gaps and what is masked.
        """
        self.n_voxels += counts.size
        self.n_known += int(np.count_nonzero(known))
        lit = np.flatnonzero((counts != 0) & known)
        self.n_lit += lit.size
        invalid = lit[invalid_voxels(counts.reshape(-1)[lit])]
        self.n_invalid += invalid.size
        if invalid.size:
            place = np.unravel_index(int(invalid[0]), counts.shape)
            frame, row, column = (int(p) + s.start for p, s in zip(place, box, strict=True))
            if self._first is None or (frame, row, column) < self._first:
                self._first, self._value = (frame, row, column), counts[place]
        return lit

    def merge(self, later: CountsCheck) -> None:
        """Add what another has seen of later boxes."""
        self.n_voxels += later.n_voxels
        self.n_known += later.n_known
        self.n_invalid += later.n_invalid
        self.n_lit += later.n_lit
        if self._first is None:
            self._first, self._value = later._first, later._value

    def finish(self) -> None:
        """Raise InputError for what was seen; errors as `check_counts`."""
        if not self.n_known:
            raise InputError(
                f"all {self.n_voxels} voxels are masked or in a gap, expected measured counts "
                "around the gaps: check the mask and the gaps"
            )
        if self._first is not None:
            frame, row, column = self._first
            raise InputError(
                f"{self.n_invalid} of {self.n_voxels} voxels hold no valid count outside the "
                f"mask and the gaps, the first at frame {frame}, row {row}, column {column}: "
                f"{self._value}; expected finite counts >= 0 below the type's "
                "maximum: --mask invalid keeps such voxels masked and untouched"
            )
        if not self.n_lit:
            raise InputError(
                f"all {self.n_known} voxels outside the mask and the gaps are zero, "
                "expected counts: check the data set and the mask"
            )


def check_counts(scan: Scan, gap_mask: np.ndarray) -> None:
    """Refuse counts that nothing can be filled from.

    Parameters
    ----------
    scan : the measured scan.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.

    Raises
    ------
    InputError
        Where every voxel is masked or in a gap, where the rest holds values that cannot be counts
        (see `invalid_voxels`), or where the rest is zero throughout.
    """
    check = CountsCheck()
    check.add(whole(scan.shape), scan.counts, ~(scan.bad_mask | gap_mask))
    check.finish()
