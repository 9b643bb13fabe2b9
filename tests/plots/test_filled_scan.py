"""A scan before and after the fill, read back from the figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_figures import PEAK, panels, pictured, titled
from numpy.testing import assert_allclose, assert_array_equal

from bcdi_inpaint.classical.interpolation import linear
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import before_after


def test_before_after_shows_the_slices_and_sums(scan: dict[str, np.ndarray]) -> None:
    gap, bad = scan["gap"], scan["bad"]
    figure = before_after(scan["counts"], scan["linear"], gap, bad)
    centre = [int(ax.get_title().split()[-1]) for ax in panels(figure, "as measured")[0]]
    frame, column, row = centre
    assert_allclose([frame, row, column], PEAK, atol=2)
    for name, volume in (("as measured", scan["counts"]), ("filled", scan["linear"])):
        known = np.where(bad | (gap & (name == "as measured")), np.nan, volume.astype(float))
        slices, sums = panels(figure, name)
        shown = [known[frame], known[:, :, column].T, known[:, row]]
        for ax, image in zip(slices, shown, strict=True):
            assert_array_equal(pictured(ax), np.maximum(image, 0.5))
        total = np.where(np.isnan(known).all(axis=0), np.nan, np.nansum(known, axis=0))
        assert_allclose(pictured(sums[0]), np.maximum(total, 0.5))
        assert_allclose(np.nansum(pictured(sums[1])), np.nansum(known), rtol=1e-3)


def test_before_after_names_axes_and_outlines_the_gap(scan: dict[str, np.ndarray]) -> None:
    figure = before_after(scan["counts"], scan["linear"], scan["gap"])
    detector, side, top = panels(figure, "filled")[0]
    assert detector.get_xlabel() == top.get_xlabel() == "column (horizontal)"
    assert detector.get_ylabel() == "row (vertical)"
    assert side.get_xlabel() == top.get_ylabel() == "frame"
    x, y = detector.lines[0].get_data()
    assert {23.5, 26.5} <= set(y)
    assert {29.5, 33.5} <= set(x)
    inside = (y > 23.5) & (y < 26.5) & (x > 29.5) & (x < 33.5)
    assert not inside.any()  # no line across the middle of the cross
    assert set(top.lines[0].get_xdata()[~np.isnan(top.lines[0].get_xdata())]) == {29.5, 33.5}
    (bar,) = [ax for ax in figure.subfigs[-1].subfigs[1].axes if ax.get_ylabel() == "counts"]
    assert bar.get_yscale() == "log"


def test_before_after_begins_with_a_closeup_how_sure_it_is_and_cuts(
    scan: dict[str, np.ndarray],
) -> None:
    gap = scan["gap"]
    sigma = np.where(gap, 0.3, 0)
    fill = scan["linear"].astype(float)
    figure = before_after(
        scan["counts"], fill, gap, scan["bad"], sigma=sigma, interval=(fill / 2, fill * 3)
    )
    closeup = titled(figure.subfigs[0])
    x0, x1 = closeup["filled"].get_xlim()
    y1, y0 = closeup["filled"].get_ylim()
    assert (x1 - x0, y1 - y0) == (30, 30)  # so near that a narrow gap is seen
    box = slice(int(y0 + 0.5), int(y1 + 0.5)), slice(int(x0 + 0.5), int(x1 + 0.5))
    frame = int(np.where(gap, fill, 0).sum(axis=(1, 2)).argmax())
    seen = pictured(closeup["how sure: sigma"])
    assert_array_equal(np.isnan(seen), ~gap[frame][box])
    assert_allclose(seen[gap[frame][box]], 0.3)
    cuts = [ax for title, ax in closeup.items() if title.startswith("cut at")]
    assert len(cuts) == 2
    row = int(cuts[1].get_title().split()[-1])
    band = cuts[1].patches[-1].get_data()
    hidden = gap[frame, row][box[1]]
    assert_allclose(band.values[hidden], 3 * fill[frame, row][box[1]][hidden])
    assert np.isnan(band.values[~hidden]).all()


def test_an_outline_that_would_hide_a_narrow_gap_is_left_out(scan: dict[str, np.ndarray]) -> None:
    counts = np.tile(scan["counts"], (1, 6, 6))
    gap = np.zeros(counts.shape, bool)
    gap[:, 60:66] = True
    figure = before_after(counts, counts, gap)
    detector = panels(figure, "filled")[0][0]
    (bar,) = detector.lines  # beside the picture, and no line in it
    assert list(bar.get_ydata()) == [59.5, 65.5]
    assert min(bar.get_xdata()) > 1


def test_a_gap_of_whole_frames_is_seen_across_the_rows(scan: dict[str, np.ndarray]) -> None:
    gap = np.zeros_like(scan["gap"])
    gap[10:12] = True
    figure = before_after(scan["counts"], scan["counts"], gap)
    closeup = titled(figure.subfigs[0])
    assert closeup["filled"].get_ylabel() == "" != closeup["as measured"].get_ylabel() == "frame"
    (cut,) = (ax for title, ax in closeup.items() if title.startswith("cut at column"))
    assert cut.get_xlabel() == "rocking curve (frame)"


def test_before_after_moves_a_slice_out_of_the_gap(scan: dict[str, np.ndarray]) -> None:
    gap = np.zeros_like(scan["gap"])
    gap[:, 17:24] = True  # over the peak's row
    figure = before_after(scan["counts"], linear(scan["counts"], gap), gap)
    titles = [ax.get_title() for ax in panels(figure, "as measured")[0]]
    assert titles[2] in ("slice at row 16", "slice at row 24")


@pytest.mark.parametrize(
    ("shape", "unknown"),
    [((1, 1, 1), "nothing"), ((2, 30, 9), "everything"), ((40, 5, 5), "half"), ((1, 5, 5), "half")],
)
def test_before_after_of_odd_scans(shape: tuple[int, ...], unknown: str, tmp_path: Path) -> None:
    counts = np.zeros(shape, dtype=int)
    gap = np.zeros(shape, dtype=bool)
    if unknown != "nothing":
        gap[: shape[0] if unknown == "everything" else (shape[0] + 1) // 2] = True
    bad = ~gap if unknown == "half" else None
    path = tmp_path / "a.png" if unknown != "half" else None  # to write takes half a second
    figure = before_after(counts, counts, gap, bad, path=path)
    assert path is None or path.stat().st_size > 1000
    middle = [f"slice at {name}" for name in ("frame", "column", "row")]
    measured, filled = (panels(figure, name)[0] for name in ("as measured", "filled"))
    assert [ax.get_title().rsplit(" ", 1)[0] for ax in measured] == middle
    frame = int(measured[0].get_title().split()[-1])
    hidden = gap[frame] if bad is None else np.ones_like(gap[frame])
    assert_array_equal(np.isnan(pictured(measured[0])), hidden)
    kept = np.zeros_like(gap[frame]) if bad is None else bad[frame]
    assert_array_equal(np.isnan(pictured(filled[0])), kept)


def test_shapes_must_agree(scan: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match="does not fit"):
        before_after(scan["counts"], scan["counts"][1:], scan["gap"])
    with pytest.raises(InputError, match="stack the frames"):
        before_after(*(scan[n][0] for n in ("counts", "linear", "gap")))
