"""The symmetry of a scan: 1 of fringes that their mates repeat, 0 of others, gap or not."""

import numpy as np
import pytest

from bcdi_inpaint.filling.symmetry import measure_symmetry

SHAPE = (48, 48, 48)
CENTRE = np.array([24.0, 24.0, 24.0])


def fringes(phase: float) -> np.ndarray:
    """Log counts of a decay with fringes on each axis, symmetric about the centre for phase 0."""
    offsets = np.ix_(*[np.arange(n) - 24 for n in SHAPE])
    decay = 9 / (1 + 0.004 * sum(offset**2 for offset in offsets))
    waves = sum(np.cos(2 * np.pi * offset / 6 + phase) for offset in offsets)
    return (decay + waves).astype(np.float32)


NOTHING = np.zeros(SHAPE, dtype=bool)


def test_fringes_that_their_mates_repeat_are_symmetric() -> None:
    assert measure_symmetry(fringes(0.0), NOTHING, CENTRE) > 0.99


def test_the_decay_alone_makes_no_scan_symmetric() -> None:
    assert abs(measure_symmetry(fringes(np.pi / 4), NOTHING, CENTRE)) < 0.1
    assert measure_symmetry(fringes(np.pi / 2), NOTHING, CENTRE) < -0.9


def test_what_a_gap_holds_plays_no_role() -> None:
    gap = NOTHING.copy()
    gap[:, 30:36] = True
    one, other = (np.where(gap, held, fringes(0.3)).astype(np.float32) for held in (0.0, 99.0))
    found = measure_symmetry(one, gap, CENTRE)
    assert found == measure_symmetry(other, gap, CENTRE)
    assert found == pytest.approx(measure_symmetry(fringes(0.3), NOTHING, CENTRE), abs=0.05)


def test_a_peak_none_of_whose_mates_is_known_shows_none() -> None:
    half = NOTHING.copy()
    half[24:] = True
    assert np.isnan(measure_symmetry(fringes(0.0), half, CENTRE))
