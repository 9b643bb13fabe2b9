"""Reconstructed objects side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import SubFigure

from bcdi_inpaint.plots.maps import draw_maps
from bcdi_inpaint.plots.phase_range import centred_phase, phase_label, widest_phase


def draw_objects(part: SubFigure, objects: Mapping[str, np.ndarray]) -> None:
    """Modulus and phase of each object in its central slice, cut to the largest of them."""
    slices = {name: volume[volume.shape[0] // 2] for name, volume in objects.items()}
    inside = np.any([np.abs(s) > 0.2 * np.abs(s).max() for s in slices.values()], axis=0)
    box = tuple(
        slice(max(0, int(i.min()) - 4), int(i.max()) + 5) if i.size else slice(None)
        for i in np.nonzero(inside)
    )
    moduli, phases, widest = {}, {}, 0.0
    for name, image in slices.items():
        moduli[name] = np.abs(image[box]) / max(float(np.abs(image).max()), 1e-30)
        crystal = moduli[name] > 0.2
        phases[name] = centred_phase(image[box], crystal)
        widest = max(widest, widest_phase(phases[name], crystal))
    halves: Any = part.subfigures(1, 2)
    draw_maps(halves[0], moduli, "modulus", "gray", (0.0, 1.0))
    draw_maps(halves[1], phases, phase_label(widest), "RdBu_r", (-widest, widest))
