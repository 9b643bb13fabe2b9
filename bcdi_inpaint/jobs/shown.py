"""What can be shown of a scan and a fill of it: layers, in planes, sums and cuts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import mask_in_box
from bcdi_inpaint.jobs.calculated import Calculated
from bcdi_inpaint.scan.boxes import Box, Shape, as_box, as_shape, blocks, whole, within
from bcdi_inpaint.scan.scan import Measured
from bcdi_inpaint.scan.validity import invalid_voxels

LAYERS = {
    "before": "as measured; grey where nothing was",
    "after": "with the gap filled",
    "sigma": "standard deviation of log(1 + expected counts)",
    "lower": "lower bound of the 95 % interval",
    "upper": "upper bound of the 95 % interval",
    "calculated": "what the reconstruction of a phased file diffracts",
}
ACROSS = {0: (2, 1), 1: (2, 0), 2: (0, 1)}
"""Axes of the scan across and down the picture, when looking along an axis."""
TITLES = ("frame", "row", "column")
LEVEL = 0.95
SLAB = 64
"""Lines across the rocking axis that are read at once, because every frame is read for them."""


class PartFill(Protocol):
    """A fill that gives any box of itself."""

    def alone(self, box: Box) -> Fill:
        """The fill within a box; its counts matter where it is `filled`."""


@dataclass
class Named:
    """A fill by the name that the window has for it, and what there is to say of it."""

    name: str
    fill: PartFill
    words: str = ""
    made: Any = None


@dataclass(frozen=True)
class Look:
    """Where a window looks.

    Attributes
    ----------
    axis : that it looks along.
    place : the voxel that is marked; its line of that axis is shown.
    layer : one of `LAYERS`.
    is_sum : whether the sum along the axis is shown.
    gaps : as they are marked now.
    cut_axis : that the cut runs along.
    """

    axis: int
    place: Shape
    layer: str
    is_sum: bool = False
    gaps: tuple[Gap, ...] = ()
    cut_axis: int = 1

    @property
    def at(self) -> tuple[int, int]:
        """The marked voxel in the picture, (across, down)."""
        across, down = ACROSS[self.axis]
        return self.place[across], self.place[down]

    def moved(self, x: float, y: float, shape: Shape) -> Shape:
        """The voxel at a point of the picture.

        Parameters
        ----------
        x, y : the point, across and down.
        shape : of the scan, which the voxel is in.
        """
        place = list(self.place)
        for axis, value in zip(ACROSS[self.axis], (x, y), strict=True):
            place[axis] = min(max(int(value), 0), shape[axis] - 1)
        return as_shape(place)


@dataclass(frozen=True)
class Picture:
    """What a view shows: an image (down, across), the file's bad voxels over it, and its title."""

    image: FloatArray
    bad: BoolArray | None
    look: Look
    title: str

    @property
    def is_counts(self) -> bool:
        """Whether the values are counts."""
        return self.look.layer != "sigma"

    def words_at(self, x: float, y: float) -> str:
        """What is under the mouse; empty outside the image."""
        if not (0 <= x < self.image.shape[1] and 0 <= y < self.image.shape[0]):
            return ""
        place: list[Any] = list(self.look.moved(x, y, as_shape([2**31] * 3)))
        if self.look.is_sum:
            place[self.look.axis] = "all"
        at = ", ".join(f"{title} {p}" for title, p in zip(TITLES, place, strict=True))
        value = self.image[int(y), int(x)]
        said = "not known" if np.isnan(value) else f"{value:.6g}"
        return f"{at}: {self.look.layer} {said}"


class Stopped(Exception):  # noqa: N818  (it is no error)
    """Nobody waits for what was being read."""


class Shown:
    """A scan, and what lies over it.

    Attributes
    ----------
    scan : as it is stored.
    calculated : of a phased file, None without one.
    own : the scan's own fill where it is an output of ours: what that filled was not measured.
    """

    def __init__(self, scan: Measured, own: PartFill | None = None) -> None:
        self.scan, self.own = scan, own
        self.calculated: Calculated | None = None
        self._slabs: dict[object, tuple[Box, Any]] = {}

    @property
    def shape(self) -> Shape:
        """(n_rock, n_y, n_x)."""
        return self.scan.shape

    def picture(
        self, look: Look, named: Named | None, is_wanted: Callable[[], bool] = lambda: True
    ) -> Picture:
        """What a view shows.

        Parameters
        ----------
        look : where it looks.
        named : the fill that it shows, None for none.
        is_wanted : asked from time to time; where it says no, `Stopped` is raised.
        """
        axis, line = look.axis, look.place[look.axis]
        fill = None if named is None else named.fill
        what = look.layer
        if named is not None and look.layer not in ("before", "calculated"):
            what = f"{look.layer}, {named.name}"
        if look.is_sum:
            image = self.total(look.layer, fill, axis, is_wanted)
            return Picture(_turned(image, axis), None, look, f"sum over {TITLES[axis]}s: {what}")
        box = self._across(axis, line, line + 1)
        image = np.take(self._layer(look.layer, fill, box, self._slab(axis, line)), 0, axis)
        bad = self._part(self.scan, box, self._slab(axis, line)).bad_mask & ~mask_in_box(
            look.gaps, box
        )
        if fill is not None and look.layer != "before":
            bad &= ~self._part(fill, box, self._slab(axis, line)).filled
        title = f"{TITLES[axis]} {line}: {what}"
        return Picture(_turned(image, axis), _turned(bad.take(0, axis), axis), look, title)

    def cuts(self, look: Look, named: Named | None) -> dict[str, FloatArray]:
        """Counts along the axis of the cut through the voxel that is marked, by layer.

        Parameters
        ----------
        look : where the window looks.
        named : the fill that it shows, None for none.
        """
        axis, place = look.cut_axis, look.place
        box = as_box(
            slice(0, n) if a == axis else slice(p, p + 1)
            for a, (p, n) in enumerate(zip(place, self.shape, strict=True))
        )
        across = 1 if axis == 0 else 0
        slab = self._slab(across, place[across])
        names = ["before", *(["after", "lower", "upper"] if named else [])]
        names += ["calculated"] if self.calculated else []
        fill = None if named is None else named.fill
        return {name: self._layer(name, fill, box, slab).reshape(-1) for name in names}

    def total(
        self,
        layer: str,
        fill: PartFill | None,
        axis: int,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> FloatArray:
        """The sum of a layer along an axis, over what is known; nan where nothing is.

        Parameters
        ----------
        layer : one of `LAYERS`.
        fill : whose layer it is.
        axis : that is summed over.
        is_wanted : see `picture`.
        """
        total = np.zeros(np.delete(self.shape, axis))
        seen = np.zeros(total.shape, dtype=bool)
        for box in blocks(self.shape):
            if not is_wanted():
                raise Stopped
            values = self._layer(layer, fill, box, box)
            here = () if axis == 0 else (box[0],)
            total[here] += np.nansum(values, axis=axis)
            seen[here] |= ~np.isnan(values).all(axis=axis)
        return np.where(seen, total, np.nan)

    def _slab(self, axis: int, line: int) -> Box:
        """What is read where a line across an axis is wanted."""
        first = line if axis == 0 else line // SLAB * SLAB
        n = self.shape[axis]
        return self._across(axis, first, min(first + (1 if axis == 0 else SLAB), n))

    def _across(self, axis: int, start: int, stop: int) -> Box:
        box = list(whole(self.shape))
        box[axis] = slice(start, stop)
        return as_box(box)

    def _layer(self, layer: str, fill: PartFill | None, box: Box, slab: Box) -> FloatArray:
        if layer == "calculated" and self.calculated is not None:
            return self.calculated.part(box)
        measured = self._part(self.scan, box, slab)
        before = np.where(
            measured.bad_mask | invalid_voxels(measured.counts), np.nan, measured.counts
        )
        if self.own is not None and layer == "before":
            before[self._part(self.own, box, slab).filled] = np.nan
        if fill is None or layer == "before":
            return before if layer in ("before", "after") else np.full(before.shape, np.nan)
        return _of_fill(layer, before, self._part(fill, box, slab))

    def _part(self, source: Any, box: Box, slab: Box) -> Any:
        """A box of something that is read in slabs, of which the last of each kind stays."""
        key = (id(source), slab == box or slab[0].stop - slab[0].start == 1)
        known = self._slabs.get(key)
        if known is None or not _contains(known[0], box):
            known = slab, _read(source, slab)
            self._slabs[key] = known
        return known[1].part(as_box(within(box, known[0])))

    def forget(self) -> None:
        """Drop what was read, because the fills have changed."""
        self._slabs.clear()


def _turned(plane: np.ndarray, axis: int) -> np.ndarray:
    """A plane (its axes in the scan's order) as it is shown, (down, across)."""
    return plane.T if axis == 2 else plane


def _read(source: Any, box: Box) -> Any:
    """A scan, or a fill without one, within a box."""
    return source.alone(box) if hasattr(source, "alone") else source.part(box)


def _contains(outer: Box, inner: Box) -> bool:
    return all(o.start <= i.start and i.stop <= o.stop for o, i in zip(outer, inner, strict=True))


def _of_fill(layer: str, before: FloatArray, made: Fill) -> FloatArray:
    if layer == "after":
        return np.where(made.filled, made.counts, before)
    if layer == "sigma":
        return np.where(made.filled, made.sigma, np.nan)
    lower, upper = made.interval(LEVEL)
    return np.where(made.filled, lower if layer == "lower" else upper, before)
