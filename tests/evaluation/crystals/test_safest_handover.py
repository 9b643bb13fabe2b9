import pytest

from bcdi_inpaint.evaluation.crystals.safest_handover import (
    choose_safest,
    cross_validate_choice,
    halve_crystals,
)


def _records(
    treatment: str, ratios: dict[str, list[float]], width: int = 6
) -> list[dict[str, object]]:
    """One record a crystal and setting."""
    return [
        {
            "crystal": f"crystal {i}",
            "width": width,
            "treatment": treatment,
            "setting": setting,
            "flux": 10.0**i,
            "ratio_phase_rms_rad": ratio,
        }
        for setting, values in ratios.items()
        for i, ratio in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("soft", "staged", "expected"),
    [
        ([0.5, 0.6], [0.9, 0.9], "soft"),
        ([0.5, 1.1], [0.9, 0.9], "staged"),  # not safe in the second setting
        ([1.0, 1.04], [1.02, 1.0], "mask"),  # safe, but worth nothing
    ],
)
def test_the_best_of_the_safe_ones_is_chosen(
    soft: list[float], staged: list[float], expected: str
) -> None:
    records = []
    for treatment, medians in (("mask", [1.0, 1.0]), ("soft", soft), ("staged", staged)):
        records += _records(treatment, {"known": [medians[0]] * 3, "users": [medians[1]] * 3})
    assert choose_safest(records) == expected


def test_what_one_half_chose_is_told_of_the_other() -> None:
    records = _records("mask", {"known": [1, 1, 1, 1]})
    records += _records("soft", {"known": [0.5, 0.8, 0.7, 1.4]})
    chosen, others = halve_crystals(records)
    assert {record["crystal"] for record in chosen} == {"crystal 0", "crystal 2"}
    assert len(chosen) == len(others) == 4
    row = cross_validate_choice(records)[0]
    assert row["handover"] == "soft"
    assert row["chosen_by"] == pytest.approx(0.6)
    assert row["ratio"] == pytest.approx(1.1)
    assert row["worst"] == 1.4
    assert row["cases"] == 2
    assert row["lower_quartile"] == pytest.approx(0.95)
    assert row["upper_quartile"] == pytest.approx(1.25)


def test_without_records_there_is_nothing_to_decide() -> None:
    assert cross_validate_choice([]) == []
    assert choose_safest([]) == "mask"
