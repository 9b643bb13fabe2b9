"""Contact sheets, read back from the figure."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_figures import PEAK, pictured
from numpy.testing import assert_array_equal

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import contact_sheet


def test_a_contact_sheet_shows_each_pattern_at_its_peak(scan: dict[str, np.ndarray]) -> None:
    counts = scan["counts"].copy()
    counts[3, 2, 2] = 1e8  # hot in one frame
    figure = contact_sheet([counts, counts[0], counts], ["one", "two", "three"], columns=2)
    shown = figure.axes[:3]
    assert [ax.get_title() for ax in figure.axes] == ["one", "two", "three", ""]
    frames = [int((pictured(shown[0]) == c.clip(0.5)).all(axis=(0, 1)) or -1) for c in counts]
    assert abs(frames.index(1) - PEAK[0]) <= 1
    assert_array_equal(pictured(shown[1]), counts[0].clip(0.5))
    with pytest.raises(InputError, match="1 patterns and 2 titles"):
        contact_sheet([counts], ["one", "two"])
