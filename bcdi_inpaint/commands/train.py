"""`bcdi-inpaint train`: simulate the patterns of a plan and train a network on them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.jobs.result_folder import make_folder

if TYPE_CHECKING:
    from bcdi_inpaint.training.plan import FeedConfig
    from bcdi_inpaint.training.slab_stream import Windows

FEWEST_SHARE = 0.5
"""Of a recipe's patterns that a training begins with; where more failed, all may be amiss."""


@click.command(short_help="Simulate patterns and train a network on them.")
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

    A plan with `feed: {window: 64, step: 16}` trains on an endless sequence of patterns, straight
    from the processes that make them: every epoch has 64, of which 16 are new.

    \b
    Example (leave out --check to train):
      bcdi-inpaint train configs/release.yaml --minutes 60 --check
    """
    from bcdi_inpaint.jobs.config_kinds import TRAIN, check_kind
    from bcdi_inpaint.training.plan import read_plan
    from bcdi_inpaint.training.sizes import check_sizes
    from simulation.recipe_pairs import recipes_apart

    check_kind(plan, TRAIN)
    read = read_plan(plan)
    recipes = recipes_apart(read.patterns, read.held_out, str(plan))
    shapes = {name: (each.count, *each.shape) for name, each in recipes.items()}
    if read.feed is not None:
        shapes["patterns"] = (read.feed.window, *recipes["patterns"].shape)
    check_sizes(read, **shapes)
    if check:
        click.echo(f"{plan} is a valid plan")
        return
    from bcdi_inpaint.network.devices import choose_device
    from bcdi_inpaint.training import (
        RunOptions,
        check_processes,
        is_first_process,
        load_start,
    )
    from bcdi_inpaint.training import train as run

    choose_device(device)  # now, not after an hour of simulation
    load_start(read)
    check_processes(read, devices, nodes)
    folder = folder or Path("runs") / read.name
    make_folder(folder, "the training")
    n_workers = workers or len(os.sched_getaffinity(0))
    is_first = is_first_process()
    of_files = {name: recipes[name] for name in recipes if name != "patterns" or not read.feed}
    made = _simulated(of_files, folder, n_workers, quiet) if is_first else {}
    with _windows(recipes["patterns"], read.feed, n_workers) as windows:
        weights = run(
            read,
            made.get("patterns"),
            made.get("held_out"),
            folder,
            RunOptions(
                device=device,
                devices=devices,
                nodes=nodes,
                minutes=minutes,
                stop_after=None if epochs is None else epochs * read.training.steps_per_epoch,
                resume=resume,
                workers=n_workers,
                quiet=quiet,
            ),
            windows=windows,
        )
    if is_first:
        click.echo(f"weights: {weights}")


@contextmanager
def _windows(recipe: Any, feed: FeedConfig | None, workers: int) -> Iterator[Windows | None]:
    """What gives the patterns of each epoch, where there is a feed; its processes end with it.

    They start at the first window that is asked for: a training that is resumed begins at a later
    one.
    """
    if feed is None:
        yield None
        return
    from simulation.feed import Feed

    with ExitStack() as stack:
        running: list[Feed] = []

        def window(k: int) -> Any:
            if not running:
                own = Feed(recipe, window=feed.window, step=feed.step, workers=workers, first=k)
                running.append(stack.enter_context(own))
            return running[0].window(k)

        yield window


def _simulated(recipes: dict[str, Any], folder: Path, workers: int, quiet: bool) -> dict[str, Any]:
    """The log expectations (n, *shape) of each recipe's patterns, made where they are missing."""
    from bcdi_inpaint.files.patterns import read_log_expectation
    from simulation.campaign import run as simulate

    paths = {name: folder / f"{name}.h5" for name in recipes}
    for name, recipe in recipes.items():
        outcome = simulate(recipe, paths[name], workers, quiet)
        if outcome.failures:
            _say_what_failed(paths[name], outcome.made + outcome.reused, recipe.count)
    return {name: read_log_expectation(path) for name, path in paths.items()}


def _say_what_failed(path: Path, there: int, wanted: int) -> None:
    """How many patterns are missing; InputError where they are too many to train without them."""
    have = f"{path}: {there} of {wanted} patterns are there, the others failed"
    if there < FEWEST_SHARE * wanted:
        raise InputError(
            f"{have}, expected {FEWEST_SHARE:.0%} at least: mend what the lines above say, then "
            "give the same command again, which makes the others"
        )
    click.echo(
        f"{have}: training goes on with these. The same command makes the others, once the slabs "
        f"and checkpoints in {path.parent} are removed",
        err=True,
    )
