"""Rows of an evaluation as CSV and as tables: shares in per cent, intervals in brackets."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from bcdi_inpaint.evaluation.fills.averages import Interval
from bcdi_inpaint.tables import Style, format_table

SHARES = ("of_the_way", "inside_68", "inside_95")
"""Columns of shares, shown in per cent."""


def rows_as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV; an interval becomes three columns, the second and third ending in low, high.

    Examples
    --------
    >>> rows = [{"width": 6, "ssim": Interval(0.5, 0.25, 0.75)}]
    >>> print(rows_as_csv(rows, ["width", "ssim"]), end="")
    width,ssim,ssim_low,ssim_high
    6,0.5,0.25,0.75
    """
    lines = [_flatten(row, columns) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]) if lines else list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _flatten(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, str]:
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


def rows_as_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], style: Style = "plain"
) -> str:
    """Rows as a table to read; columns without any value are left out.

    Parameters
    ----------
    rows : one mapping per row, with a value for every column.
    columns : the keys to show, in order; also the heading.
    style : of `tables.format_table`.

    Returns
    -------
    The table as text, ending in a newline.

    Examples
    --------
    >>> rows = [{"width": 6, "judged": 1.0, "inside_68": Interval(0.672, 0.61, 0.72)}]
    >>> print(rows_as_table(rows, ["width", "judged", "inside_68"]), end="")
    width  judged  inside_68
        6  100 %   67 [61, 72] %
    """
    shown = [{name: _cell(name, row[name]) for name in columns} for row in rows]
    kept = [name for name in columns if any(row[name] != "" for row in shown)]
    return format_table(shown, kept, style=style)


def _cell(name: str, value: Any) -> object:
    """A value as a table shows it."""
    if name == "judged":
        return f"{100 * value:.0f} %"
    if not isinstance(value, Interval):
        return value
    return _per_cent(value) if name in SHARES else str(value)


def _per_cent(share: Interval) -> str:
    if math.isnan(share.mean):
        return ""
    ends = "" if math.isnan(share.low) else f" [{100 * share.low:.0f}, {100 * share.high:.0f}]"
    return f"{100 * share.mean:.0f}{ends} %"
