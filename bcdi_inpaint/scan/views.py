"""Scans that are seen through something: all but counts and bad voxels is as it was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.scan.boxes import Shape
from bcdi_inpaint.scan.remarks import Remarks
from bcdi_inpaint.scan.scan import Measured, Metadata


@dataclass(frozen=True)
class ScanView:
    """What every view of a scan passes on; a view adds `part` and `bad_in` of `scan.Measured`.

    Attributes
    ----------
    stored : the scan that is seen.
    """

    stored: Measured

    @property
    def shape(self) -> Shape:
        """(n_rock, n_y, n_x)."""
        return self.stored.shape

    @property
    def dtype(self) -> np.dtype:
        """Of the counts, as stored."""
        return self.stored.dtype

    @property
    def metadata(self) -> Metadata:
        """What the file says about the experiment."""
        return self.stored.metadata

    @property
    def source(self) -> Path | None:
        """The file it came from."""
        return self.stored.source

    @property
    def flags_dtype(self) -> np.dtype | None:
        """Of the mask as stored, None without one."""
        return self.stored.flags_dtype

    @property
    def remarks(self) -> Remarks:
        """What has to be said about how it was read."""
        return self.stored.remarks
