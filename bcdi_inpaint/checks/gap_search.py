"""The gaps of a scan as it is stored: its numbers are made ready before they are looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from bcdi_inpaint.checks.numbers import NumberWishes, prepare
from bcdi_inpaint.checks.wide_pixels import find_with_wide_pixels
from bcdi_inpaint.gaps.detectors import Detector
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.gap_finding import GapFinding, GapOptions
from bcdi_inpaint.gaps.masks import as_gaps, merge_gaps
from bcdi_inpaint.scan.remarks import distinct
from bcdi_inpaint.scan.scan import Measured, as_mask, as_scan


def find_gaps(
    scan: Measured | np.ndarray,
    user: Iterable[Gap] = (),
    detector: Detector | None = None,
    roi: tuple[int, int] | None = None,
    binning: int = 1,
    *,
    gap_mask: np.ndarray | None = None,
    trust: bool = False,
    fill_empty: bool = False,
    photon: float | None = None,
    clip: bool = False,
) -> GapFinding:
    """Find the gaps of a scan as `bcdi-inpaint predict` does; see `gaps.finding.find_with`.

    Marks such as 65535 are no counts, counts may be in other units, and lines of wide pixels
    belong to the gap between them.

    Parameters
    ----------
    scan : a scan, in memory or in its file, or (n_rock, n_y, n_x) counts.
    user : gaps that are known, in lines of the scan.
    detector : the detector that the scan was taken with, from `gaps.detectors.DETECTORS`.
    roi : (y0, x0), the unbinned detector line of the scan's first row and column.
    binning : detector lines per line of the scan.
    gap_mask : (n_rock, n_y, n_x) or (n_y, n_x), True = to fill: a gap of any shape.
    trust : whether gaps are believed whose lines hold counts.
    fill_empty : whether all that is empty amid light is filled, where it is else masked.
    photon : what one photon is in the counts; found from them where it is not given.
    clip : whether small values below zero are taken as zero.

    Returns
    -------
    The gaps, how they were found, and what has to be said about them and the counts.

    Raises
    ------
    InputError
        Where no gap is found, where lines of a gap hold counts, where the counts are none.

    Examples
    --------
    >>> import bcdi_inpaint as bcdi
    >>> bcdi.find_gaps(bcdi.load_example()).places
    'rows 38:44, cols 39:45'
    """
    measured: Measured = as_scan(scan) if isinstance(scan, np.ndarray) else scan
    ready = prepare(measured, NumberWishes(photon, clip))
    mask = None if gap_mask is None else as_mask(gap_mask, measured.shape, "gap_mask")
    options = GapOptions(
        merge_gaps(as_gaps(user)), detector, roi, binning, mask, trust=trust, fill_empty=fill_empty
    )
    finding = find_with_wide_pixels(ready.scan, options)
    return replace(finding, remarks=distinct(ready.remarks, finding.remarks))
