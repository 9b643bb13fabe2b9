"""A measured scan as its own teacher: artificial gaps where its counts are known.

The counts of real gaps and bad voxels are never a truth. Part of the scan is held out: what a
network learns from does not depend on a single count of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.gaps.artificial import SETTINGS, GapKind
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import find_planes, gap_mask
from bcdi_inpaint.gaps.start_weights import gap_start_weights, line_sums, window_sums
from bcdi_inpaint.network.channels import CHANNEL_ORDER, GuessKind, compute_features
from bcdi_inpaint.network.units import logs_to_network
from bcdi_inpaint.scan.boxes import AXIS_NAMES, Box, as_box, as_shape, bounding_box, other_axes
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.scan.validity import check_counts
from bcdi_inpaint.training.finetune_settings import OwnGapSettings
from bcdi_inpaint.training.slabs import Slab

_DEFAULTS = OwnGapSettings()


@dataclass(frozen=True)
class Part:
    """The brightest part of a scan; arrays (n_rock, n_y, n_x).

    Attributes
    ----------
    log_counts : float32, log(1 + counts), 0 where unknown.
    unknown : bool, real gaps and bad voxels.
    held_out : bool, lines at one end of one axis.
    kinds : the artificial gaps that it can have.
    """

    log_counts: Float32Array
    unknown: BoolArray
    held_out: BoolArray
    kinds: tuple[GapKind, ...]


def kinds_of(gaps: Sequence[Gap]) -> tuple[GapKind, ...]:
    """Direction and width of each gap, each once, and no wider than gaps that are filled.

    Examples
    --------
    >>> kinds_of([Gap(1, 254, 260), Gap(2, 254, 260), Gap(2, 0, 100)])
    ((1, 6), (2, 6), (2, 42))
    """
    return tuple(sorted({(gap.axis, min(gap.width, FillingSettings.widest)) for gap in gaps}))


def empty_lines(scan: Scan) -> tuple[Gap, ...]:
    """Frames, rows and columns without a count, between others: gaps of no known detector."""
    found = find_planes((scan.counts == 0) | scan.bad_mask)
    return tuple(gap for gap in found if gap.start > 0 and gap.stop < scan.shape[gap.axis])


def brightest_part(
    scan: Scan,
    gaps: Sequence[Gap],
    kinds: Sequence[GapKind],
    rng: np.random.Generator,
    settings: OwnGapSettings = _DEFAULTS,
) -> Part:
    """The part of a scan to learn from and to judge on.

    Parameters
    ----------
    scan : the measured scan.
    gaps : its real gaps.
    kinds : the artificial gaps that are wanted.
    rng : draws what is held out.
    settings : how large the part is, and how much of it is held out.

    Returns
    -------
    The part, with those of the kinds that fit into it.

    Raises
    ------
    InputError
        The counts are not counts, the scan is too dark, or no artificial gap fits.
    """
    gap = gap_mask(gaps, scan.shape)
    check_counts(scan, gap)
    unknown = gap | scan.bad_mask
    log_counts = np.log1p(np.where(unknown, 0, scan.counts).astype(np.float32))
    box = _brightest_box(log_counts, settings.window)
    log_counts, unknown = log_counts[box], unknown[box]
    fewest = settings.fewest_lit
    _check_lit(log_counts > 0, "of the scan", fewest)
    fitting = tuple(kind for kind in kinds if gap_start_weights(log_counts, unknown, kind).any())
    if not fitting:
        wanted = ", ".join(f"{width} {AXIS_NAMES[axis]}" for axis, width in kinds)
        raise InputError(
            f"no artificial gap of {wanted} fits between the gaps and bad lines of the "
            f"{' x '.join(map(str, log_counts.shape))} voxels around the peak, expected "
            f"{SETTINGS.known_beside} known lines on each side of it: give a larger crop "
            "of the scan, or narrower --widths"
        )
    held_out = _draw_held_out(log_counts, unknown, fitting, rng, settings)
    _check_lit((log_counts > 0) & held_out, "held out", fewest)
    _check_lit((log_counts > 0) & ~held_out, "not held out", fewest)
    return Part(log_counts, unknown, held_out, fitting)


def artificial_gaps(
    part: Part,
    rng: np.random.Generator,
    *,
    held_out: bool = False,
    settings: OwnGapSettings = _DEFAULTS,
) -> list[Gap]:
    """Draw a gap where there are counts, sometimes crossed by another; the first is the main one.

    Parameters
    ----------
    part : of the scan.
    rng : source of everything that is drawn; a place is the likelier, the more counts a gap hides.
    held_out : whether the gaps lie in what is held out, or outside it.
    settings : how often gaps cross.

    Returns
    -------
    One or two gaps, in lines of the part.
    """
    log_counts = np.where(_usable(part, held_out), part.log_counts, 0)
    kinds = [part.kinds[i] for i in rng.permutation(len(part.kinds))]
    drawn = kinds[:1]
    crossing = [kind for kind in kinds if kind[0] != drawn[0][0]]
    if crossing and rng.random() < settings.crossing_share:
        drawn.append(crossing[0])
    gaps = []
    for axis, width in drawn:
        weights = gap_start_weights(log_counts, part.unknown, (axis, width)).astype(np.float64)
        start = SETTINGS.known_beside + int(rng.choice(len(weights), p=weights / weights.sum()))
        gaps.append(Gap(axis, start, start + width))
    return gaps


def measured_slab(
    part: Part,
    gaps: Sequence[Gap],
    size: int,
    *,
    held_out: bool = False,
    guess: GuessKind = "kriged",
) -> Slab:
    """Hide counts behind artificial gaps, and cut the first one's surroundings as for filling.

    Parameters
    ----------
    part : of the scan.
    gaps : the artificial gaps, in lines of the part; the first is the main one.
    size : of a patch in voxels; no side of the slab is shorter.
    held_out : whether the slab is to judge on. If not, what is held out is unknown in it.
    guess : the first guess of the network's input.

    Returns
    -------
    A slab whose truth are measured counts and whose `gap` are the voxels with a truth: known ones,
    inside what is held out for a `held_out` slab, else outside.
    """
    artificial = gap_mask(gaps, as_shape(part.unknown.shape))
    unknown = part.unknown | artificial | (part.held_out & (not held_out))
    log_counts = np.where(unknown, 0, part.log_counts)
    features = compute_features(log_counts, unknown, [*find_planes(part.unknown), *gaps], guess)
    gap = artificial & _usable(part, held_out)
    box = _surroundings(gaps[0], gap, size)

    def cut(volume: NDArray[np.generic], outside: bool = False) -> NDArray[np.generic]:
        return np.moveaxis(_pad(volume[box], size, outside), gaps[0].axis, 0)

    channels = [
        cut(channel, name == "unknown").astype(np.float16)
        for name, channel in zip(CHANNEL_ORDER, features.channels(), strict=True)
    ]
    gap_there = cut(gap).astype(bool)
    lines = np.flatnonzero(gap_there.any(axis=(1, 2)))
    return Slab(
        np.stack(channels),
        cut(logs_to_network(part.log_counts)).astype(np.float32),
        gap_there,
        int(lines[0]),
        int(lines[-1]) + 1,
    )


def _usable(part: Part, held_out: bool) -> BoolArray:
    """Voxels whose counts may be a truth: known, and held out or not as asked."""
    return ~part.unknown & (part.held_out == held_out)


def _check_lit(lit: BoolArray, what: str, fewest: int) -> None:
    """InputError for too few voxels with counts."""
    n_lit = int(np.count_nonzero(lit))
    if n_lit < fewest:
        raise InputError(
            f"{n_lit} voxels {what} have counts, expected at least {fewest}: the scan is too dark "
            "or too small to adapt a model to, fill it with the model as it is"
        )


def _brightest_box(log_counts: Float32Array, window: int) -> Box:
    """On each axis the `window` lines with the most log counts, or all there are."""
    box = []
    for axis, n in enumerate(log_counts.shape):
        length = min(n, window)
        sums = window_sums(line_sums(log_counts, axis), length)
        start = int(sums.argmax())
        box.append(slice(start, start + length))
    return as_box(box)


def _draw_held_out(
    log_counts: Float32Array,
    unknown: BoolArray,
    kinds: Sequence[GapKind],
    rng: np.random.Generator,
    settings: OwnGapSettings,
) -> BoolArray:
    """Lines at one end of one axis, with `held_out_share` of the log counts.

    Drawn from the ends where every kind of gap can be put, both on them and beside them.
    """
    share, candidates = settings.held_out_share, []
    for axis, n in enumerate(log_counts.shape):
        sums = np.cumsum(line_sums(log_counts, axis))
        first = int(np.searchsorted(sums, share * sums[-1])) + 1
        last = int(np.searchsorted(sums, (1 - share) * sums[-1]))
        for lines in (slice(0, first), slice(last, n)):
            held_out = np.zeros(log_counts.shape, dtype=bool)
            np.moveaxis(held_out, axis, 0)[lines] = True
            if _divides(log_counts, unknown, held_out, axis, kinds, settings.fewest_lines):
                candidates.append(held_out)
    if not candidates:
        raise InputError(
            f"no {100 * share:.0f} % of the {' x '.join(map(str, log_counts.shape))} "
            "voxels around the peak can be held out with room for artificial gaps on them and "
            "beside them: give a larger crop of the scan, or narrower --widths"
        )
    return candidates[int(rng.integers(len(candidates)))]


def _divides(
    log_counts: Float32Array,
    unknown: BoolArray,
    held_out: BoolArray,
    axis: int,
    kinds: Sequence[GapKind],
    fewest_lines: int,
) -> bool:
    """Whether there is enough on both sides of a division across `axis`."""
    n_lines = int(held_out.any(axis=other_axes(axis)).sum())
    if min(n_lines, log_counts.shape[axis] - n_lines) < fewest_lines:
        return False
    return all(
        gap_start_weights(np.where(side, log_counts, 0), unknown, kind).any()
        for side in (held_out, ~held_out)
        for kind in kinds
    )


def _surroundings(main: Gap, gap: BoolArray, size: int) -> Box:
    """The box to cut patches from: the main gap's lines, the extent of `gap` along them, and room.

    At least `size` long on each axis, where the array is.
    """
    extent = bounding_box(gap)
    assert extent is not None  # the main gap lies where there are counts
    box = []
    for axis, (lines, n) in enumerate(zip(extent, gap.shape, strict=True)):
        across = axis == main.axis
        first, last = (main.start, main.stop) if across else (lines.start, lines.stop)
        room = 3 * size // 4 if across else size // 2
        start = max(min(first - room, n - size), 0)
        box.append(slice(start, min(max(last + room, start + size), n)))
    return as_box(box)


def _pad(volume: NDArray[np.generic], size: int, outside: bool) -> NDArray[np.generic]:
    """The volume in the middle of an array whose sides are at least `size`; around it `outside`."""
    short = [max(size - n, 0) for n in volume.shape]
    return np.pad(volume, [(s - s // 2, s // 2) for s in short], constant_values=outside)
