"""The fill in an output of ours that stays in its file: one box of it is in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bcdi_inpaint.files.fill import StoredFill, read_fill
from bcdi_inpaint.files.frames import StoredArray, stored_array
from bcdi_inpaint.files.hdf5 import quiet_node
from bcdi_inpaint.files.layout import DETECTOR, MARKED
from bcdi_inpaint.files.opening import is_hdf5, open_file
from bcdi_inpaint.files.provenance import provenance_in
from bcdi_inpaint.files.reading import read_scan
from bcdi_inpaint.files.specs import split_spec
from bcdi_inpaint.scan.boxes import Box, Shape, as_shape

ARRAYS = ("data", "filled", "sigma", "lower_bound", "upper_bound")
"""What an output holds of a fill."""


@dataclass(frozen=True)
class OpenFill:
    """A fill that is read box by box.

    Attributes
    ----------
    path : the file.
    arrays : where each of `ARRAYS` lies in the file, or the array itself.
    provenance : how the fill was made; names without ``inpaint_``.
    marked : what the user had marked as bad, as an array too; None where nothing was.
    """

    path: Path
    arrays: Mapping[str, StoredArray | np.ndarray]
    provenance: dict[str, Any]
    marked: StoredArray | None = None

    @property
    def shape(self) -> Shape:
        """(n_rock, n_y, n_x)."""
        return as_shape(self.arrays["filled"].shape)

    def part(self, box: Box) -> tuple[np.ndarray, StoredFill]:
        """The counts with the fill, and what the file says of it, within a box."""
        counts, filled, sigma, lower, upper = (self._read(name, box) for name in ARRAYS)
        assert counts is not None, "it has one"
        assert filled is not None, "it has one"
        assert sigma is not None, "it has one"
        return counts, StoredFill(filled != 0, sigma, self.provenance, lower, upper)

    def _read(self, name: str, box: Box) -> np.ndarray | None:
        array = self.arrays.get(name)
        if isinstance(array, StoredArray):
            return array.read(box)
        return None if array is None else array[box]


def open_fill(path: str | Path) -> OpenFill | None:
    """Open the fill in an output of ours; None for other files.

    Raises InputError for a file that cannot be read, or whose fill has no uncertainty.
    """
    file_path, inner = split_spec(path)
    if inner is None and is_hdf5(file_path):
        return _of_hdf5(file_path)
    stored = read_fill(path)
    if stored is None:
        return None
    kept = {"filled": stored.filled, "sigma": stored.sigma, "data": read_scan(path).counts}
    bounds = {"lower_bound": stored.lower_bound, "upper_bound": stored.upper_bound}
    there = {name: array for name, array in bounds.items() if array is not None}
    return OpenFill(file_path, kept | there, stored.provenance)


def _of_hdf5(path: Path) -> OpenFill | None:
    with open_file(path) as file:
        nodes = {name: quiet_node(file, f"{DETECTOR}/{name}") for name in (*ARRAYS, MARKED)}
        there = {name: stored_array(n) for name, n in nodes.items() if isinstance(n, h5py.Dataset)}
        if not there.keys() >= {"data", "filled", "sigma"}:
            return None
        return OpenFill(path, there, provenance_in(file), there.pop(MARKED, None))
