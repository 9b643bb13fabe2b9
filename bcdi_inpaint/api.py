"""The calls of a notebook: each takes a scan and its gaps, or plain arrays.

The commands make the same calls on files. Everything is imported where it is used, so that a
person who only reads a scan does not wait for torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.gaps.masks import GapRegion, as_region
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Measured, Scan, as_scan

if TYPE_CHECKING:
    from bcdi_inpaint.filling.fill import Fill
    from bcdi_inpaint.network.weights import Model
    from bcdi_inpaint.phasing.benefit import Benefit

Gaps = np.ndarray | Gap | Iterable[Gap]
"""The gaps of a scan: what `find_gaps` returns, gaps, or a mask (True = to fill)."""
Progress = Callable[[int, int], None]
"""Called with how many are done, and how many there are in all."""


def inpaint(
    scan: Measured | np.ndarray,
    gaps: Gaps,
    model: str | Path | Model = "default",
    device: str = "auto",
    *,
    bad_mask: np.ndarray | None = None,
    stride: int | None = None,
    progress: Progress | None = None,
) -> Fill:
    """Fill the gaps of a scan.

    Parameters
    ----------
    scan : a scan, or (n_rock, n_y, n_x) photon counts of any number type; not changed.
    gaps : what `find_gaps` returns, or gaps, or a mask (n_rock, n_y, n_x) or (n_y, n_x) of any
        shape, True = to fill.
    model : ``default``, a weights file, or a model that is loaded already.
    device : ``auto``, ``cpu`` or ``cuda``.
    bad_mask : (n_rock, n_y, n_x) or (n_y, n_x), True = invalid: not looked at, and not changed
        unless it is in the gap. It adds to the scan's own mask.
    stride : voxels between neighbouring patches along a gap, 1 to 32; smaller is slower and
        smoother.
    progress : called with (patches done, patches in all) after every batch.

    Returns
    -------
    The fill: `fill.counts` has the gaps filled and every other voxel as measured, bit for bit;
    `fill.sigma` says how sure it is.

    Raises
    ------
    InputError
        For arrays that do not fit, counts that are none, gaps that are empty or cannot be filled,
        a model that does not load, or an absent device.
    """
    from bcdi_inpaint.filling.inpainting import inpaint_scan
    from bcdi_inpaint.filling.settings import FillingSettings

    measured, region = _checked(scan, gaps, bad_mask)
    settings = FillingSettings() if stride is None else FillingSettings(stride=stride)
    return inpaint_scan(measured, region, model, device, settings=settings, progress=progress).whole


def expected_benefit(
    scan: Measured | np.ndarray, gaps: Gaps, *, bad_mask: np.ndarray | None = None
) -> Benefit | None:
    """Say what a fill of these gaps can do for the crystal.

    Parameters
    ----------
    scan : a scan, or (n_rock, n_y, n_x) photon counts.
    gaps : as for `inpaint`.
    bad_mask : as for `inpaint`.

    Returns
    -------
    How wide the gap is in fringes, how near to the peak, how bright, and what follows; None where
    no gap is near a peak that can be seen.

    Raises
    ------
    InputError
        For arrays that do not fit.
    """
    from bcdi_inpaint.phasing.benefit import expected_benefit as of_arrays

    measured, region = _checked(scan, gaps, bad_mask)
    everything = whole(measured.shape)
    part = measured.part(everything)
    return of_arrays(part.counts, part.bad_mask | region.part(everything), region.planes)


def _checked(
    scan: Measured | np.ndarray, gaps: Gaps, bad_mask: np.ndarray | None
) -> tuple[Measured, GapRegion]:
    """The scan, with further bad voxels, and its gaps; InputError for what does not fit."""
    measured: Measured = as_scan(scan, bad_mask) if isinstance(scan, np.ndarray) else scan
    if not isinstance(scan, np.ndarray) and bad_mask is not None:
        measured = _with_bad(measured, bad_mask)
    return measured, as_region(gaps, measured.shape)


def _with_bad(scan: Measured, bad_mask: np.ndarray) -> Scan:
    return scan.part(whole(scan.shape)).with_bad(bad_mask)
