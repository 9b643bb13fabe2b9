"""`bcdi-inpaint predict`: fill the gaps of a scan."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from bcdi_inpaint.commands.notes import printing
from bcdi_inpaint.commands.options import (
    SPEC,
    clip_option,
    complete_method,
    detector_option,
    device_option,
    force_option,
    gap_option,
    mask_good_option,
    mask_option,
    model_option,
    photon_option,
    roi_option,
)
from bcdi_inpaint.commands.predict_many import estimate, fill_many, print_json
from bcdi_inpaint.commands.reports import Reports, adding_to, report_option, run_reported
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.background import read_background
from bcdi_inpaint.phasing.handover import AUTO, CHOICES, DEFAULT, OURS
from bcdi_inpaint.running.progress import progress_bar, progress_lines
from bcdi_inpaint.tables import number_of


def _background(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
    """Photons in every voxel; None for what the scan shows."""
    return None if text is None else read_background(text)


@click.command(short_help="Fill the gaps of a scan, or of a night's scans.")
@click.argument("scans", nargs=-1, required=True, metavar="SCAN...", type=SPEC)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    help="A file, or a folder; folders are made. Default: SCAN_inpainted.cxi beside the scan.",
)
@force_option()
@mask_option(
    "A further mask, non-zero = bad; 'invalid': NaN, the type's maximum, below zero; 'negative'."
)
@mask_good_option
@photon_option
@clip_option
@model_option("Weights (.safetensors).")
@click.option(
    "--method",
    default="network",
    show_default=True,
    shell_complete=complete_method,
    help="network, linear, kriging, biharmonic, ...; dip, gan-g, gan-z learn from the scan alone.",
)
@click.option(
    "--minutes", type=float, help="Of methods that learn from the scan. Default: 10; Ctrl-C ends it"
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of what such a method draws.")
@device_option
@gap_option("A gap, half-open: rows=254:260, cols=..., frames=... . May be repeated.")
@click.option(
    "--gap-mask",
    metavar="FILE",
    type=SPEC,
    help="Fill a gap of any shape, moving or slanted: a mask, non-zero = to fill.",
)
@click.option("--trust-gaps", is_flag=True, help="Fill gaps also where their lines hold counts.")
@click.option(
    "--fill-empty", is_flag=True, help="Fill all that is empty amid light; else it is masked."
)
@click.option(
    "--axes", default="nyx", show_default=True, help="The file's axes: yxn, the rocking axis last."
)
@detector_option("Take the gaps from this detector's table")
@roi_option(
    "Y0,X0|Y0:Y1,X0:X1",
    "Detector row and column where the array begins; as ranges: read no more than these.",
)
@click.option("--binning", type=click.IntRange(1), default=1, help="Detector lines per array line.")
@click.option(
    "--handover",
    type=click.Choice(CHOICES),
    default=DEFAULT,
    show_default=True,
    help="How PyNX gets the fill: as measured, where it is sure, as bounds, bounds at first, as a "
    "prior, not. By default as a prior where that helps phase retrieval, else not.",
)
@click.option(
    "--refine",
    is_flag=True,
    help="Let a short phase retrieval mend the fill, where that predicts better; minutes more.",
)
@click.option(
    "--background",
    callback=_background,
    metavar="auto|none|PHOTONS",
    help="Of every voxel, for --refine. Default: auto, what the scan shows.",
)
@click.option("--finetune", is_flag=True, help="Adapt the model to the scan first; minutes more.")
@click.option(
    "--finetune-steps", type=click.IntRange(1), default=300, help="Of --finetune. Default: 300"
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["cxi", "npz", "tiff"]),
    default="cxi",
    show_default=True,
    help="Of the output: CXI, cdiutils' npz pair, a TIFF stack and its mask.",
)
@click.option(
    "--scans", "numbers", metavar="1-200", help="Scan numbers in a BLISS file: many scans."
)
@click.option("--jobs", type=click.IntRange(1), default=1, help="Scans at a time, of many.")
@click.option("--scheduler", metavar="ADDRESS", help="Fill many scans on a dask cluster.")
@report_option
@click.option(
    "--follow-links", is_flag=True, help="Also read HDF5 links that lead out of the scan's folder."
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and what it takes.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON a scan.")
@click.option("--plot", is_flag=True, help="A picture beside the output.")
@click.option("-q", "--quiet", is_flag=True, help="Print warnings and the PyNX command only.")
@click.option("-v", "--verbose", is_flag=True, help="Print times, patches and the model as well.")
def predict(
    scans: tuple[str, ...],
    output: str | None,
    numbers: str | None,
    jobs: int,
    scheduler: str | None,
    report: tuple[Path, ...],
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Fill the gaps of SCAN and write a CXI that PyNX takes as it is.

    SCAN is a .cxi, .npz, .npy, .tif, .edf or HDF5 file, file.h5:/path, or frames_%04d.edf for a
    series of files, frames_%04d.edf:100-199 for a part of one, or a folder of single frames.
    Gaps are what --gap says, else the table of --detector, else what the file's
    mask or its empty lines show.

    Many scans: several files, a folder, @list.txt, or --scans 1-200 of a BLISS file. Each gets an
    output and a line; what is done already is passed over, what fails is listed at the end.

    \b
    Examples (leave out --dry-run to fill):
      bcdi-inpaint predict scan.cxi --plot
      bcdi-inpaint predict scan.cxi --gap rows=38:44 --gap cols=39:45 --dry-run
      bcdi-inpaint predict *.cxi -o filled/ --jobs 4 --dry-run
    """
    from bcdi_inpaint.files.scan_list import is_many
    from bcdi_inpaint.jobs.result_folder import made_folder

    if not isinstance(options["roi"], tuple | None):
        options["crop"], options["roi"] = options["roi"], None
    if options["form"] == "tiff" and options["handover"] in (AUTO, *OURS) and not quiet:
        note = "note: TIFF has no place for the fill's uncertainty: its mask covers what is filled"
        click.echo(note, err=as_json)
    many = is_many(scans, numbers)
    options["output"] = _output(output, None if many else scans[0], options["form"])
    if dry_run:
        estimate(scans, numbers, as_json, options)
        return
    reports = Reports.of(report)
    if many:
        fill_many(scans, numbers, jobs, scheduler, reports, quiet, as_json, options)
        return
    many_only = {
        "jobs": jobs != 1,
        "scheduler": scheduler is not None,
        "report": reports.table is not None,
    }
    for name, given in many_only.items():
        if given:
            what = f"--{name} {reports.table}" if name == "report" else f"--{name}"
            raise InputError(f"{what} is given for one scan, expected it with many: leave it out")
    own = options["output"]
    with nullcontext() if own is None else made_folder(own.parent, "the output"):
        if as_json:
            _fill_one_as_json(scans[0], reports, options)
        else:
            _fill_one(scans[0], reports, quiet, verbose, options)


def _output(text: str | None, scan: str | None, form: str) -> Path | None:
    """The output of one scan, or the folder of many where `scan` is None.

    A name that ends in a slash, or is a folder, gets the output of one scan under its usual name.
    """
    from bcdi_inpaint.files import default_output

    if text is None:
        return None
    if not text.strip():
        raise InputError("output is '', expected the name of a file or of a folder: give one")
    path = Path(text)
    if scan is None:
        return path
    is_folder = text.endswith("/") or path.is_dir()
    return default_output(scan, form, path, numbered=True) if is_folder else path


def _fill_one(
    scan: str, reports: Reports, quiet: bool, verbose: bool, options: dict[str, Any]
) -> None:
    """One scan: a line a stage, and the command that phases it."""
    from bcdi_inpaint.jobs.pynx_command import look_command
    from bcdi_inpaint.jobs.request import Request

    request = Request(scan, **options)
    told = adding_to(reports.open_page(request.force, [scan]))
    is_network = request.method == "network"
    bar = progress_bar("patches", quiet) if is_network else progress_lines("steps", quiet)
    lines = progress_lines("cycles of the refinement", quiet)
    with bar as patches, lines as cycles:
        watching = {"say": printing(quiet), "progress": patches, "cycles": cycles}
        result = run_reported(request, told, **watching)
    if verbose:
        fill = result.fill
        report = fill.report
        click.echo(f"model {fill.model} (sha256 {fill.model_sha256[:12]}) on {report.device}")
        click.echo(
            f"{number_of(report.n_patches, 'patch')} through the network, "
            f"{result.seconds:.1f} s in all"
        )
    if not quiet:
        click.echo(f"filled {number_of(result.fill.n_filled, 'voxel')}: {result.output}")
        if result.picture is not None:
            click.echo(f"picture: {result.picture}")
        if result.weights is not None:
            click.echo(f"weights: {result.weights}")
        if options["form"] == "cxi":
            click.echo(f"look at it: {look_command(result.output)}")
        click.echo(_note(result.output, result.handover, options["form"]))
    uses_fill = result.handover in OURS and options["form"] != "tiff"
    _print_commands(result.output, result.pynx_command, uses_fill, quiet)


def _print_commands(output: Path, pynx_command: str, uses_fill: bool, quiet: bool) -> None:
    """PyNX's own command and, last, the one that uses the fill where there is one to use."""
    from bcdi_inpaint.jobs.pynx_command import fill_command, for_this_machine

    if not (uses_fill and quiet):
        click.echo(for_this_machine(pynx_command))
    if uses_fill:
        click.echo(fill_command(output))


def _note(output: Path, handover: str, form: str) -> str:
    """What to know of the PyNX command below it."""
    from bcdi_inpaint.jobs.pynx_command import WHY_FREE, masked_gap_options

    if handover in OURS and form != "tiff":
        return (
            "note: the first command is PyNX's own and leaves the gap masked; the second takes the "
            f"same options, and its cycles heed the fill; {WHY_FREE}"
        )
    if handover == "mask" and form == "cxi":
        use = f"bcdi-inpaint phase {shlex.quote(str(output))}"
        return (
            f"note: the gap stays masked, the fill is beside it; `{use} --handover prior` uses it, "
            f"--compare tries both, as it does by itself where the advice is to compare; {WHY_FREE}"
        )
    if handover in ("mask", *OURS):
        where = "the stack holds the fill, which its mask covers"
        where = where if form == "tiff" else "the fill is beside it"
        return f"note: the gap stays masked, {where}; {WHY_FREE}"
    compare = "fill it again with --handover mask"
    if form == "cxi":
        compare = f"add {masked_gap_options(output)}"
    return (
        "note: PyNX takes a fill as if it had been counted, which can be worse than masking; "
        f"to compare, {compare}"
    )


def _fill_one_as_json(scan: str, reports: Reports, options: dict[str, Any]) -> None:
    """One scan: its outcome as a line of JSON, also where it fails, which is said as ever."""
    from bcdi_inpaint.jobs.request import Request

    request = Request(scan, **options)
    page = reports.open_page(request.force, [scan])
    run_reported(request, [print_json, *adding_to(page)], say=printing(quiet=True))
