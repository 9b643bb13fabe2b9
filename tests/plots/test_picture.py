"""How pictures are written: whole, small, and only where they may."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_figures import LOSSES
from numpy.testing import assert_array_equal
from PIL import Image

from bcdi_inpaint import plots
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.plots import before_after, demo_panel, loss_curve


def test_pictures_are_written_whole_small_and_without_a_display(
    scan: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    given = {name: array.copy() for name, array in scan.items()}
    path = tmp_path / "a.png"
    before_after(scan["counts"], scan["linear"], scan["gap"], scan["bad"], title="t", path=path)
    demo = tmp_path / "b.png"
    arrays = (scan[name] for name in ("counts", "gap", "linear", "linear", "expectation"))
    demo_panel(*arrays, title="t", path=demo)
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
    for name, start in (("a.pdf", b"%PDF"), ("a.svg", b"<?xml")):
        loss_curve(LOSSES, LOSSES, path=tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()


def test_without_a_path_nothing_is_written_and_the_figure_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown, written = loss_curve(LOSSES, LOSSES), loss_curve(LOSSES, LOSSES, path="a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    for one, other in zip(shown.axes[0].lines, written.axes[0].lines, strict=True):
        assert_array_equal(one.get_xydata(), other.get_xydata())


def test_no_overwriting_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        loss_curve(LOSSES, LOSSES, path=path)
    assert path.read_text() == "mine"
    loss_curve(LOSSES, LOSSES, path=path, force=True)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_picture_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(plots.picture, "_write_png", fail)
    with pytest.raises(OSError, match="disk full"):
        loss_curve(LOSSES, LOSSES, path=tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"), [("a.bmp", "expected one of .png"), ("none/a.png", "is missing")]
)
def test_a_path_that_cannot_be_written(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        loss_curve(LOSSES, LOSSES, path=tmp_path / name, force=True)
