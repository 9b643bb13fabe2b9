"""Everything on the site that is computed, written below `docs/generated` before Sphinx begins.

Parts are pieces of Markdown that pages include; a file is touched only where it changes, so that
Sphinx reads again only what is new.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docs_site import (
    api_pages,
    config_keys,
    crystals_table,
    cxi_tree,
    detector_drawings,
    drawn_results,
    results,
)


def write_parts(app: Any) -> None:
    """Write all parts below the folder of the pages; Sphinx calls it when it begins."""
    write_all(Path(app.srcdir) / "generated")
    api_pages.import_all()


def write_all(folder: Path) -> None:
    """Write all parts into a folder."""
    parts = folder / "parts"
    write(parts / "configuration.md", config_keys.page())
    write(parts / "detectors.md", detector_drawings.table())
    write(parts / "crystals.md", crystals_table.part().replace("](docs/", "](/"))
    for name, shown in results.TABLES.items():
        write(parts / f"{name}.md", results.part_of(shown))
    write(parts / "rooms.md", api_pages.index())
    for room, modules in api_pages.rooms().items():
        write(folder / "api" / f"{room}.rst", api_pages.room_page(room, modules))
    detector_drawings.draw(folder / "detectors.png")
    drawn_results.draw_all(folder)
    write(parts / "cxi.md", _cxi_page(folder))


def _cxi_page(folder: Path) -> str:
    """The page of a file that `predict` writes here and now."""
    path = folder / "example_inpainted.cxi"
    path.unlink(missing_ok=True)
    text = cxi_tree.page(cxi_tree.fill_example(path))
    path.unlink()
    return text


def write(path: Path, text: str) -> None:
    """Write a text, unless the file has it already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)
