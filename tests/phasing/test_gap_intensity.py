"""How bright a reconstruction is in the gap, over beside it."""

import math

import numpy as np
import pytest

from bcdi_inpaint.phasing.gap_intensity import gap_intensity

SHAPE = (24, 32, 32)


def _peak() -> np.ndarray:
    """An intensity that falls as a faceted crystal's does."""
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    r = np.sqrt((z - 12) ** 2 + (y - 16) ** 2 + (x - 15) ** 2)
    return 1e6 / (1 + r) ** 4


@pytest.fixture
def gap() -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, 20:25] = True
    return mask


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 8.0])
def test_too_much_and_too_little_light_is_seen(gap: np.ndarray, factor: float) -> None:
    calculated = np.where(gap, factor * _peak(), _peak())
    found = gap_intensity(calculated, gap)
    assert found.ratio == pytest.approx(factor, rel=0.1, abs=1e-9)
    assert len(found.radii) == len(found.ratios) == len(found.voxels) > 2
    assert f"{found.ratio:.2f}" in str(found)


def test_the_peak_is_not_looked_for_in_the_gap_nor_in_what_was_not_measured(
    gap: np.ndarray,
) -> None:
    bad = np.zeros(SHAPE, dtype=bool)
    bad[:, 25:, 3:20] = True
    calculated = np.where(gap, 3 * _peak(), _peak())
    spoilt = np.where(bad, 1e3, calculated)
    assert gap_intensity(spoilt, gap, ~(gap | bad)).ratio == pytest.approx(3, rel=0.1)
    calculated[5, 22, 5] = 1e9  # in the gap
    assert gap_intensity(calculated, gap).ratio < 4


def test_without_light_or_a_gap_nothing_is_said(gap: np.ndarray) -> None:
    for intensity, mask in ((1e-9 * _peak(), gap), (_peak(), ~gap & gap), (_peak(), gap | ~gap)):
        found = gap_intensity(intensity, mask)
        assert math.isnan(found.ratio)
        assert "no light" in str(found)
