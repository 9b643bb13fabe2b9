"""Rows of an evaluation as CSV, and as tables to read."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bcdi_inpaint.evaluation.fills import Record

PER_CENT = ("of_the_way", "inside_68", "inside_95")
"""Columns of shares."""


def as_csv(rows: Sequence[Record], columns: Sequence[str]) -> str:
    """Rows as CSV; an interval becomes three columns, the second and third ending in low, high."""
    lines = [_flat(row, columns) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]) if lines else list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _flat(row: Record, columns: Sequence[str]) -> dict[str, str]:
    from bcdi_inpaint.evaluation.fills import Interval

    flat: dict[str, str] = {}
    for name in columns:
        value = row[name]
        if isinstance(value, Interval):
            flat[name] = _number(value.mean)
            flat[f"{name}_low"], flat[f"{name}_high"] = _number(value.low), _number(value.high)
        else:
            flat[name] = _number(value) if isinstance(value, float) else str(value)
    return flat


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def as_table(rows: Sequence[Record], columns: Sequence[str], style: Any = "plain") -> str:
    """Rows as a table, ``plain`` or ``markdown``; columns without any value are left out."""
    from bcdi_inpaint.evaluation.scores import table

    shown = [{name: _cell(name, row[name]) for name in columns} for row in rows]
    kept = [name for name in columns if any(row[name] != "" for row in shown)]
    return table(shown, kept, style=style)


def _cell(name: str, value: Any) -> object:
    """A value as a table shows it: shares in per cent, intervals in brackets."""
    from bcdi_inpaint.evaluation.fills import Interval

    if name == "judged":
        return f"{100 * value:.0f} %"
    if not isinstance(value, Interval):
        return value
    if name not in PER_CENT:
        return str(value)
    if math.isnan(value.mean):
        return ""
    ends = "" if math.isnan(value.low) else f" [{100 * value.low:.0f}, {100 * value.high:.0f}]"
    return f"{100 * value.mean:.0f}{ends} %"
