"""`bcdi-inpaint train`: simulate the patterns of a plan and train a network on them."""

from __future__ import annotations

from pathlib import Path

import click

from bcdi_inpaint.errors import InputError


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of patterns, checkpoints and weights. Default: runs/NAME",
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after this.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option("--workers", type=click.IntRange(1), help="Processes that simulate. Default: cores")
@click.option("--check", is_flag=True, help="Check the plan, and do nothing else.")
@click.option("-q", "--quiet", is_flag=True)
def train(
    plan: Path,
    folder: Path | None,
    resume: bool,
    minutes: float | None,
    device: str,
    workers: int | None,
    check: bool,
    quiet: bool,
) -> None:
    """Simulate the patterns of a PLAN (YAML) and train a network on them.

    Interrupt it at any time: simulation goes on by itself where it was, training with --resume.

    Example: bcdi-inpaint train configs/first.yaml --minutes 60
    """
    from bcdi_inpaint.config import read_plan
    from simulation.recipe import as_recipe

    read = read_plan(plan)
    recipes = {
        name: as_recipe(values, f"{plan}: {name}")
        for name, values in (("patterns", read.patterns), ("held_out", read.held_out))
    }
    if check:
        click.echo(f"{plan} is a valid plan")
        return
    from bcdi_inpaint.inpainting import choose_device
    from bcdi_inpaint.pattern_file import read_log_expectation
    from bcdi_inpaint.training import train as run
    from simulation.campaign import run as simulate

    choose_device(device)  # now, not after an hour of simulation
    folder = folder or Path("runs") / read.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"folder {folder} cannot be made ({error.strerror}), expected a folder for the "
            "training: choose another with -o"
        ) from error
    paths = {name: folder / f"{name}.h5" for name in recipes}
    for name, recipe in recipes.items():
        simulate(recipe, paths[name], workers, quiet)
    arrays = {name: read_log_expectation(path) for name, path in paths.items()}
    weights = run(
        read,
        arrays["patterns"],
        arrays["held_out"],
        folder,
        device=device,
        minutes=minutes,
        resume=resume,
        quiet=quiet,
    )
    click.echo(f"weights: {weights}")
