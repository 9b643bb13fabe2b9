"""What the pictures show, read back from the figure, and how they are written."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from bcdi_inpaint import plots
from bcdi_inpaint.classical.interpolation import linear
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import (
    before_after,
    brightest_voxel,
    demo_panel,
    intensity_panel,
    loss_curve,
    phasing_panel,
)

PEAK = (12, 20, 26)


@pytest.fixture(scope="module")
def scan() -> dict[str, np.ndarray]:
    """A simulated peak with fringes, a cross of 4 columns and 3 rows, and some bad voxels."""
    z, y, x = np.indices((24, 40, 44)) - np.array(PEAK)[:, None, None, None]
    expectation = 3e4 * np.exp(-(z**2 / 12 + y**2 / 30 + x**2 / 40)) + 20 / (1 + y**2 + z**2)
    expectation *= 1 + 0.8 * np.cos(x + 0.3 * y)
    counts = np.random.default_rng(0).poisson(expectation)
    gap = np.zeros(counts.shape, dtype=bool)
    gap[:, 24:27] = True
    gap[:, :, 30:34] = True
    bad = np.zeros_like(gap)
    bad[:, 5, 6] = True
    return {
        "expectation": expectation,
        "counts": counts,
        "gap": gap,
        "bad": bad & ~gap,
        "linear": linear(counts, gap),
    }


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn, caught before they are written."""
    caught: list[Figure] = []
    for module in vars(plots).values():
        if hasattr(module, "save"):
            monkeypatch.setattr(module, "save", lambda figure, path: caught.append(figure) or path)
    return caught


def pictured(ax) -> np.ndarray:
    return np.ma.filled(ax.images[0].get_array().astype(float), np.nan)


def panels(figure: Figure, row: str) -> list:
    """The three axes of a row of views whose first panel carries this label."""
    axes = figure.axes
    starts = [i for i, ax in enumerate(axes) if row in [t.get_text() for t in ax.texts]]
    return [axes[i : i + 3] for i in starts]


def test_before_after_shows_the_slices_and_sums(
    scan: dict[str, np.ndarray], figures: list[Figure], tmp_path: Path
) -> None:
    gap, bad = scan["gap"], scan["bad"]
    before_after(tmp_path / "a.png", scan["counts"], scan["linear"], gap, bad)
    centre = [int(ax.get_title().split()[-1]) for ax in panels(figures[0], "as measured")[0]]
    frame, column, row = centre
    assert_allclose([frame, row, column], PEAK, atol=2)
    for name, volume in (("as measured", scan["counts"]), ("filled", scan["linear"])):
        known = np.where(bad | (gap & (name == "as measured")), np.nan, volume.astype(float))
        slices, sums = panels(figures[0], name)
        shown = [known[frame], known[:, :, column].T, known[:, row]]
        for ax, image in zip(slices, shown, strict=True):
            assert_array_equal(pictured(ax), np.maximum(image, 0.5))
        total = np.where(np.isnan(known).all(axis=0), np.nan, np.nansum(known, axis=0))
        assert_allclose(pictured(sums[0]), np.maximum(total, 0.5))
        assert_allclose(np.nansum(pictured(sums[1])), np.nansum(known), rtol=1e-3)


def test_before_after_names_axes_and_outlines_the_gap(
    scan: dict[str, np.ndarray], figures: list[Figure], tmp_path: Path
) -> None:
    before_after(tmp_path / "a.png", scan["counts"], scan["linear"], scan["gap"])
    detector, side, top = panels(figures[0], "filled")[0]
    assert detector.get_xlabel() == top.get_xlabel() == "detector horizontal (column)"
    assert detector.get_ylabel() == "detector vertical (row)"
    assert side.get_xlabel() == top.get_ylabel() == "rocking curve (frame)"
    x, y = detector.lines[0].get_data()
    assert {23.5, 26.5} <= set(y)
    assert {29.5, 33.5} <= set(x)
    inside = (y > 23.5) & (y < 26.5) & (x > 29.5) & (x < 33.5)
    assert not inside.any()  # no line across the middle of the cross
    assert set(top.lines[0].get_xdata()[~np.isnan(top.lines[0].get_xdata())]) == {29.5, 33.5}
    bars = [ax for ax in figures[0].axes if ax.get_ylabel() == "counts"]
    assert len(bars) == 1


def test_before_after_moves_a_slice_out_of_the_gap(
    scan: dict[str, np.ndarray], figures: list[Figure], tmp_path: Path
) -> None:
    gap = np.zeros_like(scan["gap"])
    gap[:, 17:24] = True  # over the peak's row
    before_after(tmp_path / "a.png", scan["counts"], linear(scan["counts"], gap), gap)
    titles = [ax.get_title() for ax in panels(figures[0], "as measured")[0]]
    assert titles[2] in ("slice at row 16", "slice at row 24")


def test_brightest_voxel_is_the_peak_and_no_hot_voxel(scan: dict[str, np.ndarray]) -> None:
    counts = scan["counts"].astype(float)
    counts[2, 3, 4] = 1e9
    counts[20, 3, 4] = np.nan
    assert_allclose(brightest_voxel(counts), PEAK, atol=2)
    assert brightest_voxel(np.zeros((6, 8, 10))) == (3, 4, 5)


def test_demo_panel_cuts_through_both_planes(
    scan: dict[str, np.ndarray], figures: list[Figure], tmp_path: Path
) -> None:
    ours = np.where(scan["gap"], scan["expectation"], scan["counts"])
    demo_panel(
        tmp_path / "a.png", scan["counts"], scan["gap"], scan["linear"], ours, scan["expectation"]
    )
    axes = {ax.get_title(): ax for ax in figures[0].axes if ax.get_title()}
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


def test_demo_panel_shows_the_phase_without_its_offset(
    scan: dict[str, np.ndarray], figures: list[Figure], tmp_path: Path
) -> None:
    z, y, x = np.indices((24, 24, 24)) - 12
    inside = (np.abs(x) < 4) & (np.abs(y) < 5) & (np.abs(z) < 4)
    crystal = inside * np.exp(0.1j * y)
    demo_panel(
        tmp_path / "a.png",
        *(scan[name] for name in ("counts", "gap", "linear", "linear", "expectation")),
        reconstructions={"one": crystal, "turned": 3 * crystal * np.exp(2j)},
    )
    modulus, phase = (pictured(ax) for ax in figures[0].axes if ax.get_title() == "turned")
    assert_allclose(modulus, np.pad(np.ones((9, 7)), 4), rtol=1e-12)
    assert_allclose(np.nanmax(phase), 0.4, atol=1e-9)
    assert_allclose(np.nanmin(phase), -0.4, atol=1e-9)
    assert_array_equal(np.isnan(phase), modulus == 0)


def test_demo_panel_of_one_plane_has_one_cut(
    scan: dict[str, np.ndarray], figures: list[Figure], tmp_path: Path
) -> None:
    gap = np.zeros_like(scan["gap"])
    gap[:, :, 30:34] = True
    arrays = scan["counts"], gap, scan["counts"], scan["counts"], scan["expectation"]
    demo_panel(tmp_path / "a.png", *arrays)
    cuts = [ax for ax in figures[0].axes if ax.get_title().startswith("cut at row")]
    assert len(cuts) == 1
    with pytest.raises(InputError, match="marks no voxel"):
        demo_panel(tmp_path / "a.png", arrays[0], np.zeros_like(gap), *arrays[2:])


LOSSES = np.array([[1, 1.0], [2, 0.5]])


def test_loss_curve_shows_both_curves_and_leaves_out_what_is_not_finite(
    figures: list[Figure], tmp_path: Path
) -> None:
    training = np.array([[0, 0.5], [100, 0.25], [200, 0.125], [300, np.nan]])
    validation = np.array([[100, 0.3], [200, -0.1]])
    loss_curve(tmp_path / "a.png", training, validation)
    ax = figures[0].axes[0]
    assert [line.get_label() for line in ax.lines] == ["training", "validation"]
    assert_array_equal(ax.lines[0].get_xydata(), training[:3])
    assert_array_equal(ax.lines[1].get_xydata(), validation)
    assert ax.get_yscale() == "linear"  # a likelihood may be below 0


def test_loss_curve_of_positive_losses_is_logarithmic(
    figures: list[Figure], tmp_path: Path
) -> None:
    loss_curve(tmp_path / "a.png", LOSSES, np.empty((0, 2)))
    assert figures[0].axes[0].get_yscale() == "log"


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (np.empty((0, 2)), "there is no loss"),
        (np.array([[1, np.nan]]), "there is no loss"),
        (np.ones(4), r"training has shape \(4,\), expected \(n, 2\)"),
    ],
)
def test_loss_curve_of_no_losses(training: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as error:
        loss_curve(tmp_path / "a.png", training, np.empty((0, 2)))
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_pictures_are_written_whole_small_and_without_a_display(
    scan: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    given = {name: array.copy() for name, array in scan.items()}
    path = tmp_path / "a.png"
    done = before_after(path, scan["counts"], scan["linear"], scan["gap"], scan["bad"], title="t")
    assert done == path
    demo = tmp_path / "b.png"
    arrays = (scan[name] for name in ("counts", "gap", "linear", "linear", "expectation"))
    demo_panel(demo, *arrays, title="t")
    for picture in (path, demo):
        with Image.open(picture) as image:
            image.load()
            assert min(image.size) > 500
            assert len(np.unique(np.asarray(image.convert("L")))) > 50
        assert picture.stat().st_size < 300_000
    assert sorted(tmp_path.iterdir()) == [path, demo]
    for name, array in given.items():
        assert_array_equal(scan[name], array)


def test_vector_formats(tmp_path: Path) -> None:
    assert loss_curve(tmp_path / "a.pdf", LOSSES, LOSSES).read_bytes().startswith(b"%PDF")
    assert b"<svg" in loss_curve(tmp_path / "a.svg", LOSSES, LOSSES).read_bytes()


def test_no_overwriting_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        loss_curve(path, LOSSES, LOSSES)
    assert path.read_text() == "mine"
    loss_curve(path, LOSSES, LOSSES, force=True)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_picture_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(plots.picture, "_write_png", fail)
    with pytest.raises(OSError, match="disk full"):
        loss_curve(tmp_path / "a.png", LOSSES, LOSSES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"), [("a.bmp", "expected one of .png"), ("none/a.png", "is missing")]
)
def test_a_path_that_cannot_be_written(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        loss_curve(tmp_path / name, LOSSES, LOSSES, force=True)


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
    assert before_after(tmp_path / "a.png", counts, counts, gap, bad).exists()


def test_shapes_must_agree(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not fit"):
        before_after(tmp_path / "a.png", scan["counts"], scan["counts"][1:], scan["gap"])
    with pytest.raises(InputError, match="stack the frames"):
        before_after(tmp_path / "a.png", *(scan[n][0] for n in ("counts", "linear", "gap")))


def test_score_curves_draw_every_method_in_one_colour(
    figures: list[Figure], tmp_path: Path
) -> None:
    nan = float("nan")
    curve = ([3, 6], [0.9, 0.8], [0.85, 0.7], [0.95, nan])
    panels = {"one": {"linear": curve, "network": curve}, "two": {"ceiling": curve, "cubic": curve}}
    plots.score_curves(tmp_path / "a.png", panels, xlabel="px", ylabel="r", log_x=True, columns=1)
    one, two = (ax for ax in figures[0].axes if ax.get_title())
    assert [ax.get_title() for ax in (one, two)] == ["one", "two"]
    assert one.get_xscale() == "log"
    assert_array_equal(one.lines[0].get_xydata(), [[3, 0.9], [6, 0.8]])
    names = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert names == ["linear", "network", "ceiling", "cubic"]
    drawn = [line.get_color() for line in (*one.lines, *two.lines)]
    assert drawn == [line.get_color() for line in figures[0].legends[0].get_lines()]
    assert len(set(drawn)) == 4
    with pytest.raises(InputError, match="0 curves"):
        plots.score_curves(tmp_path / "a.png", {}, xlabel="px", ylabel="r")


def test_fill_slices_show_all_fills_in_the_colours_of_the_truth(
    scan: dict[str, np.ndarray], figures: list[Figure], tmp_path: Path
) -> None:
    frame = PEAK[0]
    truth, gap = scan["counts"][frame].astype(float), scan["gap"][frame]
    images = {"counts": truth, "total_variation": scan["linear"][frame] * 100}
    plots.fill_slices(tmp_path / "a.png", [("4 px", images, gap)], window=200)
    first, second = figures[0].axes
    assert (first.get_ylabel(), second.get_title()) == ("4 px", "total variation")
    assert_array_equal(pictured(first), truth.clip(0.5))
    assert_array_equal(pictured(second), images["total_variation"].clip(0.5))
    limits = [ax.images[0].norm.vmax for ax in (first, second)]
    assert limits == [truth.max()] * 2
    assert {23.5, 26.5} <= set(first.lines[0].get_ydata())
    with pytest.raises(InputError, match="does not fit its gap"):
        plots.fill_slices(tmp_path / "a.png", [("4 px", {"counts": truth[1:]}, gap)])
    with pytest.raises(InputError, match="0 rows"):
        plots.fill_slices(tmp_path / "a.png", [])


def test_comparisons_are_written(scan: dict[str, np.ndarray], tmp_path: Path) -> None:
    truth, gap = scan["counts"][PEAK[0]].astype(float), scan["gap"][PEAK[0]]
    one = plots.fill_slices(tmp_path / "a.png", [("4 px", {"counts": truth, "x": truth}, gap)] * 2)
    curve = ([3], [0.9], [float("nan")], [float("nan")])
    two = plots.score_curves(tmp_path / "b.png", {"s": {"x": curve}}, xlabel="px", ylabel="r")
    assert one.exists()
    assert two.exists()


# --- phasing --------------------------------------------------------------------------------------


@pytest.fixture
def phased(scan: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arguments of a picture of a reconstruction: a box with a phase of 0.4 rad in one half."""
    obj = np.zeros(scan["counts"].shape, np.complex64)
    obj[8:16, 16:24, 18:26] = 2
    obj[8:16, 16:24, 22:26] *= np.exp(0.4j)
    return {
        "obj": obj,
        "support": obj != 0,
        "counts": scan["linear"],
        "calculated": scan["expectation"],
        "filled": scan["gap"],
        "bad_mask": scan["bad"],
    }


def test_phasing_shows_the_object_and_its_intensity_through_the_gap(
    scan: dict[str, np.ndarray],
    phased: dict[str, np.ndarray],
    figures: list[Figure],
    tmp_path: Path,
) -> None:
    bounds = (scan["expectation"] / 2, np.where(scan["gap"], 2 * scan["expectation"], np.inf))
    phasing_panel(tmp_path / "a.png", **phased, bounds=bounds, corner=(100, 200, 300))
    axes = {ax.get_title(): ax for ax in figures[0].axes}
    modulus, phase = [ax for ax in figures[0].axes if ax.get_title() == "across the frames"]
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
    cuts = [ax for ax in figures[0].axes if ax.get_title().startswith("cut at")]
    assert len(cuts) == 2
    assert cuts[0].get_lines()[0].get_xdata()[0] == 200
    labels = [text.get_text() for text in figures[0].subfigs[-1].legends[0].get_texts()]
    assert labels == ["interval", "measured", "filled", "calculated"]


def test_intensities_are_drawn_through_the_gap_beside_the_truth(
    scan: dict[str, np.ndarray],
    phased: dict[str, np.ndarray],
    figures: list[Figure],
    tmp_path: Path,
) -> None:
    calculated = {"mask": 2 * scan["expectation"], "soft": 3 * scan["expectation"]}
    objects = dict.fromkeys(("truth", *calculated), phased["obj"])
    intensity_panel(tmp_path / "a.png", scan["expectation"], scan["gap"], calculated, objects)
    frame = int(np.where(scan["gap"], scan["expectation"], 0).sum(axis=(1, 2)).argmax())
    maps = {ax.get_title(): ax for ax in figures[0].subfigs[0].axes if ax.get_title()}
    assert list(maps) == ["truth", "mask", "soft"]
    for factor, ax in enumerate(maps.values(), 1):
        expected = np.maximum(factor * scan["expectation"][frame], 0.5)
        assert_allclose(pictured(ax), expected, rtol=1e-6)
    cuts = [ax for ax in figures[0].axes if ax.get_title().startswith("cut at")]
    assert len(cuts) == 2
    truth, mask, soft = (line.get_ydata() for line in cuts[0].get_lines())
    bright = np.flatnonzero(truth > 1)
    assert_allclose(mask[bright], 2 * truth[bright])
    assert_allclose(soft[bright], 3 * truth[bright])


def test_intensities_in_a_gap_of_frames_have_no_line_to_show(
    scan: dict[str, np.ndarray], tmp_path: Path
) -> None:
    gap = np.zeros_like(scan["gap"])
    gap[10:13] = True
    with pytest.raises(InputError, match="no line crosses the gap"):
        intensity_panel(tmp_path / "a.png", scan["expectation"], gap, {}, {})


def test_phasing_without_a_gap_or_an_object(
    phased: dict[str, np.ndarray], figures: list[Figure], tmp_path: Path
) -> None:
    phased["filled"] = np.zeros_like(phased["filled"])
    phasing_panel(tmp_path / "a.png", **phased)
    assert not [ax for ax in figures[0].axes if ax.get_title().startswith("cut at")]
    phased["support"] = np.zeros_like(phased["support"])
    with pytest.raises(InputError, match="support is empty"):
        phasing_panel(tmp_path / "a.png", **phased)


def test_ratio_strips_show_every_panel_and_leave_out_what_failed(tmp_path: Path) -> None:
    panels = {
        "6 px": {"mask": [1.0, 1.0], "soft": [0.5, math.inf]},
        "12 px": {"mask": [1.0], "soft": [math.nan]},
    }
    path = plots.ratio_strips(tmp_path / "ratios.png", panels, ylabel="ratio")
    assert path.stat().st_size > 5000
    with pytest.raises(InputError, match="0 panels to draw"):
        plots.ratio_strips(tmp_path / "none.png", {}, ylabel="ratio")
