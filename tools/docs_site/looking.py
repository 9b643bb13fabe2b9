"""Looking at a built site: pages open, links lead somewhere, pictures load on a phone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from browser import find_browser

from docs_site.browser import browser
from docs_site.links import dead_links, pages

PHONE = 390, 844
"""Width and height of a phone in pixels."""
WIDER = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
NOT_LOADED = (
    "[...document.images].filter(i => i.getAttribute('src') && !(i.complete && i.naturalWidth))"
    ".map(i => i.getAttribute('src')).join(' ')"
)
EMPTY = "document.body.innerText.trim().length === 0"
LOAD_LAZY = "document.querySelectorAll('img[loading]').forEach(i => i.loading = 'eager')"


def faults_seen(site: Path, path: str, which: str = "*") -> Iterator[str]:
    """What a browser finds wrong with the pages of a site, a line each.

    Parameters
    ----------
    site : folder of the site.
    path : the browser's.
    which : pattern of the pages' paths.
    """
    with browser(path) as tab:
        tab.resize(*PHONE)
        for page in (one for one in pages(site) if one.match(which)):
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
    faults = list(dead_links(site))
    path = find_browser()
    if path is None:
        print("no browser here: pages were not looked at, their links alone")
    else:
        faults += faults_seen(site, path)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(pages(site))} pages, {len(faults)} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(look_at(Path(sys.argv[1])))
