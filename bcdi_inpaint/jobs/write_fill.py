"""A filled scan, handed over in some way, as the files that other programs take."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.checks.numbers import NumberWishes, prepare
from bcdi_inpaint.files import (
    FilledPart,
    Provenance,
    Uncertainty,
    write_filled_cxi,
    write_filled_npz,
    write_filled_tiff,
)
from bcdi_inpaint.filling.fill import Fill, Filled
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion, as_region, filled_planes
from bcdi_inpaint.jobs.provenance import (
    FILLED_VOXELS,
    SIGMA,
    WRITTEN_FOR,
    calibration_record,
    own_calibration_record,
    remarks_record,
)
from bcdi_inpaint.phasing.benefit import benefit_record, expected_benefit, filled_counts
from bcdi_inpaint.phasing.handover import (
    AUTO,
    CHOICES,
    LEVEL,
    THRESHOLD,
    check_name,
    fill_interval,
    resolve_handover,
    trusted_voxels,
)
from bcdi_inpaint.scan.boxes import Box, Shape, blocks, sides, whole
from bcdi_inpaint.scan.found_object import FoundObject
from bcdi_inpaint.scan.photon_view import as_stored, photon_view_in
from bcdi_inpaint.scan.remarks import distinct
from bcdi_inpaint.scan.scan import Measured, Scan

MOST_VOXELS = 100_000_000
"""Of a scan that are looked at for a median."""
WRITERS = {"cxi": write_filled_cxi, "npz": write_filled_npz, "tiff": write_filled_tiff}
"""What writes each of `files.FORMATS`."""


@dataclass(frozen=True)
class HandedFill:
    """A fill as it is written for a hand-over; it is a `files.FilledScan`.

    Attributes
    ----------
    fill : the filled scan.
    handover : one of `handover.NAMES`, which says what is to be taken as measured.
    gap : what was to be filled; what of it was not stays masked.
    marked : what the user marked as bad by hand, (n_rock, n_y, n_x) or (n_y, n_x) bool, which a CXI
        holds by itself too; None where nothing was.
    """

    fill: Filled
    handover: str
    gap: GapRegion
    marked: BoolArray | None = None

    @property
    def objects(self) -> Sequence[FoundObject]:
        """What the starts of its refinement came to."""
        return self.fill.report.objects

    def part(self, box: Box, measured: Scan) -> FilledPart:
        """The filled scan within a box; `measured` is the scan there, which is read only once."""
        is_in_memory = isinstance(self.fill, Fill)
        made = self.fill.part(box) if is_in_memory else self.fill.alone(box).over(measured.counts)
        unknown: BoolArray = measured.bad_mask | self.gap.part(box)
        trusted = trusted_voxels(made, self.handover)
        return FilledPart(made.counts, made.filled, unknown & ~trusted, self._marked(box))

    def _marked(self, box: Box) -> BoolArray | None:
        if self.marked is None or self.marked.ndim == 3:
            return None if self.marked is None else self.marked[box]
        return np.broadcast_to(self.marked[box[1:]], sides(box))

    def uncertainty(self, box: Box) -> Uncertainty | None:
        """How sure the fill is within a box; None where nothing was filled."""
        alone = self.fill.alone(box)
        return Uncertainty(alone.sigma, *fill_interval(alone)) if alone.filled.any() else None


def write_fill(
    path: str | Path,
    scan: Measured,
    handed: HandedFill,
    provenance: Provenance,
    *,
    form: str = "cxi",
    force: bool = False,
) -> None:
    """Write a filled scan in one of `files.FORMATS`.

    Parameters
    ----------
    path : the file to write; see `files.companion` for the mask's.
    scan : the measured scan, (n_rock, n_y, n_x); one that is seen as photons is written as it is
        stored, and so is the fill.
    handed : its fill, and how it is handed over.
    provenance : how the fill was made.
    form : one of `files.FORMATS`.
    force : whether an existing file may be replaced.

    Raises
    ------
    InputError
        Where the file cannot or must not be written.
    RuntimeError
        Where the fill is no fill of this scan; nothing is written then.
    """
    handed = replace(handed, fill=_in_stored_unit(handed.fill, scan))
    sigma = median_sigma(handed.fill, scan.shape)
    record = {
        **provenance,
        **unit_record(scan, handed.fill),
        **({} if sigma is None else {SIGMA: sigma}),
        WRITTEN_FOR: handed.handover,
    }
    WRITERS[form](path, as_stored(scan), handed, record, force=force)


def _in_stored_unit(fill: Filled, scan: Measured) -> Filled:
    """A fill of a scan that is seen as photons, over its counts as they are stored."""
    view = photon_view_in(scan)
    if view is None or (fill.photon == view.photon and not view.clip):
        return fill
    made = fill.in_unit(view.photon)
    if not isinstance(made, Fill):
        return made
    return made.over(as_stored(scan).part(whole(scan.shape)).counts)


def unit_record(scan: Measured, fill: Filled) -> dict[str, Any]:
    """What a file says of its unit and of values below zero; nothing where counts are photons."""
    view = photon_view_in(scan)
    return {
        **({} if fill.photon == 1 else {"photon": fill.photon}),
        **({"clip": True} if view is not None and view.clip else {}),
    }


def write_cxi(
    path: str | Path,
    scan: Measured,
    fill: Filled,
    *,
    gaps: np.ndarray | Gap | Iterable[Gap] | None = None,
    handover: str = AUTO,
    provenance: Provenance | None = None,
    force: bool = False,
) -> None:
    """Write a filled scan as the CXI that PyNX reads, as ``bcdi-inpaint predict`` does.

    The file holds the filled counts, the mask of what is not to be taken as measured, where the
    scan was filled, and how sure the fill is (``sigma``, ``lower_bound``, ``upper_bound``).

    Parameters
    ----------
    path : the file to write, which ends in ``.cxi``.
    scan : the measured scan, (n_rock, n_y, n_x).
    fill : its fill.
    gaps : what was to be filled: what `find_gaps` returns, gaps, or a mask (True = to fill). What
        of it was not filled stays masked. By default what was filled.
    handover : one of `handover.CHOICES`: which filled voxels count as measured. ``auto`` decides by
        what the fill can do for the crystal.
    provenance : further values that say how the fill was made; see `files.Provenance`.
    force : whether an existing file may be replaced.

    Raises
    ------
    InputError
        Where the file cannot or must not be written, for an unknown hand-over, or gaps that do not
        fit the scan.
    RuntimeError
        Where the fill is no fill of this scan; nothing is written then.
    """
    check_name(handover, CHOICES)
    gap = GapRegion.of(fill.filled) if gaps is None else as_region(gaps, scan.shape)
    scan = _with_marks(scan, fill.photon)
    benefit = _benefit_record(scan, gap, fill)
    name = resolve_handover(handover, benefit.pop("verdict"), refined=fill.report.refined)
    date = {"date": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    known = remarks_record(distinct(scan.remarks, getattr(gaps, "remarks", ())))
    record = (
        fill_record(fill, ", ".join(map(str, gap.planes)))
        | known
        | benefit
        | date
        | dict(provenance or {})
    )
    write_fill(path, scan, HandedFill(fill, name, gap), record, force=force)


def _with_marks(scan: Measured, photon: float) -> Measured:
    """The scan in photons, with its marks masked."""
    ready = prepare(scan, NumberWishes(photon=None if photon == 1 else photon, clip=True)).scan
    view = photon_view_in(ready)
    if view is None:
        return ready
    is_whole = view.is_whole and view.photon == photon
    return replace(view, photon=photon, is_whole=is_whole, clip=False)


def median_sigma(fill: Filled, shape: Shape) -> float | None:
    """The median of a fill's sigma in the filled voxels; None where nothing is filled.

    Of a large scan some parts are looked at, evenly spread.
    """
    step = math.ceil(math.prod(shape) / MOST_VOXELS)
    parts = [fill.alone(box) for box in islice(blocks(shape), 0, None, step)]
    found = np.concatenate([part.sigma[part.filled] for part in parts])
    return float(np.median(found)) if found.size else None


def fill_record(fill: Filled, gaps: str) -> dict[str, Any]:
    """What a file says of a fill itself, in values small enough for every file made of it."""
    return {
        "model": Path(fill.model).name,
        "model_sha256": fill.model_sha256,
        "gaps": gaps,
        FILLED_VOXELS: fill.n_filled,
        "device": fill.report.device,
        "handover_level": LEVEL,
        "handover_threshold": THRESHOLD,
        **calibration_record(fill.calibration),
        **own_calibration_record(fill.report),
    }


def _benefit_record(scan: Measured, gap: GapRegion, fill: Filled) -> dict[str, Any]:
    """What a file says of the expected benefit, and under ``verdict`` what follows."""
    everything = whole(scan.shape)
    measured = scan.part(everything)
    unknown = measured.bad_mask | gap.part(everything)
    alone = fill.in_unit(1.0).alone(everything)
    planes = filled_planes(gap.planes, alone.filled)
    benefit = expected_benefit(measured.counts, unknown, planes, filled=filled_counts(alone))
    verdict = None if benefit is None else benefit.verdict
    return {**benefit_record(benefit), "verdict": verdict}
