"""A scan: the counts of one rocking curve and what the file says about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bcdi_inpaint.errors import InputError

# EIGER detectors mark bad pixels with 2**32 - 1, and the mark survives a change to a wider type
# (in float32 it rounds to 2**32). 2**16 - 1 may be an honest count once the type is wider.
EIGER_MARK = 2**32 - 1


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
    known = ~(scan.bad_mask | gap_mask)
    if not known.any():
        raise InputError(
            f"all {scan.counts.size} voxels are masked or in a gap, expected measured counts "
            "around the gaps: check the mask and the gaps"
        )
    invalid = invalid_voxels(scan.counts) & known
    if invalid.any():
        frame, row, column = np.unravel_index(int(invalid.argmax()), invalid.shape)
        raise InputError(
            f"{np.count_nonzero(invalid)} of {invalid.size} voxels hold no valid count outside the "
            f"mask and the gaps, the first at frame {frame}, row {row}, column {column}: "
            f"{scan.counts[frame, row, column]}; expected finite counts >= 0 below the type's "
            "maximum: --mask invalid keeps such voxels masked and untouched"
        )
    if not (scan.counts != 0).any(where=known):
        raise InputError(
            f"all {np.count_nonzero(known)} voxels outside the mask and the gaps are zero, "
            "expected counts: check the data set and the mask"
        )
