"""A scan that calibrates its own intervals: pseudo-gaps near the peak, filled as its gaps are.

What was measured there is hidden, filled by the same network with the real gaps hidden too, and
compared with what is predicted for it; see `network.scan_calibration`. It costs less than filling:
a few patches around the Bragg peak, where a fill matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import product

import numpy as np

from bcdi_inpaint.arrays import Float64Array
from bcdi_inpaint.classical.runs import shortest_runs
from bcdi_inpaint.filling.patches import PatchLocation, starts_across
from bcdi_inpaint.filling.region_features import compute_region_features
from bcdi_inpaint.filling.region_filling import FillingRun, stitch_lit, stitched_mean
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.work import Work
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion, mask_in_box, merge_gaps
from bcdi_inpaint.gaps.pseudo_planes import find_pseudo_planes
from bcdi_inpaint.network.scan_calibration import HeldOut, ScanFactors, calibrate_on_scan, widen
from bcdi_inpaint.network.weights import Model
from bcdi_inpaint.scan.boxes import Box, Shape, as_box, grow, hull
from bcdi_inpaint.scan.scan import Measured

NO_PLANES = "not calibrated by this scan: its gaps are no planes, expected some to imitate"
NO_ROOM = "not calibrated by this scan: no pseudo-gap has room beside its gaps near the peak"
TOO_DARK = "not calibrated by this scan: too few photons near its peak"


@dataclass(frozen=True)
class OwnCalibrationSettings:
    """How much of a scan is hidden to calibrate it. Chosen by cost; no committed command.

    Attributes
    ----------
    part : of the patches of the fill, and of its features at `features` patches a box, that the
        calibration may cost.
    features : patches that the features of a box cost.
    most_planes : pseudo-gaps at most.
    across : voxels beside a patch that its first guess is made from, as of
        `FillingSettings.across`.
    along : the same along the pseudo-gap.
    """

    part: float = 0.75
    features: float = 3.0
    most_planes: int = 4
    across: int = 32
    along: int = 8


SETTINGS = OwnCalibrationSettings()


@dataclass(frozen=True)
class Rehearsal:
    """A pseudo-gap, and the patches that are laid over it."""

    plane: Gap
    places: tuple[PatchLocation, ...]


@dataclass(frozen=True)
class OwnCalibration:
    """What a scan says of its own intervals: factors, None where it says too little; and why."""

    factors: ScanFactors | None
    remark: str


def plan_rehearsals(
    work: Work,
    gap: GapRegion,
    centre: Float64Array,
    filling: FillingSettings = FillingSettings(),
    settings: OwnCalibrationSettings = SETTINGS,
) -> tuple[Rehearsal, ...]:
    """The pseudo-gaps of a scan and the patches over them, as many as the cost allows.

    Each gets two patches along each side of what is nearest to the peak, or one where that is too
    much. A fill of a patch or two gets a pseudo-gap of one all the same.

    Parameters
    ----------
    work : what there is to do in the scan.
    gap : its gaps.
    centre : (3,) of the Bragg peak.
    filling : how patches are laid.
    settings : what may be spent.
    """
    peak = [round(float(c)) for c in centre]
    planes = find_pseudo_planes(merge_gaps(work.plan.targets), work.light.known_lines, peak)
    spend = settings.part * (work.n_lit + settings.features * len(work.regions))
    for n_along in (2, 1):
        chosen: list[Rehearsal] = []
        left = spend
        for plane in planes[: settings.most_planes]:
            places = _over_peak(plane, peak, gap.shape, n_along, filling)
            left -= len(places) + settings.features
            if left >= 0 or (n_along == 1 and not chosen):
                chosen.append(Rehearsal(plane, places))
        if chosen:
            break
    return tuple(chosen)


def _over_peak(
    plane: Gap, peak: Sequence[int], shape: Shape, n_along: int, filling: FillingSettings
) -> tuple[PatchLocation, ...]:
    """Patches over the part of a plane nearest to the peak, `n_along` on each of its sides."""
    size = filling.patch
    reach = size + (n_along - 1) * filling.stride
    starts = []
    for axis, n in enumerate(shape):
        if axis == plane.axis:
            starts.append(starts_across(plane, n, size, filling.stride))
            continue
        own = [peak[axis] - reach // 2 + k * filling.stride for k in range(n_along)]
        inside = [min(max(start, 0), n - size) if n > size else (n - size) // 2 for start in own]
        starts.append(sorted(set(inside)))
    return tuple(PatchLocation(start, (size,) * 3) for start in product(*starts))


def calibrate_own(
    scan: Measured,
    gap: GapRegion,
    work: Work,
    centre: Float64Array,
    run: FillingRun,
    rehearsals: Sequence[Rehearsal],
    settings: OwnCalibrationSettings = SETTINGS,
) -> OwnCalibration:
    """Hide and fill pseudo-gaps of a scan, and find by how much its intervals are to be widened.

    Parameters
    ----------
    scan : the measured scan, which may stay in its file.
    gap : its voxels to fill.
    work : what there is to do in it.
    centre : (3,) of the Bragg peak.
    run : the network, and how it fills.
    rehearsals : the pseudo-gaps.
    settings : the margins of their boxes.
    """
    if not work.plan.targets:
        return OwnCalibration(None, NO_PLANES)
    if not rehearsals:
        return OwnCalibration(None, NO_ROOM)
    held_out = hide_and_fill(scan, gap, centre, run, rehearsals, settings)
    factors = calibrate_on_scan(run.model.calibration, held_out)
    return OwnCalibration(factors, TOO_DARK if factors is None else str(factors))


def hide_and_fill(
    scan: Measured,
    gap: GapRegion,
    centre: Float64Array,
    run: FillingRun,
    rehearsals: Sequence[Rehearsal],
    settings: OwnCalibrationSettings = SETTINGS,
) -> HeldOut:
    """What was measured in pseudo-gaps of a scan, and what they are filled with.

    Parameters
    ----------
    scan : the measured scan.
    gap : its voxels to fill, which are hidden too.
    centre : (3,) of the Bragg peak.
    run : the network, and how it fills.
    rehearsals : the pseudo-gaps, at least one.
    settings : the margins of their boxes.
    """
    parts = [_rehearse(scan, gap, centre, one, run, settings) for one in rehearsals]
    names = [part.name for part in fields(HeldOut)]
    return HeldOut(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def calibrated(model: Model, own: OwnCalibration) -> Model:
    """The model with a scan's own calibration, where there is one."""
    if own.factors is None:
        return model
    return replace(model, calibration=widen(model.calibration, own.factors))


def _rehearse(
    scan: Measured,
    gap: GapRegion,
    centre: Float64Array,
    one: Rehearsal,
    run: FillingRun,
    settings: OwnCalibrationSettings,
) -> HeldOut:
    """The measured voxels of a pseudo-gap under its patches, and what they are filled with."""
    box = _box(one, gap.shape, settings)
    hidden = replace(gap, planes=(*gap.planes, one.plane))
    features = compute_region_features(scan, hidden, box, centre, run.model.network.config.guess)
    stitcher = stitch_lit(features, one.places, box, run)
    measured = scan.part(box)
    unknown = measured.bad_mask | gap.part(box)
    judged = mask_in_box([one.plane], box) & stitcher.covered & ~unknown
    widths = shortest_runs(unknown | mask_in_box([one.plane], box), judged)
    expected, sigma = stitched_mean(stitcher, judged, widths, run.model, run.last_step(features))
    return HeldOut(measured.counts[judged], expected, sigma, widths)


def _box(one: Rehearsal, shape: Shape, settings: OwnCalibrationSettings) -> Box:
    """The part of the scan that a pseudo-gap is filled from."""
    patches = hull([place.inside(shape)[0] for place in one.places])
    margins = [settings.across if axis == one.plane.axis else settings.along for axis in range(3)]
    return as_box(grow(patches, margins, shape))
