"""What the network sees of a part of a scan: the same as the whole scan shows there."""

import numpy as np
import pytest

from bcdi_inpaint.classical.kriging import krige
from bcdi_inpaint.filling import region_features
from bcdi_inpaint.filling.region_features import compute_region_features
from bcdi_inpaint.gaps.masks import GapRegion, find_planes
from bcdi_inpaint.network.units import LOG_UNIT
from bcdi_inpaint.peak.friedel import friedel_mate
from bcdi_inpaint.scan.boxes import Box
from bcdi_inpaint.scan.scan import Scan


@pytest.fixture
def counts() -> np.ndarray:
    """A peak of some 1e4 photons in (16, 64, 48), with noise."""
    grids = np.meshgrid(*[np.arange(n) - n / 2 for n in (16, 64, 48)], indexing="ij")
    expected = 1e4 / (1 + 0.05 * sum(g**2 for g in grids)) ** 2
    return np.random.default_rng(0).poisson(expected).astype(np.float32)


def rows(shape: tuple[int, int, int]) -> np.ndarray:
    gap = np.zeros(shape, dtype=bool)
    gap[:, 40:46] = True
    return gap


@pytest.mark.parametrize(
    ("centre", "n_readings"),
    [((8.0, 30.0, 24.5), 1), ((8.0, 48.0, 24.5), 2), ((8.0, 5.0, 24.5), None)],
    ids=["mate inside", "mate elsewhere", "no mate"],
)
def test_a_region_sees_what_the_whole_scan_shows_of_it_and_of_its_mate(
    counts: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    centre: tuple[float, float, float],
    n_readings: int | None,
) -> None:
    read: list[Box] = []
    log_counts_of = region_features.read_log_counts

    def counted(scan: Scan, gap: GapRegion, box: Box) -> tuple[np.ndarray, np.ndarray]:
        read.append(box)
        return log_counts_of(scan, gap, box)

    monkeypatch.setattr(region_features, "read_log_counts", counted)
    bad = np.zeros(counts.shape, dtype=bool)
    bad[2, 20, 7] = True
    gap = rows(counts.shape)
    box = slice(0, 16), slice(20, 44), slice(2, 40)
    features = compute_region_features(
        Scan(counts, bad), GapRegion.of(gap), box, np.array(centre), "linear"
    )
    unknown = gap | bad
    mate, mate_known = friedel_mate(np.log1p(counts), ~unknown, centre)
    np.testing.assert_array_equal(features.unknown, unknown[box])
    np.testing.assert_array_equal(features.mate_known, mate_known[box])
    np.testing.assert_allclose(features.mate * LOG_UNIT, mate[box], rtol=1e-6)
    known = ~features.unknown
    np.testing.assert_allclose(
        (features.guess * LOG_UNIT)[known], np.log1p(counts[box])[known], rtol=1e-6
    )
    assert len(read) == (n_readings or 1)
    assert mate_known[box].any() == (n_readings is not None)


def test_a_region_is_kriged_about_the_whole_scans_peak(counts: np.ndarray) -> None:
    gap, centre = rows(counts.shape), np.array([8.0, 30.0, 24.5])
    box = slice(2, 16), slice(20, 44), slice(12, 40)
    scan = Scan(counts, np.zeros(counts.shape, dtype=bool))
    guess = compute_region_features(scan, GapRegion.of(gap), box, centre).guess * LOG_UNIT
    log_counts, unknown = np.log1p(counts[box]).astype(np.float32), gap[box]
    right, wrong = (
        krige(log_counts, unknown, find_planes(unknown), c).log_counts
        for c in (centre - [2, 20, 12], centre)
    )
    np.testing.assert_allclose(guess, right, rtol=1e-5)
    assert np.abs(wrong - right).max() > 0.05
