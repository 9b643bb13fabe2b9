"""Curves and strips that compare methods, read back from the figure."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import ratio_strips, score_curves


def test_score_curves_draw_every_method_in_one_colour() -> None:
    nan = float("nan")
    curve = ([3, 6], [0.9, 0.8], [0.85, 0.7], [0.95, nan])
    panels = {"one": {"linear": curve, "network": curve}, "two": {"ceiling": curve, "cubic": curve}}
    figure = score_curves(panels, xlabel="px", ylabel="r", log_x=True, columns=1)
    one, two = (ax for ax in figure.axes if ax.get_title())
    assert [ax.get_title() for ax in (one, two)] == ["one", "two"]
    assert one.get_xscale() == "log"
    assert_array_equal(one.lines[0].get_xydata(), [[3, 0.9], [6, 0.8]])
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["linear", "network", "ceiling", "cubic"]
    drawn = [line.get_color() for line in (*one.lines, *two.lines)]
    assert drawn == [line.get_color() for line in figure.legends[0].get_lines()]
    assert len(set(drawn)) == 4
    with pytest.raises(InputError, match="0 curves"):
        score_curves({}, xlabel="px", ylabel="r")


def test_a_dozen_methods_have_a_colour_each() -> None:
    curve = ([3], [0.9], [0.8], [1.0])
    names = ["linear", "ceiling", "gap_unet", *(f"method {number}" for number in range(12))]
    figure = score_curves({"s": dict.fromkeys(names, curve)}, xlabel="px", ylabel="r")
    assert len({line.get_color() for line in figure.axes[0].lines}) == len(names)


def test_an_unknown_error_bar_is_left_out(tmp_path: Path) -> None:
    curve = ([3], [0.9], [float("nan")], [float("nan")])
    path = tmp_path / "b.png"
    figure = score_curves({"s": {"x": curve}}, xlabel="px", ylabel="r", path=path)
    assert_array_equal(figure.axes[0].lines[0].get_xydata(), [[3, 0.9]])
    assert figure.axes[0].get_ylabel() == "r"
    assert path.exists()  # what is not finite can be written


def test_ratio_strips_show_every_panel_and_how_many_failed(tmp_path: Path) -> None:
    groups = {
        "6 px": {"mask": [1.0, 1.0], "soft": [0.5, math.inf]},
        "12 px": {"mask": [1.0], "soft_prior": [math.nan], "hard": [0.1, math.inf, math.inf]},
    }
    figure = ratio_strips(groups, ylabel="ratio", path=tmp_path / "ratios.png")
    narrow, wide = figure.axes
    assert [ax.get_title() for ax in (narrow, wide)] == ["6 px", "12 px"]
    assert narrow.get_ylabel() == "ratio"
    assert [label.get_text() for label in wide.get_xticklabels()] == [
        "mask",
        "soft prior",
        "hard (2 failed)",
    ]
    line, mask, soft = (list(of.get_ydata()) for of in narrow.lines)
    assert (line, mask, soft) == ([1, 1], [1.0, 1.0], [0.5])
    assert len(narrow.collections) == len(wide.collections) == 1  # no median that is not finite
    assert (tmp_path / "ratios.png").stat().st_size > 5000
    with pytest.raises(InputError, match="0 panels to draw"):
        ratio_strips({}, ylabel="ratio")
