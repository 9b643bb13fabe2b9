"""Regions: the boxes of a scan around the lit parts of its gaps, where the network has to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, label

from bcdi_inpaint.filling.light_map import CELL, LightMap
from bcdi_inpaint.filling.patches import PatchLocation
from bcdi_inpaint.scan.boxes import Box, Shape

ACROSS = 40
"""Voxels beside a lit patch, across its gap, that its first guess is made from.

Kriging measures the correlation on 48 lines on each side, of which a patch of 32 holds some itself.
"""
ALONG = 16
"""And along the gap, where the patches beside it are lit too, or nothing is."""


@dataclass(frozen=True)
class Region:
    """A box of the scan; its patches that see light, and those that only dim their edge."""

    box: Box
    lit: tuple[PatchLocation, ...]
    dim: tuple[PatchLocation, ...]


def lit_regions(places: Mapping[PatchLocation, int | None], light: LightMap) -> list[Region]:
    """The regions that together hold every lit one of the patches; their boxes do not overlap.

    `places` has for each patch the axis across its gap, None for a patch that may see several.
    """
    lit: list[tuple[PatchLocation, Box]] = []
    dim: list[tuple[PatchLocation, Box]] = []
    for place in places:
        box = place.inside(light.shape)[0]
        (lit if light.is_lit(box) else dim).append((place, box))  # type: ignore[arg-type]
    found = []
    for box in _boxes(
        [_around(box, places[place], light.shape) for place, box in lit], light.shape
    ):
        own = tuple(place for place, part in lit if _overlap(part, box))
        beside = tuple(place for place, part in dim if _overlap(part, box))
        found.append(Region(box, own, beside))
    return found


def _around(box: Box, across: int | None, shape: Shape) -> Box:
    """The box with its margins, inside the array."""
    margins = (ACROSS if across in (None, axis) else ALONG for axis in range(3))
    frames, rows, columns = (
        slice(max(part.start - margin, 0), min(part.stop + margin, n))
        for part, margin, n in zip(box, margins, shape, strict=True)
    )
    return frames, rows, columns


def _boxes(parts: list[Box], shape: Shape) -> list[Box]:
    """Boxes that hold the parts, none of which overlap."""
    cells = np.zeros([-(-n // CELL) for n in shape], dtype=bool)
    for part in parts:
        cells[tuple(slice(p.start // CELL, -(-p.stop // CELL)) for p in part)] = True
    boxes = [_voxels(found, shape) for found in find_objects(label(cells)[0])]
    return _merged(boxes)


def _voxels(cells: Box, shape: Shape) -> Box:
    frames, rows, columns = (
        slice(c.start * CELL, min(c.stop * CELL, n)) for c, n in zip(cells, shape, strict=True)
    )
    return frames, rows, columns


def _merged(boxes: list[Box]) -> list[Box]:
    """The same boxes; those that overlap are replaced by the one around them."""
    apart: list[Box] = []
    for box in boxes:
        while other := next((b for b in apart if _overlap(b, box)), None):
            apart.remove(other)
            frames, rows, columns = (
                slice(min(a.start, b.start), max(a.stop, b.stop))
                for a, b in zip(box, other, strict=True)
            )
            box = frames, rows, columns
        apart.append(box)
    return apart


def _overlap(one: Box, other: Box) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))
