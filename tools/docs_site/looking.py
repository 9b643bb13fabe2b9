"""Looking at a built site: pages open, links lead somewhere, pictures load on a phone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from browser import find_browser

from docs_site.browser import browser
from docs_site.links import dead_links, pages

PHONE = 390, 844
"""Width and height of a phone in pixels."""
BROWSERS = 2
"""How many look at the same time, each at its own pages."""
WIDER = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
NOT_LOADED = (
    "[...document.images].filter(i => i.getAttribute('src') && !(i.complete && i.naturalWidth))"
    ".map(i => i.getAttribute('src')).join(' ')"
)
EMPTY = "document.body.innerText.trim().length === 0"
LOAD_LAZY = "document.querySelectorAll('img[loading]').forEach(i => i.loading = 'eager')"


def faults_seen(site: Path, path: str, chosen: Sequence[Path] | None = None) -> Iterator[str]:
    """What a browser finds wrong with the pages of a site, a line each.

    Parameters
    ----------
    site : folder of the site.
    path : the browser's.
    chosen : pages to look at; None for all.
    """
    with browser(path) as tab:
        tab.resize(*PHONE)
        for page in pages(site) if chosen is None else chosen:
            tab.open(page)
            name = page.relative_to(site)
            tab.ask(LOAD_LAZY)
            if tab.ask(EMPTY):
                yield f"{name}: the page is empty"
            if (width := tab.ask(WIDER)) > PHONE[0]:
                yield f"{name}: {width} pixels wide, a phone has {PHONE[0]}"
            if missing := tab.ask(NOT_LOADED):
                yield f"{name}: pictures that do not load: {missing}"


def look_at(site: Path) -> int:
    """Say what is wrong with a site; 1 where something is, else 0."""
    path, there = find_browser(), pages(site)
    if path is None:
        print("no browser here: pages were not looked at, their links alone")
    with ThreadPoolExecutor(BROWSERS) as browsers:
        parts = [there[number::BROWSERS] for number in range(BROWSERS)] if path else []
        looks = [browsers.submit(_faults_of_part, site, str(path), part) for part in parts]
        faults = list(dead_links(site))
        faults += sorted(fault for look in looks for fault in look.result())
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(there)} pages, {len(faults)} faults")
    return int(bool(faults))


def _faults_of_part(site: Path, path: str, part: Sequence[Path]) -> list[str]:
    return list(faults_seen(site, path, part))


if __name__ == "__main__":
    sys.exit(look_at(Path(sys.argv[1])))
