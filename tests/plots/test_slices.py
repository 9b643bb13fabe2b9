"""Slices of a volume."""

from __future__ import annotations

import numpy as np
from drawn_figures import PEAK
from numpy.testing import assert_allclose

from bcdi_inpaint.plots import brightest_voxel


def test_brightest_voxel_is_the_peak_and_no_hot_voxel(scan: dict[str, np.ndarray]) -> None:
    counts = scan["counts"].astype(float)
    counts[2, 3, 4] = 1e9
    counts[20, 3, 4] = np.nan
    assert_allclose(brightest_voxel(counts), PEAK, atol=2)
    assert brightest_voxel(np.zeros((6, 8, 10))) == (3, 4, 5)
