import numpy as np
import pytest

from bcdi_inpaint.network.units import LOG_UNIT, from_network, to_network


def test_the_pair_is_inverse_over_nine_decades() -> None:
    counts = np.concatenate([[0], np.geomspace(1e-3, 1e9, 200)])
    np.testing.assert_allclose(from_network(to_network(counts)), counts, rtol=2e-5, atol=1e-6)


def test_one_unit_is_the_stated_number_of_logarithms() -> None:
    assert to_network(np.array([np.expm1(LOG_UNIT)]))[0] == pytest.approx(1)
    assert to_network(np.array([0], dtype=np.uint16))[0] == 0


def test_the_scale_is_absolute_not_the_arrays_own() -> None:
    counts = np.array([5.0, 7.0])
    np.testing.assert_array_equal(to_network(counts)[:1], to_network(counts[:1]))


def test_nothing_below_zero_comes_back() -> None:
    assert from_network(np.array([-0.3]))[0] == 0


def test_more_counts_are_more_units_over_nine_decades() -> None:
    units = to_network(np.geomspace(1, 1e9, 1000))
    assert (np.diff(units) > 0).all()
    assert units.dtype == np.float32
