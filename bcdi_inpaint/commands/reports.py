"""`--report`: the table of many scans, and the page of a night."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bcdi_inpaint.commands.notes import print_note
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.scan.remarks import Remark

if TYPE_CHECKING:
    from bcdi_inpaint.jobs.night_report import NightReport
    from bcdi_inpaint.jobs.outcome import Outcome
    from bcdi_inpaint.jobs.predict import Result
    from bcdi_inpaint.jobs.request import Request

report_option = click.option(
    "--report",
    type=click.Path(path_type=Path),
    multiple=True,
    help="CSV of many scans, by default beside them; night.html: a page to look at. Twice for both",
)


@dataclass(frozen=True)
class Reports:
    """The reports that are asked for, None for one that is not."""

    table: Path | None = None
    page: Path | None = None

    @classmethod
    def of(cls, paths: Sequence[Path]) -> Reports:
        """Each path as what its name says; InputError for two of a kind."""
        from bcdi_inpaint.jobs.night_report import is_page

        pages = [path for path in paths if is_page(path)]
        tables = [path for path in paths if not is_page(path)]
        for kind, named in (("page", pages), ("table", tables)):
            if len(named) > 1:
                raise InputError(
                    f"--report names the {kind}s {', '.join(map(str, named))}, expected one CSV and"
                    " one .html at most: leave one out"
                )
        return cls(*(named[0] if named else None for named in (tables, pages)))

    def open_page(self, force: bool, inputs: Sequence[str]) -> NightReport | None:
        """The page, to which rows can be added; None where none is asked for."""
        from bcdi_inpaint.jobs.night_report import NightReport

        return None if self.page is None else NightReport(self.page, force, inputs)


def run_reported(
    request: Request, told: Sequence[Callable[[Outcome], None]], **watching: Any
) -> Result:
    """Fill one scan, and tell what became of it, also where it fails.

    Parameters
    ----------
    request : what is asked for.
    told : each gets the outcome.
    **watching : callbacks of `jobs.predict.predict`, besides `note`.

    Raises
    ------
    InputError
        As `jobs.predict.predict`, after it was told.
    """
    from bcdi_inpaint.jobs.outcome import failure_outcome, outcome_of
    from bcdi_inpaint.jobs.predict import predict

    remarks: list[Remark] = []

    def note(remark: Remark) -> None:
        remarks.append(remark)
        print_note(remark)

    try:
        result = predict(request, note=note, **watching)
    except InputError as error:
        failed = failure_outcome(request, str(error), remarks)
        for tell in told:
            tell(failed)
        raise
    outcome = outcome_of(result, request.scan)
    for tell in told:
        tell(outcome)
    return result


def adding_to(page: NightReport | None) -> list[Callable[[Outcome], None]]:
    """What writes an outcome on the page; nothing where there is none."""
    if page is None:
        return []

    def add(outcome: Outcome) -> None:
        page.add(outcome)
        page.write()

    return [add]
