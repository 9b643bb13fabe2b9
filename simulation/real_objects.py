"""Published objects of real crystals, to draw counts from anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import Complex128Array
from bcdi_inpaint.errors import InputError, brief


@dataclass(frozen=True)
class RealObject:
    """A published object.

    Attributes
    ----------
    name : of the file, without its ending.
    obj : (n_z, n_y, n_x) complex, centred at index n // 2.
    grid : (3,) voxels of the array whose transform has the pattern's voxels.
    """

    name: str
    obj: Complex128Array
    grid: tuple[int, ...]

    def amplitude(self, size: int) -> Complex128Array:
        """The middle (size, size, size) voxels of its Bragg peak, without the whole transform.

        InputError where the grid has fewer.
        """
        if size > min(self.grid):
            raise InputError(
                f"{self.name} has a grid of {self.grid} voxels, expected {size} a side at least: "
                "make the crystals' size smaller"
            )
        found = self.obj
        for n in reversed(self.grid):  # one axis after the other, the last first
            found = np.moveaxis(found @ _waves(found.shape[-1], size, n), -1, 0)
        return found


def _waves(n_object: int, n_pattern: int, period: int) -> Complex128Array:
    """(n_object, n_pattern) factors of a Fourier transform along one axis, both centred."""
    place = np.arange(n_object) - n_object // 2
    frequency = np.arange(n_pattern) - n_pattern // 2
    return np.asarray(np.exp(-2j * np.pi * np.outer(place, frequency) / period))


def find_objects(names: Sequence[str], folder: Path | None = None) -> tuple[list[Path], list[str]]:
    """The files of objects that are there, and a line for each that is not.

    `folder` is looked into where a name is no path of a file.
    """
    found, lines = [], []
    for name in names:
        places = [Path(name), *([] if folder is None else [folder / name])]
        there = next((place for place in places if place.is_file()), None)
        if there is None:
            lines.append(f"no object {name} here, left out: give its path, or its folder")
        else:
            found.append(there)
    return found, lines


def read_object(path: Path) -> RealObject:
    """Read an object from a file of numpy's with ``real``, ``imag``, ``grid`` and maybe ``step``.

    `step` is the unit of the two parts. InputError for another file.
    """
    try:
        with np.load(path) as stored:
            step = float(stored["step"]) if "step" in stored else 1.0
            obj = step * (stored["real"] + 1j * stored["imag"].astype(np.float64))
            grid = tuple(int(n) for n in stored["grid"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} is no object ({brief(error)}), expected an npz file with real, imag, grid"
        ) from error
    if obj.ndim != 3 or len(grid) != 3 or min(np.subtract(grid, obj.shape)) < 0 or not obj.any():
        raise InputError(
            f"{path} has an object of shape {obj.shape} and a grid of {grid}, expected 3 axes, an "
            "object that is not zero, and a grid that holds it"
        )
    return RealObject(path.stem, obj, grid)
