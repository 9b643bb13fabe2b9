"""Intensities in a gap, read back from the figure."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_figures import pictured
from numpy.testing import assert_allclose

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import intensity_panel


def test_intensities_are_drawn_through_the_gap_beside_the_truth(
    scan: dict[str, np.ndarray], phased: dict[str, np.ndarray]
) -> None:
    calculated = {"mask": 2 * scan["expectation"], "soft": 3 * scan["expectation"]}
    objects = dict.fromkeys(("truth", *calculated), phased["obj"])
    figure = intensity_panel(scan["expectation"], scan["gap"], calculated, objects)
    frame = int(np.where(scan["gap"], scan["expectation"], 0).sum(axis=(1, 2)).argmax())
    maps = {ax.get_title(): ax for ax in figure.subfigs[0].axes if ax.get_title()}
    assert list(maps) == ["truth", "mask", "soft"]
    for factor, ax in enumerate(maps.values(), 1):
        expected = np.maximum(factor * scan["expectation"][frame], 0.5)
        assert_allclose(pictured(ax), expected, rtol=1e-6)
    cuts = [ax for ax in figure.axes if ax.get_title().startswith("cut at")]
    assert len(cuts) == 2
    truth, mask, soft = (line.get_ydata() for line in cuts[0].get_lines())
    bright = np.flatnonzero(truth > 1)
    assert_allclose(mask[bright], 2 * truth[bright])
    assert_allclose(soft[bright], 3 * truth[bright])


def test_intensities_in_a_gap_of_frames_have_no_line_to_show(
    scan: dict[str, np.ndarray],
) -> None:
    gap = np.zeros_like(scan["gap"])
    gap[10:13] = True
    with pytest.raises(InputError, match="no line crosses the gap"):
        intensity_panel(scan["expectation"], gap, {}, {})
