"""What filling a scan would take, found without filling it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bcdi_inpaint.files import default_output
from bcdi_inpaint.filling.methods import NETWORK
from bcdi_inpaint.filling.model_settings import settings_for
from bcdi_inpaint.filling.network_patches import seconds_per_patch
from bcdi_inpaint.filling.own_calibration import SETTINGS as CALIBRATION
from bcdi_inpaint.filling.settings import FillingSettings
from bcdi_inpaint.filling.work import plan_work
from bcdi_inpaint.jobs.request import Request, check
from bcdi_inpaint.jobs.scan_gaps import find_scan_gaps
from bcdi_inpaint.network.weights import load_model
from bcdi_inpaint.scan.boxes import blocks, volume
from bcdi_inpaint.scan.photon_view import as_read
from bcdi_inpaint.scan.remarks import Remark, Remarks, and_count, distinct
from bcdi_inpaint.scan.scan import Scan
from bcdi_inpaint.tables import number_of

# Peak resident memory: what is loaded, and what is made of each voxel of the largest region,
# measured where that was all of 1 to 10 million voxels. A scan that is no HDF5 is in memory too.
BASE_BYTES = 550_000_000
BYTES_PER_VOXEL = 45
# Seconds besides the network's own, on two cores: to start and to look at the gaps, from the
# example that comes with the package; to read and to write a voxel, and the first guesses of the
# patches over the network's own time, from `python -m benchmarks.predict`.
START_SECONDS = 4.0
SECONDS_PER_VOXEL = 55e-9
GUESS_OVER_NETWORK = 1.0


@dataclass(frozen=True)
class Estimate:
    """What filling a scan would take.

    `shape` is n_rock x n_y x n_x; `patches` are those that see a signal; `memory_mb` and
    `seconds` are estimates for this machine and device, from start to end: `not_timed` names
    what was asked for besides; `remarks` are what has to be said about the scan; `exists` says
    that the output is there and would be replaced.
    """

    scan: str
    output: str
    shape: str
    gaps: str
    gaps_found: str
    gap_voxels: int
    patches: int
    memory_mb: int
    seconds: float
    not_timed: str = ""
    remarks: Remarks = ()
    exists: bool = False

    def __str__(self) -> str:
        more = f" without {self.not_timed}" if self.not_timed else ""
        there = ", which exists: --force replaces it" if self.exists else ""
        return (
            f"{self.scan}: {self.shape}, {self.gaps} ({self.gaps_found}), "
            f"{number_of(self.gap_voxels, 'voxel')} in {number_of(self.patches, 'patch')}, "
            f"about {self.memory_mb} MB and {self.seconds:.0f} s"
            f"{more}{and_count(self.remarks, 'note')}: {self.output}{there}"
        )


def estimate_job(
    request: Request, note: Callable[[Remark], None] = lambda remark: None
) -> Estimate:
    """The plan of a request: the scan is read and its gaps are found, nothing is written.

    `note` gets what has to be said about the scan, see `jobs.predict.predict`.
    Raises InputError for what `predict` would refuse before it fills.
    """
    output = request.output or default_output(request.scan, request.form)
    check(request, planned=True)
    scan, finding = find_scan_gaps(request, note=note)
    gap = finding.region
    is_network = request.method == NETWORK
    settings = FillingSettings()
    if is_network:
        settings = settings_for(load_model(request.model), settings)
    work = plan_work(scan, gap, survey=finding.survey, settings=settings)
    n_patches = work.n_lit if is_network else 0
    largest = max((volume(region.box) for region in work.regions), default=0)
    stored = as_read(scan)
    loaded = stored.counts.nbytes if isinstance(stored, Scan) else 0
    slow = {
        "fine-tuning": request.finetune,
        "refinement": request.refine,
        f"the method {request.method}": not is_network,
    }
    return Estimate(
        request.scan,
        str(output),
        " x ".join(map(str, scan.shape)),
        finding.places,
        finding.origin,
        sum(int(np.count_nonzero(gap.part(block))) for block in blocks(scan.shape)),
        n_patches,
        round((BASE_BYTES + BYTES_PER_VOXEL * largest + loaded) / 1e6),
        round(_seconds(request, n_patches, math.prod(scan.shape)), 1),
        " and ".join(name for name, asked in slow.items() if asked),
        distinct(scan.remarks, finding.remarks),
        output.exists(),
    )


def _seconds(request: Request, n_patches: int, n_voxels: int) -> float:
    """From start to end: reading, first guesses, the network and its calibration, writing."""
    network = n_patches * _pace(request.model, request.device) if n_patches else 0.0
    of_patches = network * (1 + GUESS_OVER_NETWORK) * (1 + CALIBRATION.part)
    return START_SECONDS + of_patches + n_voxels * SECONDS_PER_VOXEL


_pace = lru_cache(maxsize=4)(seconds_per_patch)
