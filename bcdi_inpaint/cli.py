"""The command line: parse, call, print. Everything heavy is imported inside the commands."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from bcdi_inpaint.errors import InputError


class _Group(click.Group):
    """A group whose commands answer what a user can mend with one line and status 2."""

    def main(  # type: ignore[override]  # click overloads it by standalone_mode
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; errors become one line, Ctrl-C status 130."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        try:
            super().main(args, prog_name, complete_var, False, **extra)
            status = 0
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            status = 2
        except click.ClickException as error:
            usage = isinstance(error, click.UsageError)
            help_hint = ": see --help" if usage else ""
            status = _complain(f"{error.format_message().rstrip('.')}{help_hint}", 2)
        except InputError as error:
            status = _complain(str(error), 2)
        except MemoryError:
            status = _complain("out of memory, expected room for the scan: crop it", 2)
        except (KeyboardInterrupt, click.Abort):
            status = _complain("interrupted: nothing was written under its final name", 130)
        except BrokenPipeError:
            status = 1
        sys.exit(status)


def _complain(message: str, status: int) -> int:
    click.echo(f"bcdi-inpaint: {' '.join(message.split())}", err=True)
    return status


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bcdi-inpaint")
def main() -> None:
    """Fill detector gaps in Bragg coherent diffraction scans."""


def _gap(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> tuple[Any, ...]:
    from bcdi_inpaint.gaps import parse_gap

    return tuple(parse_gap(text) for text in texts)


def _roi(_ctx: click.Context, _param: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        y0, x0 = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"roi is {text!r}, expected y0,x0: for example --roi 128,96") from error
    return y0, x0


@main.command()
@click.argument("scan")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: SCAN_inpainted.cxi")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@click.option(
    "--mask",
    "masks",
    multiple=True,
    metavar="FILE|invalid",
    help="A further mask, non-zero = bad; 'invalid': NaN, negative, the type's maximum.",
)
@click.option("--model", default="default", show_default=True, help="Weights (.safetensors).")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option(
    "--gap",
    "gaps",
    multiple=True,
    callback=_gap,
    metavar="rows=A:B",
    help="A gap, half-open: rows=254:260, cols=..., frames=... . May be repeated.",
)
@click.option("--detector", metavar="NAME", help="Take the gaps from this detector's table.")
@click.option(
    "--roi", callback=_roi, metavar="Y0,X0", help="Detector row and column where the array begins."
)
@click.option("--binning", type=click.IntRange(1), default=1, help="Detector lines per array line.")
@click.option("--plot", is_flag=True, help="A picture beside the output.")
@click.option("-q", "--quiet", is_flag=True, help="Print warnings and the PyNX command only.")
@click.option("-v", "--verbose", is_flag=True, help="Print times, patches and the model as well.")
def predict(quiet: bool, verbose: bool, **options: Any) -> None:
    """Fill the gaps of SCAN and write a CXI that PyNX takes as it is.

    SCAN is a .cxi, .npz, .npy or HDF5 file, or file.h5:/path. Gaps are what --gap says, else the
    table of --detector, else what the file's mask or its empty lines show.

    Example: bcdi-inpaint predict scan.cxi --plot
    """
    from bcdi_inpaint.files import FILLED_PATH
    from bcdi_inpaint.prediction import Request
    from bcdi_inpaint.prediction import predict as run

    def say(line: str) -> None:
        if not quiet or line.startswith("warning"):
            click.echo(line)

    with _bar(quiet) as progress:
        result = run(Request(**options), say=say, progress=progress)
    if verbose:
        fill = result.fill
        click.echo(f"model {fill.model} (sha256 {fill.model_sha256[:12]}) on {fill.device}")
        click.echo(f"{fill.n_patches} patches through the network, {result.seconds:.1f} s in all")
    if not quiet:
        click.echo(f"filled {int(result.fill.filled.sum())} voxels: {result.output}")
        if result.picture is not None:
            click.echo(f"picture: {result.picture}")
        click.echo(
            "note: PyNX takes a fill as if it had been counted, which can be worse than masking; "
            f"to compare, add --mask {shlex.quote(f'{result.output}:/{FILLED_PATH}')}"
        )
    click.echo(result.pynx_command)


class _bar:  # noqa: N801  (a context manager, used like a function)
    """A progress bar on a terminal; elsewhere nothing, the log has its lines."""

    def __init__(self, quiet: bool) -> None:
        self._bar = tqdm(
            desc="patches", unit="", leave=False, disable=quiet or not sys.stderr.isatty()
        )

    def __enter__(self) -> Callable[[int, int], None]:
        return self._update

    def __exit__(self, *_error: object) -> None:
        self._bar.close()

    def _update(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)


@main.command()
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
