"""Numbers and small tables as text: for the terminal, for a report, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

Style = Literal["plain", "markdown", "csv"]


def number_of(n: int | np.integer, noun: str) -> str:
    """A number of things, in the singular where it is one.

    Examples
    --------
    >>> number_of(1, "patch"), number_of(0, "patch"), number_of(3, "voxel")
    ('1 patch', '0 patches', '3 voxels')
    """
    plural = "" if n == 1 else "es" if noun.endswith("ch") else "s"
    return f"{n} {noun}{plural}"


def format_table(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], style: Style = "plain"
) -> str:
    """Write rows as a table.

    Numbers stand on the right and have four digits; a column is as wide as its widest cell.

    Parameters
    ----------
    rows : one mapping per row; a column that a row lacks stays empty.
    columns : the keys to show, in order; also the heading.
    style : ``"plain"`` for the terminal, ``"markdown"`` or ``"csv"``.

    Returns
    -------
    The table as text, ending in a newline.

    Examples
    --------
    >>> rows = [{"fill": "linear", "score": 0.81249}, {"fill": "network", "score": 0.9}]
    >>> print(format_table(rows, ["fill", "score"]), end="")
    fill      score
    linear   0.8125
    network     0.9
    >>> print(format_table(rows, ["fill", "score"], "markdown"), end="")
    | fill    |  score |
    | ------- | -----: |
    | linear  | 0.8125 |
    | network |    0.9 |
    """
    cells = [list(columns)] + [[_cell(row.get(name)) for name in columns] for row in rows]
    if style == "csv":
        return _comma_separated(cells)
    on_the_right = [_is_numeric([row.get(name) for row in rows]) for name in columns]
    lines = _align(cells, on_the_right)
    if style == "plain":
        return "".join("  ".join(line).rstrip() + "\n" for line in lines)
    rule = [
        "-" * (len(cell) - 1) + (":" if right else "-")
        for cell, right in zip(lines[0], on_the_right, strict=True)
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in [lines[0], rule, *lines[1:]])


def _comma_separated(cells: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(cells)
    return text.getvalue()


def _align(cells: Sequence[Sequence[str]], on_the_right: Sequence[bool]) -> list[list[str]]:
    """The cells filled up with blanks to the widths of their columns, three at least."""
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*cells, strict=True)]
    return [
        [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, on_the_right, strict=True)
        ]
        for line in cells
    ]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def _is_numeric(values: Sequence[object]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(v, int | float | np.number) for v in present)
