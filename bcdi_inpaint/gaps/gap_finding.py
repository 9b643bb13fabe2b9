"""The gaps of a scan as they were found, and what a user may say about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.gaps.detectors import Detector
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.gaps.survey import Survey
from bcdi_inpaint.scan.boxes import Shape, whole
from bcdi_inpaint.scan.remarks import Remarks
from bcdi_inpaint.scan.scan import Measured
from bcdi_inpaint.scan.voxel_sets import MaskedScan, VoxelSet
from bcdi_inpaint.tables import number_of

BY_USER = "given by the user"
ADDED = "added-gap"
"""The kind of the remark on empty lines that no gap covered, and that became one."""
BY_MASK = "lines that the file's mask covers in every frame"
BY_COUNTS = "lines without counts in every frame, of a known gap width, between lines with signal"
_IN_SHORT = {
    BY_MASK: "found in the file's mask",
    BY_COUNTS: "found as lines without counts",
    f"{BY_MASK} and {BY_COUNTS}": "found in the file's mask and as lines without counts",
}


@dataclass(frozen=True)
class GapFinding:
    """The gaps of a scan, and how they were found. Iterating over it gives the gaps.

    Attributes
    ----------
    gaps : the gaps, sorted by axis and line.
    how : in words, how they were found.
    shape : (n_rock, n_y, n_x) of the scan.
    remarks : what has to be said about them and the counts around.
    rest : (n_rock, n_y, n_x) bool, voxels to fill that lie in no whole lines; None for none.
    empty : voxels without a count amid light that lie in no gap and are masked.
    survey : of the scan, in which all this is unknown; None where there was none.
    """

    gaps: tuple[Gap, ...]
    how: str
    shape: Shape
    remarks: Remarks = ()
    rest: BoolArray | None = None
    empty: VoxelSet | None = None
    survey: Survey | None = None

    def __iter__(self) -> Iterator[Gap]:
        return iter(self.gaps)

    def __len__(self) -> int:
        return len(self.gaps)

    def __repr__(self) -> str:
        found = f"{self.places}: {self._with_added(_IN_SHORT.get(self.how, self.how))}"
        return "\n".join([found, *(f"note: {remark}" for remark in self.remarks)])

    @property
    def origin(self) -> str:
        """How they were found, in words, with what was added to them."""
        return self._with_added(self.how)

    def _with_added(self, how: str) -> str:
        is_added = any(remark.kind == ADDED for remark in self.remarks)
        return f"{how}, and empty lines" if is_added else how

    @property
    def places(self) -> str:
        """Where the gaps are, in words."""
        named = list(map(str, self.gaps))
        if self.rest is not None:
            named.append(f"{number_of(np.count_nonzero(self.rest), 'voxel')} in no whole line")
        return ", ".join(named)

    @property
    def mask(self) -> BoolArray:
        """(n_rock, n_y, n_x) bool, True = to fill."""
        return self.region.part(whole(self.shape))

    @property
    def region(self) -> GapRegion:
        """The voxels to fill."""
        return GapRegion(self.shape, self.gaps, self.rest)

    def seen(self, scan: Measured) -> Measured:
        """The scan in which `empty` is bad too."""
        return scan if self.empty is None else MaskedScan(scan, self.empty)


@dataclass(frozen=True)
class GapOptions:
    """What a user says about the gaps of a scan.

    Attributes
    ----------
    user : gaps, in lines of the scan.
    detector : the detector that the scan was taken with, from `gaps.detectors.DETECTORS`.
    roi : (y0, x0), the unbinned detector line of the scan's first row and column.
    binning : detector lines per line of the scan.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill: a gap of any shape.
    trust : whether gaps are believed whose lines hold counts.
    fill_empty : whether all that is empty amid light is filled, where it is else masked.
    """

    user: tuple[Gap, ...] = ()
    detector: Detector | None = None
    roi: tuple[int, int] | None = None
    binning: int = 1
    gap_mask: BoolArray | None = None
    trust: bool = False
    fill_empty: bool = False
