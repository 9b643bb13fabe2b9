"""The released weights fill the example as they did when they were released."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import bcdi_inpaint as bcdi
from bcdi_inpaint.network import devices

REFERENCE = Path(__file__).resolve().parents[1] / "data" / "example_fill.npz"
"""Every 97th filled voxel, of one thread in single precision, by the weights with a last step."""


def test_the_example_is_filled_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "fast_bfloat16", lambda device: False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        scan = bcdi.load_example()
        fill = bcdi.inpaint(scan, bcdi.find_gaps(scan), device="cpu", calibrate=False)
    finally:
        torch.set_num_threads(threads)
    with np.load(REFERENCE) as reference:
        voxels = reference["voxels"]
        assert_array_equal(np.flatnonzero(fill.filled)[::97], voxels)
        # Processors sum in different orders: 1e-6 on one, 1e-5 among several.
        for name, ours in (("counts", fill.counts), ("sigma", fill.sigma)):
            assert_allclose(ours.ravel()[voxels], reference[name], 1e-4, 1e-5, err_msg=name)
        upper = fill.interval(0.95)[1]
        assert_allclose(upper.ravel()[voxels], reference["upper"], rtol=1e-4)
