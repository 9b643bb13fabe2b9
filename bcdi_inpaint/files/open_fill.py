"""The fill in an output of ours that stays in its file: one box of it is in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.fill import StoredFill, read_fill
from bcdi_inpaint.files.frames import StoredArray, stored_array
from bcdi_inpaint.files.hdf5 import quiet_node
from bcdi_inpaint.files.layout import DETECTOR, MARKED
from bcdi_inpaint.files.opening import is_hdf5, open_file
from bcdi_inpaint.files.provenance import provenance_in
from bcdi_inpaint.files.reading import read_scan
from bcdi_inpaint.files.specs import split_spec
from bcdi_inpaint.scan.boxes import Box, Shape, as_shape

ARRAYS = ("data", "filled", "mask", "sigma", "lower_bound", "upper_bound")
"""What an output holds of a fill."""


@dataclass(frozen=True)
class ShownPart:
    """What a picture takes of a filled scan, within a box; all arrays of one shape.

    Attributes
    ----------
    counts : float32, with the fill.
    filled : bool, True where it was filled.
    bad : bool, True where there is neither a count nor a fill.
    sigma : float32, standard deviation of log(1 + expected counts); None where the file has none.
    """

    counts: Float32Array
    filled: BoolArray
    bad: BoolArray
    sigma: Float32Array | None


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
        shown = self.shown(box)
        assert shown.sigma is not None, "it has one"
        bounds = (self._read(name, box) for name in ("lower_bound", "upper_bound"))
        return shown.counts, StoredFill(shown.filled, shown.sigma, self.provenance, *bounds)

    def shown(self, box: Box) -> ShownPart:
        """What a picture takes of it within a box."""
        counts, filled, mask, sigma = (
            self._read(name, box) for name in ("data", "filled", "mask", "sigma")
        )
        assert counts is not None, "it has one"
        is_filled = np.zeros(counts.shape, bool) if filled is None else filled != 0
        bad = np.zeros(counts.shape, bool) if mask is None else (mask != 0) & ~is_filled
        return ShownPart(counts, is_filled, bad, sigma)

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
    scan = read_scan(path)
    kept = {"data": scan.counts, "mask": scan.bad_mask}
    kept |= {"filled": stored.filled, "sigma": stored.sigma}
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


def open_output(path: Path) -> OpenFill:
    """Open an output of `predict` of any format.

    A TIFF does not say what was filled, nor how sure it is: what is masked is taken for the fill.
    Raises InputError for a file that cannot be read, or holds no fill.
    """
    found = open_fill(path)
    if found is not None:
        return found
    if is_hdf5(path):
        raise InputError(f"{path} holds no fill, expected an output of predict: fill the scan")
    scan = read_scan(path)
    counts = scan.counts.astype(np.float32)
    return OpenFill(path, {"data": counts, "filled": scan.bad_mask, "mask": scan.bad_mask}, {})
