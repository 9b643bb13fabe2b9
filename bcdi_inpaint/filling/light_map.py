"""Where in a scan there is light: a coarse map, made part by part, that fits in any memory.

It says which parts of a gap the network has to fill, and what to expect in the others, where
single photons are all that is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import gaussian_filter

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.gaps.survey import Survey, survey_scan
from bcdi_inpaint.peak.search_range import CentreSettings, across_wide_gaps
from bcdi_inpaint.photons import rate_of_mean_log
from bcdi_inpaint.scan.boxes import BLOCK, Box, Shape, as_box
from bcdi_inpaint.scan.scan import Measured

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
        return bool(self.lit[_cells(box)].any())

    def is_known(self, box: Box) -> bool:
        """Whether any cell that the box touches holds a known voxel."""
        return bool(self.n_known[_cells(box)].any())

    def across_gap(self, box: Box, axis: int) -> Box:
        """A box whose middle lies in a gap, with both sides of the gap.

        A side that the box does not see is added, with `CELL` lines of what is known there.

        Parameters
        ----------
        box : of a patch, for example.
        axis : across the gap.
        """
        part, known = box[axis], np.flatnonzero(self.known_lines[axis])
        start, stop, middle = part.start, part.stop, (part.start + part.stop) // 2
        before, after = known[known <= middle], known[known >= middle]
        if before.size and before[-1] < start:
            start = max(int(before[-1]) + 1 - CELL, 0)
        if after.size and after[0] >= stop:
            stop = min(int(after[0]) + CELL, self.shape[axis])
        return as_box((*box[:axis], slice(start, stop), *box[axis + 1 :]))

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

    def around_peak(self, half: int) -> Box:
        """The box of `half` voxels on each side of the coarse peak, to look for the peak in.

        A gap over the peak leaves one of its flanks as the brightest cell; where a wide one begins
        near it, the box has as many voxels on the other side of it.
        """
        narrow = CentreSettings().reach
        near = narrow + CELL  # the coarse peak lies that far from the gap at most
        box = []
        for lines, middle in zip(self.known_lines, self.coarse_peak, strict=True):
            first, last = across_wide_gaps(~lines, middle, near, narrow)
            low = first if first < middle - near else middle
            high = last if last > middle + near else middle
            box.append(slice(max(low - half, 0), min(high + half + 1, len(lines))))
        return as_box(box)


def _cells(box: Box) -> tuple[slice, ...]:
    """The cells that a box touches."""
    return tuple(slice(part.start // CELL, -(-part.stop // CELL)) for part in box)


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
    return light_of(survey_scan(scan, gap))


def light_of(survey: Survey) -> LightMap:
    """The light of a scan that was surveyed with its gap; errors as `map_light`."""
    survey.check.finish()
    return LightMap(survey.shape, survey.log_sum, survey.n_known, survey.known_lines)
