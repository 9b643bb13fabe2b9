"""One region of a scan: its patches through the network, and their mean as the fill."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bcdi_inpaint.arrays import BoolArray, Float32Array, Float64Array, IntArray
from bcdi_inpaint.classical.runs import shortest_runs
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fillable import FillablePart
from bcdi_inpaint.filling.light_map import LightMap
from bcdi_inpaint.filling.network_patches import batches, predict_patches
from bcdi_inpaint.filling.patches import PatchLocation, cut
from bcdi_inpaint.filling.region_features import compute_region_features
from bcdi_inpaint.filling.regions import Region
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.stitching import Stitcher, trust
from bcdi_inpaint.filling.streamed_fill import FilledRegion
from bcdi_inpaint.filling.voxel_inputs import LastStep
from bcdi_inpaint.filling.work import Work
from bcdi_inpaint.gaps.masks import GapRegion
from bcdi_inpaint.network.channels import Features
from bcdi_inpaint.network.units import from_network, logs_from_network, logs_to_network
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.photons import LEAST_COUNTS
from bcdi_inpaint.scan.boxes import Box, as_box, move, sides
from bcdi_inpaint.scan.scan import Measured

Progress = Callable[[int, int], None]
"""Called with (patches done, patches in all)."""


class PatchCounter:
    """Reports how many patches are done, after every batch."""

    def __init__(self, progress: Progress | None, n_patches: int, done: int) -> None:
        self._progress, self._total, self._done = progress, n_patches, done
        self.add(0)

    def add(self, n: int) -> None:
        """So many more patches are done."""
        self._done += n
        if self._progress is not None:
            self._progress(self._done, self._total)


@dataclass(frozen=True)
class FillingRun:
    """What fills the regions of a scan, one after another, and how symmetric the scan is."""

    model: Model
    device: torch.device
    settings: FillingSettings
    count: PatchCounter
    symmetry: float = math.nan

    def last_step(self, features: Features, within: BoolArray | None = None) -> LastStep | None:
        """The last step in a region; None for a network without one.

        Parameters
        ----------
        features : what the network sees of the region.
        within : bool, of its shape, where the step is taken; by default everywhere.
        """
        own = self.model.last_step
        return None if own is None else LastStep(own, features, self.symmetry, within)


def fill_region(
    scan: Measured,
    gap: GapRegion,
    region: Region,
    centre: Float64Array,
    work: Work,
    run: FillingRun,
    watch: Callable[[FilledRegion], None] | None = None,
) -> FilledRegion:
    """Fill one region of a scan.

    Parameters
    ----------
    scan : the measured scan, which may stay in its file.
    gap : its voxels to fill.
    region : the box, and the patches over its gaps.
    centre : (3,) of the scan's peak, in voxels of the scan.
    work : what of the gaps is filled, and where there is light.
    run : the network, and how it fills.
    watch : called with the region so far after every batch; nan where it is not filled yet.

    Raises
    ------
    InputError
        For a network whose counts are not finite.
    """
    plan, box = work.plan, region.box
    widths = _widths(scan, gap, box, plan)  # takes memory: before the features do
    guess = run.model.network.config.guess
    features = compute_region_features(scan, gap, box, centre, guess)
    stitcher = Stitcher(features.unknown.shape, (run.settings.patch,) * 3, 2)
    for batch in batches(_moved(region.dim, box), run.settings.batch):
        guesses = _dim_guesses(work.light, box, batch, run.settings.patch)
        stitcher.add_all(batch, guesses, _trusted(features, batch))
    filled = plan.fillable_in(box)
    last_step = run.last_step(features, _covered_by(_moved(region.lit, box), filled.shape))

    def so_far() -> None:
        if watch is not None:
            watch(_filled_region(box, filled, stitcher, widths, run.model, last_step))

    stitch_lit(features, region.lit, box, run, stitcher, so_far)
    return _filled_region(box, filled, stitcher, widths, run.model, last_step)


def _covered_by(places: Iterable[PatchLocation], shape: tuple[int, ...]) -> BoolArray:
    """Which voxels of an array lie in some of the patches."""
    found = np.zeros(shape, dtype=bool)
    for place in places:
        found[place.inside(shape)[0]] = True
    return found


def _filled_region(
    box: Box,
    filled: BoolArray,
    stitcher: Stitcher,
    widths: IntArray,
    model: Model,
    last_step: LastStep | None,
) -> FilledRegion:
    """The mean of the patches so far; nan in what none of them covers."""
    covered = stitcher.covered[filled]
    counts, sigma = np.zeros(filled.shape, np.float32), np.zeros(filled.shape, np.float32)
    counts[filled] = np.nan
    done = filled & stitcher.covered
    counts[done], sigma[done] = stitched_mean(stitcher, done, widths[covered], model, last_step)
    return FilledRegion(box, counts, sigma)


def _widths(scan: Measured, gap: GapRegion, box: Box, plan: FillablePart) -> IntArray:
    """Lengths of the shortest run of unknown voxels through each voxel to fill in a box, (n,)."""
    return shortest_runs(gap.part(box) | scan.bad_in(box), plan.fillable_in(box))


def stitch_lit(
    features: Features,
    places: Sequence[PatchLocation],
    box: Box,
    run: FillingRun,
    stitcher: Stitcher | None = None,
    done: Callable[[], None] = lambda: None,
) -> Stitcher:
    """Fill patches of a box with the network, and add them up.

    Parameters
    ----------
    features : what the network sees of the box.
    places : the patches, in voxels of the scan.
    box : the part of the scan.
    run : the network, and how it fills.
    stitcher : to add them to; by default a new one.
    done : called after every batch.

    Returns
    -------
    The stitcher; see `stitched_mean`.
    """
    stitcher = stitcher or Stitcher(features.unknown.shape, (run.settings.patch,) * 3, 2)
    for batch in batches(_moved(places, box), run.settings.batch):
        predicted = predict_patches(run.model, features, batch, run.device)
        stitcher.add_all(batch, predicted, _trusted(features, batch))
        run.count.add(len(batch))
        done()
    return stitcher


def stitched_mean(
    stitcher: Stitcher,
    within: BoolArray,
    widths: IntArray,
    model: Model,
    last_step: LastStep | None = None,
) -> tuple[Float32Array, Float32Array]:
    """Expected counts and sigma of the True voxels of a box, (n,) each, from its patches.

    Parameters
    ----------
    stitcher : the patches, added up.
    within : bool, of the box's shape; each voxel lies in some patch.
    widths : (n,) of the gaps there.
    model : the network whose patches they are, with its calibration.
    last_step : of the network, in the box; None for none.

    Raises
    ------
    InputError
        For counts that are not finite.
    """
    logs, scales = stitched_logs(stitcher, within)
    if last_step is not None:
        logs, scales = last_step.take(within, widths, logs, scales)
    with np.errstate(over="ignore"):
        expected = from_network(logs_to_network(logs))
    if not (np.isfinite(expected).all() and np.isfinite(scales).all()):
        raise InputError(
            f"model {model.name} expects counts that are not finite, its training has failed: use "
            "other weights"
        )
    counts = np.maximum(expected, np.float32(LEAST_COUNTS))
    return counts, model.calibration.sigma(scales, widths, counts)


def stitched_logs(stitcher: Stitcher, within: BoolArray) -> tuple[Float32Array, Float32Array]:
    """Expected log(1 + counts) of the True voxels of a box and their errors' scales, (n,) each.

    Parameters
    ----------
    stitcher : the patches, added up.
    within : bool, of the box's shape; each voxel lies in some patch.
    """
    logs, scales = logs_from_network(stitcher.mean(within))
    return logs, scales


def _moved(places: Iterable[PatchLocation], box: Box) -> list[PatchLocation]:
    """The same places, counted from the corner of a box."""
    corner = [part.start for part in box]
    return [
        PatchLocation(tuple(a - b for a, b in zip(p.start, corner, strict=True)), p.size)
        for p in places
    ]


def _dim_guesses(
    light: LightMap, box: Box, batch: Sequence[PatchLocation], size: int
) -> Float32Array:
    """What the light around says of patches in a box, (n_batch, 2, *patch) in network units."""
    guesses = np.zeros((len(batch), 2, *(size,) * 3), np.float32)
    corner = [part.start for part in box]
    for guess, place in zip(guesses, batch, strict=True):
        in_box, in_patch = place.inside(sides(box))
        expected = light.expected_in(as_box(move(in_box, corner)))
        guess[0][in_patch] = np.log1p(expected)
        guess[1][in_patch] = light.dim_scale(expected)
    return logs_to_network(guesses)


def _trusted(features: Features, batch: Sequence[PatchLocation]) -> Float32Array:
    """How far to trust each voxel of patches, (n_batch, *patch); outside the array is unknown."""
    return trust(np.stack([cut(features.unknown, place, True) for place in batch]))
