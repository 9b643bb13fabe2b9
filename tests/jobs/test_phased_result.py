"""How bright the best run is in the gap, and in nothing else that is masked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.fft

from bcdi_inpaint.files import StoredFill
from bcdi_inpaint.jobs.phased_result import in_gap
from bcdi_inpaint.jobs.phasing_job import PhasingJob, Request
from bcdi_inpaint.phasing.handover import HandOver
from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.scan_phasing import PreparedScan
from bcdi_inpaint.scan.boxes import whole
from bcdi_inpaint.scan.scan import Scan

SHAPE = (24, 32, 32)


@pytest.fixture
def gap() -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, 20:26] = True
    return mask


@pytest.fixture
def block() -> np.ndarray:
    """A hot island of the detector."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, 2:9, 3:20] = True
    return mask


def _object(intensity: np.ndarray) -> np.ndarray:
    """An object of that intensity."""
    amplitude = scipy.fft.ifftshift(np.sqrt(intensity))
    obj: np.ndarray = scipy.fft.fftshift(scipy.fft.ifftn(amplitude, norm="ortho"))
    return obj.astype(np.complex64)


def _pair(array: np.ndarray) -> np.ndarray:
    """Rows and columns added up in pairs."""
    n, rows, cols = array.shape
    return array.reshape(n, rows // 2, 2, cols // 2, 2).sum(axis=(2, 4))


@pytest.mark.parametrize("is_filled", [True, False])
@pytest.mark.parametrize("is_binned", [True, False])
def test_only_the_gap_counts(
    gap: np.ndarray, block: np.ndarray, is_filled: bool, is_binned: bool
) -> None:
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    peak = 1e6 / (1 + np.sqrt((z - 12) ** 2 + (y - 16) ** 2 + (x - 15) ** 2)) ** 4
    intensity, masked = peak * np.where(gap, 3, 1) * np.where(block, 50, 1), gap | block
    scan = Scan(np.zeros(SHAPE, np.float32), block if is_filled else masked)
    stored = StoredFill(gap, np.zeros(SHAPE, np.float32), {}) if is_filled else None
    if is_binned:
        intensity, masked = _pair(intensity), _pair(masked) > 0
    handed = HandOver("mask", intensity.astype(np.float32), masked, masked & False)
    prepared = PreparedScan(handed, whole(SHAPE))
    job = PhasingJob(Request("scan.cxi"), Path(), 1, scan, stored, None, prepared)
    obj = _object(intensity)
    found = Reconstruction(obj, obj != 0, 1.0, 1.0, (), whole(SHAPE), handed)
    assert in_gap(job, found).ratio == pytest.approx(3, rel=0.25)
