"""The reference of the code: a page for each room, from the docstrings of what is public."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from docs_site.reports import REPOSITORY

FLOOR = ("errors", "arrays", "photons", "tables", "safe_files", "pynx_engine")
"""Modules beside the rooms."""
LEFT_OUT = ("commands", "cli", "__main__", "published")
"""Rooms that have pages of their own, and those that nobody calls."""


def rooms() -> dict[str, list[str]]:
    """By room the names of its public modules; the simulation is one room, the floor another."""
    package = REPOSITORY / "bcdi_inpaint"
    found = {"floor": [f"bcdi_inpaint.{name}" for name in FLOOR]}
    for folder in sorted(one for one in package.iterdir() if (one / "__init__.py").is_file()):
        if folder.name not in LEFT_OUT:
            found[folder.name] = list(_modules(folder, f"bcdi_inpaint.{folder.name}"))
    found["simulation"] = list(_modules(REPOSITORY / "simulation", "simulation"))
    return found


def _modules(folder: Path, name: str) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and not path.name.startswith("_"):
            yield f"{name}.{path.stem}"
        elif (path / "__init__.py").is_file():
            yield from _modules(path, f"{name}.{path.name}")


def import_all() -> None:
    """Import every module here, once, before Sphinx forks a process for every ten pages."""
    for module in (module for modules in rooms().values() for module in modules):
        with suppress(ImportError):  # of which autodoc tells
            importlib.import_module(module)


def room_page(room: str, modules: list[str]) -> str:
    """A room's page in reStructuredText."""
    package = "simulation" if room == "simulation" else f"bcdi_inpaint.{room}"
    title = {"floor": "The ground floor"}.get(room, package)
    what = "Modules that every room stands on." if room == "floor" else _summary(package)
    parts = [f"{title}\n{'=' * len(title)}\n\n{what}\n"]
    for module in modules:
        heading = f"``{module.removeprefix('bcdi_inpaint.')}``"
        parts.append(f"{heading}\n{'-' * len(heading)}\n\n.. automodule:: {module}\n   :members:\n")
    return "\n".join(parts)


def _summary(package: str) -> str:
    """The first sentence of a package's docstring."""
    source = (REPOSITORY / package.replace(".", "/") / "__init__.py").read_text()
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")[0]


def index() -> str:
    """The list of rooms, in Markdown."""
    lines = ["```{toctree}", ":maxdepth: 1", ""]
    return "\n".join([*lines, *(f"/generated/api/{room}" for room in rooms()), "```", ""])
