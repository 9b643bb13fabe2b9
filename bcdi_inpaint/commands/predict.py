"""`bcdi-inpaint predict`: fill the gaps of a scan."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from bcdi_inpaint.errors import InputError


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


@click.command()
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
@click.option(
    "--handover",
    type=click.Choice(["hard", "partial", "soft", "staged", "mask"]),
    default="staged",  # handover.DEFAULT; importing it here would take a second
    show_default=True,
    help="How PyNX gets the fill: as measured, where it is sure, as bounds, bounds at first, not.",
)
@click.option(
    "--refine",
    is_flag=True,
    help="Let a short phase retrieval mend the fill, where that predicts better; minutes more.",
)
@click.option("--finetune", is_flag=True, help="Adapt the model to the scan first; minutes more.")
@click.option(
    "--finetune-steps", type=click.IntRange(1), default=300, help="Of --finetune. Default: 300"
)
@click.option("--plot", is_flag=True, help="A picture beside the output.")
@click.option("-q", "--quiet", is_flag=True, help="Print warnings and the PyNX command only.")
@click.option("-v", "--verbose", is_flag=True, help="Print times, patches and the model as well.")
def predict(quiet: bool, verbose: bool, **options: Any) -> None:
    """Fill the gaps of SCAN and write a CXI that PyNX takes as it is.

    SCAN is a .cxi, .npz, .npy or HDF5 file, or file.h5:/path. Gaps are what --gap says, else the
    table of --detector, else what the file's mask or its empty lines show.

    Example: bcdi-inpaint predict scan.cxi --plot
    """
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
        if result.weights is not None:
            click.echo(f"weights: {result.weights}")
        click.echo(_note(result.output, result.handover))
    click.echo(result.pynx_command)


def _note(output: Path, handover: str) -> str:
    """What to know of the PyNX command below it."""
    from bcdi_inpaint.files import FILLED_PATH

    if handover in ("soft", "staged"):
        own = f"bcdi-inpaint phase {shlex.quote(str(output))}"
        return f"note: bounds are for `{own}`; PyNX's command leaves the gap masked"
    if handover == "mask":
        return "note: the gap stays masked, the fill is beside it"
    return (
        "note: PyNX takes a fill as if it had been counted, which can be worse than masking; "
        f"to compare, add --mask {shlex.quote(f'{output}:/{FILLED_PATH}')} --zero_mask 0"
    )


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
