"""The box around the peak."""

import numpy as np
import pytest

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.peak_box import PeakNearEdgeError, crop_around_peak


def test_the_crop_is_centred_on_the_peak() -> None:
    counts = np.zeros((20, 30, 40))
    counts[9, 12, 25] = 100
    counts[2, 28, 3] = 1e6  # a hot pixel
    bad = counts == 1e6
    box = crop_around_peak(counts, bad, (8, 10, 12))
    assert box == (slice(5, 13), slice(7, 17), slice(19, 31))
    assert counts[box][4, 5, 6] == 100


def test_the_crop_stays_inside() -> None:
    counts = np.zeros((20, 30, 40))
    counts[1, 29, 20] = 100
    box = crop_around_peak(counts, np.zeros(counts.shape, bool), (8, 10, 40))
    assert box == (slice(0, 8), slice(20, 30), slice(0, 40))


def test_impossible_crops_are_refused() -> None:
    counts = np.ones((20, 30, 40))
    nothing = np.zeros(counts.shape, bool)
    with pytest.raises(InputError, match=r"\(8, 31, 8\) is larger than the counts"):
        crop_around_peak(counts, nothing, (8, 31, 8))
    with pytest.raises(InputError, match="no valid voxel has counts"):
        crop_around_peak(counts, ~nothing, (8, 8, 8))


@pytest.mark.parametrize(
    ("peak", "box"),
    [
        ((20, 24, 32), (slice(0, 40), slice(0, 48), slice(0, 64))),
        ((17, 24, 40), (slice(1, 33), slice(0, 48), slice(16, 64))),  # 17 and 34 are slow: 32
    ],
)
def test_by_default_the_box_is_the_largest_with_the_peak_in_its_middle(
    peak: tuple[int, int, int], box: tuple[slice, slice, slice]
) -> None:
    counts = np.zeros((40, 48, 64))
    counts[peak] = 100
    assert crop_around_peak(counts, np.zeros(counts.shape, bool)) == box


def test_a_peak_at_the_edge_has_no_box_by_default() -> None:
    counts = np.zeros((40, 48, 64))
    counts[20, 4, 30] = 100
    with pytest.raises(PeakNearEdgeError, match=r"peak at \(20, 4, 30\) is too near the edge"):
        crop_around_peak(counts, np.zeros(counts.shape, bool))


@pytest.mark.parametrize("pixel", [(10, 12), (50, 20), (33, 50)])
def test_a_hot_pixel_that_the_mask_does_not_know_leaves_the_box(pixel: tuple[int, int]) -> None:
    rock, y, x = (np.sinc((np.arange(64) - c) / 4.3) ** 2 for c in (32, 30, 33))
    expected_counts = 36_000 * rock[:, None, None] * y[:, None] * x
    counts = np.random.default_rng(0).poisson(expected_counts).astype(np.float32)
    nothing = np.zeros(counts.shape, bool)
    expected = crop_around_peak(counts, nothing)
    counts[:, pixel[0], pixel[1]] = 2_000_000
    assert crop_around_peak(counts, nothing) == expected


def test_a_wide_gap_over_the_peak_leaves_it_in_the_middle_of_the_box() -> None:
    rock, y, x = (np.sinc((np.arange(n) - n // 2) / 4.3) ** 2 for n in (24, 64, 64))
    counts = np.random.default_rng(0).poisson(1e6 * rock[:, None, None] * y[:, None] * x)
    for width in (24, 38):
        hidden = np.zeros(counts.shape, bool)
        hidden[:, :, 32 - width // 2 : 32 + width // 2] = True
        box = crop_around_peak(np.where(hidden, 0, counts), hidden)
        assert box == crop_around_peak(counts, np.zeros(counts.shape, bool))
        assert [(part.start + part.stop) // 2 for part in box] == [12, 32, 32]
