"""What `bcdi-inpaint phase` writes of the best run: its CXI, its figures, its picture."""

from __future__ import annotations

from pathlib import Path

from bcdi_inpaint.files import write_result
from bcdi_inpaint.jobs.phasing_job import PhasingJob
from bcdi_inpaint.jobs.provenance import phasing_record
from bcdi_inpaint.phasing.constraints import IntervalConstraint
from bcdi_inpaint.phasing.gap_intensity import GapIntensity, gap_intensity
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.plots import phasing_panel


def write_best(output: Path, job: PhasingJob, found: Reconstruction) -> None:
    """Write the best run as PyNX would, and its figures.

    Parameters
    ----------
    output : the CXI to write.
    job : whose run it is.
    found : the run.
    """
    request = job.request
    provenance = phasing_record(
        request.scan, found, job.stored, parameters=job.parameters, seed=request.seed
    )
    figures = {  # under PyNX's names
        "llk_poisson": found.llk,
        "free_llk_poisson": found.llk_free,
        "nb_point_support": int(found.support.sum()),
        "gap_intensity": in_gap(found).ratio,
    }
    write_result(
        output,
        found.obj,
        found.support,
        job.scan.metadata,
        figures,
        found.log,
        provenance,
        request.force,
        [request.scan],
    )


def in_gap(found: Reconstruction) -> GapIntensity:
    """How bright a run is in what was not measured, over beside it."""
    assert found.handed is not None, "made by the runner"
    return gap_intensity(found.intensity(), found.handed.bad_mask | found.handed.filled)


def draw_best(picture: Path, job: PhasingJob, found: Reconstruction) -> None:
    """The picture of a run: measured and calculated intensity, modulus and phase.

    Parameters
    ----------
    picture : the file to write; an earlier one is replaced.
    job : whose run it is.
    found : the run.
    """
    handed, box = found.handed, found.box
    assert handed is not None, "made by the runner"
    assert box is not None, "made by the runner"
    known = handed.constraint
    bounds = (known.lower, known.upper) if isinstance(known, IntervalConstraint) else None
    filled = job.scan.bad_mask & False if job.stored is None else job.stored.filled
    is_binned = handed.counts.shape != filled[box].shape
    phasing_panel(
        found.obj,
        found.support,
        handed.counts,
        found.intensity(),
        handed.filled if is_binned else filled[box],
        handed.bad_mask if is_binned else job.scan.bad_mask[box],
        bounds=bounds,
        corner=(0, 0, 0) if is_binned else (box[0].start, box[1].start, box[2].start),
        title=f"{Path(job.request.scan).name}, {handed.name}",
        path=picture,
        force=True,
    )
