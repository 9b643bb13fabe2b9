"""The page of a night: what it says, that it can be read back, and what a browser makes of it."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

import pytest

from bcdi_inpaint.pages.night import night_page, rows_of
from bcdi_inpaint.pages.night_row import NightRow

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from browser import dumped, find_browser

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQ"
    "AAAABJRU5ErkJggg=="
)
EVIL = '/data/<img src="https://x.example/a" onerror="alert(1)">&amp;.cxi'
ROWS = [
    NightRow(
        "/data/gold_10.cxi",
        gaps="rows 30:36",
        verdict="fill",
        advice="gap of 6 rows is 1.6 fringes wide, 5 voxels from the peak, 99 counts beside it: so",
        uncertainty=0.25,
        seconds=7.5,
        pictures=(("before", PIXEL), ("after", PIXEL), ("sigma", PIXEL)),
    ),
    NightRow("/data/gold_9.cxi", verdict="compare", uncertainty=1.5, seconds=90.0),
    NightRow("/data/gold_2.cxi", status="failed", reason="counts hold </script> NaN"),
    NightRow(EVIL, verdict="mask", seconds=3.0, warnings=("gap <b>not</b> filled",)),
]


def page_of(rows: list[NightRow]) -> str:
    return night_page(rows, title="A night", written="today")


def test_rows_are_read_back_from_their_page() -> None:
    assert rows_of(page_of(ROWS)) == ROWS
    assert rows_of(page_of([])) == []
    page = page_of(ROWS)
    assert rows_of(page[: page.index("</script>")][:-9]) is None  # cut short
    assert rows_of("<html></html>") is None
    unreadable = NightRow("/data/\udcff.cxi")
    written = page_of([unreadable]).encode("utf-8", "replace").decode()
    assert rows_of(written) == [unreadable]


def test_a_gap_far_from_the_peak_is_not_called_dark() -> None:
    page = page_of([NightRow("/data/a.cxi", verdict="far", advice="no gap within 32 voxels")])
    assert 'title="no gap within 32 voxels">no gap lines near the peak<' in page
    assert "no light near the gap" in page_of([NightRow("/data/a.cxi")])


def test_a_row_says_what_there_is() -> None:
    page = page_of(ROWS)
    for said in (
        "6 rows, 1.6 fringes wide",
        "±25 %",
        "factor 4.5",
        "1 min 30 s",
        "7.5 s",
        "failed",
    ):
        assert said in page
    tiles = re.findall(r'data-show="(\w+)"><b>(\d+)', page)
    assert dict(tiles) == {
        "all": "4",
        "filled": "3",
        "fill": "1",
        "compare": "1",
        "mask": "1",
        "noted": "1",
        "failed": "1",
    }


def test_a_page_needs_no_network_and_no_name_is_markup() -> None:
    class Tags(HTMLParser):
        found: ClassVar[list[tuple[str, dict[str, str | None]]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.append((tag, dict(attrs)))

    Tags().feed(page_of(ROWS))
    images = [attrs["src"] for tag, attrs in Tags.found if tag == "img"]
    assert images == [PIXEL] * 3
    for tag, attrs in Tags.found:
        assert not {"onerror", "onclick"} & attrs.keys()
        assert str(attrs.get("href", "data:")).startswith("data:")
        assert tag != "script" or "src" not in attrs


ACTS = """<script>
const told = [];
const shown = () => [...body.rows].filter((row) => !row.hidden);
const tell = () => told.push(shown().map((row) => row.dataset.name.slice(0, 8)).join(" "));
const press = (what) => document.querySelector(what).click();
tell();  // what the hash says
press("[data-show=all]"); press("th[data-sort=name] button"); tell();
press("th[data-sort=seconds] button"); tell();
press("th[data-sort=uncertainty] button"); press("th[data-sort=uncertainty] button"); tell();
find.value = "GAP not"; find.dispatchEvent(new Event("input")); tell();
told.push(decodeURIComponent(location.hash));
find.value = ""; find.dispatchEvent(new Event("input"));
press(".thumbs"); told.push([large.open, large.querySelectorAll("img").length]);
told.push(document.documentElement.scrollWidth <= innerWidth && innerWidth < 600);
told.push(typeof hacked);
document.body.replaceChildren(document.createElement("pre"));
document.body.firstChild.textContent = JSON.stringify(told);
</script></html>"""


def test_a_browser_sorts_and_filters_without_a_server(tmp_path: Path) -> None:
    browser = find_browser()
    if browser is None:
        pytest.skip("no chromium here to open the page")
    path = tmp_path / "night.html"
    rows = [*ROWS, replace(ROWS[1], scan="/data/gold_11.cxi", gaps="rows 1:7")]
    path.write_text(page_of(rows).replace("</html>", ACTS))
    html = dumped(browser, path, "sort=seconds&show=compare", (390, 800))
    told = json.loads(unescape(html.partition("<pre>")[2].partition("</pre>")[0]))
    names = {"2": "gold_2.c", "9": "gold_9.c", "10": "gold_10.", "11": "gold_11.", "<": "<img src"}

    def named(*keys: str) -> str:
        return " ".join(names[key] for key in keys)

    assert told == [
        named("9", "11"),
        named("<", "2", "9", "10", "11"),  # 2 before 10: as people count
        named("9", "11", "10", "<", "2"),  # the longest first, what is not known last
        named("10", "9", "11", "2", "<"),  # the surest first
        named("<"),
        "#sort=uncertainty&find=GAP+not",
        [True, 3],
        True,  # nothing sticks out of a phone
        "undefined",
    ]
