"""What became of one scan: a line on the terminal, a line of JSON, a row of the report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bcdi_inpaint.files import default_output
from bcdi_inpaint.jobs.predict import Result
from bcdi_inpaint.jobs.provenance import SIGMA, read_handover, read_remarks
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.jobs.write_fill import median_sigma
from bcdi_inpaint.phasing.benefit import FAR, read_advice, read_verdict
from bcdi_inpaint.scan.remarks import Remark, Remarks, and_count
from bcdi_inpaint.tables import number_of

FILLED, THERE, FAILED = "filled", "there", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one scan; a row of the report.

    `status` is ``filled``, ``there`` (done by an earlier run) or ``failed``, of which `reason`
    tells why. `shape` is n_rock x n_y x n_x, `warnings` are joined by semicolons, `advice` says
    whether phase retrieval gains by the fill, `remarks` are what had to be said about the scan, as
    far as it was read. `handover` is how PyNX gets the fill, `verdict` one of
    `phasing.benefit.VERDICTS`, ``far`` where no gap is near the peak; `sigma` is the median of the
    filled voxels. Of a scan that is there, its file tells what it holds.
    """

    scan: str
    output: str
    status: str
    reason: str = ""
    shape: str = ""
    gaps: str = ""
    gaps_found: str = ""
    filled_voxels: int = 0
    warnings: str = ""
    seconds: float = 0.0
    advice: str = ""
    remarks: Remarks = ()
    handover: str = ""
    verdict: str = ""
    sigma: float | None = None

    def __str__(self) -> str:
        if self.status == FAILED:
            return f"{self.scan}: failed: {self.reason}"
        if self.status == THERE:
            return f"{self.scan}: was done{and_count(self.remarks, 'note')}: {self.output}"
        warned = f", {number_of(self.warnings.count(';') + 1, 'warning')}" if self.warnings else ""
        warned += and_count(self.remarks, "note")
        return (
            f"{self.scan}: filled {number_of(self.filled_voxels, 'voxel')} of {self.gaps}{warned}, "
            f"{self.seconds:.1f} s: {self.output}"
        )


def outcome_of(result: Result, scan: str) -> Outcome:
    """The outcome of a prediction that went well."""
    return Outcome(
        scan,
        str(result.output),
        FILLED,
        shape=" x ".join(map(str, result.scan.shape)),
        gaps=result.finding.places,
        gaps_found=result.finding.origin,
        filled_voxels=result.fill.n_filled,
        warnings="; ".join(result.fill.report.warnings),
        seconds=round(result.seconds, 2),
        advice="" if result.advice is None else str(result.advice),
        remarks=result.remarks,
        handover=result.handover,
        verdict=FAR if result.advice is None else result.advice.verdict,
        sigma=median_sigma(result.fill, result.scan.shape),
    )


def outcome_in(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the record of an output tells of its `Outcome`, by the outcome's fields."""
    sigma = float(record.get(SIGMA, math.nan))
    kept = {key: record[key] for key in ("gaps", "filled_voxels") if key in record}
    return kept | {
        "gaps_found": str(record.get("gaps_found", "")).replace("flags", "mask"),
        "advice": read_advice(record),
        "remarks": read_remarks(record),
        "handover": read_handover(record),
        "verdict": read_verdict(record),
        "sigma": None if math.isnan(sigma) else sigma,
    }


def failure_outcome(request: Request, reason: str, remarks: Iterable[Remark] = ()) -> Outcome:
    """The outcome of a prediction that could not be made.

    Parameters
    ----------
    request : what was asked for.
    reason : why it could not be made.
    remarks : what had been said about the scan before.
    """
    output = str(output_of(request))
    return Outcome(request.scan, output, FAILED, reason, remarks=tuple(remarks))


def output_of(request: Request) -> Path:
    """Where the output of a scan of a batch lies."""
    return request.output or default_output(request.scan, request.form, numbered=True)
