"""`bcdi-inpaint simulate`: a set of simulated patterns, or one scan with a gap."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from bcdi_inpaint.commands.options import detector_option, force_option, gap_option, roi_option
from bcdi_inpaint.errors import InputError
from bcdi_inpaint.tables import number_of

SHEET = 24  # patterns of the contact sheet


@click.command(short_help="Simulate patterns, or one scan with a gap.")
@click.argument("config", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--count", type=click.IntRange(1), help="Patterns, in place of CONFIG's count.")
@click.option("--seed", type=click.IntRange(0), help="In place of CONFIG's seed.")
@click.option("--workers", type=click.IntRange(1), help="Local processes. Default: cores")
@click.option("--scheduler", metavar="ADDRESS", help="A dask scheduler: tcp://host:8786")
@force_option("Replace an output of another recipe.")
@click.option("--check", is_flag=True, help="Check the recipe, and do nothing else.")
@click.option("--single", is_flag=True, help="One scan as .cxi, with a gap and its truth.")
@gap_option("With --single: a gap, half-open. Default: a cross of 6 lines beside the peak.")
@detector_option("With --single: gaps of this detector")
@roi_option("Y0,X0", "Detector row and column where the array begins.")
@click.option("-q", "--quiet", is_flag=True)
def simulate(single: bool, **options: Any) -> None:
    """Simulate the patterns of CONFIG (YAML, a recipe) into one HDF5 file.

    Interrupt it at any time: the same command goes on where it was, also with a higher --count.
    The same seed gives the same patterns whatever the number of workers.

    \b
    Examples:
      bcdi-inpaint simulate configs/patterns_2d.yaml -o patterns.h5 --count 2
      bcdi-inpaint simulate --single -o simulated.cxi
    """
    (_single if single else _campaign)(**options)


def _recipe(config: Path | None, **changes: int | None) -> Any:
    """The recipe of a file, with what the command line changes."""
    from bcdi_inpaint.jobs.config_kinds import SIMULATE, check_kind
    from bcdi_inpaint.training.plan import read_yaml
    from simulation.recipe import as_recipe

    check_kind(config, SIMULATE)
    values = {} if config is None else read_yaml(config)
    given = {key: value for key, value in changes.items() if value is not None}
    defaults = {"count": 1, "seed": 0} if config is None else {}
    return as_recipe(defaults | values | given, str(config or "recipe"))


def _refuse(why: str, **options: Any) -> None:
    """InputError for options that play no role."""
    for name, value in options.items():
        if value:
            raise InputError(f"--{name} is given, expected it only {why}: leave it out")


def _single(
    config: Path | None,
    output: Path,
    count: int | None,
    seed: int | None,
    workers: int | None,
    scheduler: str | None,
    force: bool,
    check: bool,
    gaps: tuple[Any, ...],
    detector: str | None,
    roi: tuple[int, int] | None,
    quiet: bool,
) -> None:
    """One scan as CXI."""
    from simulation.single import simulate_single

    _refuse("without --single", count=count, workers=workers, scheduler=scheduler, check=check)
    recipe = _recipe(config, count=1, seed=seed)
    placed = simulate_single(
        recipe, output, gaps=gaps, detector_name=detector, roi=roi, force=force
    )
    if not quiet:
        click.echo(f"gaps: {', '.join(map(str, placed))}")
        click.echo(f"wrote {output}")


def _campaign(
    config: Path | None,
    output: Path,
    count: int | None,
    seed: int | None,
    workers: int | None,
    scheduler: str | None,
    force: bool,
    check: bool,
    gaps: tuple[Any, ...],
    detector: str | None,
    roi: tuple[int, int] | None,
    quiet: bool,
) -> None:
    """A whole file of patterns, and a picture of some; status 1 if a pattern failed."""
    from simulation.campaign import run

    _refuse("with --single", gap=gaps, detector=detector, roi=roi)
    if config is None:
        raise InputError("CONFIG is missing, expected a recipe (YAML): give one, or add --single")
    if scheduler is not None and workers is not None:
        raise InputError(f"--workers {workers} is given with --scheduler, expected one: choose")
    recipe = _recipe(config, count=count, seed=seed)
    picture = output.with_suffix(".png")
    _check_names(output, picture, force)
    if check:
        click.echo(f"{config} is a valid recipe of {number_of(recipe.count, 'pattern')}")
        return
    outcome = run(recipe, output, workers, quiet, scheduler=scheduler, force=force)
    if output.exists():
        _draw(output, picture)
    if not quiet:
        click.echo(
            f"{number_of(outcome.made, 'pattern')} made, {outcome.reused} there before: {output}"
        )
        click.echo(f"picture: {picture}")
    if outcome.failures:
        click.echo(f"{len(outcome.failures)} failed: run again to try them once more", err=True)
        sys.exit(1)


def _check_names(output: Path, picture: Path, force: bool) -> None:
    """Refuse names that cannot be, before any work; a picture belongs to its patterns."""
    if output.suffix.lower() not in (".h5", ".hdf5"):
        raise InputError(f"output {output} ends in {output.suffix!r}, expected .h5: rename it")
    ours = output.exists() or output.with_name(f"{output.name}.parts").exists()
    if picture.exists() and not (force or ours):
        raise InputError(
            f"picture {picture} exists, expected a new name: replace it with --force, or give "
            "another output with -o"
        )


def _draw(output: Path, picture: Path) -> None:
    """The contact sheet: patterns evenly spread over the file."""
    import numpy as np

    from bcdi_inpaint.files.patterns import n_patterns, read_pattern
    from bcdi_inpaint.plots import contact_sheet

    n = n_patterns(output)
    rows = np.unique(np.linspace(0, n - 1, SHEET).round().astype(int))
    patterns = [read_pattern(output, int(row)) for row in rows]
    counts = [np.where(pattern.bad, 0, pattern.counts) for pattern in patterns]
    contact_sheet(counts, [_title(pattern) for pattern in patterns], path=picture, force=True)


def _title(pattern: Any) -> str:
    """The kind of a pattern, its flux and oversampling."""
    drawn = pattern.parameters
    ratios = drawn.get("oversampling")
    ratio = "" if ratios is None else " x ".join(f"{value:.1f}" for value in ratios)
    flux = f"{pattern.expectation.max():.0e} photons".replace("e+0", "e")
    return f"{pattern.index}: {drawn.get('kind', '')}\n{flux}\n{ratio}"
