"""Wide pixels beside a gap."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.checks.wide_pixels import widen
from bcdi_inpaint.gaps.gap import Gap
from bcdi_inpaint.scan.scan import as_scan


def strained_crystal(seed: int) -> np.ndarray:
    """Mean counts of a box-shaped crystal with a smooth phase, 48 x 48 x 48."""
    rng = np.random.default_rng(seed)
    z, y, x = np.indices((48, 48, 48)) - 24
    sides = rng.integers(5, 9, 3)
    inside = (abs(z) <= sides[0] / 2) & (abs(y) <= sides[1] / 2) & (abs(x) <= sides[2] / 2)
    phase = rng.normal(0, 0.02, 3) @ np.array([z * y, y * x, x * x]).reshape(3, -1)
    obj = inside * np.exp(1j * phase.reshape(z.shape))
    mean = abs(np.fft.fftshift(np.fft.fftn(obj))) ** 2
    return mean / mean.max() * 3e5


@pytest.mark.parametrize("factor", [1.5, 3.0])
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("start", [16, 28, 30])
def test_lines_of_wide_pixels_belong_to_the_gap(factor: float, axis: int, start: int) -> None:
    rng = np.random.default_rng(1)
    counts = np.moveaxis(rng.poisson(symmetric()), axis, 0)
    counts[start : start + 4] = 0
    for line in (start - 1, start + 4):
        counts[line] = rng.poisson(factor * counts[line])
    scan = as_scan(np.ascontiguousarray(np.moveaxis(counts, 0, axis)))
    gaps, remarks = widen(scan, (Gap(axis, start, start + 4),))
    assert gaps == (Gap(axis, start - 1, start + 5),)
    assert [remark.kind for remark in remarks] == ["wide-pixels"]


def symmetric() -> np.ndarray:
    """Mean counts of a crystal without strain, 48 x 48 x 48."""
    obj = np.zeros((48, 48, 48))
    obj[20:28, 20:29, 21:28] = 1
    mean = abs(np.fft.fftshift(np.fft.fftn(obj))) ** 2
    return mean / mean.max() * 3e5


@pytest.mark.parametrize("seed", range(3))
def test_ordinary_gaps_stay_as_they_are(seed: int) -> None:
    mean = symmetric() if seed == 0 else strained_crystal(seed)
    counts = np.random.default_rng(seed).poisson(mean)
    for width, starts in ((4, range(6, 38, 5)), (6, range(8, 36, 7))):
        for start in starts:
            own = counts.copy()
            own[:, start : start + width] = 0
            gaps, _ = widen(as_scan(own), (Gap(1, start, start + width),))
            assert gaps == (Gap(1, start, start + width),)


def test_values_below_zero_beside_the_gap_are_no_counts() -> None:
    """They are refused later; until then a warning would be all that is seen of them."""
    counts = np.random.default_rng(3).poisson(symmetric()).astype(np.int32)
    counts[:, 20:26] = 0
    counts[:, 19, 24] = -1
    assert widen(as_scan(counts), (Gap(1, 20, 26),))[0] == (Gap(1, 20, 26),)
