"""`bcdi-inpaint finetune`: adapt a model to measured scans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bcdi_inpaint.commands.notes import print_notes
from bcdi_inpaint.commands.options import (
    SPEC,
    clip_option,
    device_option,
    force_option,
    gap_option,
    mask_good_option,
    mask_option,
    model_option,
    photon_option,
)
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.running.progress import progress_bar
from bcdi_inpaint.training.finetune_settings import SETTINGS


def _widths(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    try:
        widths = tuple(int(part) for part in text.split(","))
    except ValueError:
        widths = ()
    if not widths or min(widths) < 1:
        raise InputError(f"widths is {text!r}, expected voxels: for example --widths 6 or 6,12")
    return widths


@click.command(short_help="Adapt a network to scans.")
@click.argument("scans", nargs=-1, required=True, type=SPEC)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Weights to write (.safetensors).",
)
@force_option()
@model_option("Weights to begin with.")
@mask_option(
    "A further mask of every scan, non-zero = bad; 'invalid': NaN, the type's maximum, below zero."
)
@mask_good_option
@photon_option
@clip_option
@gap_option("A gap of every scan, half-open, where the file does not show it. May be repeated.")
@click.option(
    "--widths",
    callback=_widths,
    metavar="W,...",
    help="Of the artificial gaps. Default: the scan's own widths and directions.",
)
@click.option("--steps", type=click.IntRange(1), default=SETTINGS.steps, show_default=True)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Train no longer.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@device_option
@click.option(
    "--follow-links", is_flag=True, help="Also read HDF5 links that lead out of a scan's folder."
)
@click.option("-q", "--quiet", is_flag=True)
def finetune(
    scans: tuple[str, ...],
    output: Path,
    force: bool,
    model: str,
    masks: tuple[str, ...],
    mask_good: tuple[str, ...],
    gaps: tuple[Any, ...],
    photon: float | None,
    clip: bool,
    follow_links: bool,
    widths: tuple[int, ...],
    quiet: bool,
    **options: Any,
) -> None:
    """Adapt a model to SCANS, for `predict --model`.

    Artificial gaps, as wide as the scans' own, are put where counts are known. Part of each scan
    is held out; where the adapted model is not better there, the weights stay as they were.

    \b
    Example:
      bcdi-inpaint finetune scan.cxi -o scan.safetensors --minutes 0.1
    """
    from bcdi_inpaint.jobs.read_lesson import read_lesson
    from bcdi_inpaint.jobs.request import Request, mask_files
    from bcdi_inpaint.network.weights import default_path, load_model
    from bcdi_inpaint.training.finetuned import check_weights_output
    from bcdi_inpaint.training.finetuning import finetune_on

    files = [*mask_files(masks), *mask_good]
    parent_path = default_path() if model == "default" else Path(model)
    check_weights_output(output, force, [*scans, *files, parent_path])
    parent = load_model(model)
    reading = Request(
        "",
        masks=masks,
        mask_good=mask_good,
        photon=photon,
        clip=clip,
        gaps=gaps,
        follow_links=follow_links,
    )
    lessons = [read_lesson(replace(reading, scan=scan), widths) for scan in scans]
    for lesson in lessons:
        print_notes(lesson.name, lesson.remarks)

    def say(line: str) -> None:
        if not quiet:
            click.echo(line)

    with progress_bar("steps", quiet) as progress:
        finetuned = finetune_on(lessons, parent, say=say, progress=progress, **options)
    finetuned.save(output)
    click.echo(f"weights: {output}")
