"""A simulated scan: the gap, two fills and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure, SubFigure

from bcdi_inpaint.arrays import BoolArray, FloatArray
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots.closeup import ERROR, SIGMA, Closeup, closeup_of, draw_closeup
from bcdi_inpaint.plots.gap_cuts import Curve, CutView, cuts_through, draw_cuts
from bcdi_inpaint.plots.objects import draw_objects
from bcdi_inpaint.plots.picture import checked_picture, finish
from bcdi_inpaint.plots.slices import check_shapes
from bcdi_inpaint.plots.style import COLOURS, STYLE, new_figure


def demo_panel(
    counts: np.ndarray,
    gap_mask: np.ndarray,
    linear: np.ndarray,
    ours: np.ndarray,
    expectation: np.ndarray,
    *,
    sigma: np.ndarray | None = None,
    interval: tuple[np.ndarray, np.ndarray] | None = None,
    reconstructions: Mapping[str, np.ndarray] | None = None,
    notes: Mapping[str, str] | None = None,
    voxel_nm: tuple[float, float] | None = None,
    window: int = 60,
    title: str = "",
    path: str | Path | None = None,
    force: bool = False,
) -> Figure:
    """A close-up of a simulated gap: two fills and the truth, how sure, and cuts through it.

    The close-up is of the frame with the most light in the gap, or of a slice across the rows where
    the gap is whole frames. Each cut runs along the brightest line that crosses the gap there.
    Where reconstructions are given, they stand beside it: modulus, phase, and how they differ from
    the first.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) simulated noisy counts, known in the gap too.
    gap_mask : (n_rock, n_y, n_x) bool, True = hidden from the fills.
    linear, ours : (n_rock, n_y, n_x) counts with the gap filled.
    expectation : (n_rock, n_y, n_x) noise-free expected counts.
    sigma : (n_rock, n_y, n_x) standard deviation of log(1 + counts) of our fill; None shows none.
    interval : lower and upper bounds of it that hold with 95 %, each (n_rock, n_y, n_x).
    reconstructions : complex objects (n_z, n_y, n_x) by name, all aligned on the first.
    notes : what stands below the name of a reconstruction, such as its error.
    voxel_nm : sides of the objects' voxels along rows and columns, for the scale bar.
    window : widest region to show, in voxels, around the brightest part of the gap.
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
    extras = [array for array in (sigma, *(interval or ())) if array is not None]
    check_shapes(counts, linear, ours, expectation, gap_mask, *extras)
    if not gap_mask.any():
        raise InputError("the gap mask marks no voxel, expected at least one: give the filled gap")
    view = closeup_of(expectation, gap_mask, window)
    volumes = {
        "as measured": np.where(gap_mask, np.nan, counts),
        "linear": linear,
        "ours": ours,
        "truth": expectation,
    }
    images = {name: view.of(volume) for name, volume in volumes.items()}
    hidden = view.of(np.where(gap_mask, counts, np.nan))
    band = None if interval is None else (view.of(interval[0]), view.of(interval[1]))
    shown = None if sigma is None else view.of(sigma)
    with mpl.rc_context(STYLE):
        if not reconstructions:
            figure = new_figure(10.5, 7.0)
            _draw_gap(figure, view, images, view.of(gap_mask), hidden, shown, band)
        else:
            width = 2.0 + 1.75 * len(reconstructions)
            figure = new_figure(8.0 + width, 8.6)
            left, right = figure.subfigures(1, 2, width_ratios=[8.0, width], squeeze=False)[0]
            _draw_gap(left, view, images, view.of(gap_mask), hidden, shown, band)
            draw_objects(right, reconstructions, notes=notes, voxel_nm=voxel_nm)
        if title:
            figure.suptitle(title, fontsize=13)
        return finish(figure, target)


def _draw_gap(
    part: Figure | SubFigure,
    view: Closeup,
    images: Mapping[str, FloatArray],
    gap: BoolArray,
    hidden: FloatArray,
    sigma: FloatArray | None,
    band: tuple[FloatArray, FloatArray] | None,
) -> None:
    """Measured, filled and true counts, how sure the fill is and how far off, and the cuts."""
    cuts = cuts_through(np.where(gap, images["truth"], 0), gap)
    blocks: Any = part.subfigures(
        1 + bool(cuts), 1, height_ratios=[6.0, 2.6][: 1 + bool(cuts)], squeeze=False
    )[:, 0]
    axes: Any = blocks[0].subplots(2, 3)
    error = np.abs(np.log1p(images["ours"]) - np.log1p(images["truth"]))
    doubts = {ERROR: error} if sigma is None else {SIGMA: sigma, ERROR: error}
    above = {name: images[name] for name in ("as measured", "ours", "truth")}
    draw_closeup(axes[0], view, above, gap)
    below, norm = {"linear": images["linear"]}, axes[0, 0].images[0].norm
    draw_closeup(axes[1, : 1 + len(doubts)], view, below, gap, doubts, norm=norm)
    for ax in axes[1, 1 + len(doubts) :]:
        ax.set_axis_off()
    if cuts:
        cut = CutView(images["as measured"], gap, hidden, band, view.axes, view.corner)
        draw_cuts(blocks[1], cuts, cut, _curves(images))


def _curves(images: Mapping[str, FloatArray]) -> dict[str, Curve]:
    return {
        "truth": Curve(images["truth"], COLOURS["truth"], width=1.1, of_gap=False),
        "linear": Curve(images["linear"], COLOURS["linear"], "--"),
        "ours": Curve(images["ours"], COLOURS["ours"]),
    }
