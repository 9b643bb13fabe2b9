"""Single pixels that no frame has measured: dead ones amid light, and those that hold one value.

A fringe has dark voxels too, so a pixel without a count is dead only where the light around it does
not sink towards it. Near a zero the amplitude falls in a line; the amplitudes beside a dead pixel
lead on across it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array, IntArray
from bcdi_inpaint.scan.validity import COUNTER_LIMITS


@dataclass(frozen=True)
class StuckSettings:
    """What a pixel must show to be none.

    Chosen on simulated crystals, faint and bright, of which none has such a pixel; no committed
    command.

    Attributes
    ----------
    expected : counts of all frames that a dead pixel would hold at least, as its neighbours'
        amplitudes lead on; it is empty by chance once in exp(expected) times.
    fewest_sides : of the four sides that are measured and as bright.
    steepest : ratio of the amplitudes of a side's first two pixels; where the light sinks faster
        away from the pixel, its fringes are too fine to lead on.
    times_neighbours : of a pixel with one value in all frames that is no known mark, how often it
        exceeds the largest count of its neighbours, in their median.
    least_value : such a value at least.
    fewest_frames : a value in fewer frames may be the same by chance.
    """

    expected: float = 24.0
    fewest_sides: int = 3
    steepest: float = 3.0
    times_neighbours: float = 10.0
    least_value: float = 20.0
    fewest_frames: int = 4


SETTINGS = StuckSettings()


def dead_pixels(
    light: Float64Array, known: IntArray, settings: StuckSettings = SETTINGS
) -> BoolArray:
    """Find the pixels without a count in any frame that are no dark voxels of a fringe.

    Parameters
    ----------
    light : (n_y, n_x), the counts of all frames together.
    known : (n_y, n_x), in how many frames each pixel is measured.
    settings : what a dead pixel must show.

    Returns
    -------
    (n_y, n_x) bool.

    Examples
    --------
    >>> light = np.full((7, 7), 100.0)
    >>> light[3, 4] = 0
    >>> np.argwhere(dead_pixels(light, np.full((7, 7), 20))).tolist()
    [[3, 4]]
    """
    found = np.zeros(light.shape, dtype=bool)
    places = np.argwhere((light == 0) & (known > 0))
    if not len(places):
        return found
    reach = 3
    share = light / np.maximum(known, 1)
    amplitude = np.where(known > 0, np.sqrt(share), np.nan)
    amplitude = np.pad(amplitude, reach, constant_values=np.nan)
    down, across = places.T + reach
    sides = [
        _led_on([amplitude[down + k * y, across + k * x] for k in range(1, reach + 1)], settings)
        for y, x in ((-1, 0), (1, 0), (0, -1), (0, 1))
    ]
    n_sides = np.sum([~np.isnan(side) for side in sides], axis=0)
    least = np.min([np.where(np.isnan(side), np.inf, side) for side in sides], axis=0)
    expected = least**2 * known[tuple(places.T)]
    dead = (n_sides >= settings.fewest_sides) & (expected >= settings.expected)
    found[tuple(places[dead].T)] = True
    return found


def _led_on(amplitudes: list[Float64Array], settings: StuckSettings) -> Float64Array:
    """The amplitude that those of the next pixels on one side lead on to; NaN where none is known.

    It is the least of what a constant, a line and a parabola through them say.
    """
    one, two, three = amplitudes
    line, parabola = 2 * one - two, 3 * one - 3 * two + three
    least = np.fmin(one, np.fmin(line, parabola))
    least = np.where(one > settings.steepest * two, 0, least)
    return np.where(np.isnan(one), np.nan, np.maximum(least, 0))


@dataclass(frozen=True)
class StuckPixels:
    """Pixels that hold one value in all frames: a mark, or far above their neighbours.

    Attributes
    ----------
    marks : (n_y, n_x) bool, those whose value is a known mark or a whole number below zero.
    others : (n_y, n_x) bool, the rest.
    """

    marks: BoolArray
    others: BoolArray


def stuck_pixels(
    least: Float64Array, largest: Float64Array, n_frames: int, settings: StuckSettings = SETTINGS
) -> StuckPixels:
    """Find the pixels that hold one value in all frames and stand out, or are below zero.

    Parameters
    ----------
    least, largest : (n_y, n_x), of the counts of each pixel; NaN where it is masked in a frame.
    n_frames : of the scan.
    settings : what such a pixel must show.

    Returns
    -------
    Which they are.
    """
    marks, others = np.zeros(least.shape, bool), np.zeros(least.shape, bool)
    if n_frames < settings.fewest_frames:
        return StuckPixels(marks, others)
    whole = np.isfinite(least) & (least == np.rint(least))
    marks |= (least == largest) & (least < 0) & whole
    places = np.argwhere((least == largest) & (least >= settings.least_value))
    if not len(places):
        return StuckPixels(marks, others)
    around = np.pad(largest, 1, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3))[tuple(places.T)]
    beside = windows.reshape(len(places), 9)[:, [0, 1, 2, 3, 5, 6, 7, 8]]
    beside = np.where(np.isnan(beside), np.inf, beside)  # what is masked says nothing
    n_known = np.isfinite(beside).sum(axis=1)
    median = np.sort(beside, axis=1)[np.arange(len(places)), np.maximum(n_known - 1, 0) // 2]
    value = least[tuple(places.T)]
    is_mark = np.isin(value, COUNTER_LIMITS) & (value > median)
    stands_out = value > settings.times_neighbours * np.maximum(median, 1)
    seen = n_known >= 3
    marks[tuple(places[is_mark & seen].T)] = True
    others[tuple(places[stands_out & ~is_mark & seen].T)] = True
    return StuckPixels(marks, others)
