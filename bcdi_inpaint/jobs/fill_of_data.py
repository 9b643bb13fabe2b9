"""The fill of the data that a runner of PyNX loads: in their file, or beside it by its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import StoredFill, default_output, input_sha256, read_fill, read_scan
from bcdi_inpaint.jobs.provenance import fill_in_file, read_handover
from bcdi_inpaint.phasing.carried_fill import CarriedFill
from bcdi_inpaint.phasing.handover import fill_interval
from bcdi_inpaint.phasing.pynx_scan import CarriesFill, say


@dataclass(frozen=True)
class DataFill:
    """The fill of some data.

    Attributes
    ----------
    path : the file that has it.
    carried : the fill, ready to go the way of the data.
    bad : (n_rock, n_y, n_x) bool, what the file of a fill beside the data masks; None for a fill in
        the data's own file, which has its mask where PyNX finds it.
    """

    path: Path
    carried: CarriedFill
    bad: BoolArray | None = None


class FillOfData(CarriesFill):
    """A runner's scan that looks for a fill in its data's file, or beside it."""

    found: DataFill | None = None

    def bring(self) -> CarriedFill | None:
        """Load the data, and their fill."""
        super().bring()
        path = self.params["data"]
        self.found = None if path is None or self.iobs.ndim != 3 else find_fill(path, self.iobs)
        if self.found is None:
            return None
        if self.found.bad is not None:
            say(f"the fill of the data is in {self.found.path}")
        return self.found.carried

    def init_mask(self) -> None:
        """Data beside their fill have an empty gap, and a mask that knows of no fill."""
        super().init_mask()
        if self.found is None or self.found.bad is None:
            return
        filled, bad = self.found.carried.filled, self.found.bad
        self.mask[filled] = bad[filled]
        trusted = filled & ~bad
        self.iobs[trusted] = self.found.carried.counts[trusted]
        self.masked_in_file = self.mask > 0


def find_fill(path: str, counts: Float32Array) -> DataFill | None:
    """The fill of the data in a file; None if it has none.

    The data of cdiutils' pair keep their name, so their fill may lie beside them, in the file that
    `predict` makes of them.

    Parameters
    ----------
    path : the file, as PyNX takes it.
    counts : (n_rock, n_y, n_x), loaded from it.

    Raises
    ------
    InputError
        The fill is of other data, or its record is damaged.
    """
    stored = read_fill(path)
    if stored is not None:
        return DataFill(Path(path), carried_fill(path, counts, stored))
    beside = fill_beside(path)
    stored = None if beside is None else read_fill(beside)
    if beside is None or stored is None:
        return None
    if stored.provenance.get("input_sha256") != input_sha256(path):
        raise InputError(
            f"{beside} is the fill of another {Path(path).name}, expected one of this file: fill "
            f"it again (bcdi-inpaint predict {path}), or move it away"
        )
    scan = read_scan(beside)
    return DataFill(beside, carried_fill(str(beside), scan.counts, stored), scan.bad_mask)


def fill_beside(path: str) -> Path | None:
    """The newest file beside an npz that has the name of its fill; None for other files."""
    if Path(path).suffix.lower() != ".npz":
        return None
    named = (default_output(path, form) for form in ("cxi", "npz"))
    there = [file for file in named if file.is_file()]
    return max(there, key=lambda file: file.stat().st_mtime, default=None)


def carried_fill(path: str, counts: np.ndarray, stored: StoredFill) -> CarriedFill:
    """The fill in a file, ready to be carried along.

    Parameters
    ----------
    path : the file, for messages.
    counts : (n_rock, n_y, n_x), with the fill.
    stored : what the file says of the fill.

    Raises
    ------
    InputError
        The fill is of another shape, or its record is damaged.
    """
    if stored.filled.shape != counts.shape:
        raise InputError(
            f"the fill in {path} has the shape {stored.filled.shape}, expected the data's "
            f"{counts.shape}: fill the scan again"
        )
    fill = fill_in_file(path, counts, stored)
    lower, upper = fill_interval(fill)
    handover = read_handover(stored.provenance)
    # sigma is of log(1 + photons), here it is of the counts as they are stored
    of_counts = fill.sigma * (fill.photon + fill.counts) / (1 + fill.counts)
    sigma = np.where(fill.filled, of_counts, 0).astype(np.float32)
    return CarriedFill(handover, fill.counts, fill.filled, sigma, lower, upper)
