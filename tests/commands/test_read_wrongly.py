"""The page "My file is read wrongly" tells of every kind of remark that the code can make."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "my_file_is_read_wrongly.md"


def texts_called(name: str, tree: ast.Module) -> set[str]:
    """The texts that a module gives a name."""
    return {
        constant.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == name
        for constant in ast.walk(node.value)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }


def kinds_in(paths: list[Path]) -> set[str]:
    """Every kind that is given to a `Remark`: as a text, a choice of texts, or by a name."""
    trees = [ast.parse(path.read_text()) for path in paths]
    found: set[str] = set()
    for tree in trees:
        for call in ast.walk(tree):
            is_remark = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
            if not is_remark or call.func.id != "Remark" or not call.args:  # type: ignore[attr-defined]
                continue
            kind = call.args[0]  # type: ignore[attr-defined]
            branches = [kind.body, kind.orelse] if isinstance(kind, ast.IfExp) else [kind]
            for branch in branches:
                if isinstance(branch, ast.Constant):
                    found.add(branch.value)
                elif isinstance(branch, ast.Name):
                    own = texts_called(branch.id, tree)
                    found |= own or set().union(*(texts_called(branch.id, t) for t in trees))
    return found


def test_every_kind_has_an_entry() -> None:
    remarks = REPOSITORY / "bcdi_inpaint" / "scan" / "remarks.py"  # takes kinds from files
    kinds = kinds_in([p for p in (REPOSITORY / "bcdi_inpaint").rglob("*.py") if p != remarks])
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), flags=re.M))
    assert kinds - explained == set()
    assert {"empty-frames", "empty-lines", "empty-edge", "empty-pixels", "unit"} <= kinds
