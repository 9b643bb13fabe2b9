"""Rows of evaluations of crystals, one a retrieval, and the reports that are made of them."""

from __future__ import annotations

from bcdi_inpaint.evaluation.crystals.config import PhasingConfig
from bcdi_inpaint.evaluation.crystals.records import read_records
from bcdi_inpaint.evaluation.crystals.reports import report_crystals
from bcdi_inpaint.network.weights import load_model
from bcdi_inpaint.training.plan import read_yaml
from docs_site.reports import REPORTS, REPOSITORY


def kept() -> list[str]:
    """The names of evaluations of crystals whose rows are kept in `docs/reports`."""
    return sorted(path.stem for path in REPORTS.glob("phasing_*.csv"))


def report_of(name: str) -> str:
    """The report of the rows that are kept of an evaluation, as the code of now writes it."""
    config = PhasingConfig(**read_yaml(REPOSITORY / "configs" / f"{name}.yaml"))
    records = read_records(REPORTS / f"{name}.csv")
    return report_crystals(records, config, load_model(config.model), []).text
