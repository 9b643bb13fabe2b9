"""A scan: the counts of one rocking curve and what the file says about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.boxes import Box, Shape, as_shape
from bcdi_inpaint.scan.remarks import Remarks, and_count


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

    @property
    def remarks(self) -> Remarks:
        """What has to be said about how it was read."""

    def part(self, box: Box) -> Scan:
        """The scan within a box."""

    def bad_in(self, box: Box) -> np.ndarray:
        """Its `bad_mask` within a box, without reading the counts where that is possible."""


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
    remarks : what has to be said about how it was read.
    """

    counts: np.ndarray
    bad_mask: np.ndarray
    flags: np.ndarray | None = None
    metadata: Metadata = Metadata()
    source: Path | None = None
    remarks: Remarks = ()

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

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.shape))
        source = "" if self.source is None else f" of {self.source.name}"
        masked = f"{100 * self.bad_mask.mean():.2g} % masked"
        return f"Scan{source}: {size} {self.dtype}, {masked}{and_count(self.remarks)}"

    @property
    def shape(self) -> Shape:
        """(n_rock, n_y, n_x)."""
        return as_shape(self.counts.shape)

    @property
    def dtype(self) -> np.dtype:
        """Of the counts."""
        return self.counts.dtype

    @property
    def flags_dtype(self) -> np.dtype | None:
        """Of the mask as stored, None without one."""
        return None if self.flags is None else self.flags.dtype

    def with_bad(self, bad_mask: np.ndarray) -> Scan:
        """The scan with further bad voxels, a mask (n_rock, n_y, n_x) or (n_y, n_x)."""
        return replace(self, bad_mask=self.bad_mask | as_mask(bad_mask, self.shape, "bad_mask"))

    def part(self, box: Box) -> Scan:
        """The scan within a box; its arrays are views."""
        flags = None if self.flags is None else self.flags[box]
        return replace(self, counts=self.counts[box], bad_mask=self.bad_mask[box], flags=flags)

    def bad_in(self, box: Box) -> np.ndarray:
        """The bad voxels of a box, a view."""
        return self.bad_mask[box]


def as_scan(counts: np.ndarray, bad_mask: np.ndarray | None = None) -> Scan:
    """Plain counts as a scan.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photon counts of any number type.
    bad_mask : (n_rock, n_y, n_x) or (n_y, n_x), True = invalid; None for none.

    Raises
    ------
    InputError
        For counts that are no numbers or have not three axes, or a mask of another shape.

    Examples
    --------
    >>> as_scan(np.ones((2, 3, 4), np.uint16))
    Scan: 2 x 3 x 4 uint16, 0 % masked
    """
    if counts.dtype.kind not in "uif":
        raise InputError(f"counts are {counts.dtype}, expected whole or real numbers")
    none = np.zeros(counts.shape, dtype=bool)
    bad = none if bad_mask is None else as_mask(bad_mask, counts.shape, "bad_mask")
    return Scan(counts, bad)


def as_mask(mask: np.ndarray, shape: tuple[int, ...], name: str) -> BoolArray:
    """A mask of one frame or of a whole scan, as booleans of the scan's shape.

    Parameters
    ----------
    mask : (n_y, n_x) or (n_rock, n_y, n_x), non-zero = True.
    shape : (n_rock, n_y, n_x).
    name : what the error calls it.

    Returns
    -------
    (n_rock, n_y, n_x) bool.

    Raises
    ------
    InputError
        For a mask of another shape.
    """
    if mask.shape not in (shape, shape[1:]):
        raise InputError(f"{name} has the shape {mask.shape}, expected {shape} or {shape[1:]}")
    return np.ascontiguousarray(np.broadcast_to(mask != 0, shape))
