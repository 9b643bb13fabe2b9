"""Reports of evaluations: their tables, and which network made them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
REPORTS = REPOSITORY / "docs" / "reports"
"""Reports of evaluations: their `scores.md` or `phasing.md`, under the evaluation's name."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table of a report: the line above it, its columns and its rows, all as written."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def where(self, **wanted: object) -> list[Row]:
        """The rows that have these values in these columns, in the table's order.

        Examples
        --------
        >>> table = Table("", ("width", "way"), ({"width": "6", "way": "mask"},))
        >>> table.where(width=6)
        [{'width': '6', 'way': 'mask'}]
        """
        return [
            row
            for row in self.rows
            if all(row.get(name) == str(value) for name, value in wanted.items())
        ]


def read_tables(text: str) -> list[Table]:
    r"""The tables of a text in Markdown.

    Examples
    --------
    >>> read_tables("Two:\n\n| a | b |\n| - | -: |\n| x | 1 |\n")[0].rows
    ({'a': 'x', 'b': '1'},)
    """
    heading, tables, block = "", [], list[str]()
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            block.append(line)
            continue
        if len(block) > 2:
            tables.append(_table(heading, block))
        block = []
        heading = line.strip() or heading
    return tables


NAMED_TODAY = {"treatment": "way"}
"""Columns that newer reports call otherwise, and what the pages know them as."""


def _table(heading: str, lines: Sequence[str]) -> Table:
    named, _, *rows = ([cell.strip() for cell in line.strip("| \n").split("|")] for line in lines)
    columns = [NAMED_TODAY.get(name, name) for name in named]
    cells = [[*row, *[""] * (len(columns) - len(row))] for row in rows]
    return Table(
        heading,
        tuple(columns),
        tuple(dict(zip(columns, row, strict=False)) for row in cells),
    )


def read_report(name: str) -> str:
    """The text of a report in `docs/reports`."""
    return (REPORTS / f"{name}.md").read_text()


def network_of(text: str) -> str:
    """The first eight digits of the hash of the network that a report is about; "" for none."""
    found = re.search(r"sha256 `([0-9a-f]{8})", text)
    return "" if found is None else found.group(1)


def commit_of(path: Path) -> str:
    """The commit that a file's text came with, wherever it lay then; "" outside a clone."""
    asked = ["log", "-1", "--follow", "-M100%", "--diff-filter=AM", "--format=%h", "--", str(path)]
    try:
        done = subprocess.run(
            ["git", *asked],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()


def source_line(name: str, command: str) -> str:
    """Where the numbers of a report come from: file, command, network and commit."""
    network, commit = network_of(read_report(name)), commit_of(REPORTS / f"{name}.md")
    parts = [
        f"From [{name}](/reports/{name}.md), which `{command}` writes",
        f"network `{network}`" if network else "",
        f"commit `{commit}`" if commit else "",
    ]
    return "; ".join(part for part in parts if part) + "."
