"""How benchmarks end."""

from __future__ import annotations

from pathlib import Path

import pytest

from bcdi_inpaint.evaluation.fills.averages import Interval
from benchmarks.telling import tell, with_interval


def test_a_page_is_printed_and_kept_where_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell("a table")
    assert not list(tmp_path.iterdir())
    tell("a table", tmp_path / "report.md")
    assert capsys.readouterr().out == "a table\na table\n"
    assert (tmp_path / "report.md").read_text() == "a table"


def test_a_change_is_told_with_its_sign() -> None:
    assert with_interval(Interval(-2.0, -3.5, 0.0)) == "-2.0 [-3.5, +0.0]"
