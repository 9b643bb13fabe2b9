"""What our files say of how they were made: the keys, their writer and their reader.

A data set's name must not hold the word "mask", because PyNX takes such a one for a mask
(`files` refuses it). Values may: PyNX does not look at them.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import ValidationError

from bcdi_inpaint.arrays import Float32Array
from bcdi_inpaint.errors import one_line
from bcdi_inpaint.files import StoredFill, input_sha256, split_spec
from bcdi_inpaint.filling.fill import Fill, FillReport
from bcdi_inpaint.network.calibration import Calibration
from bcdi_inpaint.phasing.constraints import PriorConstraint
from bcdi_inpaint.phasing.handover import HandOverSettings
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.schedule import HALF_WAY
from bcdi_inpaint.pynx_engine import pynx_version
from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.remarks import SEPARATOR, Remarks, from_text, one_text

CALIBRATION = "calibration_"
"""What the keys of a fill's calibration begin with; the rest is a field of `Calibration`."""
LEVEL = "handover_level"
"""Key of the probability of the interval that is stored beside a fill."""
HANDOVER = "handover"
"""Key of the hand-over that an object was phased with."""
WRITTEN_FOR = "written_for"
"""Key of the hand-over that a filled scan was written for. PyNX copies it into its results, which
need not have used it: so it is not called what was used."""
FILLED_VOXELS = "filled_voxels"
"""Key of how many voxels were filled, which a filled scan alone has."""
REMARKS, KINDS = "remarks", "remark_kinds"
"""Keys of the texts and the kinds of what had to be said about the scan, in one line each."""


SIGMA = "sigma_median"
"""Key of the median of a fill's sigma in the filled voxels."""
PHOTON = "photon"
"""Key of what one photon is in a file's counts, where that is not 1."""


def run_record(spec: str | Path) -> dict[str, Any]:
    """What every file of ours says: the command, its input and that input's hash, the date."""
    path, inner = split_spec(spec)
    return {
        "command": shlex.join(["bcdi-inpaint", *sys.argv[1:]]),
        "input": path.name,
        "input_sha256": input_sha256(spec),
        **({} if inner is None else {"input_path": inner}),
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def remarks_record(remarks: Remarks) -> dict[str, str]:
    """Remarks by the keys that a file has for them; nothing where there are none."""
    if not remarks:
        return {}
    return {REMARKS: one_text(remarks), KINDS: SEPARATOR.join(r.kind for r in remarks)}


def read_remarks(record: Mapping[str, Any]) -> Remarks:
    """The remarks in a file's record."""
    return from_text(str(record.get(REMARKS, "")), str(record.get(KINDS, "")))


def calibration_record(calibration: Calibration) -> dict[str, Any]:
    """A fill's calibration by the keys that a file has for it."""
    return {f"{CALIBRATION}{name}": value for name, value in calibration}


def own_calibration_record(report: FillReport) -> dict[str, Any]:
    """Whether the scan has calibrated its intervals, and by how much at which expected counts."""
    said = {"own_calibration": report.calibration} if report.calibration else {}
    if report.factors is None:
        return said
    return said | {
        f"own_calibration_{name}": value for name, value in asdict(report.factors).items()
    }


def read_calibration(path: str | Path, record: Mapping[str, Any]) -> Calibration:
    """The calibration in the record of the file `path`; InputError if it is damaged."""
    values = {
        key.removeprefix(CALIBRATION): value
        for key, value in record.items()
        if key.startswith(CALIBRATION)
    }
    try:
        return Calibration(**values)
    except ValidationError as error:
        raise one_line(error, f"{path}, the fill's calibration") from error


def read_handover(record: Mapping[str, Any]) -> str:
    """The hand-over that a file with a fill was written for; in old versions it was ``hard``."""
    return str(record.get(WRITTEN_FOR, record.get(HANDOVER, "hard")))


def read_photon(record: Mapping[str, Any]) -> float:
    """What one photon is in the counts of a file with a fill."""
    return float(record.get(PHOTON, 1.0))


@dataclass(frozen=True, repr=False)
class FillInFile(Fill):
    """A fill that was read from a file, whose interval is the one in the file.

    Attributes
    ----------
    level : probability of the stored interval.
    bounds : lower and upper bound, (n_rock, n_y, n_x) float32 each; None in files that have none,
        where the interval follows from `sigma` and the calibration.
    """

    level: float = HandOverSettings.level
    bounds: tuple[Float32Array, Float32Array] | None = None

    def interval(self, level: float) -> tuple[Float32Array, Float32Array]:
        """See `Fill.interval`; the stored bounds if they are of this level."""
        if self.bounds is None or level != self.level:
            return super().interval(level)
        lower, upper = (np.where(self.filled, bound, self.counts) for bound in self.bounds)
        return lower, upper

    def part(self, box: Box) -> Self:
        """See `Fill.part`; the stored bounds are cut too."""
        own = None if self.bounds is None else (self.bounds[0][box], self.bounds[1][box])
        return replace(super().part(box), bounds=own)

    def in_unit(self, photon: float) -> Self:
        """See `Fill.in_unit`; the stored bounds are scaled too."""
        made = super().in_unit(photon)
        if self.bounds is None:
            return made
        ratio = np.float32(photon / self.photon)
        with np.errstate(over="ignore"):
            lower, upper = (bound * ratio for bound in self.bounds)
        return replace(made, bounds=(lower, upper))


def fill_in_file(path: str | Path, counts: np.ndarray, stored: StoredFill) -> FillInFile:
    """The fill read from a file, as it was when it was made.

    Parameters
    ----------
    path : the file, for messages.
    counts : (n_rock, n_y, n_x), with the fill.
    stored : what the file says of the fill.

    Raises
    ------
    InputError
        If the file's calibration is damaged.
    """
    record = stored.provenance
    bounds = None
    if stored.lower_bound is not None and stored.upper_bound is not None:
        bounds = stored.lower_bound, stored.upper_bound
    return FillInFile(
        counts.astype(np.float32),
        stored.filled,
        stored.sigma.astype(np.float32),
        read_calibration(path, record),
        str(record.get("model", "")),
        str(record.get("model_sha256", "")),
        photon=read_photon(record),
        level=float(record.get(LEVEL, HandOverSettings.level)),
        bounds=bounds,
    )


def phasing_record(
    spec: str,
    found: Reconstruction,
    stored: StoredFill | None,
    *,
    parameters: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """How an object was found, and how the scan was filled before.

    Parameters
    ----------
    spec : the file that was phased.
    found : the best reconstruction, which knows its box and what was handed over.
    stored : the file's fill.
    parameters : of PyNX's runner, as the lines of its file.
    seed : of the runs.
    """
    assert found.handed is not None, "made by the runner"
    assert found.box is not None, "made by the runner"
    handed = found.handed
    fill = {} if stored is None else {f"fill_{k}": v for k, v in stored.provenance.items()}
    is_prior = isinstance(handed.constraint, PriorConstraint)
    return (
        fill
        | run_record(spec)
        | {
            "pynx_version": pynx_version() or "unknown",
            "pynx_parameters": SEPARATOR.join(parameters),
            HANDOVER: handed.name,
            "release_after": -1.0 if handed.release_after is None else handed.release_after,
            **({"prior_half_way": HALF_WAY} if is_prior else {}),
            "seed": seed,
            "run": found.run,
            "support_threshold": found.threshold,
            "free_llks_of_runs": found.free_llks,
            "iobs_shape": handed.counts.shape,
            "roi_final": tuple(end for part in found.box for end in (part.start, part.stop)),
        }
    )
