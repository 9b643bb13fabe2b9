"""Artificial gaps: where a gap is put on a pattern or a scan whose counts are known.

Training, calibration and evaluation hide measured or simulated counts behind a gap of their own.
Every placement is here; `pseudo_gap` has the one that imitates a scan's own gap. They share two
ideas: the lines between the Bragg peak and a gap's nearer edge (`lines_from_peak`), and the known
lines that a gap leaves beside it. A placement that finds no room returns no gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bcdi_inpaint.gaps.gap import Gap

GapPlacement = Literal["row", "column", "cross", "off_centre", "shoulder"]
"""Where an artificial gap lies with respect to the Bragg peak; see `place_near_peak`."""
PLACEMENTS: tuple[GapPlacement, ...] = ("row", "column", "cross", "off_centre", "shoulder")
GapKind = tuple[int, int]
"""The axis across a gap, and the gap's width in lines."""


@dataclass(frozen=True)
class PlacementSettings:
    """How near artificial gaps come to the peak, to each other and to the array's edge.

    The numbers define what is judged and learned from, so that changing one changes every figure.

    Attributes
    ----------
    known_beside : known lines that a judged or learned gap leaves on each side (lines).
    known_beside_crystal : the same for gaps on crystals that are phased (lines).
    known_beside_pseudo : the same for a pseudo-gap (lines).
    training_margin : lines to the array's edge that a training gap keeps where there is room.
    near_peak : lines between peak and gap of a row, a column or a cross, lowest and highest.
    shoulder : the same of a gap on the peak's shoulder.
    off_centre : the same of a gap far from the peak, as parts of the array's length.
    cross_from_peak : lines from the peak's own to the first of the default cross of a scan.
    cross_width : lines of that cross; a MAXIPIX has 6.
    other_axis_cost : lines from the right place that a pseudo-gap across another axis costs, twice
        across frames.
    hidden_mates_cost : lines from the right place that a pseudo-gap opposite a gap costs, where the
        network misses the Friedel mates that it has in the gap.
    """

    known_beside: int = 4
    known_beside_crystal: int = 3
    known_beside_pseudo: int = 4
    training_margin: int = 6
    near_peak: tuple[int, int] = (4, 12)
    shoulder: tuple[int, int] = (0, 2)
    off_centre: tuple[float, float] = (0.2, 0.35)
    cross_from_peak: int = 6
    cross_width: int = 6
    other_axis_cost: float = 0.5
    hidden_mates_cost: float = 12.0


SETTINGS = PlacementSettings()


def lines_from_peak(start: int, stop: int, peak: int) -> int:
    """Lines between the Bragg peak's line and the nearer edge of a gap.

    Parameters
    ----------
    start, stop : the gap's first line, and the one after its last.
    peak : the line of the Bragg peak.

    Returns
    -------
    How many lines; 0 where the gap covers the peak.

    Examples
    --------
    >>> lines_from_peak(10, 16, 7), lines_from_peak(2, 5, 7), lines_from_peak(5, 9, 7)
    (2, 2, 0)
    """
    return max(start - peak - 1, peak - stop, 0)


# --- for training ---------------------------------------------------------------------------------


def draw_gaps(
    shape: Sequence[int],
    peak: Sequence[int],
    rng: np.random.Generator,
    *,
    widths: Sequence[tuple[int, int]],
    shares: Sequence[float],
    crossing_share: float,
    peak_spread: float,
    settings: PlacementSettings = SETTINGS,
) -> list[Gap]:
    """Draw one plane gap near the peak, sometimes crossed by another; the first is the main one.

    Parameters
    ----------
    shape : of the array, two or three axes.
    peak : the voxel of the Bragg peak.
    rng : source of everything that is drawn.
    widths : ranges of gap widths in lines, both ends included.
    shares : how often each range is drawn, of any sum.
    crossing_share : how often another gap crosses the first, 0 to 1.
    peak_spread : standard deviation of a gap's distance from the peak, as a part of the array.
    settings : of which `training_margin` matters.

    Returns
    -------
    One or two gaps, across different axes.
    """
    axes = rng.permutation(len(shape))
    count = 2 if rng.random() < crossing_share else 1
    chances = np.array(shares) / sum(shares)
    gaps = []
    for axis in axes[:count]:
        low, high = widths[int(rng.choice(len(chances), p=chances))]
        n = shape[axis]
        width = min(int(rng.integers(low, high + 1)), n // 2)
        middle = peak[axis] + rng.normal(0, peak_spread * n)
        margin = min(settings.training_margin, (n - width) // 3)
        start = int(np.clip(middle - width / 2, margin, n - margin - width))
        gaps.append(Gap(int(axis), start, start + width))
    return gaps


# --- for evaluation -------------------------------------------------------------------------------


def place_near_peak(
    placement: GapPlacement,
    width: int,
    shape: Sequence[int],
    peak: Sequence[int],
    rng: np.random.Generator,
    settings: PlacementSettings = SETTINGS,
) -> tuple[Gap, ...]:
    """Place the planes of a gap beside the Bragg peak.

    Parameters
    ----------
    placement : ``row``, ``column`` and ``cross`` (both) begin 4 to 12 lines from the peak,
        ``shoulder`` (rows or columns) 0 to 2, ``off_centre`` (rows or columns) a fifth to a third
        of the array; nearer where there is no room.
    width : of the gap in lines.
    shape : (n_rock, n_y, n_x).
    peak : the voxel of the Bragg peak.
    rng : source of everything that is drawn.
    settings : how near to the peak and to the edge.

    Returns
    -------
    The planes; none where they do not fit.
    """
    axes = {"row": (1,), "column": (2,), "cross": (1, 2)}.get(placement)
    if axes is None:
        axes = (int(rng.integers(1, 3)),)
    gaps = []
    for axis in axes:
        n = shape[axis]
        low, high = _distances(placement, n, settings)
        distance, above = int(rng.integers(low, high + 1)), bool(rng.random() < 0.5)
        start = _start_beside(n, peak[axis], width, distance, above, settings.known_beside)
        if start is None:
            return ()
        gaps.append(Gap(axis, start, start + width))
    return tuple(gaps)


def _distances(placement: GapPlacement, n: int, settings: PlacementSettings) -> tuple[int, int]:
    """Lines between peak and gap, lowest and highest."""
    if placement == "off_centre":
        low, high = (round(part * n) for part in settings.off_centre)
        return low, high
    return settings.shoulder if placement == "shoulder" else settings.near_peak


def _start_beside(
    n: int, peak: int, width: int, distance: int, above: bool, known_beside: int
) -> int | None:
    """First line of a gap of `width` at a distance from the peak; None where it does not fit."""
    room_above = n - known_beside - width - (peak + 1)  # the largest distance there
    room_below = peak - width - known_beside
    if (room_above if above else room_below) < 0:
        above = not above
    room = room_above if above else room_below
    if room < 0:
        return None
    distance = min(distance, room)
    return peak + 1 + distance if above else peak - distance - width


def place_beside_middle(
    shape: Sequence[int],
    width: int,
    distances: tuple[int, int],
    cross_share: float,
    rng: np.random.Generator,
    settings: PlacementSettings = SETTINGS,
) -> list[Gap]:
    """Place a plane gap beside the middle of an array, where a crystal's Bragg peak is.

    Parameters
    ----------
    shape : of the array.
    width : of the gap in lines.
    distances : lines between the middle and the gap's nearer edge, lowest and highest.
    cross_share : how often another gap crosses it, 0 to 1.
    rng : source of everything that is drawn.
    settings : of which `known_beside_crystal` matters.

    Returns
    -------
    One or two gaps; none where they do not fit.
    """
    axes = rng.permutation(len(shape))[: 2 if rng.random() < cross_share else 1]
    gaps = []
    for axis in axes:
        n = shape[axis]
        room = n - settings.known_beside_crystal - width - (n // 2 + 1)
        distance = min(int(rng.integers(distances[0], distances[1] + 1)), room)
        if distance < 0:
            return []
        above = bool(rng.random() < 0.5)
        start = n // 2 + 1 + distance if above else n // 2 - distance - width
        gaps.append(Gap(int(axis), start, start + width))
    return gaps


def place_in_middle(size: int, width: int, axis: int) -> Gap:
    """Place a gap through the middle of a cube.

    Parameters
    ----------
    size : voxels on each side of the cube.
    width : of the gap in lines.
    axis : across the gap.

    Returns
    -------
    The gap.
    """
    start = (size - width) // 2
    return Gap(axis, start, start + width)


def place_cross(expectation: np.ndarray, settings: PlacementSettings = SETTINGS) -> tuple[Gap, ...]:
    """A cross of rows and columns beside the brightest voxel, as of a MAXIPIX.

    Parameters
    ----------
    expectation : (n_rock, n_y, n_x) expected photons, noise-free: its brightest voxel is the peak.
    settings : how wide, and how far from the peak.

    Returns
    -------
    A gap of rows and one of columns, inside the array.
    """
    width = settings.cross_width
    peak = np.unravel_index(int(expectation.argmax()), expectation.shape)
    gaps = []
    for axis in (1, 2):
        start = int(peak[axis]) + settings.cross_from_peak
        if start + width >= expectation.shape[axis]:
            start = int(peak[axis]) - settings.cross_from_peak - width + 1
        gaps.append(Gap(axis, start, start + width))
    return tuple(gaps)
