"""The report of a night as one page: a row for each scan that was filled, or could not be."""

from __future__ import annotations

import base64
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.files import own_version, read_provenance, split_spec
from bcdi_inpaint.jobs.batch_report import check_report_place
from bcdi_inpaint.jobs.glimpse import Glimpse, glimpse_of
from bcdi_inpaint.jobs.outcome import FAILED, Outcome
from bcdi_inpaint.jobs.provenance import WRITTEN_FOR
from bcdi_inpaint.pages.night import merged, night_page, rows_of
from bcdi_inpaint.pages.night_row import NightRow
from bcdi_inpaint.safe_files import as_utf8, replace_file

SUFFIXES = (".html", ".htm")
"""What a page's name ends in."""
TITLE = "A night at a glance"
SPARED = 20
"""A page is written anew while scans are filled, when that takes less than one in so many parts of
the time since it was written before."""
NOT_AGAIN = "not filled again"
"""What a warning begins with that says why an output is that of an earlier run."""
_FAILURES = (InputError, OSError, ValueError, KeyError)
"""What may go wrong with a picture, which is no reason to fail."""


def is_page(path: Path | None) -> bool:
    """Whether a report of that name is a page.

    Examples
    --------
    >>> is_page(Path("night.html")), is_page(Path("night.csv"))
    (True, False)
    """
    return path is not None and path.suffix.lower() in SUFFIXES


class NightReport:
    """A page that grows; the rows of an earlier one of ours stay, but for scans that come again.

    Parameters
    ----------
    path : the page.
    force : whether a file that is no page of ours may be replaced.
    inputs : the files that are read; none may be the page.

    Raises
    ------
    InputError
        Where the page cannot or must not be written.
    """

    def __init__(self, path: Path, force: bool = False, inputs: Iterable[str] = ()) -> None:
        self.path = path
        self._rows = _rows_at(path, force, inputs)
        self._written, self._took = time.monotonic(), 0.0

    def add(self, outcome: Outcome) -> None:
        """Add what became of a scan, and write the page if that costs little."""
        added = night_row(outcome, {row.key: row for row in self._rows})
        self._rows = merged(self._rows, [added])
        if time.monotonic() - self._written > SPARED * self._took:
            with suppress(InputError):  # it is written at the end too, which says so
                self.write()

    def write(self) -> None:
        """Write the page, whole or not at all; InputError where that is not possible."""
        started = time.monotonic()
        written = f"bcdi-inpaint {own_version()}, {time.strftime('%Y-%m-%d %H:%M')}"
        text = night_page(self._rows, title=TITLE, written=written)
        replace_file(self.path, as_utf8(text).encode())
        self._written = time.monotonic()
        self._took = self._written - started


def _rows_at(path: Path, force: bool, inputs: Iterable[str]) -> list[NightRow]:
    """The rows of an earlier page, which may be gone on with; none where there is no page."""
    check_report_place(path)
    if not os.path.lexists(path):
        return []
    for spec in inputs:
        file = split_spec(spec)[0]
        if file.exists() and path.exists() and path.samefile(file):
            raise InputError(
                f"report {path} is the input {spec}, expected another file: inputs are never "
                "changed, give another name with --report"
            )
    rows = rows_of(path.read_bytes().decode("utf-8", "replace")) if path.is_file() else None
    if rows is None and not force:
        raise InputError(
            f"report {path} exists and is none of ours, expected a new file: replace it with "
            "--force, or give another name with --report"
        )
    return rows or []


def night_row(outcome: Outcome, earlier: Mapping[str, NightRow]) -> NightRow:
    """The row of an outcome; what an earlier run knew of the same output is taken from its row.

    Parameters
    ----------
    outcome : what became of a scan.
    earlier : rows of an earlier page by their keys.
    """
    row = _with_record(_plain(outcome), read_provenance(Path(outcome.output)))
    before = earlier.get(row.key)
    if before is None or (row.made, row.output) != (before.made, before.output):
        return _plain(outcome) if row.status == FAILED else _with_glimpse(row)
    if row.status != FAILED:
        return _filled_up(row, before)
    return _not_again(row, before) if before.status != FAILED and row.made else _plain(outcome)


def _not_again(row: NightRow, before: NightRow) -> NightRow:
    """The row of an output that is as it was, with the line that says why it was not made anew."""
    return replace(before, warnings=(f"{NOT_AGAIN}: {row.reason}", *_but_not_again(before)))


def _plain(outcome: Outcome) -> NightRow:
    """What the outcome itself says."""
    path, inner = split_spec(outcome.scan)
    return NightRow(
        scan=str(path.absolute()) + (f":/{inner}" if inner else ""),
        output=str(Path(outcome.output).absolute()),
        status=FAILED if outcome.status == FAILED else "filled",
        reason=outcome.reason,
        shape=outcome.shape,
        gaps=outcome.gaps,
        gaps_found=outcome.gaps_found,
        filled_voxels=outcome.filled_voxels,
        advice=outcome.advice,
        seconds=outcome.seconds,
        warnings=tuple(filter(None, outcome.warnings.split("; "))),
        remarks=tuple(remark.text for remark in outcome.remarks),
    )


def _with_record(row: NightRow, record: Mapping[str, Any]) -> NightRow:
    """The row with what the output says of itself."""
    verdict = str(record.get("advice_verdict", "")).replace("no fill", "mask")
    return replace(
        row,
        verdict=verdict,
        advice=row.advice or str(record.get("advice", "")).replace("no fill", "masking"),
        gaps_found=row.gaps_found or str(record.get("gaps_found", "")).replace("flags", "mask"),
        handover=str(record.get(WRITTEN_FOR, "")),
        made=str(record.get("date", "")),
    )


def _filled_up(row: NightRow, before: NightRow) -> NightRow:
    """The row of an output that is as it was, with what only the run that made it knew.

    Outputs are told apart by the second in which they were made: one that was made anew within it
    passes for the one before, and is no longer one that was not made again.
    """
    before = replace(before, warnings=tuple(_but_not_again(before)))
    kept = {name: value for name, value in vars(row).items() if value}
    return replace(before, **kept)


def _but_not_again(row: NightRow) -> Iterator[str]:
    """The warnings of a row, but for the line that says why its output was not made anew."""
    return (line for line in row.warnings if not line.startswith(NOT_AGAIN))


def _with_glimpse(row: NightRow) -> NightRow:
    """The row with the pictures of its output; as it was where they cannot be made."""
    try:
        seen = glimpse_of(Path(row.output))
    except _FAILURES:
        return row
    return replace(
        row,
        shape=row.shape or " x ".join(map(str, seen.shape)),
        uncertainty=None if math.isnan(seen.uncertainty) else seen.uncertainty,
        view=seen.view,
        brightest=seen.brightest,
        pictures=_data_uris(seen),
    )


def _data_uris(seen: Glimpse) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, f"data:image/png;base64,{base64.b64encode(png).decode()}")
        for name, png in seen.pictures.items()
    )
