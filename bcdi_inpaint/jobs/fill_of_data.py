"""The fill in the file of data that one of PyNX's own runners is given."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import StoredFill, read_fill
from bcdi_inpaint.jobs.provenance import fill_in_file, read_handover
from bcdi_inpaint.phasing.carried_fill import CarriedFill
from bcdi_inpaint.phasing.handover import fill_interval
from bcdi_inpaint.phasing.pynx_scan import CarriesFill


class FillOfData(CarriesFill):
    """A runner's scan that looks for a fill in its data's file."""

    def bring(self) -> CarriedFill | None:
        """Load the data, and the fill from their file."""
        super().bring()
        path = self.params["data"]
        stored = None if path is None or self.iobs.ndim != 3 else read_fill(path)
        return None if stored is None else carried_fill(str(path), self.iobs, stored)


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
