"""A reconstruction, and its intensity against the measured one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure, SubFigure

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.closeup import SIGMA, Closeup, closeup_of, draw_closeup
from bcdi_inpaint.plots.gap_cuts import Curve, CutView, cuts_through, draw_cuts
from bcdi_inpaint.plots.maps import MapScale, draw_maps, draw_scale_bar
from bcdi_inpaint.plots.objects import WIDEST_MODULUS, in_interior, of_interior
from bcdi_inpaint.plots.phase_range import centred_phase, widest_phase
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.slices import check_shapes, slice_of
from bcdi_inpaint.plots.style import COLOURS, INDEX_NAMES, STYLE, VIEWS, new_figure


def phasing_panel(
    obj: np.ndarray,
    support: BoolArray,
    counts: np.ndarray,
    calculated: np.ndarray,
    filled: BoolArray,
    bad_mask: BoolArray,
    *,
    sigma: np.ndarray | None = None,
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
    corner: tuple[int, int, int] = (0, 0, 0),
    voxel_nm: tuple[float, float] | None = None,
    title: str = "",
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """A reconstruction: modulus and phase in three slices; its intensity against the measured one.

    The intensity is shown in a close-up of the brightest part of the gap, and along lines through
    it; of a scan without a gap around the peak. Only the support is shown of the object, and its
    mean phase is 0. The colours are those of the interior.

    Parameters
    ----------
    obj, support : (n_rock, n_y, n_x) complex and bool, centred.
    counts : (n_rock, n_y, n_x) as phased, with the fill in the gap.
    calculated : (n_rock, n_y, n_x) intensity of the object.
    filled, bad_mask : (n_rock, n_y, n_x) bool, True = filled; outlined. True = invalid.
    sigma : (n_rock, n_y, n_x) standard deviation of log(1 + counts) of the fill; None for none.
    bounds : lower and upper bounds of the expected counts that hold with 95 %, each
        (n_rock, n_y, n_x).
    corner : of these arrays in the scan, for the indices along the axes.
    voxel_nm : sides of the object's voxels along rows and columns; None where that is not known.
    title : heading of the picture.
    path : the picture to write; None writes none.
    force : overwrite an existing file.

    Returns
    -------
    The matplotlib figure.

    Raises
    ------
    InputError
        Arrays of different shapes, an empty support, or a path that cannot be written.
    """
    target = None if path is None else checked_picture(path, force)
    extras = [array for array in (sigma, *(bounds or ())) if array is not None]
    check_shapes(counts, obj, support, calculated, filled, bad_mask, *extras)
    if not support.any():
        raise InputError("the support is empty, expected a particle: phase the scan again")
    view = closeup_of(calculated, filled)
    volumes = {
        "measured": np.where(filled | bad_mask, np.nan, counts),
        "filled": np.where(bad_mask & ~filled, np.nan, counts),
        "calculated": calculated,
    }
    if not filled.any():
        del volumes["filled"]
    images = {name: view.of(volume) for name, volume in volumes.items()}
    doubts = {} if sigma is None else {SIGMA: view.of(sigma)}
    band = None if bounds is None else (view.of(bounds[0]), view.of(bounds[1]))
    with mpl.rc_context(STYLE):
        figure = new_figure(16.5, 6.6)
        left, right = figure.subfigures(1, 2, width_ratios=[7.5, 9], squeeze=False)[0]
        _draw_object(left, obj, support, voxel_nm)
        _draw_intensities(right, view, images, view.of(filled), doubts, band, corner)
        if title:
            figure.suptitle(title, fontsize=13)
        return finish(figure, target)


def _draw_object(
    part: SubFigure, obj: np.ndarray, support: BoolArray, voxel_nm: tuple[float, float] | None
) -> None:
    """Modulus and phase in three slices through the middle of the support."""
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(support))
    obj, support = _cube(obj[box]), _cube(support[box])
    middle = [round(float(i.mean())) for i in np.nonzero(support)]
    modulus, phase = in_interior(np.abs(obj)), centred_phase(obj, support)
    widest = widest_phase(phase, support)
    brightest = max(of_interior(modulus, support), WIDEST_MODULUS)
    grid: Any = part.subplots(2, len(VIEWS), squeeze=False)
    for axes, volume, scale in (
        (grid[0], modulus, MapScale("modulus (interior = 1)", "gray", (0.0, brightest))),
        (grid[1], phase, MapScale("phase (rad)", "RdBu_r", (-widest, widest))),
    ):
        slices: dict[str, FloatArray | str] = {
            f"across the {INDEX_NAMES[axis]}s": slice_of(volume, axis, middle[axis])
            for axis in VIEWS
        }
        draw_maps(axes, slices, scale, titles=volume is modulus)
    draw_scale_bar(grid[0, 0], None if voxel_nm is None else voxel_nm[1])


def _cube(volume: np.ndarray) -> np.ndarray:
    """The volume in the middle of a cube, so that its slices are of one size."""
    side = max(volume.shape) + 4
    before = [(side - n) // 2 for n in volume.shape]
    around = [(b, side - n - b) for b, n in zip(before, volume.shape, strict=True)]
    return np.pad(volume, around)


def _draw_intensities(
    part: SubFigure,
    view: Closeup,
    images: Mapping[str, FloatArray],
    gap: BoolArray,
    doubts: Mapping[str, FloatArray],
    band: tuple[FloatArray, FloatArray] | None,
    corner: tuple[int, int, int],
) -> None:
    """Measured, filled and calculated intensity near the gap, and along lines through it."""
    cuts = cuts_through(np.where(gap, np.nan_to_num(images["calculated"]), 0), gap)
    blocks: Any = part.subfigures(1 + bool(cuts), 1, squeeze=False)[:, 0]
    axes: Any = blocks[0].subplots(1, len(images) + len(doubts), squeeze=False)[0]
    draw_closeup(axes, view, images, gap, doubts, corner=corner)
    if not cuts:
        return
    first = tuple(view.corner[i] + corner[axis] for i, axis in enumerate(view.axes))
    cut = CutView(images["measured"], gap, None, band, view.axes, (first[0], first[1]))
    curves = {
        "fill": Curve(images["filled"], COLOURS["ours"]),
        "calculated": Curve(images["calculated"], COLOURS["truth"], width=1.3, of_gap=False),
    }
    draw_cuts(blocks[1], cuts, cut, curves)
