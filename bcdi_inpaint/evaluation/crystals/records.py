"""What is recorded of a retrieval, and read again to go on where an evaluation was interrupted."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Record = dict[str, Any]
"""One treatment in one gap and setting, with its scores: a column of `RECORD_COLUMNS` each."""
ERRORS = ("phase_rms_rad", "modulus_rms", "gradient_rms")
"""The scores that are reported as ratios to masking; the smaller the better."""
PLACE = ("crystal", "width", "number", "setting", "treatment")
"""Columns that say which retrieval it is."""
APART = "apart_rad"
SPREAD = ("kept", APART, "upper_rad", "worst_rad")
"""Columns on the kept starts: how many; the median RMS phase distance of the others to the best;
upper quartile and largest of their phase errors. Tables of before have a `spread_rad`, which was
measured where the object was not; it is not read."""
OVER_MASKING = {**{name: name for name in ERRORS}, **dict.fromkeys(SPREAD[2:], ERRORS[0])}
"""Columns of which there are ratios to masking, and masking's column that they are over."""
FREE = ("llk_free", "free_log_error", "begun")
"""Columns on what free voxels say: see `phasing.selection.Judged`. Tables of before have the first
alone."""
MEASURED = ("resolution", *FREE, "pearson_fill", "pearson_gap", "gap_intensity", *SPREAD)
"""Columns that are reported as they are."""
RECORD_COLUMNS = (
    "crystal",
    "kind",
    "width",
    "number",
    "cross",
    "distance",
    "flux",
    "fringes",
    "counts_beside",
    "setting",
    "treatment",
    *ERRORS,
    *(f"ratio_{name}" for name in OVER_MASKING),
    *MEASURED,
    "failed",
)
OLD_NAMES = {"way": "treatment"}
"""Columns of tables that earlier versions wrote, and what they are called now."""
_TEXTS = ("crystal", "kind", "setting", "treatment", "failed")
_WHOLE = ("width", "number", "distance")


def read_records(path: Path) -> list[Record]:
    """Records from their table (CSV), as they were before they were written."""
    with path.open(newline="") as file:
        return [_parse(row) for row in csv.DictReader(file)]


def _parse(row: dict[str, str]) -> Record:
    """A line of the table, without columns that are no more."""
    named = {OLD_NAMES.get(name, name): text for name, text in row.items()}
    return {name: _value(name, text) for name, text in named.items() if name in RECORD_COLUMNS}


def _value(name: str, text: str) -> object:
    if name in _TEXTS:
        return text
    if name == "cross":
        return text == "True"
    return int(text) if name in _WHOLE else float(text or "nan")


def gap_of(record: Record) -> tuple[object, ...]:
    """Crystal, width, number and setting: what the retrievals of one gap have in common."""
    return tuple(record.get(name) for name in PLACE[:-1])


def has_failed(record: Record) -> bool:
    """Whether a retrieval found nothing; one that is not done is not among the records.

    Examples
    --------
    >>> has_failed({"phase_rms_rad": 0.2}), has_failed({"phase_rms_rad": float("inf")})
    (False, True)
    """
    return math.isinf(record["phase_rms_rad"])


def has_ratios(record: Record) -> bool:
    """Whether its gap is done with; the ratio of a treatment that failed is infinite.

    Examples
    --------
    >>> ratios = 0.5, float("inf"), float("nan")
    >>> [has_ratios({"ratio_phase_rms_rad": ratio}) for ratio in ratios]
    [True, True, False]
    """
    return not math.isnan(record.get("ratio_phase_rms_rad", math.nan))


def records_left(known: Sequence[Record], records: Sequence[Record]) -> list[Record]:
    """The known records of retrievals that are not among `records`."""
    done = {_place(record) for record in records}
    return [record for record in known if _place(record) not in done]


def _place(record: Record) -> tuple[Any, ...]:
    return tuple(record[name] for name in PLACE)
