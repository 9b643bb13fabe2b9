"""Reports of crystals are what the rows beside them say."""

from __future__ import annotations

from docs_site.crystal_rows import REPORTS, kept, report_of


def test_reports_are_what_their_rows_say() -> None:
    for name in kept():
        written = (REPORTS / f"{name}.md").read_text()
        assert written == report_of(name), f"run tools/crystal_report.py {name}"
