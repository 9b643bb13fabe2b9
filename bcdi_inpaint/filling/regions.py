"""Regions: the boxes of a scan around the lit parts of its gaps, where the network has to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, label

from bcdi_inpaint.filling.light_map import CELL, LightMap
from bcdi_inpaint.filling.patches import PatchLocation
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.scan.boxes import Box, Shape, as_box, grow, hull, overlaps


@dataclass(frozen=True)
class Region:
    """A box of the scan; its patches that see light, and those that only dim their edge."""

    box: Box
    lit: tuple[PatchLocation, ...]
    dim: tuple[PatchLocation, ...]


def lit_regions(
    places: Mapping[PatchLocation, int | None],
    light: LightMap,
    *,
    settings: FillingSettings = FillingSettings(),
) -> list[Region]:
    """Find the regions that together hold every lit patch.

    A patch that sees one side of its gap alone is lit where there is light on either: a dark side
    says little of the other. One that knows no voxel is lit where there is light within its
    margins, which its first guess is made from.

    Parameters
    ----------
    places : for each patch the axis across its gap, None for a patch that may see several.
    light : where in the scan there is light.
    settings : the margins around the lit patches.

    Returns
    -------
    The regions; their boxes do not overlap.
    """
    lit: list[tuple[PatchLocation, Box]] = []
    dim: list[tuple[PatchLocation, Box]] = []
    parts: list[Box] = []
    for place, across in places.items():
        box = as_box(place.inside(light.shape)[0])
        around = _with_margins(box, across, light.shape, settings)
        seen = box if across is None else light.across_gap(box, across)
        if light.is_lit(seen if light.is_known(seen) else around):
            lit.append((place, box))
            parts.append(around)
        else:
            dim.append((place, box))
    found = []
    for box in _boxes(parts, light.shape):
        own = tuple(place for place, part in lit if overlaps(part, box))
        beside = tuple(place for place, part in dim if overlaps(part, box))
        found.append(Region(box, own, beside))
    return found


def _with_margins(box: Box, across: int | None, shape: Shape, settings: FillingSettings) -> Box:
    """The box with its margins, inside the array."""
    margins = (settings.across if across in (None, axis) else settings.along for axis in range(3))
    return as_box(grow(box, margins, shape))


def _boxes(parts: list[Box], shape: Shape) -> list[Box]:
    """Boxes that hold the parts, none of which overlap."""
    cells = np.zeros([-(-n // CELL) for n in shape], dtype=bool)
    for part in parts:
        cells[tuple(slice(p.start // CELL, -(-p.stop // CELL)) for p in part)] = True
    return _merge([_voxels(found, shape) for found in find_objects(label(cells)[0])])


def _voxels(cells: Box, shape: Shape) -> Box:
    """The voxels of a box of cells."""
    return as_box(
        slice(c.start * CELL, min(c.stop * CELL, n)) for c, n in zip(cells, shape, strict=True)
    )


def _merge(boxes: list[Box]) -> list[Box]:
    """The boxes, of which those that overlap are replaced by the one around them."""
    apart: list[Box] = []
    for box in boxes:
        while other := next((b for b in apart if overlaps(b, box)), None):
            apart.remove(other)
            box = as_box(hull((box, other)))
        apart.append(box)
    return apart
