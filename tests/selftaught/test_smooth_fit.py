import numpy as np

from bcdi_inpaint.selftaught.smooth_fit import smooth_fit


def test_a_fit_follows_what_is_slow_and_leaves_fringes() -> None:
    y, x = np.meshgrid(np.arange(40), np.arange(48), indexing="ij")
    slow = 2 + 0.05 * y + 0.02 * x
    fit = smooth_fit(slow + np.cos(2 * np.pi * x / 5), np.ones(slow.shape, dtype=bool))
    inside = (slice(8, -8), slice(8, -8))
    assert np.abs(fit - slow)[inside].max() < 0.1


def test_nothing_is_seen_of_what_is_not_known_and_wide_gaps_are_filled_too() -> None:
    logs = np.full((40, 60), 3.0)
    known = np.ones(logs.shape, dtype=bool)
    known[:, 10:50] = False
    logs[~known] = np.nan
    np.testing.assert_allclose(smooth_fit(logs, known), 3, rtol=1e-6)


def test_where_nothing_is_known_there_is_nothing() -> None:
    known = np.zeros((4, 5), dtype=bool)
    np.testing.assert_array_equal(smooth_fit(np.full((4, 5), np.nan), known), 0)
