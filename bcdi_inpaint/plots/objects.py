"""Reconstructed objects side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import SubFigure

from bcdi_inpaint.plots.maps import draw_maps


def draw_objects(part: SubFigure, objects: Mapping[str, np.ndarray]) -> None:
    """Modulus and phase of each object in its central slice, cut to the largest of them."""
    slices = {name: volume[volume.shape[0] // 2] for name, volume in objects.items()}
    inside = np.any([np.abs(s) > 0.2 * np.abs(s).max() for s in slices.values()], axis=0)
    box = tuple(
        slice(max(0, int(i.min()) - 4), int(i.max()) + 5) if i.size else slice(None)
        for i in np.nonzero(inside)
    )
    moduli, phases = {}, {}
    for name, image in slices.items():
        moduli[name] = np.abs(image[box]) / max(float(np.abs(image).max()), 1e-30)
        phase = np.angle(image[box] * np.conj((np.abs(image) * image).sum()))  # mean phase 0
        phases[name] = np.where(moduli[name] > 0.2, phase, np.nan)
    halves: Any = part.subfigures(1, 2)
    draw_maps(halves[0], moduli, "modulus", "gray", (0.0, 1.0))
    finite = np.abs(np.concatenate([p[np.isfinite(p)] for p in phases.values()]))
    widest = min(math.pi, max(0.2, float(np.percentile(finite, 99)))) if finite.size else math.pi
    draw_maps(halves[1], phases, "phase (rad)", "RdBu_r", (-widest, widest))
