"""How far from the Bragg peak's brightest known surroundings its centre is looked for.

A gap over the peak leaves one of its flanks as the brightest that is known, beside the gap. The
centre may then lie anywhere in the gap, up to its far rim.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float64Array
from bcdi_inpaint.scan.boxes import around, other_axes


@dataclass(frozen=True)
class CentreSettings:
    """How the centre of the inversion symmetry is found.

    Attributes
    ----------
    reach : voxels along each axis that the centre may lie from the peak's voxel; farther, to the
        far rim, where a gap begins within them that is wider; see `SearchRange`.
    half_window : half the side, in voxels, of the window around the peak's voxel whose overlap
        with its inversion counts; as much more as the centre may lie farther.
    least_overlap : pairs of known voxels that a centre needs, as a part of those that the peak's
        voxel has as a centre.
    tells_more : how many times as much the pairs about a centre beyond the reach have to tell as
        those about the best within it, if that is a measured voxel. On 12 simulated crystals it was
        1.0 to 1.3 times as much where gaps of 24 px lay beside the peak, 2.4 and more where they
        lay over it; no committed command.
    """

    reach: int = 12
    half_window: int = 48
    least_overlap: float = 0.5
    tells_more: float = 1.5


@dataclass(frozen=True)
class SearchRange:
    """Where the centre may lie along each axis, and the window that is compared for it.

    Attributes
    ----------
    middle : the voxel in the middle of where the centre may lie.
    reach : voxels on both sides of it, for each axis.
    half_window : the same of the window.
    """

    middle: tuple[int, ...]
    reach: tuple[int, ...]
    half_window: tuple[int, ...]

    @classmethod
    def around(cls, peak: Sequence[int], settings: CentreSettings) -> SearchRange:
        """The range where there is no wide gap."""
        n_dim = len(peak)
        reach, half_window = (settings.reach,) * n_dim, (settings.half_window,) * n_dim
        return cls(tuple(int(p) for p in peak), reach, half_window)

    def moved(self, steps: Iterable[int]) -> SearchRange:
        """The same in an array that begins elsewhere."""
        middle = tuple(int(m + step) for m, step in zip(self.middle, steps, strict=True))
        return replace(self, middle=middle)

    def window(self, shape: Sequence[int]) -> tuple[slice, ...]:
        """The voxels that are compared, as far as an array of that shape reaches."""
        return tuple(
            slice(max(m - half, 0), min(m + half + 1, n))
            for m, half, n in zip(self.middle, self.half_window, shape, strict=True)
        )

    def centre(self, flat: int) -> Float64Array:
        """The centre (n_dim,) in voxels that has an index among all, by halves, as if flat."""
        steps = np.unravel_index(flat, [4 * reach + 1 for reach in self.reach])
        return np.array(self.middle) + np.array(steps) / 2 - np.array(self.reach)

    def index(self, centre: Float64Array) -> tuple[int, ...]:
        """The index of a centre among all, by halves."""
        steps = 2 * (centre - np.array(self.middle) + np.array(self.reach))
        return tuple(int(step) for step in steps)


def search_range(
    known: BoolArray, peak: Sequence[int], settings: CentreSettings = CentreSettings()
) -> SearchRange:
    """Where the centre of the peak may lie: around its voxel, and in a wide gap beside that.

    Parameters
    ----------
    known : bool, of any number of dimensions, True where a voxel was measured.
    peak : the voxel of `peak.centre.find_peak`.
    settings : how far to look where there is no wide gap.

    Examples
    --------
    Rows 20:44 are not known, so that the highest smoothed logarithm lies beside them:

    >>> known = np.ones((64, 64), dtype=bool)
    >>> known[20:44] = False
    >>> search_range(known, (50, 32)).window((64, 64))
    (slice(0, 64, None), slice(0, 64, None))
    >>> search_range(known, (50, 32)).middle, search_range(known, (50, 32)).reach
    ((40, 32), (22, 12))
    """
    sides = [_side(known, peak, axis, settings) for axis in range(known.ndim)]
    middle = tuple(int(low + high) // 2 for low, high in sides)
    reach = tuple(int(high) - m for (_, high), m in zip(sides, middle, strict=True))
    wider = settings.half_window - settings.reach
    return SearchRange(middle, reach, tuple(one + wider for one in reach))


def _side(
    known: BoolArray, peak: Sequence[int], axis: int, settings: CentreSettings
) -> tuple[int, int]:
    """The first and the last voxel of an axis in which the centre may lie."""
    box = list(around(peak, settings.reach, known.shape))
    box[axis] = around(peak, settings.reach + settings.half_window, known.shape)[axis]
    # A few bad voxels make no line of a gap, and a few measured ones do not end it.
    hidden = known[tuple(box)].mean(axis=other_axes(axis, known.ndim)) < 0.5
    first = box[axis].start
    low, high = across_wide_gaps(
        np.asarray(hidden), peak[axis] - first, settings.reach, settings.reach
    )
    return first + low, first + high


def across_wide_gaps(hidden: BoolArray, line: int, reach: int, wider_than: int) -> tuple[int, int]:
    """The first and the last of the lines within reach of one, and in a wide gap that begins there.

    A gap that ends nowhere is none: nothing is known on its other side.

    Parameters
    ----------
    hidden : bool, True for each line that is in a gap.
    line : the middle one.
    reach : lines on each side of it; they may lie outside the array.
    wider_than : lines of the widest gap that plays no role.

    Examples
    --------
    >>> hidden = np.zeros(64, dtype=bool)
    >>> hidden[20:44] = True
    >>> across_wide_gaps(hidden, 50, 12, 12), across_wide_gaps(hidden, 60, 12, 12)
    ((19, 62), (48, 72))
    """
    low, high = line - reach, line + reach
    sides = [low, high]
    # Between two steps lie hidden lines that end on both sides, or known ones.
    steps = np.flatnonzero(np.diff(hidden))
    for before, last in pairwise(steps):
        is_near = before <= high and last + 1 >= low
        if hidden[last] and last - before > wider_than and is_near:
            sides += [int(before), int(last) + 1]
    return min(sides), max(sides)


def is_known_at(known: BoolArray, centre: Float64Array) -> bool:
    """Whether the voxel at a centre was measured."""
    voxel = np.clip(np.rint(centre), 0, np.array(known.shape) - 1).astype(int)
    return bool(known[tuple(voxel)])
