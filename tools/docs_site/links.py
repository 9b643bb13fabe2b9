"""Links and pictures of a built site, from its HTML: which of them lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The targets that a page names, and the places in it that can be named."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.places |= {named[key] or "" for key in ("id", "name") if key in named}
        key = {"a": "href", "link": "href", "img": "src", "script": "src"}.get(tag)
        if key is not None and (target := named.get(key)):
            self.targets.append(target)


@cache
def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(errors="replace"))
    return page


def pages(site: Path) -> list[Path]:
    """Every page of a site."""
    return sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)


def dead_links(site: Path) -> Iterator[str]:
    """A line for each link, picture, style or script inside a site that is not there."""
    for page in pages(site):
        for target in dict.fromkeys(_read(page).targets):
            if not _leads_somewhere(page, target):
                yield f"{page.relative_to(site)}: {target} leads nowhere"


def _leads_somewhere(page: Path, target: str) -> bool:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return True  # outside the site
    path = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
    path = path / "index.html" if path.is_dir() else path
    if not path.is_file():
        return False
    place = unquote(parts.fragment)
    return not place or path.suffix != ".html" or place in _read(path).places
