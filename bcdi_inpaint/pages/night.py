"""The page of a night: a row a scan, which sorts and filters without a server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from html.parser import HTMLParser
from importlib.resources import files
from string import Template
from typing import Any

from bcdi_inpaint.pages.night_cells import VERDICTS, row_html
from bcdi_inpaint.pages.night_row import NightRow

MARK = '<meta name="generator" content="bcdi-inpaint night">'
"""What says that a page is ours."""


def night_page(rows: Sequence[NightRow], *, title: str, written: str) -> str:
    """The page, whole: styles, script and pictures are in it.

    Parameters
    ----------
    rows : a row a scan, in the order of the page.
    title : of the page.
    written : when and by what it was written.

    Examples
    --------
    >>> page = night_page([NightRow("/data/<u>.cxi")], title="A night", written="today")
    >>> "&lt;u&gt;.cxi" in page, "<u>" in page
    (True, False)
    """
    common = _common_folder(rows)
    records = [asdict(row) | {"pictures": ()} for row in rows]
    return Template(_part("html")).substitute(
        mark=MARK,
        title=escape(title),
        written=escape(written),
        style=_part("css"),
        script=_part("js"),
        tiles=_tiles(rows),
        folder=escape(common),
        place=escape(common.rpartition("/")[2]),
        rows="\n".join(row_html(row, common) for row in rows),
        data=_json(records),
    )


def _common_folder(rows: Sequence[NightRow]) -> str:
    """The folder in which all scans lie."""
    folders = [row.folder or "/" for row in rows]
    return os.path.commonpath(folders) if folders else ""


def rows_of(page: str) -> list[NightRow] | None:
    """The rows of a page of ours, None for any other text.

    Examples
    --------
    >>> rows = [NightRow("/data/a.cxi", seconds=3.5, pictures=(("after", "data:,"),))]
    >>> rows_of(night_page(rows, title="", written="")) == rows
    True
    """
    if MARK not in page[:4096]:
        return None
    reader = _Reader()
    reader.feed(page)
    try:
        records = json.loads("".join(reader.texts))
        return [_of_record(record, reader.pictures) for record in records]
    except (ValueError, TypeError, KeyError):  # cut short, or changed by hand
        return None


class _Reader(HTMLParser):
    """Finds the records and the pictures of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.pictures: dict[str, list[tuple[str, str]]] = {}
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag: the records begin, or a picture of a row."""
        found = {name: value or "" for name, value in attrs}
        self._is_inside = tag == "script" and found.get("id") == "records"
        if tag == "img" and "data-row" in found:
            shown = self.pictures.setdefault(found["data-row"], [])
            shown.append((found["data-picture"], found["src"]))

    def handle_endtag(self, tag: str) -> None:
        """The records end."""
        self._is_inside = False

    def handle_data(self, data: str) -> None:
        """A piece of the records."""
        if self._is_inside:
            self.texts.append(data)


def _of_record(record: dict[str, Any], pictures: dict[str, list[tuple[str, str]]]) -> NightRow:
    row = NightRow.of_record(record, ())
    return NightRow.of_record(record, pictures.get(row.key, ()))


def _part(kind: str) -> str:
    return files("bcdi_inpaint.pages").joinpath(f"night.{kind}").read_text(encoding="utf-8")


def _json(records: list[dict[str, Any]]) -> str:
    """Records as JSON that cannot end the element they stand in."""
    text = json.dumps(records, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _tiles(rows: Sequence[NightRow]) -> str:
    """Buttons that show some of the rows, each with their number."""
    counted: dict[str, tuple[str, int]] = {"all": ("scans", len(rows))}
    counted["filled"] = ("filled", sum(row.status == "filled" for row in rows))
    for verdict, (name, _) in VERDICTS.items():
        counted[verdict] = (name, sum(row.verdict == verdict for row in rows))
    counted["noted"] = ("with notes", sum(bool(row.warnings or row.remarks) for row in rows))
    counted["failed"] = ("failed", sum(row.status == "failed" for row in rows))
    return "\n".join(
        f'<button type="button" class="tile {name}" data-show="{name}">'
        f"<b>{number}</b><span>{label}</span></button>"
        for name, (label, number) in counted.items()
        if number or name in ("all", "failed")
    )


def merged(rows: Iterable[NightRow], others: Iterable[NightRow]) -> list[NightRow]:
    """Rows, each replaced by the other of the same scan, and the others that are new.

    Examples
    --------
    >>> old = [NightRow("/a"), NightRow("/b")]
    >>> [row.status for row in merged(old, [NightRow("/b", status="failed"), NightRow("/c")])]
    ['filled', 'failed', 'filled']
    """
    by_key = {row.key: row for row in rows}
    by_key.update((row.key, row) for row in others)
    return list(by_key.values())
