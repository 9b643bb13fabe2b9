"""Medians, quartiles and the worst of the ratios to masking."""

import pytest

from bcdi_inpaint.evaluation.crystals.summary import (
    ADVICE_COLUMNS,
    FLUX_COLUMNS,
    KIND_COLUMNS,
    default_treatments,
    of_converged,
    summarize,
    summarize_by_kind,
    summarize_default_by_flux,
    with_default,
)
from bcdi_inpaint.evaluation.crystals.treatments import COMPLETE, MASKED


def _record(
    treatment: str, ratio: float, width: int = 6, fringes: float = 1.0, counts_beside: float = 10.0
) -> dict[str, object]:
    return {
        "fringes": fringes,
        "counts_beside": counts_beside,
        "setting": "known support",
        "width": width,
        "treatment": treatment,
        "phase_rms_rad": 0.1 * ratio,
        "ratio_phase_rms_rad": ratio,
        "ratio_modulus_rms": ratio,
        "ratio_gradient_rms": ratio,
        "pearson_gap": 0.9,
        "ratio_upper_rad": 1.2 * ratio,
        "ratio_worst_rad": 2 * ratio,
    }


def test_the_summary_tells_median_quartiles_and_the_worst() -> None:
    records = [_record("soft", ratio) for ratio in (0.2, 0.4, 0.6, 0.8, 3.0)]
    records += [_record(MASKED, 1.0)]
    rows = summarize(records)
    assert [row["treatment"] for row in rows] == [MASKED, "soft"]  # in the order of the treatments
    soft = rows[1]
    assert (soft["lower_quartile"], soft["ratio"], soft["upper_quartile"]) == (0.4, 0.6, 0.8)
    assert soft["worst"] == 3.0
    assert soft["cases"] == 5
    assert (soft["ratio_upper_rad"], soft["ratio_worst_rad"]) == (pytest.approx(0.72), 1.2)


def test_kinds_of_crystals_are_told_apart() -> None:
    records = [_record("soft", ratio) | {"kind": kind} for kind, ratio in (("a", 0.2), ("b", 0.8))]
    rows = summarize_by_kind(records)
    assert [(row["kind"], row["ratio"]) for row in rows] == [("a", 0.2), ("b", 0.8)]
    assert set(rows[0]) == set(KIND_COLUMNS)
    assert summarize_by_kind(records[:1]) == []


def test_the_summary_by_advice_is_in_its_order() -> None:
    records = [
        _record(MASKED, 1.0, fringes=fringes, counts_beside=counts)
        for fringes, counts in ((9.0, 5.0), (9.0, 0.1), (1.0, 5.0))
    ]
    rows = summarize(records, "advice")
    assert [row["advice"] for row in rows] == ["mask", "compare", "fill"]
    assert set(ADVICE_COLUMNS) == set(rows[0])


GAPS = ((9.0, 0.1), (1.0, 3.0), (9.0, 9.0))
"""Fringes, and counts beside: too dark, to be compared, worth filling."""


def _of_gaps(treatment: str, ratios: tuple[float, ...], free: float) -> list[dict[str, object]]:
    return [
        _record(treatment, ratio, fringes=fringes, counts_beside=counts)
        | {"crystal": "one", "number": number, "llk_free": free}
        for number, ((fringes, counts), ratio) in enumerate(zip(GAPS, ratios, strict=True))
    ]


def test_the_default_masks_dark_gaps_and_compares_narrow_ones() -> None:
    masked = _of_gaps(MASKED, (1.0, 1.0, 1.0), 0.5)
    records = masked + _of_gaps("prior", (2.5, 2.0, 0.4), 0.6)
    rows = {row["treatment"]: row for row in summarize(with_default(records))}
    assert (rows["auto"]["cases"], rows["auto"]["ratio"], rows["auto"]["worst"]) == (3, 1.0, 1.0)
    assert rows["auto"]["lower_quartile"] == 0.7
    assert rows["prior"]["worst"] == 2.5
    assert "auto refined" not in rows
    refined = records + _of_gaps("refined prior", (3.0, 0.6, 0.3), 0.4)
    rows = {row["treatment"]: row for row in summarize(with_default(refined))}
    refined_row = rows["auto refined"]
    assert (refined_row["ratio"], refined_row["worst"]) == (0.6, 1.0)
    assert rows["auto"]["lower_quartile"] == 0.7
    without = [record for record in records if record["treatment"] != "prior"]
    assert with_default(without) == without


def test_the_default_of_a_refined_fill_is_what_users_do_where_that_was_phased() -> None:
    records = _of_gaps(MASKED, (1.0, 1.0, 1.0), 0.5)
    both = records + _of_gaps("refined prior", (9.0, 9.0, 9.0), 0.1)
    assert default_treatments(both) == {"auto refined": "refined prior"}
    found = "refined prior + found"
    assert default_treatments(both + _of_gaps(found, (2.0, 2.0, 2.0), 0.1)) == {
        "auto refined": found
    }
    assert not default_treatments(both[3:])


def test_the_default_is_told_by_flux() -> None:
    records = [
        _record(treatment, ratio) | {"flux": flux}
        for flux, ratio in ((1e5, 0.5), (1e6, 0.7), (1e7, 0.9), (1e8, 2.0))
        for treatment in ("auto", "prior")
    ]
    rows = summarize_default_by_flux(records)
    assert [(row["flux"], row["treatment"]) for row in rows] == [("low", "auto"), ("high", "auto")]
    assert [row["ratio"] for row in rows] == pytest.approx([0.6, 1.45])
    assert set(rows[0]) == set(FLUX_COLUMNS)
    assert summarize_default_by_flux([_record("prior", 0.5) | {"flux": 1.0}]) == []


def test_gaps_whose_complete_data_converge_are_told_apart() -> None:
    records = []
    for crystal, error in (("near", 0.02), ("stagnated", 0.8), ("neither", None)):
        own = [_record(MASKED, 1.0), _record("soft", 0.5), _record("soft", 0.4, width=12)]
        if error is not None:
            own += [_record(COMPLETE, 0.1) | {"phase_rms_rad": error}]
        records += [record | {"crystal": crystal, "number": 0} for record in own]
    found = of_converged(records)
    assert {record["crystal"] for record in found} == {"near"}
    assert {record["width"] for record in found} == {6}  # nothing is known of its other gap
    assert [record["treatment"] for record in found] == [MASKED, "soft", COMPLETE]
