"""Where in a scan there is light: a coarse map, made part by part, that fits in any memory.

It says which parts of a gap the network has to fill, and what to expect in the others, where
single photons are all that is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.photons import rate_of_mean_log
from bcdi_inpaint.running.threads import in_threads
from bcdi_inpaint.scan.boxes import BLOCK, Box, Shape, blocks
from bcdi_inpaint.scan.scan import Measured
from bcdi_inpaint.scan.validity import CountsCheck

CELL = BLOCK
"""Side of the map's cells in voxels; a block of frames is one layer of them."""


@dataclass(frozen=True)
class LightSettings:
    """When a part of a scan counts as lit, and what is expected where it is not.

    Chosen on training patterns; no committed command.

    Attributes
    ----------
    lit_from : mean of log(1 + counts) from which on a cell is lit: about a photon in four voxels.
    few_known : known voxels that each cell is taken to have more: one photon must not light a
        corner.
    dim_sigma : standard deviation, in cells, of the Gaussian over which dim light is averaged.
    dim_spread : error's scale where only single photons are seen, in parts of
        log(1 + expected counts).
    dark_scale : error's scale where no photon is seen, in natural logarithms.
    """

    lit_from: float = 0.15
    few_known: int = 16
    dim_sigma: float = 1.0
    dim_spread: float = 0.5
    dark_scale: float = 1e-3


@dataclass(frozen=True)
class LightMap:
    """The light on the known voxels of an array of `shape`, in cells of `CELL` voxels a side.

    Attributes
    ----------
    log_sum : (n_layers, n_down, n_across) float32, sum of log(1 + counts) over known voxels.
    n_known : the same shape, float32, how many these are.
    known_lines : for each axis, which lines hold a known voxel, bool.
    settings : what counts as lit.
    """

    shape: Shape
    log_sum: Float32Array
    n_known: Float32Array
    known_lines: tuple[BoolArray, BoolArray, BoolArray]
    settings: LightSettings = LightSettings()

    @cached_property
    def lit(self) -> BoolArray:
        """Cells with more light than single photons here and there."""
        return self.log_sum > self.settings.lit_from * (self.n_known + self.settings.few_known)

    @cached_property
    def expected(self) -> Float32Array:
        """Expected counts of a voxel of each cell, from the dim cells around.

        The Poisson rate, found from the mean of log(1 + n), which a single hot pixel barely
        changes.
        """
        weight, total = (
            gaussian_filter(np.where(self.lit, 0, values), self.settings.dim_sigma, mode="constant")
            for values in (self.n_known, self.log_sum)
        )
        mean_log = np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-3)
        return rate_of_mean_log(mean_log).astype(np.float32)

    def expected_in(self, box: Box) -> Float32Array:
        """The expected counts of a box's voxels if they are dim, of the box's shape."""
        return in_voxels(self.expected, box)

    def dim_scale(self, expected: Float32Array) -> Float32Array:
        """Error's scale, in natural logarithms, of counts that are expected from the dim light."""
        dark, spread = np.float32(self.settings.dark_scale), np.float32(self.settings.dim_spread)
        return dark + spread * np.log1p(expected)

    def is_lit(self, box: Box) -> bool:
        """Whether any cell that the box touches is lit."""
        return bool(self.lit[tuple(slice(p.start // CELL, -(-p.stop // CELL)) for p in box)].any())

    @property
    def coarse_peak(self) -> tuple[int, int, int]:
        """The middle voxel of the brightest cell: about where the Bragg peak is.

        A start for `peak.centre.find_peak` and `find_centre`, which then need a window alone. By
        mean logarithms of cells, which a hot pixel hardly moves.
        """
        mean = gaussian_filter(
            self.log_sum / (self.n_known + self.settings.few_known), 0.5, mode="constant"
        )
        cell = np.unravel_index(int(mean.argmax()), mean.shape)
        frame, row, column = (
            min(int(c) * CELL + CELL // 2, n - 1) for c, n in zip(cell, self.shape, strict=True)
        )
        return frame, row, column


def in_voxels(cells: Float32Array, box: Box) -> Float32Array:
    """The values of cells (n_layers, n_down, n_across) in the voxels of a box."""
    values = cells
    for axis, part in enumerate(box):
        values = values.take(np.arange(part.start, part.stop) // CELL, axis=axis)
    return values


def map_light(scan: Measured, gap: GapRegion) -> LightMap:
    """The light of a scan beside its gap.

    The scan is gone through once, a block of frames at a time. Raises InputError for counts that
    nothing can be filled from; see `validity.check_counts`.
    """
    layers = tuple(-(-n // CELL) for n in scan.shape)
    log_sum, n_known = np.zeros(layers, np.float32), np.zeros(layers, np.float32)
    lines = tuple(np.zeros(n, dtype=bool) for n in scan.shape)
    check = CountsCheck()
    for layer in _layers(scan, gap):
        index = layer.box[0].start // CELL
        log_sum[index], n_known[index] = layer.log_sum, layer.n_known
        lines[0][layer.box[0]] = layer.known_frames
        lines[1][:] |= layer.known_pixels.any(axis=1)
        lines[2][:] |= layer.known_pixels.any(axis=0)
        check.merge(layer.check)
    check.finish()
    return LightMap(scan.shape, log_sum, n_known, (lines[0], lines[1], lines[2]))


@dataclass(frozen=True)
class _Layer:
    """One layer of cells, and what of its block of frames is known."""

    box: Box
    log_sum: Float32Array
    n_known: Float32Array
    known_frames: BoolArray
    known_pixels: BoolArray
    check: CountsCheck


def _layers(scan: Measured, gap: GapRegion) -> Iterator[_Layer]:
    _, n_y, n_x = scan.shape
    down, across = np.arange(n_y) // CELL, np.arange(n_x) // CELL
    shape = int(down[-1]) + 1, int(across[-1]) + 1
    cell_of = (down[:, None] * shape[1] + across).reshape(-1)  # (n_y * n_x,)

    def layer(box: Box) -> _Layer:
        part = scan.part(box)
        known = ~(gap.part(box) | part.bad_mask)
        check = CountsCheck()
        lit = check.add(box, part.counts, known)
        with np.errstate(invalid="ignore"):  # what is no count is refused by the check
            logs = np.log1p(np.maximum(part.counts.reshape(-1)[lit], 0).astype(np.float32))
        log_sum = np.bincount(cell_of[lit % (n_y * n_x)], logs, shape[0] * shape[1])
        n_frames = known.sum(axis=0, dtype=np.uint8)  # (n_y, n_x)
        n_known = np.add.reduceat(n_frames, np.arange(0, n_x, CELL), axis=1, dtype=np.float32)
        n_known = np.add.reduceat(n_known, np.arange(0, n_y, CELL), axis=0)
        return _Layer(
            box,
            log_sum.reshape(shape).astype(np.float32),
            n_known,
            known.any(axis=(1, 2)),
            n_frames > 0,
            check,
        )

    return in_threads(layer, blocks(scan.shape))
