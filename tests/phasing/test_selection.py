"""The run that is taken."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import Judged, best, best_of, choose, free_misfit, judged

NAN = float("nan")


def run(
    free: float, llk: float, size: int, error: float = NAN, *, begun: bool = False
) -> Reconstruction:
    support = np.zeros((8, 8, 8), bool)
    support.flat[:size] = True
    obj = support.astype(np.complex64)
    return Reconstruction(obj, support, llk, free, (), free_log_error=error, begun=begun)


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


@pytest.mark.parametrize(
    ("free", "error", "is_taken"),
    [
        (8.0, 0.4, True),  # both figures speak for it
        (8.0, 0.6, False),  # the brightest voxels alone do
        (12.0, 0.4, False),  # the faint ones alone do
        (12.0, 0.6, False),
        (8.0, NAN, True),  # as of results that were written before
        (12.0, NAN, False),
    ],
)
def test_a_random_run_is_taken_for_one_from_an_object_where_both_figures_say_so(
    free: float, error: float, is_taken: bool
) -> None:
    """The llk and the supports speak for the random one, and do not count."""
    begun, worse = run(10.0, 2.0, 200, 0.5, begun=True), run(11.0, 1.9, 100, 0.3, begun=True)
    at_random, other = run(free, 1.0, 100, error), run(2 * free, 1.5, 150, 0.1)
    runs = [other, worse, at_random, begun]
    assert choose(runs) is (at_random if is_taken else begun)
    ways = {str(number): judged(one) for number, one in enumerate([worse, at_random, begun])}
    assert best_of(ways) == ("1" if is_taken else "2")


def test_of_runs_from_objects_alone_the_free_log_likelihood_tells() -> None:
    best, other = run(10.0, 2.0, 200, 0.5, begun=True), run(10.05, 1.0, 100, 0.3, begun=True)
    assert choose([other, best]) is best
    assert best_of({"masked": judged(other), "filled": judged(best)}) == "filled"


def test_ways_that_are_equal_leave_the_first() -> None:
    first, second = (judged(run(10.0, 2.0, 200, 0.5, begun=begun)) for begun in (True, False))
    assert best_of({"masked": first, "filled": second}) == "masked"
    assert best_of({"masked": second, "filled": second}) == "masked"


def test_the_best_is_of_least_free_likelihood_or_of_likelihood_where_none_is_free() -> None:
    one, other = run(2.0, 1.0, 100), run(1.5, 3.0, 100)
    assert best([one, other]) is other
    one, other = run(NAN, 1.0, 100), run(NAN, 3.0, 100)
    assert best([other, one]) is one


@pytest.mark.parametrize("begun", [False, True])
def test_a_run_that_found_nothing_is_the_worst(begun: bool) -> None:
    nothing, good = run(NAN, NAN, 0, begun=begun), run(9.0, 5.0, 100, begun=begun)
    assert free_misfit(nothing) == np.inf
    for runs in ([nothing, good], [good, nothing]):
        assert choose(runs) is good
        assert best(runs) is good
    assert choose([nothing]) is nothing
    at_random = run(20.0, 9.0, 100)
    assert choose([nothing, at_random]) is at_random
    of_no_figure = Judged(NAN, NAN, begun)
    for way in (judged(good), judged(at_random)):
        assert best_of({"masked": of_no_figure, "filled": way}) == "filled"
