"""A glimpse of an output: the view that shows its gap best, and how sure the fill is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.files import OpenFill, ShownPart, open_output
from bcdi_inpaint.scan.boxes import Box, Shape, as_box, blocks, whole

_INDEX = ("frame", "row", "column")
WINDOW = 96
"""Voxels a side of a glimpse at most: about what a thumbnail has pixels."""


@dataclass(frozen=True)
class Glimpse:
    """What can be seen of a fill at a glance.

    Attributes
    ----------
    shape : (n_rock, n_y, n_x) of the scan.
    view : what is shown, in words.
    pictures : PNG by name: ``before``, ``after``, and ``sigma`` where the file has it.
    uncertainty : mean relative error of the light in the gap that the fill itself expects; nan
        where nothing was filled or the file does not say.
    brightest : counts at the end of the colours.
    """

    shape: Shape
    view: str
    pictures: dict[str, bytes]
    uncertainty: float
    brightest: float


def glimpse_of(path: Path) -> Glimpse:
    """A glimpse of an output of `predict`; the file is gone through block by block.

    Raises InputError for a file that cannot be read, or holds no fill.
    """
    file = open_output(path)
    light, doubt = _light_of_frames(file)
    frame = int(light.argmax()) if light.any() else file.shape[0] // 2
    box = _view(file, frame)
    part, shape = file.shown(box), file.shape
    axis = next(i for i, side in enumerate(box) if side.stop - side.start == 1)
    uncertainty = doubt / light.sum() if light.any() else float("nan")
    view = f"{_INDEX[axis]} {box[axis].start}"
    return Glimpse(shape, view, _pictures(part, axis), uncertainty, _brightest_counts(part))


def _light_of_frames(file: OpenFill) -> tuple[np.ndarray, float]:
    """Filled counts of each frame, and their sum with sigma as weight; nan without a sigma."""
    light, doubt = np.zeros(file.shape[0]), 0.0
    for box in blocks(file.shape):
        part = file.shown(box)
        counts = np.where(part.filled, part.counts, 0).astype(np.float64)
        light[box[0]] = counts.sum(axis=(1, 2))
        doubt += float("nan") if part.sigma is None else float((counts * part.sigma).sum())
    return light, doubt


def _view(file: OpenFill, frame: int) -> Box:
    """The box of one slice: a frame, or across the rows where the gap is whole frames."""
    everything = whole(file.shape)
    shown = as_box((slice(frame, frame + 1), *everything[1:]))
    part = file.shown(shown)
    row, column = _brightest(part)
    if part.filled[0, :, column].all() and part.filled[0, row].all():
        shown = as_box((everything[0], slice(row, row + 1), everything[2]))
        return _cropped(shown, (frame, row, column))
    return _cropped(shown, (frame, row, column))


def _brightest(part: ShownPart) -> tuple[int, int]:
    """Row and column of the brightest filled voxel of a frame, of the brightest without any."""
    there: BoolArray = part.filled[0] if part.filled.any() else ~part.bad[0]
    light = np.where(there, np.nan_to_num(part.counts[0]), -1)
    row, column = np.unravel_index(int(light.argmax()), light.shape)
    return int(row), int(column)


def _cropped(box: Box, middle: tuple[int, int, int]) -> Box:
    """A box of at most `WINDOW` voxels a side about a voxel, inside the box."""
    parts = []
    for side, at in zip(box, middle, strict=True):
        start = int(np.clip(at - WINDOW // 2, side.start, max(side.start, side.stop - WINDOW)))
        parts.append(slice(start, min(start + WINDOW, side.stop)))
    return as_box(parts)


def _brightest_counts(part: ShownPart) -> float:
    return float(part.counts[~part.bad].max(initial=1.0))


def _pictures(part: ShownPart, axis: int) -> dict[str, bytes]:
    """A slice before and after the fill, and how sure it is, as PNG."""
    from bcdi_inpaint.plots.glimpse import counts_png, sigma_png

    def flat(volume: np.ndarray) -> np.ndarray:
        return volume.take(0, axis=axis)

    unknown, brightest = np.float32(np.nan), _brightest_counts(part)
    after: Float32Array = np.where(part.bad, unknown, part.counts)
    before = np.where(part.filled, unknown, after)
    pictures = {"before": before, "after": after}
    drawn = {name: counts_png(flat(counts), brightest) for name, counts in pictures.items()}
    if part.sigma is not None:
        drawn["sigma"] = sigma_png(flat(part.sigma), flat(part.filled))
    return drawn
