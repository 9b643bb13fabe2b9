"""Filling the gaps of a scan: patches over the gaps, the network, the mean of the overlaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.filling.fill import Fill, FillReport
from bcdi_inpaint.filling.light_map import LightMap
from bcdi_inpaint.filling.model_settings import settings_for
from bcdi_inpaint.filling.own_calibration import (
    TOO_DARK,
    OwnCalibration,
    Rehearsal,
    calibrate_own,
    calibrated,
    plan_rehearsals,
)
from bcdi_inpaint.filling.region_features import read_log_counts
from bcdi_inpaint.filling.region_filling import FillingRun, PatchCounter, Progress, fill_region
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.streamed_fill import FilledRegion, StreamedFill, empty_region
from bcdi_inpaint.filling.symmetry import measure_symmetry
from bcdi_inpaint.filling.work import Work, plan_work
from bcdi_inpaint.gaps.masks import GapRegion, as_region
from bcdi_inpaint.gaps.survey import Survey
from bcdi_inpaint.network.devices import choose_device
from bcdi_inpaint.network.weights import Model, load_model
from bcdi_inpaint.peak.centre import find_centre
from bcdi_inpaint.scan.scan import Measured, as_scan


def inpaint(
    counts: np.ndarray,
    gap_mask: np.ndarray,
    model: str | Path | Model = "default",
    device: str = "auto",
    *,
    bad_mask: np.ndarray | None = None,
    stride: int = FillingSettings.stride,
    calibrate: bool = True,
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
    calibrate : whether the scan calibrates its intervals itself; see `own_calibration`.
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
    settings = FillingSettings(stride=stride, calibrate=calibrate)
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
    watch: Callable[[StreamedFill], None] | None = None,
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
    settings : how patches are laid over the gaps; a network as published sees patches of the size
        that it was trained on.
    progress : called with (patches done, patches in all) after every batch.
    watch : called with the fill so far after every batch; its counts are nan where it is not
        filled yet, see `StreamedFill.so_far`.

    Returns
    -------
    The fill, which is laid into the scan part by part.

    Raises
    ------
    InputError
        For counts that are none, gaps none of which can be filled, a model that does not load, or
        an absent device.
    """
    loaded = model if isinstance(model, Model) else load_model(model)
    settings = settings_for(loaded, settings)
    work = plan_work(scan, gap, survey=survey, settings=settings)
    chosen = choose_device(device)
    centre, symmetry = _peak(scan, gap, work.light, settings) if work.regions else (None, nan)
    rehearsals = _rehearsals(work, gap, centre, settings)
    n_hidden = sum(len(one.places) for one in rehearsals)
    n_unlit = work.n_patches - work.n_lit
    count = PatchCounter(progress, work.n_patches + n_hidden, n_unlit)
    run = FillingRun(loaded, chosen, settings, count, symmetry)
    own = OwnCalibration(None, TOO_DARK if settings.calibrate else "")
    regions: list[FilledRegion] = []

    def fill_of(filled: tuple[FilledRegion, ...]) -> StreamedFill:
        calibration = run.model.calibration
        report = FillReport(
            work.plan.warnings,
            work.n_lit,
            n_unlit,
            chosen.type,
            calibration=own.remark,
            factors=own.factors,
        )
        return StreamedFill(
            scan, work.plan, work.light, filled, calibration, loaded.name, loaded.sha256, report
        )

    if centre is not None:
        if settings.calibrate:
            own = calibrate_own(scan, gap, work, centre, run, rehearsals)
            run = replace(run, model=calibrated(loaded, own))
        for region in work.regions:
            seen = None if watch is None else _watched(watch, fill_of, work, tuple(regions))
            regions.append(fill_region(scan, gap, region, centre, work, run, seen))
    return fill_of(tuple(regions))


def _watched(
    watch: Callable[[StreamedFill], None],
    fill_of: Callable[[tuple[FilledRegion, ...]], StreamedFill],
    work: Work,
    done: tuple[FilledRegion, ...],
) -> Callable[[FilledRegion], None]:
    """Shows the fill with a region that is being filled; those after it are not filled yet."""
    later = tuple(empty_region(region.box) for region in work.regions[len(done) + 1 :])
    return lambda region: watch(fill_of((*done, region, *later)))


def _rehearsals(
    work: Work, gap: GapRegion, centre: Float64Array | None, settings: FillingSettings
) -> tuple[Rehearsal, ...]:
    """The pseudo-gaps that the scan is calibrated with; none where it is not."""
    if centre is None or not settings.calibrate:
        return ()
    return plan_rehearsals(work, gap, centre, settings)


def _peak(
    scan: Measured, gap: GapRegion, light: LightMap, settings: FillingSettings
) -> tuple[Float64Array, float]:
    """The centre of the peak, in voxels of the scan, and how symmetric the scan is about it."""
    box = light.around_peak(settings.centre_window)
    log_counts, unknown = read_log_counts(scan, gap, box)
    centre = find_centre(log_counts, ~unknown)
    symmetry = measure_symmetry(log_counts, unknown, centre)
    return centre + [part.start for part in box], symmetry
