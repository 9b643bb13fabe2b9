"""The picture of a reconstruction, read back from the figure."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_figures import pictured
from numpy.testing import assert_allclose

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import phasing_panel


def test_phasing_shows_the_object_and_its_intensity_through_the_gap(
    scan: dict[str, np.ndarray], phased: dict[str, np.ndarray]
) -> None:
    bounds = (scan["expectation"] / 2, np.where(scan["gap"], 2 * scan["expectation"], np.inf))
    figure = phasing_panel(**phased, bounds=bounds, corner=(100, 200, 300))
    axes = {ax.get_title(): ax for ax in figure.axes}
    modulus, phase = [ax for ax in figure.axes if ax.get_title() == "across the frames"]
    assert_allclose(np.nanmax(pictured(modulus)), 1)
    shown = pictured(phase)
    assert_allclose(np.nanmax(shown) - np.nanmin(shown), 0.4, atol=1e-3)
    frame = int(np.where(scan["gap"], scan["expectation"], 0).sum(axis=(1, 2)).argmax())
    gap, bad = scan["gap"][frame], scan["bad"][frame]
    assert np.isnan(pictured(axes["measured"])[gap | bad]).all()
    assert not np.isnan(pictured(axes["filled"])[gap]).any()
    expected = np.maximum(scan["expectation"][frame], 0.5)
    assert_allclose(pictured(axes["calculated"]), expected, rtol=1e-6)
    assert axes["measured"].get_xlim() == (299.5, 343.5)
    cuts = [ax for ax in figure.axes if ax.get_title().startswith("cut at")]
    assert len(cuts) == 2
    assert cuts[0].get_lines()[0].get_xdata()[0] == 200
    labels = [text.get_text() for text in figure.subfigs[-1].legends[0].get_texts()]
    assert labels == ["interval", "measured", "filled", "calculated"]


def test_phasing_without_a_gap_or_an_object(phased: dict[str, np.ndarray]) -> None:
    phased["filled"] = np.zeros_like(phased["filled"])
    figure = phasing_panel(**phased)
    assert not [ax for ax in figure.axes if ax.get_title().startswith("cut at")]
    phased["support"] = np.zeros_like(phased["support"])
    with pytest.raises(InputError, match="support is empty"):
        phasing_panel(**phased)
