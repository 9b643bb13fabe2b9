"""The run that is taken."""

from __future__ import annotations

import numpy as np
import pytest

from bcdi_inpaint.phasing.reconstruction import Reconstruction
from bcdi_inpaint.phasing.selection import best_of, choose

NAN = float("nan")


def run(error: float, free: float = 1.0, llk: float = 1.0) -> Reconstruction:
    support = np.ones((2, 2, 2), bool)
    obj = support.astype(np.complex64)
    return Reconstruction(obj, support, llk, free, (), free_log_error=error)


def test_the_error_of_free_voxels_decides_however_bright_ones_are_fitted() -> None:
    good, bright = run(0.4, free=15.0, llk=2.0), run(0.6, free=9.0, llk=1.0)
    assert choose([bright, good]) is good
    assert best_of({"filled": bright, "masked": good}) == "masked"


def test_of_equals_the_first_is_taken() -> None:
    first, second = run(0.4), run(0.4)
    assert choose([first, second]) is first
    assert best_of({"filled": first, "masked": second}) == "filled"


@pytest.mark.parametrize("errors", [(NAN, NAN), (0.4, NAN), (NAN, 0.4)])
def test_where_it_is_not_known_of_all_the_log_likelihood_decides(
    errors: tuple[float, float],
) -> None:
    """As of results that were written before it was."""
    runs = [run(errors[0], free=2.0), run(errors[1], free=1.5)]
    assert choose(runs) is runs[1]
    blind = [run(errors[0], NAN, 1.4), run(errors[1], NAN, 1.6)]
    assert choose(blind) is blind[0]
