"""What an evaluation of crystals says of what failed, and of what is not done."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bcdi_inpaint.evaluation.crystals.config import PhasingConfig
from bcdi_inpaint.evaluation.crystals.judging import with_ratios
from bcdi_inpaint.evaluation.crystals.records import ERRORS, SPREAD
from bcdi_inpaint.evaluation.crystals.reports import CrystalReport, report_crystals
from bcdi_inpaint.network.weights import Model

Errors = dict[str, float]
"""Phase errors by treatment."""


def _gap(crystal: str, errors: Errors, **more: object) -> list[dict[str, Any]]:
    """The records of one gap; where the error is infinite the retrieval failed.

    What earlier versions recorded of it had no errors of the kept starts.
    """
    head = {"crystal": crystal, "width": 6, "number": 0, "setting": "known support", "flux": 1e5}
    return [
        head
        | {"fringes": 3.0, "counts_beside": 9.0, "treatment": name, "llk_free": 1.0}
        | dict.fromkeys(ERRORS, error)
        | dict.fromkeys(SPREAD[2:], error if math.isfinite(error) else math.nan)
        | {"failed": "" if math.isfinite(error) else "every start failed", "pearson_gap": 0.9}
        | more
        for name, error in errors.items()
    ]


@pytest.fixture
def report(tiny_model: Model) -> Any:
    def make(*gaps: list[dict[str, Any]]) -> CrystalReport:
        records = [record for gap in gaps for record in gap]
        return report_crystals(records, PhasingConfig(), tiny_model, [])

    return make


def _row(found: CrystalReport, treatment: str) -> dict[str, str]:
    names, *rows = (line.split(",") for line in found.csv.splitlines())
    return next(
        row
        for row in (dict(zip(names, row, strict=True)) for row in rows)
        if row["treatment"] == treatment
    )


GOOD = {"mask": 0.2, "hard": 0.3, "prior": 0.1}


def test_a_treatment_that_failed_is_the_worst_there_is(report: Any) -> None:
    found = report(
        with_ratios(_gap("a", GOOD)),
        with_ratios(_gap("b", GOOD | {"hard": math.inf})),
        with_ratios(_gap("c", GOOD | {"hard": math.inf})),
    )
    hard = _row(found, "hard")
    assert (hard["cases"], hard["ratio"], hard["worst"]) == ("3", "inf", "inf")
    assert hard["ratio_upper_rad"] == hard["ratio_worst_rad"] == hard["phase_rms_rad"] == "inf"
    assert hard["pearson_gap"] == "0.9"
    assert float(_row(found, "prior")["ratio"]) == pytest.approx(0.5)
    assert "failed: 2 of 9 retrievals" in found.text
    assert "masked retrieval failed: 0 gaps" in found.text


def test_a_gap_whose_masked_retrieval_failed_is_left_out_and_counted(report: Any) -> None:
    """Else its prior, far off as it is, would be infinitely better than masking."""
    lost = {"mask": math.inf, "hard": math.inf, "prior": 1.4}
    # Earlier versions wrote this: the prior's ratio 0, the others' not a number.
    before = _gap("c", {"prior": 1.4}, ratio_phase_rms_rad=0.0)
    before += _gap("c", {"mask": math.inf}, ratio_phase_rms_rad=math.nan)
    assert with_ratios(before)[0]["ratio_phase_rms_rad"] != 0
    alone = report(with_ratios(_gap("a", GOOD)))
    found = report(with_ratios(_gap("a", GOOD)), with_ratios(_gap("b", lost)), before)
    assert found.csv == alone.csv
    assert found.ratios == alone.ratios
    assert "failed: 0 of 3 retrievals" in found.text
    assert "masked retrieval failed: 2 gaps" in found.text


def test_what_is_not_done_has_not_failed(report: Any) -> None:
    found = report(with_ratios(_gap("a", GOOD)), _gap("b", {"hard": 9.0, "prior": 9.0}))
    assert found.csv == report(with_ratios(_gap("a", GOOD))).csv
    assert "failed: 0 of 3 retrievals" in found.text


def test_how_far_starts_are_apart_is_told_where_there_were_two(report: Any) -> None:
    told = report(with_ratios(_gap("a", GOOD, apart_rad=0.25)))
    assert "`apart_rad`: phase distance" in told.text
    assert "| apart_rad |" in told.text
    assert "apart_rad" not in report(with_ratios(_gap("a", GOOD))).text
