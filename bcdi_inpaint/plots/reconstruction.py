"""A reconstruction, and its intensity against the measured one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure, SubFigure

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.cuts import brightest_cut, line_of, widen
from bcdi_inpaint.plots.frames import draw_frames
from bcdi_inpaint.plots.maps import draw_maps
from bcdi_inpaint.plots.phase_range import centred_phase, phase_label, widest_phase
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.slices import check_shapes, slice_of
from bcdi_inpaint.plots.style import (
    AXIS_NAMES,
    COLOURS,
    DARKEST,
    INDEX_NAMES,
    STYLE,
    VIEWS,
    new_figure,
)


def phasing_panel(
    obj: np.ndarray,
    support: BoolArray,
    counts: np.ndarray,
    calculated: np.ndarray,
    filled: BoolArray,
    bad_mask: BoolArray,
    *,
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
    corner: tuple[int, int, int] = (0, 0, 0),
    title: str = "",
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """A reconstruction: modulus and phase in three slices; its intensity against the measured one.

    The frame and the cuts below are those with the most light in the gap, or the brightest. Only
    the support is shown of the object, and its mean phase is 0.

    Parameters
    ----------
    obj, support : (n_rock, n_y, n_x) complex and bool, centred.
    counts : (n_rock, n_y, n_x) as phased, with the fill in the gap.
    calculated : (n_rock, n_y, n_x) intensity of the object.
    filled, bad_mask : (n_rock, n_y, n_x) bool, True = filled; outlined. True = invalid.
    bounds : lower and upper bounds of the expected counts, each (n_rock, n_y, n_x).
    corner : of these arrays in the scan, for the indices along the axes.
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
    check_shapes(counts, obj, support, calculated, filled, bad_mask)
    if not support.any():
        raise InputError("the support is empty, expected a particle: phase the scan again")
    light = np.where(filled if filled.any() else True, calculated, 0)  # (n_rock, n_y, n_x)
    frame = int(light.sum(axis=(1, 2)).argmax())
    gap = filled[frame]  # (n_y, n_x)
    images = {
        "measured": np.where(gap | bad_mask[frame], np.nan, counts[frame]),
        "filled": np.where(bad_mask[frame] & ~gap, np.nan, counts[frame]),
        "calculated": calculated[frame],
    }
    cuts = [c for c in (brightest_cut(light[frame], gap, axis) for axis in (0, 1)) if c]
    limits = None if bounds is None else (bounds[0][frame], bounds[1][frame])
    heights = [2.4, 2.4, 3.2] + ([2.5] if cuts else [])
    with mpl.rc_context(STYLE):
        figure = new_figure(10, sum(heights))
        blocks = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
        _draw_object(next(blocks), next(blocks), obj, support)
        draw_frames(next(blocks), *_placed(images, gap, corner), frame + corner[0])
        if cuts:
            _draw_profiles(next(blocks), cuts, images, limits, gap, corner)
        if title:
            figure.suptitle(title, fontsize=12)
        return finish(figure, target)


def _draw_object(above: SubFigure, below: SubFigure, obj: np.ndarray, support: BoolArray) -> None:
    """Modulus and phase in three slices through the middle of the support."""
    box = tuple(slice(max(0, int(i.min()) - 2), int(i.max()) + 3) for i in np.nonzero(support))
    obj, support = obj[box], support[box]
    middle = [round(float(i.mean())) for i in np.nonzero(support)]
    modulus = np.abs(obj) / max(float(np.abs(obj).max()), 1e-30)
    phase = centred_phase(obj, support)
    widest = widest_phase(phase, support)
    for part, volume, label, colours, limits in (
        (above, modulus, "modulus", "gray", (0.0, 1.0)),
        (below, phase, phase_label(widest), "RdBu_r", (-widest, widest)),
    ):
        slices = {
            f"across the {INDEX_NAMES[axis]}s": slice_of(volume, axis, middle[axis])
            for axis in VIEWS
        }
        draw_maps(part, slices, label, colours, limits)


def _placed(
    images: Mapping[str, FloatArray], gap: BoolArray, corner: tuple[int, int, int]
) -> tuple[dict[str, FloatArray], BoolArray, tuple[slice, slice]]:
    """Frames, gap and the box they fill, with as many rows and columns before them as the scan."""
    before = ((corner[1], 0), (corner[2], 0))
    n_y, n_x = gap.shape
    box = (slice(corner[1], corner[1] + n_y), slice(corner[2], corner[2] + n_x))
    placed = {name: np.pad(image, before) for name, image in images.items()}
    return placed, np.pad(gap, before), box


def _draw_profiles(
    part: SubFigure,
    cuts: Sequence[tuple[int, int]],
    images: Mapping[str, FloatArray],
    bounds: tuple[FloatArray, FloatArray] | None,
    gap: BoolArray,
    corner: tuple[int, int, int],
) -> None:
    """Measured, filled and calculated intensity along lines through the gap."""
    axes: Any = part.subplots(1, len(cuts), squeeze=False)[0]
    for ax, (axis, index) in zip(axes, cuts, strict=True):
        along = np.arange(gap.shape[axis]) + corner[1 + axis]  # (n,) indices in the scan
        hidden = line_of(gap, axis, index)
        lines = {name: line_of(image, axis, index) for name, image in images.items()}
        if bounds is not None:
            low, high = (np.maximum(line_of(bound, axis, index), DARKEST) for bound in bounds)
            known = hidden & np.isfinite(high)
            ax.fill_between(
                along, low, np.where(known, high, low), where=known, color="0.85", label="interval"
            )
        shown = np.maximum(lines["measured"], DARKEST)
        ax.plot(along, shown, "o", ms=3.2, color="0.45", label="measured")
        fill = np.where(widen(hidden), np.maximum(lines["filled"], DARKEST), np.nan)
        ax.plot(along, fill, "--", lw=1.4, color=COLOURS["linear"], label="filled")
        calculated = np.maximum(lines["calculated"], DARKEST)
        ax.plot(along, calculated, lw=1.4, color=COLOURS["ours"], label="calculated")
        ax.set_yscale("log")
        ax.set_xlabel(AXIS_NAMES[1 + axis])
        ax.set_title(f"cut at {INDEX_NAMES[2 - axis]} {index + corner[2 - axis]}")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("counts")
    part.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
