"""A fill that is made part by part, so that neither it nor its scan has to fit in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array
from bcdi_inpaint.filling.fill import Fill, FillReport
from bcdi_inpaint.filling.fillable import FillablePart
from bcdi_inpaint.filling.light_map import LightMap, in_voxels
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.photons import LEAST_COUNTS
from bcdi_inpaint.scan.boxes import Box, blocks, overlap, sides, whole
from bcdi_inpaint.scan.photon_view import as_stored
from bcdi_inpaint.scan.scan import Measured


@dataclass(frozen=True)
class FilledRegion:
    """The fill of a box of the scan: counts and sigma of the box's shape, 0 outside the gap."""

    box: Box
    counts: Float32Array
    sigma: Float32Array


def empty_region(box: Box) -> FilledRegion:
    """A region that is not filled yet: its counts are nan."""
    nothing = np.full(sides(box), np.nan, np.float32)
    return FilledRegion(box, nothing, np.zeros_like(nothing))


@dataclass(frozen=True, repr=False)
class StreamedFill:
    """A fill that is laid into its scan part by part; see the protocol `Filled`.

    Attributes
    ----------
    scan : the measured scan, which may stay in its file.
    plan : what part of the gaps is filled.
    light : what is expected in the gaps where no `regions` lie.
    regions : what the network filled; their boxes do not overlap.
    calibration, model, model_sha256, report : see `Fill`.
    photon : what one photon is in the counts that are given out; `light` and `regions` are in
        photons.
    """

    scan: Measured
    plan: FillablePart
    light: LightMap
    regions: tuple[FilledRegion, ...]
    calibration: Calibration
    model: str
    model_sha256: str
    report: FillReport
    photon: float = 1.0

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.scan.shape))
        gaps = ", ".join(map(str, self.plan.targets)) or "voxels in no plane"
        return f"StreamedFill: {gaps} of {shape} voxels filled by model {self.model}"

    def part(self, box: Box) -> Fill:
        """The filled scan within a box."""
        return self.alone(box).over(self.scan.part(box).counts)

    def alone(self, box: Box) -> Fill:
        """The fill within a box without the measurement: counts are 0 outside `filled`."""
        filled = self.plan.fillable_in(box)
        counts, sigma = np.zeros(filled.shape, np.float32), np.zeros(filled.shape, np.float32)
        if filled.any():
            counts[filled] = np.maximum(self.light.expected_in(box)[filled], LEAST_COUNTS)
            sigma[filled] = in_voxels(self._dim_sigma, box)[filled]
        for region in self.regions:
            common = overlap(region.box, box)
            if common is not None:
                in_region, in_box = common
                own = filled[in_box]
                counts[in_box][own] = region.counts[in_region][own]
                sigma[in_box][own] = region.sigma[in_region][own]
        fill = Fill(
            counts,
            filled,
            sigma,
            self.calibration,
            self.model,
            self.model_sha256,
            self.report,
        )
        return fill if self.photon == 1 else fill.in_unit(self.photon)

    def in_unit(self, photon: float) -> StreamedFill:
        """The fill where one photon is that much, laid into the scan as it is stored."""
        return replace(self, scan=as_stored(self.scan), photon=photon)

    @cached_property
    def _dim_sigma(self) -> Float32Array:
        """Standard deviations of the dim voxels of each cell of `light`.

        All are taken for those of the gaps' median width: it matters little there.
        """
        counts = np.maximum(self.light.expected.reshape(-1), np.float32(LEAST_COUNTS))
        scales = self.light.dim_scale(self.light.expected.reshape(-1))
        width = np.median([one.width for one in self.plan.targets] or [1])
        sigma = self.calibration.sigma(scales, np.full_like(counts, width), counts)
        return sigma.reshape(self.light.expected.shape)

    @cached_property
    def n_filled(self) -> int:
        """How many voxels are filled."""
        return sum(int(np.count_nonzero(self.plan.fillable_in(b))) for b in blocks(self.scan.shape))

    @cached_property
    def whole(self) -> Fill:
        """All of the scan, filled, in memory."""
        return self.part(whole(self.scan.shape))

    def so_far(self) -> Fill:
        """What is filled of a fill that was stopped; the rest of the gap is as it was measured."""
        made = self.whole
        is_done = made.filled & np.isfinite(made.counts)
        return replace(made, filled=is_done, sigma=np.where(is_done, made.sigma, 0)).over(
            self.scan.part(whole(self.scan.shape)).counts
        )

    @property
    def counts(self) -> Float32Array:
        """(n_rock, n_y, n_x); see `Fill`."""
        return self.whole.counts

    @property
    def filled(self) -> BoolArray:
        """(n_rock, n_y, n_x); see `Fill`."""
        return self.whole.filled

    @property
    def sigma(self) -> Float32Array:
        """(n_rock, n_y, n_x); see `Fill`."""
        return self.whole.sigma

    def interval(self, level: float) -> tuple[Float32Array, Float32Array]:
        """Bounds of the expected counts; see `Fill.interval`."""
        return self.whole.interval(level)
