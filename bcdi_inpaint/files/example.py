"""The example scan that ships with the package."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from bcdi_inpaint.files.layout import DETECTOR
from bcdi_inpaint.files.reading import read_scan
from bcdi_inpaint.scan.scan import Scan

EXAMPLE = Path(__file__).parents[1] / "examples" / "example.cxi"
"""A simulated, partly strained particle with a cross of 6 rows and columns beside its peak."""
TRUTH = "truth/counts"
"""The counts that the gap hides, beside those of the scan; no name holds "mask", for PyNX."""


def load_example() -> Scan:
    """Load the example: a simulated scan of 48 x 64 x 64 voxels with a gap, which its mask covers.

    `tools/make_example.py` made it from a seed.

    Examples
    --------
    >>> load_example()
    Scan of example.cxi: 48 x 64 x 64 uint32, 18 % masked
    """
    return read_scan(EXAMPLE)


def load_example_truth() -> np.ndarray:
    """Load the complete counts of the example, (n_rock, n_y, n_x), also where its gap is.

    Examples
    --------
    >>> load_example_truth().shape
    (48, 64, 64)
    """
    with h5py.File(EXAMPLE) as file:
        return np.asarray(file[f"{DETECTOR}/{TRUTH}"])
