"""Frames through gaps, read back from the figure."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_figures import PEAK, pictured
from numpy.testing import assert_array_equal

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import fill_slices


def test_fill_slices_show_all_fills_in_the_colours_of_the_truth(
    scan: dict[str, np.ndarray],
) -> None:
    frame = PEAK[0]
    truth, gap = scan["counts"][frame].astype(float), scan["gap"][frame]
    images = {"counts": truth, "total_variation": scan["linear"][frame] * 100}
    figure = fill_slices([("4 px", images, gap)], window=200)
    first, second = figure.axes
    assert (first.get_ylabel(), second.get_title()) == ("4 px", "total variation")
    assert_array_equal(pictured(first), truth.clip(0.5))
    assert_array_equal(pictured(second), images["total_variation"].clip(0.5))
    limits = [ax.images[0].norm.vmax for ax in (first, second)]
    assert limits == [truth.max()] * 2
    assert {23.5, 26.5} <= set(first.lines[0].get_ydata())
    with pytest.raises(InputError, match="does not fit its gap"):
        fill_slices([("4 px", {"counts": truth[1:]}, gap)])
    with pytest.raises(InputError, match="0 rows"):
        fill_slices([])


def test_gaps_have_a_row_each_and_unused_places_stay_empty(scan: dict[str, np.ndarray]) -> None:
    truth, gap = scan["counts"][PEAK[0]].astype(float), scan["gap"][PEAK[0]]
    rows = [("4 px", {"counts": truth, "x": truth}, gap), ("6 px", {"counts": truth}, gap)]
    axes = fill_slices(rows, title="gold").axes
    assert [ax.get_ylabel() for ax in axes] == ["4 px", "", "6 px", ""]
    assert [len(ax.images) for ax in axes] == [1, 1, 1, 0]
