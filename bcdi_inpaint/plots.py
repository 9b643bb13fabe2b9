"""Pictures of scans, fills and training, drawn without a display.

Counts are on a log scale. Axes are named as at the beamline: rocking curve (frame), detector
vertical (row), detector horizontal (column), in array indices. The file's ending chooses the
format: ``.png``, ``.pdf`` or ``.svg``.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from PIL import Image as PillowImage
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.errors import InputError

AXIS_NAMES = ("rocking curve (frame)", "detector vertical (row)", "detector horizontal (column)")
INDEX_NAMES = ("frame", "row", "column")
FORMATS = ("png", "pdf", "svg")

#: Axes across and down the picture when looking along an axis; rows run down in both their views.
_VIEWS = {0: (2, 1), 2: (0, 1), 1: (2, 0)}
_DARKEST = 0.5  # counts; below one count, so that single counts stand out from none
_N_COLOURS = 96  # of a map: fewer than the eye tells apart, so that a palette holds them all
_UNKNOWN = "0.72"
_OUTLINE = "white"
_COLOURS = {"truth": "black", "linear": "#2a78c2", "ours": "#d1352b"}
_DPI = 100
_STYLE: Any = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.labelsize": 9.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 9.5,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
}

Image = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]


def before_after(
    path: str | os.PathLike[str],
    counts_before: np.ndarray,
    counts_after: np.ndarray,
    gap_mask: np.ndarray,
    bad_mask: np.ndarray | None = None,
    *,
    title: str = "",
    force: bool = False,
) -> Path:
    """Three slices through the Bragg peak and three sums, before and after the fill.

    A slice that would lie in the gap is moved beside it. A sum leaves out what is unknown and is
    grey where nothing is known.

    Parameters
    ----------
    path : the picture to write.
    counts_before : (n_rock, n_y, n_x) measured counts.
    counts_after : (n_rock, n_y, n_x) counts with the gap filled.
    gap_mask : (n_rock, n_y, n_x) bool, True = filled; outlined.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid; grey before, and after unless it was filled.
    title : heading of the picture.
    force : overwrite an existing file.

    Raises
    ------
    InputError : arrays of different shapes, or a path that cannot be written.
    """
    path = checked_picture(path, force)
    bad = np.zeros_like(gap_mask) if bad_mask is None else bad_mask
    _check_shapes(counts_before, counts_after, gap_mask, bad)
    volumes = {
        "as measured": np.where(gap_mask | bad, np.nan, counts_before),
        "filled": np.where(bad & ~gap_mask, np.nan, counts_after),
    }
    centre = _slice_indices(brightest_voxel(volumes["filled"]), gap_mask)
    slices = {
        name: [_slice(volume, axis, centre[axis]) for axis in _VIEWS]
        for name, volume in volumes.items()
    }
    sums = {name: [_sum(volume, axis) for axis in _VIEWS] for name, volume in volumes.items()}
    norm = _log_norm([i for views in (slices, sums) for images in views.values() for i in images])
    box_aspect = float(np.clip(gap_mask.shape[1] / gap_mask.shape[2], 0.6, 1.25))
    with mpl.rc_context(_STYLE):
        figure = _figure(10, 2.2 + 4 * 2.6 * box_aspect)
        left, right = figure.subfigures(1, 2, width_ratios=[11, 1], squeeze=False)[0]
        blocks = left.subfigures(2, 1, squeeze=False)[:, 0]
        outlines = [_slice(gap_mask, axis, centre[axis]) for axis in _VIEWS]
        titles = [f"slice at {INDEX_NAMES[axis]} {centre[axis]}" for axis in _VIEWS]
        _draw_views(blocks[0], slices, outlines, titles, norm, box_aspect)
        outlines = [_across(np.asarray(gap_mask.all(axis=axis)), axis) for axis in _VIEWS]
        titles = [f"sum over {INDEX_NAMES[axis]}s" for axis in _VIEWS]
        _draw_views(blocks[1], sums, outlines, titles, norm, box_aspect)
        bar_axes = right.subplots()
        bar_axes.set_box_aspect(30)
        figure.colorbar(ScalarMappable(norm, _colormap()), cax=bar_axes, label="counts")
        figure.legend(handles=_mask_legend(), loc="outside lower center", ncols=2, frameon=False)
        if title:
            figure.suptitle(title, fontsize=12)
        return _save(figure, path)


def demo_panel(
    path: str | os.PathLike[str],
    counts: np.ndarray,
    gap_mask: np.ndarray,
    linear: np.ndarray,
    ours: np.ndarray,
    expectation: np.ndarray,
    *,
    reconstructions: Mapping[str, np.ndarray] | None = None,
    window: int = 72,
    title: str = "",
    force: bool = False,
) -> Path:
    """One frame of a simulated scan: the gap, two fills and the truth; cuts through the gap below.

    The frame is the one with the most light in the gap. Each cut runs along a detector axis through
    the brightest line that crosses the gap there. Where reconstructions are given, their modulus
    and phase follow, in a central slice. The gap is one of detector rows, columns or
    both; one of whole frames has no cut to show.

    Parameters
    ----------
    path : the picture to write.
    counts : (n_rock, n_y, n_x) simulated noisy counts, known in the gap too.
    gap_mask : (n_rock, n_y, n_x) bool, True = hidden from the fills.
    linear, ours : (n_rock, n_y, n_x) counts with the gap filled.
    expectation : (n_rock, n_y, n_x) noise-free expected counts.
    reconstructions : complex objects (n_z, n_y, n_x) by name, all aligned on one another.
    window : widest region to show, in pixels, around the brightest part of the gap.
    title : heading of the picture.
    force : overwrite an existing file.

    Raises
    ------
    InputError : arrays of different shapes, no gap, or a path that cannot be written.
    """
    path = checked_picture(path, force)
    _check_shapes(counts, linear, ours, expectation, gap_mask)
    if not gap_mask.any():
        raise InputError("the gap mask marks no voxel, expected at least one: give the filled gap")
    light = np.where(gap_mask, expectation, 0)  # (n_rock, n_y, n_x)
    frame = int(light.sum(axis=(1, 2)).argmax())
    gap = gap_mask[frame]  # (n_y, n_x)
    box = _window(gaussian_filter(light[frame].astype(float), 3), window)
    images = {
        "as measured": np.where(gap, np.nan, counts[frame]),
        "linear": linear[frame],
        "ours": ours[frame],
        "truth (expected counts)": expectation[frame],
    }
    lines = {"linear": linear[frame], "ours": ours[frame], "truth": expectation[frame]}
    cuts = [c for c in (_brightest_cut(light[frame], gap, axis) for axis in (0, 1)) if c]
    heights = [2.9] + ([2.5] if cuts else []) + ([2.6] if reconstructions else [])
    with mpl.rc_context(_STYLE):
        figure = _figure(10, sum(heights))
        blocks = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
        _draw_frames(next(blocks), images, gap, box, frame)
        if cuts:
            _draw_cuts(next(blocks), cuts, counts[frame], lines, gap, box)
        if reconstructions:
            _draw_reconstructions(next(blocks), reconstructions)
        if title:
            figure.suptitle(title, fontsize=12)
        return _save(figure, path)


def phasing_panel(
    path: str | os.PathLike[str],
    obj: np.ndarray,
    support: Mask,
    counts: np.ndarray,
    calculated: np.ndarray,
    filled: Mask,
    bad_mask: Mask,
    *,
    bounds: tuple[np.ndarray, np.ndarray] | None = None,
    corner: tuple[int, int, int] = (0, 0, 0),
    title: str = "",
    force: bool = False,
) -> Path:
    """A reconstruction: modulus and phase in three slices; its intensity against the measured one.

    The frame and the cuts below are those with the most light in the gap, or the brightest. Only
    the support is shown of the object, and its mean phase is 0.

    Parameters
    ----------
    path : the picture to write.
    obj, support : (n_rock, n_y, n_x) complex and bool, centred.
    counts : (n_rock, n_y, n_x) as phased, with the fill in the gap.
    calculated : (n_rock, n_y, n_x) intensity of the object.
    filled, bad_mask : (n_rock, n_y, n_x) bool, True = filled; outlined. True = invalid.
    bounds : lower and upper bounds of the expected counts, each (n_rock, n_y, n_x).
    corner : of these arrays in the scan, for the indices along the axes.
    title : heading of the picture.
    force : overwrite an existing file.

    Raises
    ------
    InputError : arrays of different shapes, an empty support, or a path that cannot be written.
    """
    path = checked_picture(path, force)
    _check_shapes(counts, obj, support, calculated, filled, bad_mask)
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
    cuts = [c for c in (_brightest_cut(light[frame], gap, axis) for axis in (0, 1)) if c]
    limits = None if bounds is None else (bounds[0][frame], bounds[1][frame])
    heights = [2.4, 2.4, 3.2] + ([2.5] if cuts else [])
    with mpl.rc_context(_STYLE):
        figure = _figure(10, sum(heights))
        blocks = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
        _draw_object(next(blocks), next(blocks), obj, support)
        _draw_frames(next(blocks), *_placed(images, gap, corner), frame + corner[0])
        if cuts:
            _draw_profiles(next(blocks), cuts, images, limits, gap, corner)
        if title:
            figure.suptitle(title, fontsize=12)
        return _save(figure, path)


def loss_curve(
    path: str | os.PathLike[str],
    training: np.ndarray,
    validation: np.ndarray,
    *,
    force: bool = False,
) -> Path:
    """Training and validation loss against the step.

    Parameters
    ----------
    path : the picture to write.
    training, validation : (n_training, 2) and (n_validation, 2), steps and losses. Either may be
        empty; a loss that is not finite leaves its point out.
    force : overwrite an existing file.

    Raises
    ------
    InputError : no loss at all, an array of another shape, or a path that cannot be written.
    """
    path = checked_picture(path, force)
    curves = {
        "training": _points("training", training),
        "validation": _points("validation", validation),
    }
    if not any(len(points) for points in curves.values()):
        raise InputError("there is no loss, expected one of a step: train first")
    looks: dict[str, Any] = {
        "training": {"color": "0.55", "lw": 1.2},
        "validation": {"color": _COLOURS["ours"], "lw": 1.6},
    }
    with mpl.rc_context(_STYLE):
        figure = _figure(6.4, 3.8)
        ax = figure.subplots()
        for name, points in curves.items():
            if len(points):
                few = "o" if len(points) < 50 else None
                ax.plot(*points.T, marker=few, ms=3, label=name, **looks[name])
        if all((points[:, 1] > 0).all() for points in curves.values()):
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("{x:g}")
        ax.set_xlabel("step")
        ax.set_ylabel("loss")
        ax.grid(which="both", color="0.9", lw=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(loc="upper right", frameon=False)
        return _save(figure, path)


def brightest_voxel(counts: np.ndarray) -> tuple[int, int, int]:
    """Middle of the brightest region, as (frame, row, column); the array's middle if all is dark.

    Found in the smoothed logarithm, so that a single hot voxel does not win over the Bragg peak.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x), NaN = unknown.
    """
    log_counts = np.log1p(np.clip(np.nan_to_num(counts, nan=0.0), 0, None)).astype(np.float32)
    if not log_counts.any():
        n_rock, n_y, n_x = counts.shape
        return n_rock // 2, n_y // 2, n_x // 2
    smooth = gaussian_filter(log_counts, 2, mode="constant")
    frame, row, column = np.unravel_index(int(smooth.argmax()), counts.shape)
    return int(frame), int(row), int(column)


def _figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, which are `_DPI` pixels."""
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.05)
    return Figure(figsize=(width, height), dpi=_DPI, layout=layout)


def _slice_indices(centre: tuple[int, int, int], gap_mask: Mask) -> tuple[int, ...]:
    """The centre, each index moved to the nearest slice that does not lie in the gap."""
    indices = []
    for axis, index in enumerate(centre):
        others = tuple(i for i in range(3) if i != axis)
        seen = np.flatnonzero(gap_mask.mean(axis=others) < 0.5)
        indices.append(int(seen[np.abs(seen - index).argmin()]) if seen.size else index)
    return tuple(indices)


def _slice(volume: np.ndarray, axis: int, index: int) -> np.ndarray:
    return _across(volume.take(index, axis=axis), axis)


def _sum(volume: Image, axis: int) -> Image:
    """Sum along `axis`; unknown where less than a tenth of the line is known."""
    known = 1 - np.isnan(volume).mean(axis=axis)
    total = np.nansum(volume, axis=axis, dtype=np.float64)
    return _across(np.where(known >= 0.1, total, np.nan), axis)


def _across(image: np.ndarray, axis: int) -> np.ndarray:
    """A view along `axis`, its two array axes put down and across the picture as `_VIEWS` says."""
    across, down = _VIEWS[axis]
    return image if down < across else image.T


def _log_norm(images: Sequence[Image]) -> LogNorm:
    brightest = max((float(np.nanmax(i)) for i in images if not np.isnan(i).all()), default=1.0)
    return LogNorm(_DARKEST, max(brightest, 10.0), clip=False)


def _colormap() -> Colormap:
    turbo = mpl.colormaps["turbo"].resampled(_N_COLOURS)
    return turbo.with_extremes(bad=_UNKNOWN, under=turbo(0))


def _show(
    ax: Axes, image: Image, norm: LogNorm, outline: Mask, box: tuple[slice, slice] | None = None
) -> None:
    """An image of counts with the outline of the gap, in array indices, cut to the box."""
    rows, columns = box or (slice(0, image.shape[0]), slice(0, image.shape[1]))
    edges = (columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5)
    # Counts of 0 are dark, not unknown: a log scale would mask them.
    ax.imshow(
        np.maximum(image[rows, columns], _DARKEST),
        norm=norm,
        cmap=_colormap(),
        extent=edges,
        aspect="auto",
        interpolation="nearest",
    )
    _outline(ax, outline[rows, columns], rows.start, columns.start)
    ax.locator_params(nbins=5, integer=True)


def _outline(ax: Axes, mask: Mask, first_row: int, first_column: int) -> None:
    """Lines around the True pixels, along the pixels' edges but not along the picture's."""
    row, column = np.nonzero(mask[1:] != mask[:-1])
    level = np.stack([column - 0.5, column + 0.5, row + 0.5, row + 0.5])  # x, x, y, y of each edge
    row, column = np.nonzero(mask[:, 1:] != mask[:, :-1])
    upright = np.stack([column + 0.5, column + 0.5, row - 0.5, row + 0.5])
    edges = np.concatenate([level, upright], axis=1)  # (4, n_edges)
    across, down = edges[:2] + first_column, edges[2:] + first_row
    lift = np.full((1, edges.shape[1]), np.nan)  # ends each edge
    x, y = (np.concatenate([ends, lift]).T.ravel() for ends in (across, down))
    ax.plot(x, y, color=_OUTLINE, lw=0.7, antialiased=False, scalex=False, scaley=False)


def _name_axes(ax: Axes, axis: int, *, bottom: bool, left: bool) -> None:
    across, down = _VIEWS[axis]
    ax.tick_params(labelbottom=bottom, labelleft=left)
    ax.set_xlabel(AXIS_NAMES[across] if bottom else "")
    ax.set_ylabel(AXIS_NAMES[down] if left else "")


def _draw_views(
    part: SubFigure,
    views: Mapping[str, Sequence[Image]],
    outlines: Sequence[Mask],
    titles: Sequence[str],
    norm: LogNorm,
    box_aspect: float,
) -> None:
    """A row of three views for each state of the scan."""
    grid: Any = part.subplots(len(views), 3)
    for row, (name, images) in zip(grid, views.items(), strict=True):
        for ax, axis, image, outline, title in zip(
            row, _VIEWS, images, outlines, titles, strict=True
        ):
            _show(ax, image, norm, outline)
            _name_axes(ax, axis, bottom=name == list(views)[-1], left=axis != 2)
            ax.set_box_aspect(box_aspect)
            ax.set_title(title if name == next(iter(views)) else "")
        row[0].annotate(
            name,
            (-0.3, 0.5),
            xycoords="axes fraction",
            rotation=90,
            ha="right",
            va="center",
            fontsize=12,
            fontweight="bold",
        )


def _mask_legend() -> list[Patch | Line2D]:
    dark = withStroke(linewidth=7, foreground=mpl.colormaps["turbo"](0))
    line = Line2D([], [], color=_OUTLINE, lw=1.2, path_effects=[dark], label="outline of the gap")
    return [Patch(facecolor=_UNKNOWN, label="not measured or masked"), line]


def _window(brightness: Image, size: int) -> tuple[slice, slice]:
    """A box of at most `size` pixels a side around the brightest pixel, inside the image."""
    box = []
    centre = np.unravel_index(int(brightness.argmax()), brightness.shape)
    for index, n in zip(centre, brightness.shape, strict=True):
        start = int(np.clip(int(index) - size // 2, 0, max(0, n - size)))
        box.append(slice(start, min(n, start + size)))
    return box[0], box[1]


def _brightest_cut(light: Image, gap: Mask, axis: int) -> tuple[int, int] | None:
    """(axis, index of the line) of the brightest line along `axis` that crosses the gap.

    Lines that run inside the gap are passed over; None where no line crosses it.
    """
    crossing = gap.any(axis=axis) & ~gap.all(axis=axis)  # one value per line
    across_plane = gap.all(axis=1 - axis).any()
    if not crossing.any() or not across_plane:
        return None
    brightness = np.where(crossing, light.sum(axis=axis), -1.0)
    return axis, int(brightness.argmax())


def _draw_frames(
    part: SubFigure, images: Mapping[str, Image], gap: Mask, box: tuple[slice, slice], frame: int
) -> None:
    rows, columns = box
    norm = _log_norm([image[rows, columns] for image in images.values()])
    axes: Any = part.subplots(1, len(images))
    for ax, (name, image) in zip(axes, images.items(), strict=True):
        _show(ax, image, norm, gap, box)
        first = ax is axes[0]
        ax.set_title(name)
        ax.set_xlabel(AXIS_NAMES[2])
        ax.set_ylabel(AXIS_NAMES[1] if first else "")
        ax.tick_params(labelleft=first)
        ax.set_aspect("equal")
    bar = part.colorbar(ScalarMappable(norm, _colormap()), ax=axes, aspect=25, pad=0.01)
    bar.set_label(f"counts, frame {frame}")


def _draw_cuts(
    part: SubFigure,
    cuts: Sequence[tuple[int, int]],
    counts: Image,
    lines: Mapping[str, Image],
    gap: Mask,
    box: tuple[slice, slice],
) -> None:
    axes: Any = part.subplots(1, len(cuts), squeeze=False)[0]
    for ax, (axis, index) in zip(axes, cuts, strict=True):
        along = np.arange(box[axis].start, box[axis].stop)  # (n_shown,) pixel indices
        hidden = _line(gap, axis, index)[along]
        for start, stop in _intervals(along[hidden]):
            ax.axvspan(start - 0.5, stop + 0.5, color="0.9", lw=0)
        measured = _line(counts, axis, index)[along]
        shown = np.maximum(measured, _DARKEST)
        ax.plot(along[~hidden], shown[~hidden], "o", ms=3.2, color="0.45", label="counts")
        ax.plot(along[hidden], shown[hidden], "o", ms=3.2, mfc="white", mec="0.45", mew=0.9)
        for name, style in (("truth", "-"), ("linear", "--"), ("ours", "-")):
            values = np.maximum(_line(lines[name], axis, index)[along], _DARKEST)
            # A fill is the measurement outside its gap: draw it from one known pixel to the next.
            drawn = values if name == "truth" else np.where(_widened(hidden), values, np.nan)
            width = 1.1 if name == "truth" else 1.8
            ax.plot(along, drawn, style, color=_COLOURS[name], lw=width, label=name)
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


def _draw_reconstructions(part: SubFigure, objects: Mapping[str, np.ndarray]) -> None:
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
    _draw_maps(halves[0], moduli, "modulus", "gray", (0.0, 1.0))
    finite = np.abs(np.concatenate([p[np.isfinite(p)] for p in phases.values()]))
    widest = min(math.pi, max(0.2, float(np.percentile(finite, 99)))) if finite.size else math.pi
    _draw_maps(halves[1], phases, "phase (rad)", "RdBu_r", (-widest, widest))


def _draw_object(above: SubFigure, below: SubFigure, obj: np.ndarray, support: Mask) -> None:
    """Modulus and phase in three slices through the middle of the support."""
    box = tuple(slice(max(0, int(i.min()) - 2), int(i.max()) + 3) for i in np.nonzero(support))
    obj, support = obj[box], support[box]
    middle = [round(float(i.mean())) for i in np.nonzero(support)]
    mean = np.conj((np.abs(obj) * obj).sum())
    modulus = np.abs(obj) / max(float(np.abs(obj).max()), 1e-30)
    phase = np.where(support, np.angle(obj * mean), np.nan)
    widest = min(math.pi, max(0.2, float(np.nanpercentile(np.abs(phase), 99))))
    for part, volume, label, colours, limits in (
        (above, modulus, "modulus", "gray", (0.0, 1.0)),
        (below, phase, "phase (rad)", "RdBu_r", (-widest, widest)),
    ):
        slices = {
            f"across the {INDEX_NAMES[axis]}s": _slice(volume, axis, middle[axis])
            for axis in _VIEWS
        }
        _draw_maps(part, slices, label, colours, limits)


def _placed(
    images: Mapping[str, Image], gap: Mask, corner: tuple[int, int, int]
) -> tuple[dict[str, Image], Mask, tuple[slice, slice]]:
    """Frames, gap and the box they fill, with as many rows and columns before them as the scan."""
    before = ((corner[1], 0), (corner[2], 0))
    n_y, n_x = gap.shape
    box = (slice(corner[1], corner[1] + n_y), slice(corner[2], corner[2] + n_x))
    placed = {name: np.pad(image, before) for name, image in images.items()}
    return placed, np.pad(gap, before), box


def _draw_profiles(
    part: SubFigure,
    cuts: Sequence[tuple[int, int]],
    images: Mapping[str, Image],
    bounds: tuple[Image, Image] | None,
    gap: Mask,
    corner: tuple[int, int, int],
) -> None:
    """Measured, filled and calculated intensity along lines through the gap."""
    axes: Any = part.subplots(1, len(cuts), squeeze=False)[0]
    for ax, (axis, index) in zip(axes, cuts, strict=True):
        along = np.arange(gap.shape[axis]) + corner[1 + axis]  # (n,) indices in the scan
        hidden = _line(gap, axis, index)
        lines = {name: _line(image, axis, index) for name, image in images.items()}
        if bounds is not None:
            low, high = (np.maximum(_line(bound, axis, index), _DARKEST) for bound in bounds)
            known = hidden & np.isfinite(high)
            ax.fill_between(
                along, low, np.where(known, high, low), where=known, color="0.85", label="interval"
            )
        shown = np.maximum(lines["measured"], _DARKEST)
        ax.plot(along, shown, "o", ms=3.2, color="0.45", label="measured")
        fill = np.where(_widened(hidden), np.maximum(lines["filled"], _DARKEST), np.nan)
        ax.plot(along, fill, "--", lw=1.4, color=_COLOURS["linear"], label="filled")
        calculated = np.maximum(lines["calculated"], _DARKEST)
        ax.plot(along, calculated, lw=1.4, color=_COLOURS["ours"], label="calculated")
        ax.set_yscale("log")
        ax.set_xlabel(AXIS_NAMES[1 + axis])
        ax.set_title(f"cut at {INDEX_NAMES[2 - axis]} {index + corner[2 - axis]}")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("counts")
    part.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )


def _draw_maps(
    part: SubFigure, maps: Mapping[str, Image], label: str, cmap: str, limits: tuple[float, float]
) -> None:
    """Maps side by side, without ticks, and their colour bar."""
    axes: Any = part.subplots(1, len(maps), squeeze=False)[0]
    norm, colours = Normalize(*limits), mpl.colormaps[cmap].resampled(_N_COLOURS // 2)
    for ax, (name, image) in zip(axes, maps.items(), strict=True):
        ax.imshow(image, cmap=colours, norm=norm, interpolation="nearest")
        ax.set_title(name)
        ax.set_xticks([])
        ax.set_yticks([])
    part.colorbar(ScalarMappable(norm, colours), ax=axes, aspect=14, shrink=0.8).set_label(label)


def _line(image: np.ndarray, axis: int, index: int) -> np.ndarray:
    """The line along `axis` at `index` of the other axis."""
    return image[:, index] if axis == 0 else image[index]


def _intervals(indices: npt.NDArray[np.integer]) -> list[tuple[int, int]]:
    """First and last index of each run of successive indices."""
    parts = np.split(indices, np.flatnonzero(np.diff(indices) > 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts if part.size]


def _widened(mask: Mask) -> Mask:
    """The mask and its two neighbours on the line."""
    wide = mask.copy()
    wide[1:] |= mask[:-1]
    wide[:-1] |= mask[1:]
    return wide


def _points(name: str, curve: np.ndarray) -> npt.NDArray[np.float64]:
    """(n, 2) steps and losses of a curve, where they are finite."""
    points = np.asarray(curve, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(
            f"{name} has shape {points.shape}, expected (n, 2): a step and a loss in each row"
        )
    return points[np.isfinite(points).all(axis=1)]


def _check_shapes(counts: np.ndarray, *others: np.ndarray) -> None:
    if counts.ndim != 3:
        raise InputError(
            f"counts have shape {counts.shape}, expected (n_rock, n_y, n_x): stack the frames"
        )
    for other in others:
        if other.shape != counts.shape:
            raise InputError(
                f"an array of shape {other.shape} does not fit counts {counts.shape}, expected "
                "one shape: crop them alike"
            )


def checked_picture(path: str | os.PathLike[str], force: bool) -> Path:
    """The path of a picture that may be written; InputError if it may not."""
    path = Path(path)
    if path.suffix.lower().removeprefix(".") not in FORMATS:
        raise InputError(
            f"picture {path} ends in {path.suffix!r}, expected one of "
            f"{', '.join('.' + name for name in FORMATS)}: rename it"
        )
    if not path.parent.is_dir():
        raise InputError(f"folder {path.parent} is missing, expected it for {path.name}: make it")
    if path.is_dir() or (path.exists() and not force):
        raise InputError(f"picture {path} exists, expected a new name: choose one or use --force")
    return path


def _save(figure: Figure, path: Path) -> Path:
    """Write the figure to a temporary file beside `path`, then put it in place."""
    try:
        handle, name = tempfile.mkstemp(suffix=path.suffix, prefix=".", dir=path.parent)
    except OSError as error:
        raise InputError(
            f"folder {path.parent} takes no file ({error.strerror}), expected a writable one: "
            "choose another"
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            if path.suffix.lower() == ".png":
                _write_png(figure, file)
            else:
                figure.savefig(file, format=path.suffix.lower().removeprefix("."))
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
    return path


def _write_png(figure: Figure, file: BinaryIO) -> None:
    """Write with a palette of 256 colours: a third of the size, and the same to the eye."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = PillowImage.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    palette = picture.quantize(
        256, PillowImage.Quantize.MAXCOVERAGE, dither=PillowImage.Dither.NONE
    )
    palette.save(file, format="PNG", optimize=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def contact_sheet(
    path: str | os.PathLike[str],
    volumes: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    columns: int = 6,
    force: bool = False,
) -> Path:
    """Many patterns at a glance: of each the slice through its peak, on a log scale of its own.

    Parameters
    ----------
    path : the picture to write.
    volumes : counts (n_rock, n_y, n_x), of which the brightest frame is shown, or (n_y, n_x).
    titles : a heading for each.
    columns : patterns side by side.
    force : overwrite an existing file.

    Raises
    ------
    InputError : no pattern, not one title for each, or a path that cannot be written.
    """
    path = checked_picture(path, force)
    if not volumes or len(titles) != len(volumes):
        raise InputError(
            f"{len(volumes)} patterns and {len(titles)} titles, expected as many of both and at "
            "least one: give a title for each pattern"
        )
    columns = min(columns, len(volumes))
    rows = math.ceil(len(volumes) / columns)
    with mpl.rc_context(_STYLE):
        figure = _figure(1.75 * columns, 2.3 * rows)
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, volume, title in zip(axes.flat, volumes, titles, strict=False):
            image = _peak_slice(np.asarray(volume))
            lit, norm = np.maximum(image, _DARKEST), _log_norm([image])
            ax.imshow(lit, norm=norm, cmap=_colormap(), aspect="auto", interpolation="nearest")
            ax.set_title(title, fontsize=7)
        return _save(figure, path)


def _peak_slice(volume: np.ndarray) -> Image:
    """The frame (n_y, n_x) of the brightest voxel."""
    if volume.ndim == 3:
        volume = volume[np.unravel_index(int(volume.argmax()), volume.shape)[0]]
    return volume.astype(float)


# --- how methods compare -------------------------------------------------------------------------

_METHOD_COLOURS = {"ceiling": "black", "network": _COLOURS["ours"], "linear": _COLOURS["linear"]}
_OTHER_COLOURS = ("#8a8a8a", "#e69f00", "#2e9e6b", "#9467bd", "#17a2b8", "#8c6d31", "#e377c2")

Curve = tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]]
"""Places along x, values there, and the lower and upper ends of their error bars (or NaN)."""


def score_curves(
    path: str | os.PathLike[str],
    panels: Mapping[str, Mapping[str, Curve]],
    *,
    xlabel: str,
    ylabel: str,
    log_x: bool = False,
    columns: int = 3,
    title: str = "",
    force: bool = False,
) -> Path:
    """A score of each method against something, such as the width of the gap: a panel for each set.

    Parameters
    ----------
    path : the picture to write.
    panels : for each heading, the curve of each method.
    xlabel, ylabel : names of the axes.
    log_x : a logarithmic x axis.
    columns : panels side by side.
    title : heading of the picture.
    force : overwrite an existing file.

    Raises
    ------
    InputError : no curve, or a path that cannot be written.
    """
    path = checked_picture(path, force)
    colours = _colours_of(list(dict.fromkeys(name for panel in panels.values() for name in panel)))
    if not colours:
        raise InputError("0 curves to draw, expected at least one: judge a method in some gap")
    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    with mpl.rc_context(_STYLE):
        figure = _figure(max(4.2 * columns, 6.4), 3.2 * rows + 0.7)
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax, (heading, curves) in zip(axes.flat, panels.items(), strict=False):
            _draw_curves(ax, curves, colours)
            ax.set_xscale("log" if log_x else "linear")
            ax.set_title(heading)
            ax.set_xlabel(xlabel)
        for ax in axes[:, 0]:
            ax.set_ylabel(ylabel)
        lines = [Line2D([], [], color=colour, marker="o", ms=3) for colour in colours.values()]
        names = [name.replace("_", " ") for name in colours]
        figure.legend(lines, names, loc="outside lower center", ncols=5, frameon=False)
        if title:
            figure.suptitle(title, fontsize=12)
        return _save(figure, path)


def _colours_of(methods: Sequence[str]) -> dict[str, str]:
    """A colour for each method: those that are always there keep theirs."""
    others = [name for name in methods if name not in _METHOD_COLOURS]
    given = {name: _OTHER_COLOURS[i % len(_OTHER_COLOURS)] for i, name in enumerate(others)}
    return {name: _METHOD_COLOURS.get(name) or given[name] for name in methods}


def _draw_curves(ax: Axes, curves: Mapping[str, Curve], colours: Mapping[str, str]) -> None:
    for name, (x, values, low, high) in curves.items():
        strong = name in _METHOD_COLOURS
        style = "--" if name == "ceiling" else "-"
        ax.plot(x, values, style, marker="o", ms=3, lw=1.8 if strong else 1.0, color=colours[name])
        ax.vlines(x, low, high, color=colours[name], lw=0.8)
    ax.grid(color="0.9", lw=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def ratio_strips(
    path: str | os.PathLike[str],
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    ylabel: str,
    force: bool = False,
) -> Path:
    """Ratios to a common case: a point for each, a bar at the median, a line at 1.

    Parameters
    ----------
    path : the picture to write.
    panels : for each heading, the ratios of each method; one that is not finite leaves its point
        out.
    ylabel : name of the ratio.
    force : overwrite an existing file.

    Raises
    ------
    InputError : no panel, or a path that cannot be written.
    """
    path = checked_picture(path, force)
    if not panels:
        raise InputError("0 panels to draw, expected at least one: judge a crystal")
    columns = min(4, len(panels))
    rows = math.ceil(len(panels) / columns)
    with mpl.rc_context(_STYLE):
        figure = _figure(max(3.2 * columns, 4.8), 3.2 * rows)
        axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax, (heading, methods) in zip(axes.flat, panels.items(), strict=False):
            ax.axhline(1, color="0.6", lw=1)
            for place, ratios in enumerate(methods.values()):
                known = np.asarray(ratios)[np.isfinite(ratios)]
                spread = np.linspace(-0.15, 0.15, len(known)) if len(known) > 1 else np.zeros(1)
                ax.plot(place + spread[: len(known)], known, "o", ms=3, color="0.55")
                if len(known):
                    middle = float(np.median(known))
                    ax.hlines(middle, place - 0.3, place + 0.3, color=_COLOURS["ours"], lw=2)
            names = [name.replace("_", " ") for name in methods]
            ax.set_xticks(range(len(names)), names, rotation=60, ha="right")
            ax.set_title(heading)
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter("{x:g}")
            ax.grid(axis="y", color="0.9", lw=0.6)
            ax.spines[["top", "right"]].set_visible(False)
        for ax in axes[:, 0]:
            ax.set_ylabel(ylabel)
        return _save(figure, path)


def fill_slices(
    path: str | os.PathLike[str],
    rows: Sequence[tuple[str, Mapping[str, np.ndarray], np.ndarray]],
    *,
    window: int = 64,
    title: str = "",
    force: bool = False,
) -> Path:
    """Frames through gaps: what was counted, and what each method made of the gap; a row for each.

    Parameters
    ----------
    path : the picture to write.
    rows : for each gap a label, the frames (n_y, n_x) by name, and the gap's mask (n_y, n_x). The
        first frame is the truth, which sets the row's colours; NaN = unknown.
    window : widest region to show, in pixels, around the brightest part of the gap.
    title : heading of the picture.
    force : overwrite an existing file.

    Raises
    ------
    InputError : no gap, frames of different shapes, or a path that cannot be written.
    """
    path = checked_picture(path, force)
    if not rows or any(not gap.any() for _, _, gap in rows):
        raise InputError(f"{len(rows)} rows to draw, expected at least one, each with a gap")
    for label, images, gap in rows:
        for name, image in images.items():
            if image.shape != gap.shape:
                raise InputError(
                    f"{label}, {name}: a frame of shape {image.shape} does not fit its gap "
                    f"{gap.shape}, expected one shape: crop them alike"
                )
    n_columns = max(len(images) for _, images, _ in rows)
    with mpl.rc_context(_STYLE):
        figure = _figure(1.55 * n_columns, 1.75 * len(rows) + 0.4)
        axes = figure.subplots(len(rows), n_columns, squeeze=False)
        for line, row in zip(axes, rows, strict=True):
            _draw_slices(line, *row, window)
        if title:
            figure.suptitle(title, fontsize=12)
        return _save(figure, path)


def _draw_slices(
    axes: Any, label: str, images: Mapping[str, Image], gap: Mask, window: int
) -> None:
    """A row of frames, all in the colours of the first."""
    truth = next(iter(images.values()))
    light = np.where(gap, np.nan_to_num(truth, nan=0.0), 0.0)
    box = _window(gaussian_filter(light.astype(float), 3), window)
    norm = _log_norm([truth[box]])
    for ax in axes:
        ax.set_axis_off()
    for ax, (name, image) in zip(axes, images.items(), strict=False):
        ax.set_axis_on()
        _show(ax, image, norm, gap, box)
        ax.set_aspect("equal")
        ax.tick_params(labelbottom=False, labelleft=False, length=0)
        ax.set_title(name.replace("_", " "), fontsize=8)
    axes[0].set_ylabel(label, fontsize=8)
