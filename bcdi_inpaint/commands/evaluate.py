"""`bcdi-inpaint evaluate`: how near the fills come to the truth, in tables and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bcdi_inpaint.commands.evaluate_methods import (
    evaluate_methods,
    is_study,
    refuse,
    say_failures,
)
from bcdi_inpaint.commands.options import complete_model, follow_links
from bcdi_inpaint.errors import InputError, one_line

if TYPE_CHECKING:
    from bcdi_inpaint.evaluation.crystals.config import PhasingConfig
    from bcdi_inpaint.evaluation.crystals.known_crystal import KnownCrystal
    from bcdi_inpaint.evaluation.fills import EvaluationConfig
    from bcdi_inpaint.jobs.evaluate_fills import ProtocolName
    from simulation.crystals import CrystalConfig


@click.command(short_help="Judge fills, or the crystals phased with them.")
@click.argument("config", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of tables and pictures. Default: runs/NAME",
)
@click.option(
    "--model",
    shell_complete=complete_model,
    help="Weights of the network (.safetensors), in place of CONFIG's.",
)
@click.option(
    "--patterns",
    type=click.Path(path_type=Path),
    help="File of held-out patterns. Default: made from CONFIG's recipe, in the folder.",
)
@click.option("--methods", metavar="A,B", help="In place of CONFIG's, for example linear,network")
@click.option("--widths", metavar="3,6", help="Of the gaps in voxels, in place of CONFIG's.")
@click.option(
    "--protocol",
    type=click.Choice(["gaps", "published"]),
    default="gaps",
    show_default=True,
    help="Gaps of every kind through whole scans, or random cubes with a gap in their middle.",
)
@click.option(
    "--phasing",
    is_flag=True,
    help="Judge what fills do to crystals, after phase retrieval by PyNX, in place of the fills.",
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after this.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option("--workers", type=click.IntRange(1), help="Processes that simulate. Default: cores")
@click.option("--check", is_flag=True, help="Check the configuration, and do nothing else.")
@click.option("--force", is_flag=True, help="Replace tables and pictures that exist.")
@follow_links
@click.option("-q", "--quiet", is_flag=True)
def evaluate(
    config: Path | None,
    folder: Path | None,
    model: str | None,
    patterns: Path | None,
    methods: str | None,
    widths: str | None,
    protocol: ProtocolName,
    phasing: bool,
    minutes: float | None,
    device: str,
    workers: int | None,
    check: bool,
    force: bool,
    quiet: bool,
) -> None:
    """Judge methods on held-out simulated patterns, and on measured scans where they are.

    CONFIG (YAML) says which methods, gaps, patterns and scans; without one, all methods are judged
    on simulated patterns. Measured scans are looked for in the folder BCDI_INPAINT_DATA.

    Scores are in scores.md and .csv, and gap by gap in cases.csv; how often the truth lies in the
    intervals, by width and flux, is in coverage.md and .csv.

    A study of methods (`study: methods`) trains every published network as well, for equal minutes,
    and keeps the weights in BCDI_INPAINT_CACHE (else in ~/.cache/bcdi-inpaint); it goes on where it
    was interrupted.

    \b
    Examples (leave out --check to judge):
      bcdi-inpaint evaluate configs/evaluate_small.yaml -o small --check
      bcdi-inpaint evaluate --patterns patterns.h5 --methods linear,cubic --widths 3 --check
      bcdi-inpaint evaluate configs/methods_2d_small.yaml --check
      bcdi-inpaint evaluate --phasing configs/phasing_small.yaml --check
    """
    from bcdi_inpaint.jobs.config_kinds import CRYSTALS, FILLS, check_kind

    check_kind(config, CRYSTALS if phasing else FILLS)
    if phasing:
        _refuse_of_fills(patterns=patterns, methods=methods, widths=widths, workers=workers)
        options = {"model": model, "device": device, "minutes": minutes, "force": force}
        _evaluate_crystals(config, folder, quiet, check, options)
        return
    if config is not None and (values := _study_in(config)):
        given = {"model": model, "patterns": patterns, "methods": methods, "widths": widths}
        refuse(given | {"minutes": minutes, "protocol": protocol}, config)
        evaluate_methods(
            config,
            values,
            folder,
            check=check,
            device=device,
            workers=workers,
            force=force,
            quiet=quiet,
        )
        return
    from bcdi_inpaint.jobs.evaluate_fills import (
        evaluate_fills,
        prepare_evaluation,
        read_evaluation,
    )

    read = read_evaluation(config, _changes(model, methods, widths), protocol)
    recipe = _recipe(read, patterns, str(config or "defaults"))
    if check:
        click.echo(f"{config or 'the defaults'}: a valid evaluation")
        return
    folder = folder or Path("runs") / read.name
    evaluation = prepare_evaluation(
        read, folder, protocol, device=device, minutes=minutes, force=force, quiet=quiet
    )
    failed: list[str] = []
    if recipe is not None:
        from simulation.campaign import run as simulate

        patterns = folder / "held_out.h5"
        failed = say_failures("held_out", simulate(recipe, patterns, workers, quiet))
    report = evaluate_fills(evaluation, patterns, failed)
    if not quiet:
        click.echo(report.table, nl=False)
        for remark in report.remarks:
            click.echo(f"note: {remark}")
        click.echo(f"tables and pictures: {folder}")


def _refuse_of_fills(**options: Any) -> None:
    """InputError for options that play no role where crystals are judged."""
    for name, value in options.items():
        if value is not None:
            raise InputError(
                f"--{name} is given with --phasing, expected it only without: leave it out"
            )


def _evaluate_crystals(
    path: Path | None, folder: Path | None, quiet: bool, check: bool, options: dict[str, Any]
) -> None:
    """Judge crystals in place of fills; `options` are those of `prepare_crystals`."""
    from bcdi_inpaint.jobs.evaluate_crystals import (
        evaluate_crystals,
        prepare_crystals,
        read_phasing_config,
    )

    config = read_phasing_config(path)
    recipe = _crystal_recipe(config, str(path or "defaults"))
    if check:
        click.echo(f"{path or 'the defaults'}: a valid evaluation of crystals")
        return
    folder = folder or Path("runs") / config.name
    values = recipe.model_dump(mode="json")
    evaluation = prepare_crystals(config, values, folder, **options)
    report = evaluate_crystals(evaluation, _make_crystals(recipe, config.seed, quiet))
    for remark in report.remarks:
        click.echo(remark)
    if not quiet:
        for table in report.tables:
            click.echo(table)
        click.echo(f"tables and picture: {folder}")


def _crystal_recipe(config: PhasingConfig, source: str) -> CrystalConfig:
    from pydantic import ValidationError

    from simulation.crystals import CrystalConfig

    try:
        return CrystalConfig.model_validate(config.crystals)
    except ValidationError as error:
        raise one_line(error, source, CrystalConfig) from error


def _make_crystals(recipe: CrystalConfig, seed: int, quiet: bool) -> Iterator[KnownCrystal]:
    """The crystals of a recipe, one after the other, with their progress."""
    from bcdi_inpaint.evaluation.crystals.known_crystal import KnownCrystal
    from bcdi_inpaint.evaluation.fills.subjects import measured_folder
    from bcdi_inpaint.running.progress import with_progress
    from simulation.crystal_kinds import REAL
    from simulation.crystals import draw_crystals
    from simulation.real_objects import find_objects

    objects, lines = find_objects(recipe.objects, measured_folder())
    for line in lines:
        click.echo(line)
    number = recipe.count + len(objects) * len(REAL)
    made = draw_crystals(recipe, seed, objects)
    for one in with_progress(made, "crystals", number, quiet):
        yield KnownCrystal(one.name, one.truth, one.expectation, one.counts, one.kind)


def _study_in(path: Path) -> dict[str, Any] | None:
    """What a configuration holds, where it is a study of methods."""
    from bcdi_inpaint.training.plan import read_yaml

    values = read_yaml(path)
    return values if is_study(values) else None


def _changes(model: str | None, methods: str | None, widths: str | None) -> dict[str, Any]:
    """What the command line says in place of the configuration, by its keys."""
    changes: dict[str, Any] = {}
    if model is not None:
        changes["model"] = model
    if methods is not None:
        changes["methods"] = tuple(name.strip() for name in methods.split(","))
    if widths is not None:
        changes["widths"] = _whole_numbers(widths)
    return changes


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"widths is {text!r}, expected whole numbers: for example --widths 3,6"
        ) from error


def _recipe(config: EvaluationConfig, patterns: Path | None, source: str) -> Any:
    """The recipe of patterns to make, or None where a file has them or none are wanted."""
    from simulation.recipe import as_recipe

    if patterns is not None or not config.held_out:
        return None
    return as_recipe(config.held_out, f"{source}: held_out")
