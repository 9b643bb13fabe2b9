"""A fill that is looked at where it lies: read from its file part by part, as it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import OpenFill, open_fill, read_provenance
from bcdi_inpaint.jobs.provenance import FillInFile, fill_in_file
from bcdi_inpaint.scan.boxes import Box


@dataclass(frozen=True)
class OpenedFill:
    """A fill in a file; `stored` is where its arrays lie."""

    stored: OpenFill

    def alone(self, box: Box) -> FillInFile:
        """The filled scan within a box."""
        return fill_in_file(self.stored.path, *self.stored.part(box))


def opened_fill(path: str | Path, shape: tuple[int, ...] | None = None) -> OpenedFill:
    """Open the fill of a file of ours.

    Parameters
    ----------
    path : the file.
    shape : (n_rock, n_y, n_x) of the scan that it is to be a fill of; None for any.

    Raises
    ------
    InputError
        For a file without a fill, and for a fill of another shape.
    """
    stored = open_fill(path)
    if stored is None:
        what = "a reconstruction" if read_provenance(Path(path)) else "no output of ours"
        raise InputError(
            f"{path} is {what}, expected a filled scan: give what bcdi-inpaint predict wrote"
        )
    if shape is not None and stored.shape != shape:
        raise InputError(
            f"{path} holds a fill of {stored.shape} voxels, expected {shape} as the scan has: "
            "give a fill of this scan"
        )
    return OpenedFill(stored)
