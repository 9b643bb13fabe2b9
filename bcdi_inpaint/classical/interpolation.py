"""Classical fills of a gap: what a network has to beat.

Every method is ``f(counts, gap_mask, bad_mask=None)`` and returns the counts as float32, with the
gap filled by expected counts (>= 0) and every other voxel equal to ``counts.astype(float32)`` bit
for bit. They are listed by name in `METHODS`.

`linear`, `cubic` and `nearest` work in log(1 + counts) along the gap's normal. The normal is found
voxel by voxel: the axis along which the run of unknown voxels is shortest. A plane is crossed along
its normal; where two planes cross, every line runs inside the other plane, so the planes are filled
first and their intersection from them, as the mean over both normals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.signal import fftconvolve

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, FloatArray, IntArray
from bcdi_inpaint.errors import InputError

Kind = Literal["nearest", "linear", "cubic"]


def linear(
    counts: np.ndarray, gap_mask: np.ndarray, bad_mask: np.ndarray | None = None
) -> Float32Array:
    """Linear interpolation of log(1 + counts) along the gap's normal.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) measured counts; the values in the gap and in bad voxels are unused.
    gap_mask : (n_rock, n_y, n_x) bool, True = to fill.
    bad_mask : (n_rock, n_y, n_x) bool, True = invalid: left as it is, and not interpolated from.

    Returns
    -------
    (n_rock, n_y, n_x) float32.

    Raises
    ------
    InputError : masks of another shape or type, or negative or non-finite known counts.
    """
    return _fill_in_log(counts, gap_mask, bad_mask, "linear")


def cubic(
    counts: np.ndarray, gap_mask: np.ndarray, bad_mask: np.ndarray | None = None
) -> Float32Array:
    """Cubic interpolation of log(1 + counts) along the gap's normal.

    The polynomial goes through the two known voxels on each side; where one of the four is missing
    the fill is linear. Clipped to 0 and to the brightest known voxel, since a cubic overshoots.
    Parameters, result and errors are those of `linear`.
    """
    return _fill_in_log(counts, gap_mask, bad_mask, "cubic")


def nearest(
    counts: np.ndarray, gap_mask: np.ndarray, bad_mask: np.ndarray | None = None
) -> Float32Array:
    """The known voxel nearest along the gap's normal; half-way, the mean of both in log.

    Parameters, result and errors are those of `linear`.
    """
    return _fill_in_log(counts, gap_mask, bad_mask, "nearest")


def inverse_distance(
    counts: np.ndarray,
    gap_mask: np.ndarray,
    bad_mask: np.ndarray | None = None,
    *,
    half_width: int = 16,
    power: int = 2,
) -> Float32Array:
    """Mean of the known counts around each voxel, weighted by 1 / distance**power.

    As PyNX's ``InterpIobsMask(half_width, power)`` (``--mask_interp 16 2``): counts, not their
    logarithm, from the cube of ``2 half_width + 1`` voxels around the voxel. Two differences: PyNX
    wraps around the array's edges, here nothing lies beyond them; and voxels out of reach of every
    known one take the nearest known voxel, where PyNX leaves them masked.
    Parameters, result and errors are otherwise those of `linear`.
    """
    unknown = _checked_unknown(counts, gap_mask, bad_mask)
    filled = counts.astype(np.float32)  # (n_rock, n_y, n_x)
    if not gap_mask.any():
        return filled
    known_counts = np.where(unknown, 0, counts).astype(np.float64)
    weights = _inverse_distance_weights(half_width, power)  # (2k + 1, 2k + 1, 2k + 1)
    total = fftconvolve(known_counts, weights, mode="same")[gap_mask]  # (n_gap,)
    weight = fftconvolve((~unknown).astype(np.float64), weights, mode="same")[gap_mask]
    # Below half the weight of one far voxel there is only the rounding of the transform.
    reached = weight > 0.5 * weights[weights > 0].min()
    values = np.divide(total, weight, out=np.zeros_like(total), where=reached)
    if not reached.all():
        values[~reached] = _nearest_known(known_counts, unknown, gap_mask)[~reached]
    filled[gap_mask] = np.clip(values, 0, None)
    return filled


METHODS: dict[str, Callable[..., Float32Array]] = {
    "nearest": nearest,
    "linear": linear,
    "cubic": cubic,
    "inverse_distance": inverse_distance,
}


def log_linear(log_counts: FloatArray, unknown: np.ndarray) -> FloatArray:
    """Linear fill of values that are already logarithms, along the normal of the unknown region.

    Parameters
    ----------
    log_counts : (n_rock, n_y, n_x) float; values in unknown voxels are unused.
    unknown : (n_rock, n_y, n_x) bool, True = to fill (gap and bad voxels alike).

    Returns
    -------
    (n_rock, n_y, n_x) of the same float type, a new array.
    """
    return fill_along_shortest(log_counts, unknown, "linear")


def fill_along_shortest(
    values: FloatArray,
    fill_mask: np.ndarray,
    kind: Kind = "linear",
    excluded: np.ndarray | None = None,
) -> FloatArray:
    """Fill voxels along the axis on which they have the shortest run of unknown voxels.

    Thin runs come first, and what they give is known to the runs that follow (up to twice as long
    in each pass). Axes with equally short runs are averaged; a run that touches the array's edge
    takes its one known end; a run without a known end is not used. A voxel without a usable axis
    takes the nearest known voxel of the whole array, and 0 where nothing at all is known.

    Parameters
    ----------
    values : (n_rock, n_y, n_x) float.
    fill_mask : (n_rock, n_y, n_x) bool, True = to fill.
    kind : ``"nearest"``, ``"linear"`` or ``"cubic"`` (for values >= 0: clipped to 0 and to the
        largest known value).
    excluded : (n_rock, n_y, n_x) bool, True = unknown too, but left as it is.

    Returns
    -------
    (n_rock, n_y, n_x) of the same float type, a new array.
    """
    filled = np.array(values, order="C")  # (n_rock, n_y, n_x), a copy
    unknown = fill_mask.copy() if excluded is None else fill_mask | excluded
    upper = float(values[~unknown].max()) if kind == "cubic" and not unknown.all() else np.inf
    targets = np.flatnonzero(fill_mask)  # (n_left,) flat indices of the voxels left to fill
    limit = 0
    while targets.size:
        runs = [_Run(unknown, targets, axis) for axis in range(unknown.ndim)]
        lengths = np.stack([run.usable_length for run in runs])  # (3, n_left)
        shortest = lengths.min(axis=0)  # (n_left,)
        if shortest.min() == _UNUSABLE:
            break
        limit = max(2 * limit, 2 * int(shortest.min()))
        now = shortest <= min(limit, _UNUSABLE - 1)  # (n_left,)
        total = np.zeros(targets.size)
        for run, length in zip(runs, lengths, strict=True):
            chosen = now & (length == shortest)
            total[chosen] += run.interpolate(filled, unknown, chosen, kind)
        mean = total[now] / (lengths == shortest).sum(axis=0)[now]
        filled.flat[targets[now]] = np.minimum(mean, upper) if kind == "cubic" else mean
        unknown.flat[targets[now]] = False
        targets = targets[~now]
    if targets.size:
        left = np.zeros_like(unknown)
        left.flat[targets] = True
        filled[left] = _nearest_known(filled, unknown, left)
    return filled


def run_lengths(unknown: np.ndarray) -> NDArray[np.int32]:
    """Length of the run of unknown voxels through each voxel, along each axis.

    Parameters
    ----------
    unknown : (n_rock, n_y, n_x) bool.

    Returns
    -------
    (3, n_rock, n_y, n_x) int32, 0 in known voxels.
    """
    lengths = np.zeros((unknown.ndim, *unknown.shape), dtype=np.int32)
    for axis, along in enumerate(lengths):
        run_of, _, length = _runs(unknown, axis)
        moved = np.moveaxis(along, axis, -1)  # a view, the axis last
        known = np.moveaxis(~unknown, axis, -1)
        if length.size:
            moved[...] = np.where(known, 0, length[run_of].reshape(moved.shape))
    return lengths


def shortest_runs(unknown: np.ndarray, where: np.ndarray) -> IntArray:
    """Length of the shortest run of unknown voxels through each voxel of `where`, (n_where,).

    Both (n_rock, n_y, n_x) bool; every voxel of `where` has to be unknown.
    """
    targets = np.flatnonzero(where)
    lengths = [_Run(unknown, targets, axis).length for axis in range(unknown.ndim)]
    shortest: IntArray = np.min(lengths, axis=0)
    return shortest


_UNUSABLE = np.iinfo(np.int32).max  # length of a run with no known voxel at either end


class _Run:
    """Along one axis, the run of unknown voxels through each of the (n_left,) target voxels."""

    def __init__(self, unknown: BoolArray, targets: IntArray, axis: int) -> None:
        self.targets = targets
        self.n = unknown.shape[axis]
        self.stride = np.int64(math.prod(unknown.shape[axis + 1 :]))  # int32 would overflow
        outer, inner = np.divmod(targets, self.n * self.stride)
        position, inner = np.divmod(inner, self.stride)  # (n_left,) index along the axis
        run_of, start, length = _runs(unknown, axis)
        run = run_of[(outer * self.stride + inner) * self.n + position]  # (n_left,)
        self.position = position.astype(np.int32)  # there may be millions, of three axes
        self.below = start[run] - 1  # (n_left,) last known voxel before the run
        self.above = start[run] + length[run]  # (n_left,) first known voxel after it
        self.length = length[run]
        usable = (self.below >= 0) | (self.above < self.n)
        self.usable_length = np.where(usable, self.length, _UNUSABLE)

    def interpolate(
        self, values: FloatArray, unknown: BoolArray, chosen: BoolArray, kind: Kind
    ) -> Float64Array:
        """Values at the chosen targets, (n_chosen,), from the known voxels at the runs' ends."""
        position, below, above = self.position[chosen], self.below[chosen], self.above[chosen]
        origin = self.targets[chosen] - position * self.stride  # flat index of the line's start
        flat, flat_unknown = values.reshape(-1), unknown.reshape(-1)
        low = np.where(below >= 0, below, above)  # at the array's edge both ends are the known one
        high = np.where(above < self.n, above, below)
        at_low = flat[origin + low * self.stride].astype(np.float64)
        at_high = flat[origin + high * self.stride].astype(np.float64)
        fraction = (position - below) / (above - below)  # in (0, 1) across the run
        if kind == "nearest":
            fraction = 0.5 + 0.5 * np.sign(fraction - 0.5)
        result = at_low + fraction * (at_high - at_low)
        if kind == "cubic":
            inside = (below >= 1) & (above < self.n - 1)
            before = origin + np.where(inside, below - 1, low) * self.stride
            after = origin + np.where(inside, above + 1, high) * self.stride
            four = inside & ~flat_unknown[before] & ~flat_unknown[after]
            nodes = np.stack([flat[before], at_low, at_high, flat[after]])[:, four]  # (4, n_four)
            result[four] = _cubic((position - below)[four], (above - below)[four], nodes)
            result = np.clip(result, 0, None)
        return result


def _cubic(x: FloatArray | IntArray, width: IntArray, nodes: FloatArray) -> Float64Array:
    """Lagrange polynomial through the (4, n) `nodes` at -1, 0, width, width + 1, taken at x."""
    before, low, high, after = nodes.astype(np.float64)
    w = width.astype(np.float64)
    result: Float64Array = (
        -before * x * (x - w) * (x - w - 1) / ((w + 1) * (w + 2))
        + low * (x + 1) * (x - w) * (x - w - 1) / (w * (w + 1))
        - high * (x + 1) * x * (x - w - 1) / (w * (w + 1))
        + after * (x + 1) * x * (x - w) / ((w + 1) * (w + 2))
    )
    return result


def _runs(unknown: BoolArray, axis: int) -> tuple[IntArray, IntArray, IntArray]:
    """The runs of unknown voxels along `axis`.

    Returns the number of the run that each voxel is in, flat, with `axis` moved last and 0 in known
    voxels; and for each run its first index along the axis and its length, (n_runs,) each.
    """
    moved = np.moveaxis(unknown, axis, -1).ravel()  # lines along the axis, one after another
    flat = np.flatnonzero(moved)  # (n_unknown,)
    position = (flat % unknown.shape[axis]).astype(np.int32)
    opens = np.ones(flat.size, dtype=np.bool_)  # does the voxel begin a new run?
    opens[1:] = (np.diff(flat) > 1) | (position[1:] == 0)
    run = np.cumsum(opens) - 1  # (n_unknown,)
    run_of = np.zeros(moved.size, dtype=np.int32)
    run_of[flat] = run
    return run_of, position[opens], np.bincount(run).astype(np.int32)


def _fill_in_log(
    counts: np.ndarray, gap_mask: np.ndarray, bad_mask: np.ndarray | None, kind: Kind
) -> Float32Array:
    unknown = _checked_unknown(counts, gap_mask, bad_mask)
    filled = counts.astype(np.float32)  # (n_rock, n_y, n_x)
    log_counts = np.log1p(np.where(unknown, np.float32(0), filled))
    log_filled = fill_along_shortest(log_counts, gap_mask, kind, excluded=bad_mask)
    filled[gap_mask] = np.expm1(log_filled[gap_mask])
    return filled


def _inverse_distance_weights(half_width: int, power: int) -> Float64Array:
    """1 / distance**power to the centre of a cube of 2 half_width + 1 voxels, 0 at the centre."""
    offsets = np.arange(-half_width, half_width + 1, dtype=np.float64) ** 2
    squared = offsets[:, None, None] + offsets[:, None] + offsets  # (2k + 1, 2k + 1, 2k + 1)
    centre = squared == 0
    weights = np.where(centre, 1, squared) ** (-power / 2)
    weights[centre] = 0
    return weights


def _nearest_known(values: FloatArray, unknown: BoolArray, where: BoolArray) -> FloatArray:
    """Value of the known voxel nearest to each voxel of `where`, (n_where,); 0 if none is known."""
    if unknown.all():
        return np.zeros(int(where.sum()), dtype=values.dtype)
    indices = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    nearest_values: FloatArray = values[tuple(indices[:, where])]  # indices: (3, n_rock, n_y, n_x)
    return nearest_values


def _checked_unknown(
    counts: np.ndarray, gap_mask: np.ndarray, bad_mask: np.ndarray | None
) -> BoolArray:
    """Gap and bad voxels together, after checking shapes, types and the known counts."""
    if counts.ndim != 3:
        raise InputError(
            f"counts have {counts.ndim} dimensions {counts.shape}, expected 3 (rocking axis, y, "
            "x): stack the frames of the rocking curve into one array"
        )
    unknown = np.zeros(counts.shape, dtype=np.bool_)
    for name, mask in (("gap_mask", gap_mask), ("bad_mask", bad_mask)):
        if mask is None:
            continue
        if mask.shape != counts.shape or mask.dtype != np.bool_:
            raise InputError(
                f"{name} is {mask.dtype} {mask.shape}, expected bool {counts.shape}: give a mask "
                "of the counts' shape, True = unknown"
            )
        unknown |= mask
    known = counts[~unknown]
    n_wrong = int(known.size - (np.isfinite(known) & (known >= 0)).sum())
    if n_wrong:
        raise InputError(
            f"{n_wrong} known voxels hold negative or non-finite counts, expected counts >= 0: "
            "mark them in bad_mask"
        )
    return unknown
