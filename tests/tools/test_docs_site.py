"""The built site as a browser sees it: planted faults are found, and our own pages have none."""

from __future__ import annotations

import base64
from pathlib import Path

import build_site
import pytest
from browser import find_browser
from build_site import SITE
from docs_site import api_pages, config_keys, docstrings
from docs_site.links import dead_links
from docs_site.looking import faults_seen

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC"
)


@pytest.fixture
def browser_path() -> str:
    """The browser; the test is skipped where there is none."""
    path = find_browser()
    if path is None:
        pytest.skip("no browser here")
    return path


@pytest.fixture
def small_site(tmp_path: Path) -> Path:
    """A site of four pages: one is right, the others have a fault each."""
    head = "<!doctype html><meta charset='utf-8'><title>a</title>"
    (tmp_path / "dot.png").write_bytes(PIXEL)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    pages = {
        "good": "<p id='here'>Text <img src='dot.png'> <a href='good.html#here'>it</a></p>",
        "dead": "<p>Text <a href='gone.html'>gone</a> <a href='good.html#nowhere'>no</a></p>",
        "blind": "<p>Text <img src='broken.png'></p>",
        "wide": "<div style='width: 700px'>Text</div>",
    }
    for name, body in pages.items():
        (tmp_path / f"{name}.html").write_text(f"{head}<body>{body}</body>")
    return tmp_path


def test_dead_links_are_found(small_site: Path) -> None:
    assert list(dead_links(small_site)) == [
        "dead.html: gone.html leads nowhere",
        "dead.html: good.html#nowhere leads nowhere",
    ]


def test_a_browser_finds_wide_pages_and_pictures_that_do_not_load(
    small_site: Path, browser_path: str
) -> None:
    assert list(faults_seen(small_site, browser_path)) == [
        "blind.html: pictures that do not load: broken.png",
        "wide.html: 708 pixels wide, a phone has 390",
    ]


@pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="no site here: make docs")
def test_the_built_site_has_no_fault(browser_path: str) -> None:
    """Every link, and the first page in a browser; `make docs` has looked at all of them."""
    assert list(dead_links(SITE)) == []
    assert list(faults_seen(SITE, browser_path, [SITE / "index.html"])) == []


def test_a_build_without_an_extra_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, and before anything is built."""
    absent = {"sphinx_click", "lightning"}
    monkeypatch.setattr(build_site, "find_spec", lambda name: None if name in absent else object())
    monkeypatch.setattr(build_site, "build", None)
    assert build_site.main() == 2
    said = (
        "sphinx_click, lightning not installed, expected for the site: pip install '.[docs,train]'"
    )
    assert capsys.readouterr().err.splitlines() == [said]


def test_every_room_has_its_page() -> None:
    rooms = api_pages.rooms()
    assert "bcdi_inpaint.gaps.detectors" in rooms["gaps"]
    assert ".. automodule:: bcdi_inpaint.gaps.gap" in api_pages.room_page("gaps", rooms["gaps"])


@pytest.mark.parametrize("heading", config_keys.models())
def test_keys_of_configurations_are_explained(heading: str) -> None:
    _, model = config_keys.models()[heading]
    for name, block in config_keys.blocks("", model):
        table = config_keys.block_table(name, block)
        assert all(f"| `{key}` |" in table for key in block.model_fields)


def test_stars_of_docstrings_mean_themselves() -> None:
    lines = ["(*box,) of ``a * b``", ">>> print(2 * 3)"]
    docstrings.keep_signs(None, "function", "f", None, None, lines)
    assert lines == [r"(\*box,) of ``a * b``", ">>> print(2 * 3)"]
