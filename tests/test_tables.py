"""Small tables as text."""

from __future__ import annotations

import csv
import io

import numpy as np

from bcdi_inpaint.tables import format_table

ROWS = [
    {"method": "linear", "pearson": 0.80412, "n": 12},
    {"method": "ours, 6 px", "pearson": np.float32(0.9), "n": 3456},
    {"method": "none", "n": 0},
]


def test_table_plain() -> None:
    assert format_table(ROWS, ["method", "pearson", "n"]) == (
        "method      pearson     n\n"
        "linear       0.8041    12\n"
        "ours, 6 px      0.9  3456\n"
        "none                    0\n"
    )


def test_table_markdown() -> None:
    assert format_table(ROWS[:1], ["method", "n"], "markdown") == (
        "| method |   n |\n| ------ | --: |\n| linear |  12 |\n"
    )


def test_table_csv_reads_back() -> None:
    read = list(csv.DictReader(io.StringIO(format_table(ROWS, ["method", "pearson", "n"], "csv"))))
    assert [row["method"] for row in read] == ["linear", "ours, 6 px", "none"]
    assert [row["pearson"] for row in read] == ["0.8041", "0.9", ""]
