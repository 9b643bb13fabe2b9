"""Filling the gaps of a scan: patches over the gaps, the network, the mean of the overlaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bcdi_inpaint.arrays import Float32Array, Float64Array, IntArray
from bcdi_inpaint.classical.runs import shortest_runs
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.filling.fill import Fill, FillReport
from bcdi_inpaint.filling.fillable import FillablePart
from bcdi_inpaint.filling.light_map import LightMap
from bcdi_inpaint.filling.network_patches import batches, predict_patches
from bcdi_inpaint.filling.patches import PatchLocation, cut
from bcdi_inpaint.filling.region_features import compute_region_features, read_log_counts
from bcdi_inpaint.filling.regions import Region
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.stitching import Stitcher, trust
from bcdi_inpaint.filling.streamed_fill import FilledRegion, StreamedFill
from bcdi_inpaint.filling.work import Work, plan_work
from bcdi_inpaint.gaps.masks import GapRegion, as_region
from bcdi_inpaint.gaps.survey import Survey
from bcdi_inpaint.network.channels import Features
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.units import from_network, logs_from_network, logs_to_network
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.photons import LEAST_COUNTS
from bcdi_inpaint.scan.boxes import Box, around, as_box, move, sides
from bcdi_inpaint.scan.scan import Measured, as_scan

Progress = Callable[[int, int], None]
"""Called with (patches done, patches in all)."""


def inpaint(
    counts: np.ndarray,
    gap_mask: np.ndarray,
    model: str | Path | Model = "default",
    device: str = "auto",
    *,
    bad_mask: np.ndarray | None = None,
    stride: int = FillingSettings.stride,
    progress: Progress | None = None,
) -> Fill:
    """Fill the gaps of a scan.

    Parameters
    ----------
    counts : (n_rock, n_y, n_x) photon counts, of any size and number type; not changed.
    gap_mask : (n_rock, n_y, n_x) or (n_y, n_x), True = to fill.
    model : ``default``, a weights file, or a `Model` that is loaded already.
    device : ``auto``, ``cpu`` or ``cuda``.
    bad_mask : (n_rock, n_y, n_x) or (n_y, n_x), True = invalid: not looked at, and not changed
        unless it is in the gap.
    stride : voxels between neighbouring patches along a gap, 1 to 32; smaller is slower and
        smoother.
    progress : called with (patches done, patches in all) after every batch.

    Returns
    -------
    `fill.counts` has the gaps filled; see `Fill`.

    Raises
    ------
    InputError
        For arrays that do not fit, counts that are none, an empty gap mask, a gap none of which
        can be filled, a model that does not load, or an absent device.

    Examples
    --------
    >>> import numpy as np
    >>> counts = np.random.default_rng(0).poisson(30, (4, 24, 24))
    >>> gap_mask = np.zeros(counts.shape, dtype=bool)
    >>> gap_mask[:, 10:14] = True
    >>> fill = inpaint(counts, gap_mask, device="cpu")
    >>> fill.n_filled
    384
    >>> bool((fill.counts[~gap_mask] == counts[~gap_mask]).all())
    True
    """
    scan = as_scan(counts, bad_mask)
    gap = as_region(gap_mask, scan.shape)
    settings = FillingSettings(stride=stride)
    return inpaint_scan(scan, gap, model, device, settings=settings, progress=progress).whole


def inpaint_scan(
    scan: Measured,
    gap: GapRegion,
    model: str | Path | Model = "default",
    device: str = "auto",
    *,
    survey: Survey | None = None,
    settings: FillingSettings = FillingSettings(),
    progress: Progress | None = None,
) -> StreamedFill:
    """Fill the gaps of a scan that may stay in its file.

    It is gone through once to see where there is light; then only the regions around lit parts of
    the gaps are in memory, one after another.

    Parameters
    ----------
    scan : the measured scan.
    gap : the voxels to fill.
    model : ``default``, a weights file, or a `Model` that is loaded already.
    device : ``auto``, ``cpu`` or ``cuda``.
    survey : of the scan with that gap, where it was made already.
    settings : how patches are laid over the gaps.
    progress : called with (patches done, patches in all) after every batch.

    Returns
    -------
    The fill, which is laid into the scan part by part.

    Raises
    ------
    InputError
        For counts that are none, gaps none of which can be filled, a model that does not load, or
        an absent device.
    """
    work = plan_work(scan, gap, survey=survey, settings=settings)
    chosen = choose_device(device)
    loaded = model if isinstance(model, Model) else load_model(model)
    _check_fits(loaded, settings)
    report = FillReport(work.plan.warnings, work.n_lit, work.n_patches - work.n_lit, chosen.type)
    count = _Counter(progress, work.n_patches, report.n_unlit)
    run = _Run(loaded, chosen, settings, count)
    regions: list[FilledRegion] = []
    if work.regions:
        centre = _centre(scan, gap, work.light, settings)
        regions += [_fill_region(scan, gap, region, centre, work, run) for region in work.regions]
    return StreamedFill(
        scan,
        work.plan,
        work.light,
        tuple(regions),
        loaded.calibration,
        loaded.name,
        loaded.sha256,
        report,
    )


def _check_fits(model: Model, settings: FillingSettings) -> None:
    """InputError for a model that does not take the patches of a scan."""
    config = model.network.config
    if config.n_dim != 3:
        raise InputError(
            f"model {model.name} has {config.n_dim} dimensions, expected 3 for a scan: use weights "
            "of a plan with network.n_dim 3"
        )
    if settings.patch % config.divisor:
        raise InputError(
            f"model {model.name} takes patches of a multiple of {config.divisor} voxels, expected "
            f"one that takes {settings.patch}: use weights of a network with fewer levels"
        )


def _centre(
    scan: Measured, gap: GapRegion, light: LightMap, settings: FillingSettings
) -> Float64Array:
    """The centre of the peak, in voxels of the scan."""
    box = as_box(around(light.coarse_peak, settings.centre_window, scan.shape))
    log_counts, unknown = read_log_counts(scan, gap, box)
    return find_centre(log_counts, ~unknown) + [part.start for part in box]


class _Counter:
    """Reports how many patches are done, after every batch."""

    def __init__(self, progress: Progress | None, n_patches: int, done: int) -> None:
        self._progress, self._total, self._done = progress, n_patches, done
        self.add(0)

    def add(self, n: int) -> None:
        self._done += n
        if self._progress is not None:
            self._progress(self._done, self._total)


@dataclass(frozen=True)
class _Run:
    """What fills the regions of a scan, one after another."""

    model: Model
    device: torch.device
    settings: FillingSettings
    count: _Counter


def _fill_region(
    scan: Measured, gap: GapRegion, region: Region, centre: Float64Array, work: Work, run: _Run
) -> FilledRegion:
    """The fill of one region of a scan whose peak has that centre."""
    widths = _widths(scan, gap, region.box, work.plan)  # takes memory: before the features do
    guess = run.model.network.config.guess
    features = compute_region_features(scan, gap, region.box, centre, guess)
    stitcher = _stitch(features, region, work.light, run)
    return _mean_fill(stitcher, widths, region.box, work.plan, run.model)


def _widths(scan: Measured, gap: GapRegion, box: Box, plan: FillablePart) -> IntArray:
    """Lengths of the shortest run of unknown voxels through each voxel to fill in a box, (n,)."""
    return shortest_runs(gap.part(box) | scan.bad_in(box), plan.fillable_in(box))


def _stitch(
    features: Features,
    region: Region,
    light: LightMap,
    run: _Run,
) -> Stitcher:
    """All patches of a region together: those the network fills, and the dim ones beside them."""
    corner = tuple(part.start for part in region.box)
    settings = run.settings
    stitcher = Stitcher(features.unknown.shape, (settings.patch,) * 3, 2)
    for batch in batches(_moved(region.dim, corner), settings.batch):
        guesses = _dim_guesses(light, region.box, batch, settings.patch)
        stitcher.add_all(batch, guesses, _trusted(features, batch))
    for batch in batches(_moved(region.lit, corner), settings.batch):
        predicted = predict_patches(run.model, features, batch, run.device)
        stitcher.add_all(batch, predicted, _trusted(features, batch))
        run.count.add(len(batch))
    return stitcher


def _mean_fill(
    stitcher: Stitcher, widths: IntArray, box: Box, plan: FillablePart, model: Model
) -> FilledRegion:
    """The fill of one region from its patches and the `_widths` of its gaps."""
    filled = plan.fillable_in(box)
    expected_units, scale_units = stitcher.mean(filled)
    with np.errstate(over="ignore"):
        expected = from_network(expected_units)
    if not (np.isfinite(expected).all() and np.isfinite(scale_units).all()):
        raise InputError(
            f"model {model.name} expects counts that are not finite, its training has failed: use "
            "other weights"
        )
    counts, sigma = np.zeros(filled.shape, np.float32), np.zeros(filled.shape, np.float32)
    counts[filled] = np.maximum(expected, LEAST_COUNTS)
    scale = logs_from_network(scale_units)
    sigma[filled] = model.calibration.sigma(scale, widths, counts[filled])
    return FilledRegion(box, counts, sigma)


def _moved(places: Iterable[PatchLocation], corner: tuple[int, ...]) -> list[PatchLocation]:
    """The same places, counted from the corner of a box."""
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
