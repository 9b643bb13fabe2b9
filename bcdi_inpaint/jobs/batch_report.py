"""The report of a batch: a table with a row a scan."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import may_write
from bcdi_inpaint.jobs.outcome import FILLED, THERE, Outcome, output_of
from bcdi_inpaint.jobs.request import Request
from bcdi_inpaint.safe_files import as_utf8, replace_file
from bcdi_inpaint.scan.remarks import one_text

REPORT = "bcdi-inpaint.csv"
_FIRST_COLUMNS = 11
"""Of the report's first version."""


def report_path(wanted: Sequence[Request]) -> Path:
    """Where the report of many scans lies: with the outputs, else where the program runs.

    It is never in a folder that may not be written to. Raises InputError where there is no place.
    """
    for place in (output_of(wanted[0]).parent, Path()):
        if may_write(place):
            return place / REPORT
    raise InputError(
        f"folder {output_of(wanted[0]).parent} may not be written to, expected a place for the "
        "report: give a folder for the outputs with -o, or the report's name with --report"
    )


def write_report(path: Path, outcomes: Iterable[Outcome], wanted: Iterable[Request] = ()) -> None:
    """The outcomes as CSV, one row a scan; an earlier report of ours is replaced.

    Of a scan that an earlier run has filled, the earlier report tells what its file does not.

    Parameters
    ----------
    path : of the report.
    outcomes : of the scans that were done.
    wanted : scans whose rows of an earlier report stay where they have no outcome yet, as in a run
        that was stopped.
    """
    check_report(path)
    before, outcomes = _rows_by_output(path), list(outcomes)
    waiting = {str(output_of(one)) for one in wanted} - {one.output for one in outcomes}
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(Outcome.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(outcome, before.get(outcome.output, {})) for outcome in outcomes)
    columns = Outcome.__dataclass_fields__
    kept = (row for output, row in before.items() if output in waiting)
    writer.writerows({name: row.get(name, "") for name in columns} for row in kept)
    replace_file(path, as_utf8(stream.getvalue()).encode())


def _row(outcome: Outcome, before: Mapping[str, str]) -> dict[str, object]:
    """A row, with what the row of an earlier report has besides where the scan was done then."""
    own = asdict(outcome) | {"remarks": one_text(outcome.remarks)}
    if outcome.status != THERE or before.get("status") not in (FILLED, THERE):
        return own
    return {key: value or before.get(key, value) for key, value in own.items()}


def _rows_by_output(path: Path) -> dict[str, dict[str, str]]:
    """The rows of an earlier report by the output; none where it is not there, or damaged."""
    rows: list[dict[str, str]] = []
    with suppress(OSError, UnicodeDecodeError, csv.Error), open(path, newline="") as stream:
        rows += csv.DictReader(stream)
    return {row["output"]: row for row in rows if row.get("output")}


def check_report_place(path: Path) -> None:
    """Refuse a report where no file can be made."""
    if not path.parent.is_dir():
        raise InputError(f"folder {path.parent} does not exist, expected one: make it first")
    if not may_write(path.parent):
        raise InputError(
            f"folder {path.parent} may not be written to, expected write permission: give another "
            "name with --report"
        )
    if path.is_dir():
        raise InputError(
            f"report {path} is a folder, expected a file: give a name in it with --report"
        )


def check_report(path: Path) -> None:
    """Refuse a report that would replace a file which is none of ours, before any work."""
    check_report_place(path)
    if not path.exists():
        return
    columns = list(Outcome.__dataclass_fields__)
    try:
        with open(path, encoding="utf-8") as stream:
            found = stream.readline().rstrip("\n").split(",")
        # Earlier versions had fewer columns, never others.
        is_ours = len(found) >= _FIRST_COLUMNS and found == columns[: len(found)]
    except (OSError, UnicodeDecodeError):
        is_ours = False
    if not is_ours:
        raise InputError(
            f"report {path} exists and is none of ours, expected a new file: give another name "
            "with --report"
        )
