"""A filled scan that stays in its file, read part by part: what a picture of it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files.fill import read_fill
from bcdi_inpaint.files.hdf5 import load, quiet_node
from bcdi_inpaint.files.layout import DETECTOR
from bcdi_inpaint.files.opening import is_hdf5, open_file
from bcdi_inpaint.files.reading import read_scan
from bcdi_inpaint.scan.boxes import Box, Shape, as_shape


@dataclass(frozen=True)
class ShownPart:
    """A part of a filled scan, all arrays of one shape.

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


class FilledFile(Protocol):
    """A filled scan in its file."""

    @property
    def shape(self) -> Shape:
        """(n_rock, n_y, n_x)."""

    def part(self, box: Box) -> ShownPart:
        """What lies within a box."""


@contextmanager
def open_filled(path: Path) -> Iterator[FilledFile]:
    """Open an output of `predict`; a CXI is read part by part, other files whole.

    Raises InputError for a file that cannot be read, or holds no fill.
    """
    if not is_hdf5(path):
        yield _whole(path)
        return
    with open_file(path) as file:
        arrays = {name: quiet_node(file, f"{DETECTOR}/{name}") for name in _NAMES}
        found = {name: node for name, node in arrays.items() if isinstance(node, h5py.Dataset)}
        if len(found) < len(_NAMES):
            raise InputError(f"{path} holds no fill, expected an output of predict: fill the scan")
        yield _InHdf5(found)


_NAMES = ("data", "filled", "mask", "sigma")


@dataclass(frozen=True)
class _InHdf5:
    arrays: dict[str, h5py.Dataset]

    @property
    def shape(self) -> Shape:
        return as_shape(self.arrays["data"].shape)

    def part(self, box: Box) -> ShownPart:
        counts, filled, mask, sigma = (load(self.arrays[name], box) for name in _NAMES)
        is_filled = filled != 0
        return ShownPart(counts, is_filled, (mask != 0) & ~is_filled, sigma)


@dataclass(frozen=True)
class _InMemory:
    everything: ShownPart

    @property
    def shape(self) -> Shape:
        return as_shape(self.everything.counts.shape)

    def part(self, box: Box) -> ShownPart:
        whole = self.everything
        sigma = None if whole.sigma is None else whole.sigma[box]
        return ShownPart(whole.counts[box], whole.filled[box], whole.bad[box], sigma)


def _whole(path: Path) -> FilledFile:
    """All of a pair. A TIFF does not say what was filled: what is masked is taken for it."""
    scan, fill = read_scan(path), read_fill(path)
    counts, bad = scan.counts.astype(np.float32), scan.bad_mask
    if fill is None:
        return _InMemory(ShownPart(counts, bad, np.zeros_like(bad), None))
    return _InMemory(ShownPart(counts, fill.filled, bad & ~fill.filled, fill.sigma))
