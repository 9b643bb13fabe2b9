"""`bcdi-inpaint train`: simulate the patterns of a plan and train a network on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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
    "--epochs", type=click.IntRange(1), help="Stop after the first N (see steps_per_epoch)."
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option("--devices", type=int, default=1, show_default=True, help="GPUs of each node.")
@click.option("--nodes", type=int, default=1, show_default=True, help="Nodes, as Slurm gives them.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes that simulate and prepare patches. Default: cores",
)
@click.option("--check", is_flag=True, help="Check the plan, and do nothing else.")
@click.option("-q", "--quiet", is_flag=True)
def train(
    plan: Path,
    folder: Path | None,
    resume: bool,
    minutes: float | None,
    epochs: int | None,
    device: str,
    devices: int,
    nodes: int,
    workers: int | None,
    check: bool,
    quiet: bool,
) -> None:
    """Simulate the patterns of a PLAN (YAML) and train a network on them.

    Interrupt it at any time: simulation goes on by itself where it was, training with --resume.
    Several devices share each batch, so the plan means the same whatever their number; on several
    nodes start it by srun, one task for each device.

    Example: bcdi-inpaint train configs/release.yaml --minutes 60
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
    from bcdi_inpaint.training import check_processes, is_first_process
    from bcdi_inpaint.training import train as run

    choose_device(device)  # now, not after an hour of simulation
    check_processes(read, devices, nodes)
    folder = folder or Path("runs") / read.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"folder {folder} cannot be made ({error.strerror}), expected a folder for the "
            "training: choose another with -o"
        ) from error
    n_workers = workers or len(os.sched_getaffinity(0))
    is_first = is_first_process()
    patterns, held_out = None, None
    if is_first:
        patterns, held_out = _simulated(recipes, folder, n_workers, quiet)
    weights = run(
        read,
        patterns,
        held_out,
        folder,
        device=device,
        devices=devices,
        nodes=nodes,
        minutes=minutes,
        stop_after=None if epochs is None else epochs * read.training.steps_per_epoch,
        resume=resume,
        quiet=quiet,
        workers=n_workers,
    )
    if is_first:
        click.echo(f"weights: {weights}")


def _simulated(recipes: dict[str, Any], folder: Path, workers: int, quiet: bool) -> tuple[Any, ...]:
    """The log expectations (n, *shape) of each recipe's patterns, made where they are missing."""
    from bcdi_inpaint.pattern_file import read_log_expectation
    from simulation.campaign import run as simulate

    paths = {name: folder / f"{name}.h5" for name in recipes}
    for name, recipe in recipes.items():
        simulate(recipe, paths[name], workers, quiet)
    return tuple(read_log_expectation(path) for path in paths.values())
