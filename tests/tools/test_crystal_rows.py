"""Reports of crystals are what the rows beside them say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from docs_site import crystal_rows
from docs_site.crystal_rows import REPORTS, kept, report_of
from docs_site.reports import read_tables

from bcdi_inpaint.evaluation.crystals.judging import with_ratios
from bcdi_inpaint.evaluation.crystals.records import RECORD_COLUMNS
from bcdi_inpaint.evaluation.report_tables import rows_as_csv


def test_reports_are_what_their_rows_say() -> None:
    for name in kept():
        written = (REPORTS / f"{name}.md").read_text()
        assert written == report_of(name), f"run tools/crystal_report.py {name}"


def test_a_report_is_made_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crystal_rows, "REPORTS", tmp_path)
    empty = {name: math.nan if "ratio" in name else 1.0 for name in RECORD_COLUMNS}
    empty |= {"width": 6, "number": 0, "distance": 3}
    texts = {"crystal": "one", "kind": "even", "setting": "PyNX's command", "failed": ""}
    rows = [
        empty | texts | {"cross": False, "treatment": treatment, "phase_rms_rad": error}
        for treatment, error in (("mask", 0.5), ("prior", 0.25))
    ]
    text = rows_as_csv(with_ratios(rows), RECORD_COLUMNS)
    (tmp_path / "phasing_small.csv").write_text(text)
    assert kept() == ["phasing_small"]
    report = report_of("phasing_small")
    assert report.startswith("# What fills do to crystals: `phasing_small`")
    (prior,) = read_tables(report)[0].where(way="prior")
    assert (prior["ratio"], prior["cases"]) == ("0.5", "1")
