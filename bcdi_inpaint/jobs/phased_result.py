"""What `bcdi-inpaint phase` writes of the best run: its CXI, its figures, its picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bcdi_inpaint.arrays import BoolArray
from bcdi_inpaint.files import write_result
from bcdi_inpaint.gaps.masks import find_planes, mask_in_box
from bcdi_inpaint.jobs.phased_scan import EV_ANGSTROM
from bcdi_inpaint.jobs.phasing_job import PhasingJob
from bcdi_inpaint.jobs.provenance import phasing_record
from bcdi_inpaint.phasing.gap_intensity import GapIntensity, gap_intensity
from bcdi_inpaint.phasing.handover import fill_interval
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.plots import phasing_panel
from bcdi_inpaint.scan.boxes import Box, sides, whole
from bcdi_inpaint.scan.scan import Metadata


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
        "free_log_error": found.free_log_error,
        "nb_point_support": int(found.support.sum()),
        "gap_intensity": in_gap(job, found).ratio,
    }
    write_result(
        output,
        found.obj,
        found.support,
        job.scan.metadata,
        figures,
        found.log,
        provenance,
        request.replaces,
        [request.scan],
    )


def in_gap(job: PhasingJob, found: Reconstruction) -> GapIntensity:
    """How bright a run is in the gap, over beside it, before the beam's blur.

    The gap is what was filled, or whole masked lines where nothing was. Other masked voxels are in
    neither.

    Parameters
    ----------
    job : whose run it is.
    found : the run.
    """
    handed, box = found.handed, found.box
    assert handed is not None, "made by the runner"
    assert box is not None, "made by the runner"
    bad = job.scan.bad_mask[box]
    gap = np.zeros_like(bad) if job.stored is None else job.stored.filled[box]
    if not gap.any():
        gap = mask_in_box(find_planes(bad), whole(bad.shape))
    gap = _binned(gap, handed.counts.shape)
    return gap_intensity(found.intensity(), gap, ~(gap | handed.bad_mask | handed.filled))


def _binned(mask: BoolArray, shape: Sequence[int]) -> BoolArray:
    """What is in a bin at least in part; the mask itself where nothing was binned."""
    steps = [max(1, n // own) for n, own in zip(mask.shape, shape, strict=True)]
    cut = mask[tuple(slice(0, own * step) for own, step in zip(shape, steps, strict=True))]
    bins = [length for own, step in zip(shape, steps, strict=True) for length in (own, step)]
    return np.asarray(cut.reshape(bins).any(axis=(1, 3, 5)))


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
    filled = job.scan.bad_mask & False if job.stored is None else job.stored.filled
    is_binned = handed.counts.shape != filled[box].shape
    phasing_panel(
        found.obj,
        found.support,
        handed.counts,
        found.intensity(),
        handed.filled if is_binned else filled[box],
        handed.bad_mask if is_binned else job.scan.bad_mask[box],
        **({} if is_binned else _doubt(job, box)),
        corner=(0, 0, 0) if is_binned else (box[0].start, box[1].start, box[2].start),
        voxel_nm=object_voxel_nm(job.scan.metadata, sides(box)),
        title=_title(job, found),
        path=picture,
        force=True,
    )


def _doubt(job: PhasingJob, box: Box) -> dict[str, Any]:
    """How sure the fill is in the box, and the interval that it gives."""
    if job.fill is None:
        return {}
    lower, upper = (bound[box] for bound in fill_interval(job.fill))
    return {"sigma": job.fill.sigma[box], "bounds": (lower, upper)}


def _title(job: PhasingJob, found: Reconstruction) -> str:
    """The scan, how it was handed over, and what speaks for the object."""
    assert found.handed is not None, "made by the runner"
    figures = f"log-likelihood {found.llk:.3g}, of free voxels {found.llk_free:.3g}"
    if not np.isnan(found.free_log_error):
        figures += f", their log error {found.free_log_error:.3g}"
    ratio = in_gap(job, found).ratio
    light = "" if np.isnan(ratio) else f", light in the gap over beside it {ratio:.2f}"
    return f"{Path(job.request.scan).name}, handed over as {found.handed.name}: {figures}{light}"


def object_voxel_nm(metadata: Metadata, shape: Sequence[int]) -> tuple[float, float] | None:
    """Sides of an object's voxel along detector rows and columns in nm; None where not known.

    The wavelength times the distance, over the detector's extent in the box.

    Parameters
    ----------
    metadata : of the scan.
    shape : (n_rock, n_y, n_x) of the box that was phased, in the detector's pixels.

    Examples
    --------
    >>> told = Metadata(energy_ev=9000, distance_m=1, x_pixel_size_m=55e-6, y_pixel_size_m=55e-6)
    >>> [round(side, 1) for side in object_voxel_nm(told, (64, 100, 50)) or ()]
    [25.0, 50.1]
    """
    energy, distance = metadata.energy_ev, metadata.distance_m
    if not energy or not distance or not metadata.y_pixel_size_m or not metadata.x_pixel_size_m:
        return None
    wavelength_nm = EV_ANGSTROM / energy / 10
    return (
        wavelength_nm * distance / (shape[1] * metadata.y_pixel_size_m),
        wavelength_nm * distance / (shape[2] * metadata.x_pixel_size_m),
    )
