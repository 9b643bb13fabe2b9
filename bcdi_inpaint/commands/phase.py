"""`bcdi-inpaint phase`: phase a filled scan with PyNX."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from bcdi_inpaint.commands.notes import print_note, printing
from bcdi_inpaint.commands.options import SPEC, follow_links, force_option
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.phasing.handover import NAMES
from bcdi_inpaint.phasing.pynx_preset import Preset
from bcdi_inpaint.running.progress import progress_bar

DEFAULT_CYCLES = f"{Preset.hio},{Preset.raar},{Preset.er}"
"""HIO, RAAR, ER."""


def _three(ctx: click.Context, param: click.Parameter, text: str | None) -> Any:
    """Three whole numbers; one alone stands for all of a crop."""
    if text is None:
        return None
    name = param.name
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if name == "crop" and len(numbers) == 1:
        numbers *= 3
    least = 0 if name == "cycles" else 2
    if len(numbers) != 3 or min(numbers) < least:
        example = DEFAULT_CYCLES if name == "cycles" else "96,128,128"
        raise InputError(
            f"{name} is {text!r}, expected three numbers of at least {least}: for example "
            f"--{name} {example}"
        )
    return tuple(numbers)


@click.command(short_help="Phase a filled scan with PyNX.")
@click.argument("scan", type=SPEC)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: SCAN_phased.cxi")
@force_option()
@click.option(
    "--handover",
    type=click.Choice(list(NAMES)),
    help="How PyNX gets the fill. Default: as the file was written for.",
)
@click.option(
    "--compare/--no-compare",
    default=None,
    help="Phase with the fill and with the gap masked, where more is known of beam, density or "
    "object also without that, and take what fits best, in two or three times the time. "
    "Default: where SCAN says to compare.",
)
@click.option(
    "--runs", type=click.IntRange(1), default=Preset.runs, show_default=True, help="Starts."
)
@click.option(
    "--start",
    type=click.Choice(["found", "random"]),
    default="found",
    show_default=True,
    help="Begin the first runs at the objects that `predict --refine` left in SCAN, or all runs at "
    "random. Without such objects all are random.",
)
@click.option(
    "--cycles",
    callback=_three,
    default=DEFAULT_CYCLES,
    show_default=True,
    metavar="HIO,RAAR,ER",
    help="Cycles of each run.",
)
@click.option(
    "--crop",
    callback=_three,
    metavar="N|NZ,NY,NX",
    help="Box to phase, around the peak. Default: the largest with the peak in its middle.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@follow_links
@click.option("-q", "--quiet", is_flag=True, help="Print warnings and the folder of the runs only.")
@click.argument("pynx", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS OF PYNX]")
def phase(quiet: bool, compare: bool | None, **options: Any) -> None:
    """Phase SCAN with PyNX's runner: support from the autocorrelation, the best of several starts.

    SCAN is what `bcdi-inpaint predict` wrote, or any scan it reads. Written are a CXI as PyNX's
    results are, a picture, and a folder with all runs. A command that was stopped goes on where it
    was. What follows -- are options of PyNX's `pynx-cdi-id01`, all of them.

    \b
    Example, a quick look (leave out --runs and --cycles for more):
      bcdi-inpaint phase scan_inpainted.cxi --runs 1 --cycles 0,60,20 -- --psf gaussian,0.5,20
    """
    from bcdi_inpaint.jobs.compare_handovers import compare_handovers, comparing_is_advised
    from bcdi_inpaint.jobs.phase import Request
    from bcdi_inpaint.jobs.phase import phase as run
    from bcdi_inpaint.jobs.result_folder import made_folder

    own = options["output"]
    place = nullcontext() if own is None else made_folder(own.parent, "the output")
    with place, progress_bar("cycles", quiet) as progress:
        said, asked = printing(quiet), Request(**options)
        if compare or (compare is None and comparing_is_advised(asked, said)):
            both = compare_handovers(asked, say=said, note=print_note, progress=progress)
            said(str(both))
            result = both.taken
        else:
            result = run(asked, say=said, note=print_note, progress=progress)
    if not quiet:
        found = result.best
        click.echo(
            f"best: run {found.run}, {found.figures}, {result.seconds:.0f} s: {result.output}"
        )
        click.echo(f"picture: {result.picture}")
    click.echo(result.folder)
