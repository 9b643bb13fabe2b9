"""`bcdi-inpaint predict` of many scans, and its dry run."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from bcdi_inpaint.commands.notes import noting, print_notes, print_warnings
from bcdi_inpaint.commands.reports import Reports
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.tables import number_of


def estimate(
    scans: tuple[str, ...], numbers: str | None, as_json: bool, options: dict[str, Any]
) -> None:
    """Print what would be done, a line a scan.

    The exit status is 1 if one of many could not be filled, 2 if the only one could not.

    Parameters
    ----------
    scans : files, folders or lists, as for `files.scan_list.scan_list`.
    numbers : scan numbers in a BLISS file.
    as_json : print one line of JSON a scan.
    options : fields of `jobs.request.Request`.
    """
    from bcdi_inpaint.files import following
    from bcdi_inpaint.files.scan_list import is_many, list_scans
    from bcdi_inpaint.jobs import batch
    from bcdi_inpaint.jobs.estimate import estimate_job
    from bcdi_inpaint.jobs.request import Request

    many = is_many(scans, numbers)
    if not many:
        wanted = [Request(scans[0], **options)]
    else:
        with following(options["follow_links"]):
            listed = list_scans(scans, numbers)
        wanted = batch.requests(Request("", **options), listed.scans)
    n_failed = 0
    for request in wanted:
        try:
            before = batch.done_before(request) if many else None
            if before:
                print_notes(request.scan, before.remarks)
            made: Any = before or estimate_job(request, noting(request.scan if many else None))
        except InputError as error:
            if not many:
                raise
            n_failed += 1
            click.echo(f"bcdi-inpaint: {request.scan}: {error}", err=True)
            continue
        print_json(made) if as_json else click.echo(str(made))
    if n_failed:
        sys.exit(1)


def fill_many(
    scans: tuple[str, ...],
    numbers: str | None,
    jobs: int,
    scheduler: str | None,
    reports: Reports,
    quiet: bool,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    """Fill many scans: a line each, a report, and exit status 1 if one has failed.

    Parameters
    ----------
    scans, numbers : see `estimate`.
    jobs : scans at a time.
    scheduler : address of a dask scheduler whose workers fill the scans.
    reports : the CSV to write, by default beside the outputs, and the page, if any.
    quiet : print warnings alone.
    as_json, options : see `estimate`.
    """
    from bcdi_inpaint.files import following
    from bcdi_inpaint.files.scan_list import list_scans
    from bcdi_inpaint.jobs import batch, batch_report
    from bcdi_inpaint.jobs.outcome import FAILED, Outcome, output_of
    from bcdi_inpaint.jobs.request import Request
    from bcdi_inpaint.jobs.result_folder import make_folder

    if scheduler is not None and jobs != 1:
        raise InputError(f"--jobs {jobs} is given with --scheduler, expected one: choose")
    with following(options["follow_links"]):
        listed = list_scans(scans, numbers)
    wanted = batch.requests(Request("", **options), listed.scans)
    if options["output"] is not None:
        make_folder(output_of(wanted[0]).parent, "the outputs")
    report = reports.table or batch_report.report_path(wanted)
    batch_report.check_report(report)
    page = reports.open_page(options["force"], listed.scans)
    if listed.passed_over and not (quiet or as_json):
        click.echo(f"{listed.passed_over} files are outputs, masks of pairs or parts: passed over")
    done: list[Outcome] = []

    def report_one(outcome: Outcome) -> None:
        done.append(outcome)
        if page is not None:
            page.add(outcome)
        print_notes(outcome.scan, outcome.remarks)
        print_warnings(outcome.scan, filter(None, outcome.warnings.split("; ")))
        if as_json:
            print_json(outcome)
        elif not quiet and outcome.status != FAILED:
            click.echo(f"[{len(done)}/{len(wanted)}] {outcome}")

    try:
        done = batch.run_batch(wanted, jobs, scheduler, report_one)
    except KeyboardInterrupt:
        click.echo(
            f"bcdi-inpaint: interrupted: {len(done)} of {number_of(len(wanted), 'scan')} done, "
            "the same command does the rest",
            err=True,
        )
        sys.exit(130)
    finally:
        batch_report.write_report(report, done, wanted)
        if page is not None:
            page.write()
    failed = [outcome for outcome in done if outcome.status == FAILED]
    if not (quiet or as_json):
        named = ", ".join(str(path) for path in (report, reports.page) if path is not None)
        click.echo(
            f"{len(done) - len(failed)} of {number_of(len(done), 'scan')} filled, report: {named}"
        )
    for outcome in failed:
        click.echo(f"bcdi-inpaint: {outcome}", err=True)
    if failed:
        sys.exit(1)


def print_json(row: Any) -> None:
    """Print a row, a dataclass, as a line of JSON."""
    click.echo(json.dumps(asdict(row)))
