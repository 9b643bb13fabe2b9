"""Reconstructed objects side by side, and how they differ from the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import SubFigure

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.plots.maps import MapScale, draw_maps, draw_scale_bar
from bcdi_inpaint.plots.phase_range import centred_phase, interior, widest_phase

EDGE = 0.2
"""Of the interior's modulus, from which on a voxel is the crystal's."""
NARROWEST = 0.1
"""To either side that the colours of a difference have at least."""
WIDEST_MODULUS = 1.2
"""Of the interior's mean, that the colours of the modulus reach at least."""


def draw_objects(
    part: SubFigure,
    objects: Mapping[str, np.ndarray],
    *,
    notes: Mapping[str, str] | None = None,
    voxel_nm: tuple[float, float] | None = None,
) -> None:
    """Modulus and phase of each object in its central slice, and what differs from the first.

    All are cut to the largest of them. The colours are those of the interior: the rim has any
    modulus and any phase.

    Parameters
    ----------
    part : of the figure, to draw in.
    objects : complex objects (n_z, n_y, n_x) by name, all aligned on the first.
    notes : what stands below a name, such as its error.
    voxel_nm : sides of a voxel along rows and columns of the slice; None where that is not known.
    """
    notes = notes or {}
    titles = {name: "\n".join(filter(None, (name, notes.get(name, "")))) for name in objects}
    moduli, phases, crystals = _maps(objects)
    widest = max(widest_phase(phases[name], crystals[name]) for name in objects)
    brightest = max(of_interior(moduli[name], crystals[name]) for name in objects)
    first = next(iter(objects))
    rows: list[tuple[Mapping[str, FloatArray | str], MapScale]] = [
        (moduli, MapScale("modulus (interior = 1)", "gray", (0, max(brightest, WIDEST_MODULUS)))),
        (phases, MapScale("phase (rad)", "RdBu_r", (-widest, widest))),
    ]
    if len(objects) > 1:
        both = {name: crystals[name] & crystals[first] for name in objects}
        rows.insert(1, _differences(moduli, both, f"modulus minus {first}", turned=False))
        rows.append(_differences(phases, both, f"phase minus {first} (rad)", turned=True))
    grid: Any = part.subplots(len(rows), len(objects), squeeze=False)
    for axes, (maps, scale) in zip(grid, rows, strict=True):
        named = {titles[name]: image for name, image in maps.items()}
        draw_maps(axes, named, scale, titles=maps is moduli, voxel_nm=voxel_nm)
    draw_scale_bar(grid[0, 0], None if voxel_nm is None else voxel_nm[1])


def _maps(
    objects: Mapping[str, np.ndarray],
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], dict[str, BoolArray]]:
    """Modulus and phase of each in its central slice, and where each is."""
    slices = {name: volume[volume.shape[0] // 2] for name, volume in objects.items()}
    box = _box_around(slices)
    moduli, phases, crystals = {}, {}, {}
    for name, image in slices.items():
        moduli[name] = in_interior(np.abs(image[box]))
        crystals[name] = moduli[name] > EDGE
        phases[name] = centred_phase(image[box], crystals[name])
    return moduli, phases, crystals


def in_interior(modulus: FloatArray) -> FloatArray:
    """A modulus in units of its mean in the interior, which a bright voxel at the rim leaves alone.

    Examples
    --------
    >>> modulus = np.zeros((9, 9))
    >>> modulus[1:8, 1:8] = 2.0
    >>> modulus[1, 1] = 50.0
    >>> float(in_interior(modulus)[4, 4])
    1.0
    """
    bright = float(np.percentile(modulus, 90)) or float(modulus.max())
    inside = interior(modulus > EDGE * bright)
    mean = float(modulus[inside].mean()) if inside.any() else 1.0
    scaled: FloatArray = modulus / max(mean, 1e-30)
    return scaled


def _box_around(slices: Mapping[str, np.ndarray]) -> tuple[slice, ...]:
    """The box that holds all crystals, with some voxels around them."""
    inside = np.any([np.abs(s) > EDGE * np.abs(s).max() for s in slices.values()], axis=0)
    return tuple(
        slice(max(0, int(i.min()) - 4), int(i.max()) + 5) if i.size else slice(None)
        for i in np.nonzero(inside)
    )


def of_interior(values: FloatArray, crystal: BoolArray) -> float:
    """What 99 of 100 voxels of the interior stay under; 0 without a voxel."""
    there = values[interior(crystal)]
    there = there[np.isfinite(there)]
    return float(np.percentile(there, 99)) if there.size else 0.0


def _differences(
    maps: Mapping[str, FloatArray], both: Mapping[str, BoolArray], label: str, *, turned: bool
) -> tuple[dict[str, FloatArray | str], MapScale]:
    """How maps differ from the first where both crystals are; phases within half a turn."""
    first = next(iter(maps))
    found: dict[str, FloatArray | str] = {
        first: label.replace(" minus", ",\nless that of").replace(" (rad)", "")
    }
    widest = NARROWEST
    for name in list(maps)[1:]:
        difference = maps[name] - maps[first]
        if turned:
            difference = np.angle(np.exp(1j * difference))
        found[name] = np.where(both[name], difference, np.nan)
        widest = max(widest, of_interior(np.abs(difference), both[name]))
    return found, MapScale(label, "PuOr_r", (-widest, widest))
