"""A filled scan, handed over in some way, as the files that other programs take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.files import (
    FilledPart,
    Provenance,
    Uncertainty,
    write_filled_cxi,
    write_filled_npz,
    write_filled_tiff,
)
from bcdi_inpaint.filling.fill import Fill, Filled
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.phasing.handover import fill_interval, trusted_voxels
from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.scan import Measured, Scan

WRITERS = {"cxi": write_filled_cxi, "npz": write_filled_npz, "tiff": write_filled_tiff}
"""What writes each of `files.FORMATS`."""


@dataclass(frozen=True)
class HandedFill:
    """A fill as it is written for a hand-over; it is a `files.FilledScan`.

    Attributes
    ----------
    fill : the filled scan.
    handover : one of `handover.NAMES`, which says what is to be taken as measured.
    gap : what was to be filled; what of it was not stays masked.
    """

    fill: Filled
    handover: str
    gap: GapRegion

    def part(self, box: Box, measured: Scan) -> FilledPart:
        """The filled scan within a box; `measured` is the scan there, which is read only once."""
        is_in_memory = isinstance(self.fill, Fill)
        made = self.fill.part(box) if is_in_memory else self.fill.alone(box).over(measured.counts)
        unknown: BoolArray = measured.bad_mask | self.gap.part(box)
        trusted = trusted_voxels(made, self.handover)
        return FilledPart(made.counts, made.filled, unknown & ~trusted)

    def uncertainty(self, box: Box) -> Uncertainty | None:
        """How sure the fill is within a box; None where nothing was filled."""
        alone = self.fill.alone(box)
        return Uncertainty(alone.sigma, *fill_interval(alone)) if alone.filled.any() else None


def write_fill(
    path: str | Path,
    scan: Measured,
    handed: HandedFill,
    provenance: Provenance,
    *,
    form: str = "cxi",
    force: bool = False,
) -> None:
    """Write a filled scan in one of `files.FORMATS`.

    Parameters
    ----------
    path : the file to write; see `files.companion` for the mask's.
    scan : the measured scan, (n_rock, n_y, n_x).
    handed : its fill, and how it is handed over.
    provenance : how the fill was made.
    form : one of `files.FORMATS`.
    force : whether an existing file may be replaced.

    Raises
    ------
    InputError
        Where the file cannot or must not be written.
    RuntimeError
        Where the fill is no fill of this scan; nothing is written then.
    """
    WRITERS[form](path, scan, handed, {**provenance, "handover": handed.handover}, force=force)
