"""The scan and the gaps of a request, and what has to be said about them."""

from __future__ import annotations

import math
from collections.abc import Callable

from bcdi_inpaint.checks.wide_pixels import find_with_wide_pixels
from bcdi_inpaint.gaps.gap_finding import GapFinding
from bcdi_inpaint.jobs.gap_options import gap_options
from bcdi_inpaint.jobs.open_in_photons import open_in_photons
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.scan.remarks import Remark, telling_once
from bcdi_inpaint.scan.scan import Measured


def find_scan_gaps(
    request: Request,
    say: Callable[[str], None] = lambda line: None,
    note: Callable[[Remark], None] = lambda remark: None,
) -> tuple[Measured, GapFinding]:
    """The scan of a request and its gaps. Where it lies in an HDF5 file it stays there.

    Parameters
    ----------
    request : what is asked for.
    say, note : see `jobs.predict.predict`.

    Returns
    -------
    The scan, in which all is bad that is empty amid light and no gap, and its gaps.

    Raises
    ------
    InputError
        As `files.read_scan` and `gaps.finding.find_with` do.
    """
    tell = telling_once(note)
    scan = open_in_photons(request).scan
    tell(scan.remarks)
    options = gap_options(request, scan)
    finding = find_with_wide_pixels(scan, options)
    say(f"read {request.scan}: {_shape(scan)} {scan.dtype}, {_share_bad(finding)}")
    say(f"gaps: {finding.places} ({finding.origin})")
    tell(finding.remarks)
    return finding.seen(scan), finding


def _shape(scan: Measured) -> str:
    return " x ".join(map(str, scan.shape))


def _share_bad(finding: GapFinding) -> str:
    n_bad = 0 if finding.survey is None else finding.survey.n_masked
    return f"{100 * n_bad / math.prod(finding.shape):.2g} % masked" if n_bad else "no mask"
