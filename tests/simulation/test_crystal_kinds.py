"""Kinds of crystals and beams."""

import numpy as np

from simulation.crystal_kinds import KINDS, bring_peak_to_middle, deal_kinds, vary_modulus


def test_kinds_are_dealt_evenly_and_more_begin_alike() -> None:
    shares = dict(zip(KINDS, (1, 1, 2, 0), strict=True))
    dealt = deal_kinds(shares, 12)
    assert [dealt.count(kind) for kind in shares] == [3, 3, 6, 0]
    assert deal_kinds(shares, 5) == dealt[:5]


def test_a_modulus_never_falls_to_nothing_and_phases_stay() -> None:
    rng = np.random.default_rng(0)
    obj = np.exp(1j * rng.uniform(-2, 2, (24, 24, 24)))
    varied = vary_modulus(obj, 0.8, 3.0, rng)
    assert np.abs(varied).min() >= 0.0999
    np.testing.assert_allclose(np.angle(varied), np.angle(obj))


def test_the_brightest_voxel_comes_to_the_middle() -> None:
    amplitude = np.zeros((6, 8, 9), dtype=complex)
    amplitude[1, 7, 2] = 1j
    assert bring_peak_to_middle(amplitude)[3, 4, 4] == 1j
