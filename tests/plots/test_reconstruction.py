"""The picture of a reconstruction, read back from the figure."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_figures import pictured, titled
from numpy.testing import assert_allclose

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import phasing_panel


def test_phasing_shows_the_object_and_its_intensity_through_the_gap(
    scan: dict[str, np.ndarray], phased: dict[str, np.ndarray]
) -> None:
    bounds = (scan["expectation"] / 2, np.where(scan["gap"], 2 * scan["expectation"], np.inf))
    sigma = np.where(scan["gap"], 0.4, 0)
    figure = phasing_panel(**phased, sigma=sigma, bounds=bounds, corner=(100, 200, 300))
    axes = {ax.get_title(): ax for ax in figure.axes}
    objects = figure.subfigs[0].axes
    assert_allclose(np.nanmax(pictured(objects[0])), 1)
    assert [text.get_text() for text in objects[0].texts] == ["2 voxels"]
    shown = pictured(objects[3])
    assert_allclose(np.nanmax(shown) - np.nanmin(shown), 0.4, atol=1e-3)
    assert len({pictured(ax).shape for ax in objects}) == 1  # no slice is larger than another
    frame = int(np.where(scan["gap"], scan["expectation"], 0).sum(axis=(1, 2)).argmax())
    (x0, x1), (y1, y0) = axes["measured"].get_xlim(), axes["measured"].get_ylim()
    box = slice(int(y0 - 199.5), int(y1 - 199.5)), slice(int(x0 - 299.5), int(x1 - 299.5))
    gap, bad = scan["gap"][frame][box], scan["bad"][frame][box]
    assert np.isnan(pictured(axes["measured"])[gap | bad]).all()
    assert not np.isnan(pictured(axes["filled"])[gap]).any()
    expected = np.maximum(scan["expectation"][frame][box], 0.5)
    assert_allclose(pictured(axes["calculated"]), expected, rtol=1e-6)
    assert_allclose(pictured(axes["how sure: sigma"])[gap], 0.4)
    cuts = [ax for ax in figure.axes if ax.get_title().startswith("cut at")]
    assert len(cuts) == 2
    assert cuts[0].get_lines()[0].get_xdata()[0] == y0 + 0.5
    labels = [text.get_text() for text in figure.subfigs[1].subfigs[1].legends[0].get_texts()]
    assert labels == ["95 % interval", "counts", "fill", "calculated"]


def test_phasing_without_a_gap_or_an_object(phased: dict[str, np.ndarray]) -> None:
    phased["filled"] = np.zeros_like(phased["filled"])
    figure = phasing_panel(**phased)
    assert not [ax for ax in figure.axes if ax.get_title().startswith("cut at")]
    shown = titled(figure.subfigs[1])
    assert set(shown) == {"measured", "calculated"}
    assert pictured(shown["measured"]).shape == (40, 44)
    phased["support"] = np.zeros_like(phased["support"])
    with pytest.raises(InputError, match="support is empty"):
        phasing_panel(**phased)
