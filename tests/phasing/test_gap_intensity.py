"""How bright a reconstruction is in the gap, over beside it."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from bcdi_inpaint.phasing.gap_intensity import _beside, _near, gap_intensity

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


def test_what_was_not_measured_is_not_compared_with(gap: np.ndarray) -> None:
    bad = np.zeros(SHAPE, dtype=bool)
    bad[:, 25:, 3:20] = True
    calculated = np.where(gap, 3 * _peak(), _peak())
    spoilt = np.where(bad, 1e3, calculated)
    assert gap_intensity(spoilt, gap, ~(gap | bad)).ratio == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize("reach", [0.5, 1.0, 1.5, 2.0, 3.2])
def test_what_is_beside_the_gap_is_by_its_distance(rng: np.random.Generator, reach: float) -> None:
    gap = rng.random((9, 14, 3)) < 0.01
    gap[:, 5:7] = True
    np.testing.assert_array_equal(_near(gap, reach), distance_transform_edt(~gap) <= reach)


def test_to_look_beside_the_gap_takes_little_memory() -> None:
    gap = np.zeros((64, 64, 64), dtype=bool)
    gap[:, 30:34] = True
    tracemalloc.start()
    try:
        _beside(gap, ~gap, 2.0)
        assert tracemalloc.get_traced_memory()[1] < 4 * gap.size  # a distance takes 50 bytes
    finally:
        tracemalloc.stop()


def _box_crystal() -> np.ndarray:
    """The intensity of a box, whose rods run along the axes, its peak at (32, 32, 32)."""
    axes = np.ogrid[tuple(slice(-32, 32) for _ in range(3))]
    amplitude = np.sinc(axes[0] / 8) * np.sinc(axes[1] / 8) * np.sinc(axes[2] / 8)
    return 1e6 * amplitude**2


@pytest.mark.parametrize(("start", "stop"), [(30, 34), (29, 35), (26, 38), (32, 36), (29, 33)])
def test_of_a_gap_over_the_peak_nothing_is_said(start: int, stop: int) -> None:
    """Exact intensities are brighter there than anything that was measured."""
    gap = np.zeros((64, 64, 64), dtype=bool)
    gap[:, start:stop] = True
    found = gap_intensity(_box_crystal(), gap)
    assert math.isnan(found.ratio)
    assert "brightest in the gap" in str(found)


@pytest.mark.parametrize(("start", "stop"), [(32, 33), (33, 35), (33, 45), (40, 46)])
def test_a_gap_beside_the_peak_is_judged_and_one_that_is_a_line_of_it(
    start: int, stop: int
) -> None:
    gap = np.zeros((64, 64, 64), dtype=bool)
    gap[:, start:stop] = True
    found = gap_intensity(_box_crystal(), gap)
    assert 0.4 < found.ratio < 1.6
    assert not found.hides_peak


def test_without_light_or_a_gap_nothing_is_said(gap: np.ndarray) -> None:
    for intensity, mask in ((1e-9 * _peak(), gap), (_peak(), ~gap & gap), (_peak(), gap | ~gap)):
        found = gap_intensity(intensity, mask)
        assert math.isnan(found.ratio)
        assert "no light" in str(found)
