"""A scan: the counts of one rocking curve and what the file says about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.boxes import Box, Shape, as_shape


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

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.shape))
        source = "" if self.source is None else f" of {self.source.name}"
        return f"Scan{source}: {size} {self.dtype}, {100 * self.bad_mask.mean():.2g} % masked"

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

    def part(self, box: Box) -> Scan:
        """The scan within a box; its arrays are views."""
        flags = None if self.flags is None else self.flags[box]
        return Scan(self.counts[box], self.bad_mask[box], flags, self.metadata, self.source)

    def bad_in(self, box: Box) -> np.ndarray:
        """The bad voxels of a box, a view."""
        return self.bad_mask[box]
