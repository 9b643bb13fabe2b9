"""What is recorded of a retrieval, and read again."""

from pathlib import Path
from typing import Any

import pytest

from bcdi_inpaint.evaluation.crystals.records import RECORD_COLUMNS, read_records, records_left
from bcdi_inpaint.evaluation.report_tables import rows_as_csv


def record(**changes: object) -> dict[str, Any]:
    numbers = dict.fromkeys(RECORD_COLUMNS, 0.25)
    where = {
        "crystal": "atomistic 0",
        "kind": "even",
        "width": 6,
        "number": 1,
        "cross": True,
        "distance": 4,
    }
    words = {"kind": "even", "setting": "known support", "treatment": "refined prior", "failed": ""}
    return numbers | where | words | changes


@pytest.mark.parametrize("name", ["treatment", "way"])
def test_records_are_read_as_they_were_also_those_of_earlier_versions(
    name: str, tmp_path: Path
) -> None:
    """The column of treatments was once named otherwise."""
    records = [record(), record(cross=False, treatment="mask", failed="no voxel, none")]
    header, _, rest = rows_as_csv(records, RECORD_COLUMNS).partition("\n")
    table = tmp_path / "retrievals.csv"
    table.write_text(header.replace("treatment", name) + "\n" + rest)
    assert read_records(table) == records


def test_what_is_known_of_other_gaps_and_treatments_stays() -> None:
    def records(crystal: str, *widths: int, treatment: str = "mask") -> list[dict[str, Any]]:
        common = {
            "crystal": crystal,
            "number": 0,
            "setting": "known support",
            "treatment": treatment,
        }
        return [common | {"width": width} for width in widths]

    known = records("a", 6, 12) + records("b", 6) + records("a", 6, treatment="soft")
    left = records("a", 12) + records("b", 6) + records("a", 6, treatment="soft")
    assert records_left(known, records("a", 6)) == left
