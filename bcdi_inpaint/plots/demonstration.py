"""A simulated scan: the gap, two fills and the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.cuts import brightest_cut, line_of, runs_of, widen
from bcdi_inpaint.plots.frames import draw_frames, window_around
from bcdi_inpaint.plots.objects import draw_objects
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.slices import check_shapes
from bcdi_inpaint.plots.style import AXIS_NAMES, COLOURS, DARKEST, INDEX_NAMES, STYLE, new_figure


def demo_panel(
    counts: np.ndarray,
    gap_mask: np.ndarray,
    linear: np.ndarray,
    ours: np.ndarray,
    expectation: np.ndarray,
    *,
    reconstructions: Mapping[str, np.ndarray] | None = None,
    window: int = 72,
    title: str = "",
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """One frame of a simulated scan: the gap, two fills and the truth; cuts through the gap below.

    The frame is the one with the most light in the gap. Each cut runs along a detector axis through
    the brightest line that crosses the gap there. Where reconstructions are given, their modulus
    and phase follow, in a central slice. The gap is one of detector rows, columns or
    both; one of whole frames has no cut to show.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) simulated noisy counts, known in the gap too.
    gap_mask : (n_rock, n_y, n_x) bool, True = hidden from the fills.
    linear, ours : (n_rock, n_y, n_x) counts with the gap filled.
    expectation : (n_rock, n_y, n_x) noise-free expected counts.
    reconstructions : complex objects (n_z, n_y, n_x) by name, all aligned on one another.
    window : widest region to show, in pixels, around the brightest part of the gap.
    title : heading of the picture.
    path : the picture to write; None writes none.
    force : overwrite an existing file.

    Returns
    -------
    The matplotlib figure.

    Raises
    ------
    InputError
        Arrays of different shapes, no gap, or a path that cannot be written.
    """
    target = None if path is None else checked_picture(path, force)
    check_shapes(counts, linear, ours, expectation, gap_mask)
    if not gap_mask.any():
        raise InputError("the gap mask marks no voxel, expected at least one: give the filled gap")
    light = np.where(gap_mask, expectation, 0)  # (n_rock, n_y, n_x)
    frame = int(light.sum(axis=(1, 2)).argmax())
    gap = gap_mask[frame]  # (n_y, n_x)
    box = window_around(gaussian_filter(light[frame].astype(float), 3), window)
    images = {
        "as measured": np.where(gap, np.nan, counts[frame]),
        "linear": linear[frame],
        "ours": ours[frame],
        "truth (expected counts)": expectation[frame],
    }
    lines = {"linear": linear[frame], "ours": ours[frame], "truth": expectation[frame]}
    cuts = [c for c in (brightest_cut(light[frame], gap, axis) for axis in (0, 1)) if c]
    heights = [2.9] + ([2.5] if cuts else []) + ([2.6] if reconstructions else [])
    with mpl.rc_context(STYLE):
        figure = new_figure(10, sum(heights))
        blocks = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
        draw_frames(next(blocks), images, gap, box, frame)
        if cuts:
            _draw_cuts(next(blocks), cuts, counts[frame], lines, gap, box)
        if reconstructions:
            draw_objects(next(blocks), reconstructions)
        if title:
            figure.suptitle(title, fontsize=12)
        return finish(figure, target)


def _draw_cuts(
    part: SubFigure,
    cuts: Sequence[tuple[int, int]],
    counts: FloatArray,
    lines: Mapping[str, FloatArray],
    gap: BoolArray,
    box: tuple[slice, slice],
) -> None:
    axes: Any = part.subplots(1, len(cuts), squeeze=False)[0]
    for ax, (axis, index) in zip(axes, cuts, strict=True):
        along = np.arange(box[axis].start, box[axis].stop)  # (n_shown,) pixel indices
        hidden = line_of(gap, axis, index)[along]
        for start, stop in runs_of(along[hidden]):
            ax.axvspan(start - 0.5, stop + 0.5, color="0.9", lw=0)
        measured = line_of(counts, axis, index)[along]
        shown = np.maximum(measured, DARKEST)
        ax.plot(along[~hidden], shown[~hidden], "o", ms=3.2, color="0.45", label="counts")
        ax.plot(along[hidden], shown[hidden], "o", ms=3.2, mfc="white", mec="0.45", mew=0.9)
        for name, style in (("truth", "-"), ("linear", "--"), ("ours", "-")):
            values = np.maximum(line_of(lines[name], axis, index)[along], DARKEST)
            # A fill is the measurement outside its gap: draw it from one known pixel to the next.
            drawn = values if name == "truth" else np.where(widen(hidden), values, np.nan)
            width = 1.1 if name == "truth" else 1.8
            ax.plot(along, drawn, style, color=COLOURS[name], lw=width, label=name)
        ax.set_yscale("log")
        ax.set_xlim(along[0] - 0.5, along[-1] + 0.5)
        ax.set_xlabel(AXIS_NAMES[1 + axis])
        ax.set_title(f"cut at {INDEX_NAMES[2 - axis]} {index}")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("counts")
    handles, labels = axes[0].get_legend_handles_labels()
    hidden_dot = Line2D([], [], ls="", marker="o", ms=3.2, mfc="white", mec="0.45")
    part.legend(
        [*handles, hidden_dot],
        [*labels, "counts hidden in the gap"],
        loc="outside lower center",
        ncols=5,
        frameon=False,
    )
