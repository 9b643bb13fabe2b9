"""What a request says about the gaps of its scan."""

from __future__ import annotations

from bcdi_inpaint.files import read_mask, read_provenance, split_spec
from bcdi_inpaint.gaps.detectors import find_detector
from bcdi_inpaint.gaps.gap_finding import GapOptions
from bcdi_inpaint.gaps.masks import merge_gaps
from bcdi_inpaint.jobs.provenance import FILLED_VOXELS
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.scan.scan import Measured


def gap_options(request: Request, scan: Measured) -> GapOptions:
    """What a request says about the gaps of a scan.

    In an output of ours gaps hold counts, which we filled in: they are trusted. Raises InputError
    for an unknown detector, and a gap mask that cannot be read or does not fit.
    """
    detector = None if request.detector is None else find_detector(request.detector)
    mask = None
    if request.gap_mask is not None:
        mask = read_mask(request.gap_mask, scan.shape, request.crop)
    return GapOptions(
        merge_gaps(request.gaps),
        detector,
        _corner(request),
        request.binning,
        mask,
        trust=request.trust_gaps or FILLED_VOXELS in read_provenance(split_spec(request.scan)[0]),
        fill_empty=request.fill_empty,
    )


def _corner(request: Request) -> tuple[int, int] | None:
    """The detector's line where what was read begins, as far as it is said."""
    if request.crop is None or request.roi is not None:
        return request.roi
    row, column = request.crop.corner_yx
    return row * request.binning, column * request.binning
