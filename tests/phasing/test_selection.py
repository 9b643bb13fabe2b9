"""The run that is taken."""

from __future__ import annotations

import numpy as np

from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import choose


def run(free: float, llk: float, size: int) -> Reconstruction:
    support = np.zeros((8, 8, 8), bool)
    support.flat[:size] = True
    return Reconstruction(support.astype(np.complex64), support, llk, free, ())


def test_a_run_that_stagnates_is_not_taken_however_small_its_support() -> None:
    good, stagnated = run(2.0, 1.2, 100), run(9.0, 1.0, 40)
    assert choose([stagnated, good]) is good


def test_of_good_runs_the_larger_support_does_not_win_by_itself() -> None:
    large, small, other = run(2.00, 1.2, 200), run(2.01, 1.1, 100), run(2.2, 1.4, 150)
    assert choose([large, small, other]) is small


def test_equals_are_told_by_the_free_voxels_or_by_the_others() -> None:
    first, second = run(2.0, 1.2, 100), run(2.1, 1.1, 100)
    assert choose([second, first]) is first
    blind = [run(float("nan"), llk, 100) for llk in (1.4, 1.1)]
    assert choose(blind) is blind[1]


def test_what_differs_by_less_than_a_hundredth_does_not_outweigh_the_free_voxels() -> None:
    best, random = run(1.61, 1.333, 402), run(1.67, 1.326, 400)
    assert choose([random, best]) is best
    clearly_better = run(1.67, 1.2, 300)
    assert choose([best, clearly_better]) is clearly_better
