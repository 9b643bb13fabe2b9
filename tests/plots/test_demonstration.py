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
    sigma = np.where(scan["gap"], 0.5, 0)
    interval = (ours / 2, ours * 2)
    arrays = scan["counts"], scan["gap"], scan["linear"], ours, scan["expectation"]
    figure = demo_panel(*arrays, sigma=sigma, interval=interval)
    axes = {ax.get_title(): ax for ax in figure.axes if ax.get_title()}
    cuts = {title: ax for title, ax in axes.items() if title.startswith("cut at")}
    assert [ax.get_xlabel() for ax in cuts.values()] == [
        "detector vertical (row)",
        "detector horizontal (column)",
    ]
    light = np.where(scan["gap"], scan["expectation"], 0)
    frame = int(light.sum(axis=(1, 2)).argmax())
    column = int(next(iter(cuts)).split()[-1])
    shown = axes["how sure: sigma"]
    assert_array_equal(np.isnan(pictured(shown)), ~scan["gap"][frame])
    assert np.nanmax(pictured(shown)) == 0.5
    assert np.nanmax(pictured(axes["how far off: |error|"])) == 0
    (band,) = next(iter(cuts.values())).patches[-1:]
    hidden = slice(24, 27)
    assert_allclose(band.get_data().values[hidden], 2 * ours[frame, hidden, column])
    assert_allclose(band.get_data().baseline[hidden], ours[frame, hidden, column] / 2)
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
    hot = 3 * crystal * np.exp(2j)
    hot[12, 12, 16] = 100  # beside it
    hot[12, 8, 8] = 1j  # a voxel of its rim
    figure = demo_panel(
        *(scan[name] for name in ("counts", "gap", "linear", "linear", "expectation")),
        reconstructions={"truth": crystal, "turned": hot},
        notes={"turned": "off by 0.10 rad"},
        voxel_nm=(2.0, 2.0),
    )
    grid = figure.subfigs[1].axes
    first, second = (figure.subfigs[1].axes[i::2] for i in (0, 1))
    assert [ax.get_title() for ax in grid[:2]] == ["truth", "turned\noff by 0.10 rad"]
    modulus, phase = pictured(first[0]), pictured(first[2])
    assert_allclose(modulus[4:13, 4:11], 1)  # and nothing but a margin around it
    assert modulus.sum() == 63
    assert_allclose([np.nanmin(phase), np.nanmax(phase)], [-0.4, 0.4], atol=1e-9)
    assert_array_equal(np.isnan(phase), modulus == 0)
    assert second[0].images[0].norm.vmax == 1.2  # a voxel of 33 times the interior sets no colours
    assert first[2].images[0].norm.vmax < 0.5
    assert_allclose(np.nanmedian(pictured(second[1])), 0, atol=1e-9)
    assert_allclose(np.nanmedian(pictured(second[3])), 0, atol=1e-9)
    assert [text.get_text() for text in first[0].texts] == ["10 nm"]
    labels = {ax.get_ylabel() for axes in grid for ax in axes.child_axes}
    assert labels == {
        "modulus (interior = 1)",
        "modulus minus truth",
        "phase (rad)",
        "phase minus truth (rad)",
    }


def test_demo_panel_of_one_plane_has_one_cut(scan: dict[str, np.ndarray]) -> None:
    gap = np.zeros_like(scan["gap"])
    gap[:, :, 30:34] = True
    arrays = scan["counts"], gap, scan["counts"], scan["counts"], scan["expectation"]
    figure = demo_panel(*arrays)
    cuts = [ax for ax in figure.axes if ax.get_title().startswith("cut at row")]
    assert len(cuts) == 1
    with pytest.raises(InputError, match="marks no voxel"):
        demo_panel(arrays[0], np.zeros_like(gap), *arrays[2:])
