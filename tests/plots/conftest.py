"""A scan to draw, and a reconstruction of it."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_figures import PEAK

from bcdi_inpaint.classical.interpolation import linear


@pytest.fixture(scope="module")
def scan() -> dict[str, np.ndarray]:
    """A simulated peak with fringes, a cross of 4 columns and 3 rows, and some bad voxels."""
    z, y, x = np.indices((24, 40, 44)) - np.array(PEAK)[:, None, None, None]
    expectation = 3e4 * np.exp(-(z**2 / 12 + y**2 / 30 + x**2 / 40)) + 20 / (1 + y**2 + z**2)
    expectation *= 1 + 0.8 * np.cos(x + 0.3 * y)
    counts = np.random.default_rng(0).poisson(expectation)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 24:27] = True
    gap[:, :, 30:34] = True
    bad = np.zeros_like(gap)
    bad[:, 5, 6] = True
    return {
        "expectation": expectation,
        "counts": counts,
        "gap": gap,
        "bad": bad & ~gap,
        "linear": linear(counts, gap),
    }


@pytest.fixture
def phased(scan: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arguments of a picture of a reconstruction: a box with a phase of 0.4 rad in one half."""
    obj = np.zeros(scan["counts"].shape, np.complex64)
    obj[8:16, 16:24, 18:26] = 2
    obj[8:16, 16:24, 22:26] *= np.exp(0.4j)
    return {
        "obj": obj,
        "support": obj != 0,
        "counts": scan["linear"],
        "calculated": scan["expectation"],
        "filled": scan["gap"],
        "bad_mask": scan["bad"],
    }
