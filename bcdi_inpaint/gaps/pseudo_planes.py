"""Places for pseudo-gaps: planes like a scan's own gaps, where the counts are known.

As wide as a gap and as far from the Bragg peak, so that distance, brightness and what is known
beside them are alike: across each axis, on either side of the peak. Last where the Friedel mates
are in a gap: there the network misses the mates that it has in the gap, and seems worse than it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.gaps.artificial import lines_from_peak
from bcdi_inpaint.gaps.gap import Gap


@dataclass(frozen=True)
class PseudoPlaneSettings:
    """Where pseudo-gaps may lie. Chosen; no committed command.

    Attributes
    ----------
    known_beside : known lines on each side of a pseudo-gap.
    farthest : lines from a gap's own distance to the peak at which a place is no longer like it.
    from_peak : lines from the peak beyond which a gap does not matter where another one is nearer.
    other_axis_cost : lines from the right distance that a place across another axis costs; twice
        across frames, which sample the pattern differently.
    hidden_mates_cost : lines from the right distance that a place costs whose Friedel mates are not
        all known, as of `PlacementSettings`.
    """

    known_beside: int = 4
    farthest: int = 16
    from_peak: int = 48
    other_axis_cost: float = 0.5
    hidden_mates_cost: float = 12.0


def find_pseudo_planes(
    gaps: Sequence[Gap],
    known: Sequence[BoolArray],
    peak: Sequence[int],
    settings: PseudoPlaneSettings = PseudoPlaneSettings(),
) -> tuple[Gap, ...]:
    """Places for pseudo-gaps, the best first; the gaps take turns.

    Parameters
    ----------
    gaps : the real ones.
    known : for each axis, which of its lines hold a known voxel, bool.
    peak : the voxel of the Bragg peak.
    settings : where they may lie.

    Returns
    -------
    Planes in known lines, which may overlap each other; none where there is no room.

    Examples
    --------
    >>> import numpy as np
    >>> known = [np.ones(40, dtype=bool) for _ in range(3)]
    >>> known[1][26:30] = False
    >>> find_pseudo_planes([Gap(1, 26, 30)], known, (20, 20, 20))[:3]
    (cols 11:15, cols 26:30, frames 11:15)
    """
    far = {gap: lines_from_peak(gap.start, gap.stop, int(peak[gap.axis])) for gap in gaps}
    limit = max(settings.from_peak, min(far.values(), default=0))
    near = sorted((gap for gap in far if far[gap] <= limit), key=lambda gap: far[gap])
    turns = zip_longest(*(_places_like(gap, known, peak, settings) for gap in near))
    return tuple(dict.fromkeys(place for place in chain(*turns) if place is not None))


def _places_like(
    gap: Gap, known: Sequence[BoolArray], peak: Sequence[int], settings: PseudoPlaneSettings
) -> list[Gap]:
    """The best place of each axis and side of the peak for a plane like a gap, cheapest first."""
    wanted = lines_from_peak(gap.start, gap.stop, int(peak[gap.axis]))
    best: dict[tuple[int, bool], tuple[float, Gap]] = {}
    for axis, lines in enumerate(known):
        penalty = settings.other_axis_cost * (axis != gap.axis) * (1 + (axis == 0))
        for start in _free_starts(lines, gap.width, settings.known_beside):
            stop = start + gap.width
            away = lines_from_peak(start, stop, int(peak[axis])) - wanted
            side = (axis, start > peak[axis])
            hidden = _misses_mates(lines, start, stop, int(peak[axis]))
            cost = abs(away) + penalty + settings.hidden_mates_cost * hidden
            if abs(away) <= settings.farthest and cost < best.get(side, (float("inf"),))[0]:
                best[side] = (cost, Gap(axis, start, start + gap.width))
    return [place for _, place in sorted(best.values())]


def _misses_mates(known: BoolArray, start: int, stop: int, peak: int) -> bool:
    """Whether a line that is not known lies where lines are inverted through the peak to."""
    first, last = 2 * peak - stop + 1, 2 * peak - start
    mates = known[max(first, 0) : max(last + 1, 0)]
    return not bool(mates.all())


def _free_starts(known: BoolArray, width: int, clear: int) -> Iterator[int]:
    """First lines of `width` known lines, with known ones beside them."""
    for start in range(clear, len(known) - width - clear + 1):
        if known[start - clear : start + width + clear].all():
            yield start
