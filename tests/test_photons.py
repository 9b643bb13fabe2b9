"""Where measured counts fall in what is predicted for them."""

import numpy as np
import pytest
from scipy.stats import kstest

from bcdi_inpaint.photons import predicted_ranks


@pytest.mark.parametrize("counts_per_voxel", [0.05, 3.0, 1e4])
def test_ranks_of_counts_are_uniform_where_the_prediction_is_right(
    counts_per_voxel: float, rng: np.random.Generator
) -> None:
    """Also where most voxels hold no photon, and where noise is negligible."""
    shape, sigma = (20, 20, 20), 0.4
    log_expected = np.log1p(counts_per_voxel) + rng.normal(0, sigma, shape)
    counts = rng.poisson(np.expm1(log_expected).clip(0))

    def interval_of(own_sigma: float):
        def interval(level: float) -> tuple[np.ndarray, np.ndarray]:
            from scipy.special import ndtri

            reach = own_sigma * ndtri((1 + level) / 2)
            ends = (np.full(shape, np.log1p(counts_per_voxel) + s * reach) for s in (-1, 1))
            low, high = (np.expm1(end).clip(0) for end in ends)
            return low, high

        return interval

    everywhere = np.ones(shape, dtype=bool)
    ranks = predicted_ranks(counts, interval_of(sigma), everywhere, rng)
    assert ranks.shape == (8000,)
    assert kstest(ranks, "uniform").pvalue > 1e-3
    if counts_per_voxel > 1:
        proud = predicted_ranks(counts, interval_of(sigma / 4), everywhere, rng)
        assert (np.abs(2 * proud - 1) <= 0.68).mean() < 0.6
