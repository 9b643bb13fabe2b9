"""The scan as it is phased, written as the CXI that PyNX's runner reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bcdi_inpaint.files import FilledArrays, write_filled_cxi, write_scan
from bcdi_inpaint.filling.fill import Fill
from bcdi_inpaint.jobs.provenance import WRITTEN_FOR, calibration_record, run_record
from bcdi_inpaint.phasing.handover import fill_interval
from bcdi_inpaint.phasing.scan_phasing import PreparedScan
from bcdi_inpaint.scan.scan import Metadata, Scan

EV_ANGSTROM = 12398.4
"""Photon energy times wavelength, as PyNX has it."""


def write_phased_scan(path: Path, scan: Scan, fill: Fill | None, prepared: PreparedScan) -> None:
    """Write what is phased: in photons, cut around the peak, handed over as it was asked for.

    Parameters
    ----------
    path : the CXI to write; an earlier one is replaced.
    scan : in photons, (n_rock, n_y, n_x).
    fill : its fill in photons; None for a scan without one.
    prepared : how it is handed over, and in which box.
    """
    handed, part = prepared.handed, scan.part(prepared.box)
    record = {WRITTEN_FOR: handed.name}
    if fill is None:
        write_scan(path, part.counts, handed.bad_mask, scan.metadata, provenance=record, force=True)
        return
    of_box = fill.part(prepared.box)
    lower, upper = (bound[prepared.box] for bound in fill_interval(fill))
    arrays = FilledArrays(of_box.counts, of_box.filled, handed.bad_mask, of_box.sigma, lower, upper)
    made = {**record, **calibration_record(fill.calibration), "model": fill.model}
    write_filled_cxi(path, part, arrays, made, force=True)


def experiment(metadata: Metadata, spec: str, seed: int) -> dict[str, Any]:
    """What PyNX's results are to say of the experiment and of us, by PyNX's names.

    Parameters
    ----------
    metadata : of the scan.
    spec : the file that is phased.
    seed : of the runs.
    """
    energy = metadata.energy_ev
    values = {
        "wavelength": None if energy is None else EV_ANGSTROM / energy * 1e-10,
        "detector_distance": metadata.distance_m,
        "pixel_size_detector": metadata.x_pixel_size_m,
        "instrument": metadata.instrument,
        "sample_name": metadata.sample,
    }
    ours = {f"inpaint_{name}": value for name, value in run_record(spec).items()}
    known = {name: value for name, value in values.items() if value is not None}
    return {**known, **ours, "inpaint_seed": seed}
