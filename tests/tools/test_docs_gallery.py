"""The gallery's scripts: what the site shows of each is a whole picture."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from docs_site.reports import REPOSITORY

SCRIPTS = sorted((REPOSITORY / "docs" / "gallery").glob("*.py"))


def drawn_too_late(script: str) -> set[str]:
    """Axes that a block makes and a later one draws on: the site takes figures after each."""
    late: set[str] = set()
    made: set[str] = set()
    for block in script.split("\n# %%"):
        tree = ast.parse("#" + block)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
        own = {
            name.id
            for node in calls
            if "subplots" in ast.unparse(node.value)
            for target in node.targets
            for name in ast.walk(target)
            if isinstance(name, ast.Name)
        }
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        late |= (used - own) & made
        made |= own
    return late


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_figures_are_whole_when_they_are_taken(path: Path) -> None:
    assert drawn_too_late("\n" + path.read_text()) == set()


def test_an_axis_of_an_earlier_block_is_found() -> None:
    script = "\nfig, (a, b) = plt.subplots(1, 2)\na.plot(x)\n\n# %% Text.\nb.plot(x)\n"
    assert drawn_too_late(script) == {"b"}
    assert drawn_too_late(script.replace("b.plot", "fig, b = plt.subplots()\nb.plot")) == set()
