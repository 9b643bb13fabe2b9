"""The picture of the demonstration, read back from the figure."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_figures import pictured
from numpy.testing import assert_allclose, assert_array_equal

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import demo_panel


def test_demo_panel_cuts_through_both_planes(scan: dict[str, np.ndarray]) -> None:
    ours = np.where(scan["gap"], scan["expectation"], scan["counts"])
    figure = demo_panel(scan["counts"], scan["gap"], scan["linear"], ours, scan["expectation"])
    axes = {ax.get_title(): ax for ax in figure.axes if ax.get_title()}
    cuts = {title: ax for title, ax in axes.items() if title.startswith("cut at")}
    assert [ax.get_xlabel() for ax in cuts.values()] == [
        "detector vertical (row)",
        "detector horizontal (column)",
    ]
    light = np.where(scan["gap"], scan["expectation"], 0)
    frame = int(light.sum(axis=(1, 2)).argmax())
    column = int(next(iter(cuts)).split()[-1])
    assert not scan["gap"][frame, 0, column]
    lines = {line.get_label(): line for line in next(iter(cuts.values())).lines}
    assert_array_equal(lines["truth"].get_ydata(), scan["expectation"][frame, :, column].clip(0.5))
    drawn = lines["linear"].get_ydata()
    assert_array_equal(np.flatnonzero(~np.isnan(drawn)), np.arange(23, 28))
    assert_array_equal(drawn[23:28], scan["linear"][frame, 23:28, column].clip(0.5))
    measured = pictured(axes["as measured"])
    assert_array_equal(np.isnan(measured), scan["gap"][frame])
    assert_array_equal(pictured(axes["ours"]), ours[frame].clip(0.5))


def test_demo_panel_shows_the_phase_without_its_offset(scan: dict[str, np.ndarray]) -> None:
    z, y, x = np.indices((24, 24, 24)) - 12
    inside = (np.abs(x) < 4) & (np.abs(y) < 5) & (np.abs(z) < 4)
    crystal = inside * np.exp(0.1j * y)
    figure = demo_panel(
        *(scan[name] for name in ("counts", "gap", "linear", "linear", "expectation")),
        reconstructions={"one": crystal, "turned": 3 * crystal * np.exp(2j)},
    )
    modulus, phase = (pictured(ax) for ax in figure.axes if ax.get_title() == "turned")
    assert_allclose(modulus, np.pad(np.ones((9, 7)), 4), rtol=1e-12)
    assert_allclose(np.nanmax(phase), 0.4, atol=1e-9)
    assert_allclose(np.nanmin(phase), -0.4, atol=1e-9)
    assert_array_equal(np.isnan(phase), modulus == 0)


def test_demo_panel_of_one_plane_has_one_cut(scan: dict[str, np.ndarray]) -> None:
    gap = np.zeros_like(scan["gap"])
    gap[:, :, 30:34] = True
    arrays = scan["counts"], gap, scan["counts"], scan["counts"], scan["expectation"]
    figure = demo_panel(*arrays)
    cuts = [ax for ax in figure.axes if ax.get_title().startswith("cut at row")]
    assert len(cuts) == 1
    with pytest.raises(InputError, match="marks no voxel"):
        demo_panel(arrays[0], np.zeros_like(gap), *arrays[2:])
