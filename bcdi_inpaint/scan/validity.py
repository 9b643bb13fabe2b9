"""Which values can be counts, and the refusal of a scan that nothing can be filled from."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.boxes import Box, whole
from bcdi_inpaint.scan.scan import Scan

# EIGER detectors mark bad pixels with 2**32 - 1, and the mark survives a change to a wider type
# (in float32 it rounds to 2**32). 2**16 - 1 may be an honest count once the type is wider.
EIGER_MARK = 2**32 - 1

COUNTER_LIMITS = tuple(
    2.0**bits - less for bits in (8, 10, 12, 14, 16, 20, 24, 32) for less in (0, 1, 2)
)
"""The largest values of detectors' counters, and what is just below: their marks of bad pixels."""


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
        """Look at a box of the scan.

        Parameters
        ----------
        box : the part of the scan, (n_rock, n_y, n_x).
        counts : the counts in it.
        known : bool, of the same shape; it leaves out gaps and what is masked.

        Returns
        -------
        Which of the known voxels hold light, flat indices.
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
