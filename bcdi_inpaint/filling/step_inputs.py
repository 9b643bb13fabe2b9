"""What the last step sees of the voxels of a scan's gaps, to learn it from; see `voxel_inputs`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bcdi_inpaint.arrays import BoolArray, Float32Array, FloatArray
from bcdi_inpaint.classical.runs import shortest_runs
from bcdi_inpaint.filling.region_features import compute_region_features
from bcdi_inpaint.filling.region_filling import FillingRun, PatchCounter, stitch_lit, stitched_logs
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.symmetry import measure_symmetry
from bcdi_inpaint.filling.voxel_inputs import LastStep
from bcdi_inpaint.filling.work import plan_work
from bcdi_inpaint.gaps.masks import as_region
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.symmetry_step import SymmetryStep
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.scan import as_scan


@dataclass(frozen=True)
class SeenVoxels:
    """What the last step sees in a box of a scan.

    Attributes
    ----------
    box : the part of the scan.
    voxels : bool, of its shape: which voxels these are.
    inputs : (n, n_inputs) float32 of the True ones, in the order of
        `network.symmetry_step.INPUTS`.
    """

    box: Box
    voxels: BoolArray
    inputs: Float32Array


def see_gap_voxels(
    counts: FloatArray, mask: BoolArray, model: Model, device: str = "auto"
) -> Iterator[SeenVoxels]:
    """Fill the gaps of a scan with a network, and look at them as its last step would.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photons, 0 in the gaps.
    mask : the same shape, True in the gaps.
    model : the network that fills; its own last step plays no role.
    device : ``auto``, ``cpu`` or ``cuda``.

    Yields
    ------
    The voxels with light of one region after the other.

    Raises
    ------
    InputError
        For counts that nothing can be filled from, and where no part of the gaps can be filled.
    """
    scan, settings = as_scan(counts, None), FillingSettings()
    gap = as_region(mask, scan.shape)
    work = plan_work(scan, gap, settings=settings)
    log_counts = np.log1p(counts).astype(np.float32)
    centre = find_centre(log_counts, ~mask)
    symmetry = measure_symmetry(log_counts, mask, centre)
    run = FillingRun(model, choose_device(device), settings, PatchCounter(None, 1, 0))
    for region in work.regions:
        guess = model.network.config.guess
        features = compute_region_features(scan, gap, region.box, centre, guess)
        stitcher = stitch_lit(features, region.lit, region.box, run)
        voxels = work.plan.fillable_in(region.box) & stitcher.covered
        widths = shortest_runs(gap.part(region.box), voxels)
        step = LastStep(SymmetryStep(), features, symmetry)
        inputs = step.inputs(voxels, widths, *stitched_logs(stitcher, voxels))
        yield SeenVoxels(region.box, voxels, inputs)
