"""Our pages as they are written: links, tables of contents, code, and numbers in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from docs_site.reports import REPOSITORY, read_report
from docs_site.results import TABLES

DOCS = REPOSITORY / "docs"
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^(`{3,4})(\S*)[^\n]*\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")


def pages() -> list[Path]:
    """Every page of the site that is written by hand or by an evaluation."""
    return sorted(
        path
        for path in DOCS.rglob("*.md")
        if not {"generated", "auto_gallery"} & set(path.relative_to(DOCS).parts)
    )


def code(text: str, language: str) -> list[str]:
    r"""The blocks of code of one language.

    Examples
    --------
    >>> code("```sh\nls\n```\n", "sh")
    ['ls\n']
    """
    return [block for _, name, block in _FENCED.findall(text) if name == language]


def prose(text: str) -> str:
    """A text without blocks of code and inline literals."""
    return re.sub(r"`[^`\n]*`", "", _FENCED.sub("", text))


def links(page: Path) -> list[str]:
    """The targets inside this repository that a page links to or shows."""
    targets = _LINK.findall(_FENCED.sub("", page.read_text()))
    return [target for target in targets if "://" not in target]


def is_there(page: Path, target: str) -> bool:
    """Whether a link's target is there, or is made by the build from what is there."""
    name = target.partition("#")[0]
    path = page if not name else DOCS / name[1:] if name[0] == "/" else page.parent / name
    made = re.search(r"auto_gallery/(?:images/sphx_glr_)?(.+?)(?:_\d{3}\.png|\.rst)$", name)
    if made is not None:
        return (DOCS / "gallery" / f"{made.group(1)}.py").is_file()
    return path.exists() or "generated" in path.parts


def listed(page: Path) -> Iterator[Path]:
    """The pages that a page's tables of contents name."""
    for block in code(page.read_text(), "{toctree}"):
        for line in (one.strip() for one in block.splitlines()):
            if not line or line.startswith(":"):
                continue
            name = re.sub(r"^.*<(.*)>$", r"\1", line)
            base = DOCS if name.startswith("/") else page.parent
            yield from base.glob(f"{name.strip('/')}.md")


def included(text: str) -> list[str]:
    """The names of the parts that a page includes."""
    return re.findall(r"^```\{include\} \S*generated/parts/(\w+)\.md", text, re.MULTILINE)


def unfounded_numbers(text: str) -> list[str]:
    """Numbers of a page's own words that are in none of the reports of its tables."""
    reports = [read_report(TABLES[name].report) for name in included(text) if name in TABLES]
    return [one for one in _NUMBER.findall(prose(text)) if not _in_any(one, reports)]


def _in_any(number: str, reports: list[str]) -> bool:
    found = re.compile(rf"(?<![\d.]){re.escape(number)}(?![\d.])")
    return any(found.search(report) for report in reports)
