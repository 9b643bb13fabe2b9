"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from bcdi_inpaint.errors import InputError
from bcdi_inpaint.gaps.detectors import DETECTORS

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


METHODS = (
    "network",
    "linear",
    "kriging",
    "biharmonic",
    "cubic",
    "total_variation",
    "friedel",
    "inverse_distance",
    "nearest",
    "dip",
    "gan-g",
    "gan-z",
)
"""Those of `filling.methods`, which loads too much for the shell to wait for."""
SPEC = click.Path(readable=False)
"""A scan: a file, a folder, ``file.h5:/path``, a series; the shell completes the names of files."""


def complete_file(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """For `shell_complete`: the names of files.

    Parameters
    ----------
    ctx, param : as click gives them.
    begun : what is written of the word.
    """
    return [CompletionItem(begun, type="file")]


def complete_model(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """For `shell_complete`: the released weights by their name, and files.

    Parameters
    ----------
    ctx, param, begun : see `complete_file`.
    """
    own = [CompletionItem("default")] if begun and "default".startswith(begun) else []
    return own or complete_file(ctx, param, begun)


def _complete_detector(
    _ctx: click.Context, _param: click.Parameter, begun: str
) -> list[CompletionItem]:
    return [CompletionItem(name) for name in DETECTORS if name.startswith(begun.lower())]


def complete_method(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """For `shell_complete`: the methods that fill.

    Parameters
    ----------
    ctx, param, begun : see `complete_file`.
    """
    return [CompletionItem(name) for name in METHODS if name.startswith(begun)]


def model_option(text: str) -> Decorator:
    """`--model`, with the help `text`."""
    return click.option(
        "--model", default="default", show_default=True, help=text, shell_complete=complete_model
    )


def detector_option(text: str) -> Decorator:
    """`--detector`, with the help `text`, to which the known names are added."""
    return click.option(
        "--detector",
        metavar="NAME",
        help=f"{text}: {', '.join(DETECTORS)}.",
        shell_complete=_complete_detector,
    )


def mask_option(text: str) -> Decorator:
    """`--mask`, with the help `text`; given to the command as `masks`."""
    return click.option(
        "--mask", "masks", multiple=True, metavar="FILE|invalid|negative", help=text, type=SPEC
    )


def gap_option(text: str) -> Decorator:
    """`--gap`, with the help `text`; given to the command as `gaps`, each a `Gap`."""
    return click.option(
        "--gap", "gaps", multiple=True, callback=_gaps, metavar="rows=A:B", help=text
    )


def roi_option(metavar: str, text: str) -> Decorator:
    """`--roi`, with the help `text`: where the array begins, or the part that is read."""
    return click.option("--roi", callback=_roi, metavar=metavar, help=text)


def force_option(text: str = "Replace an output that exists.") -> Decorator:
    """`--force`, with the help `text`."""
    return click.option("--force", is_flag=True, help=text)


mask_good_option = click.option(
    "--mask-good",
    multiple=True,
    metavar="FILE",
    type=SPEC,
    help="A mask that says non-zero = good; the scan itself, where its own mask does.",
)
photon_option = click.option(
    "--photon",
    type=float,
    metavar="VALUE",
    help="What one photon is stored as. Default: found from the counts.",
)
clip_option = click.option(
    "--clip",
    is_flag=True,
    help="Take small values below zero as zero, as a subtracted background leaves them.",
)
device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)


def _gaps(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> tuple[Any, ...]:
    from bcdi_inpaint.gaps.gap import parse_gap

    return tuple(parse_gap(text) for text in texts)


def _roi(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Any:
    """Where the array begins, (y0, x0), or the Crop that is to be read of it."""
    if text is None:
        return None
    if ":" in text:
        from bcdi_inpaint.scan.crop import parse_crop

        return parse_crop(text)
    try:
        y0, x0 = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"roi is {text!r}, expected y0,x0 or y0:y1,x0:x1: for example --roi 128,96"
        ) from error
    return y0, x0


def _follow(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    """Follow links until the command ends."""
    if wanted:
        from bcdi_inpaint.files import following

        ctx.with_resource(following(True))


follow_links = click.option(
    "--follow-links",
    is_flag=True,
    expose_value=False,
    callback=_follow,
    help="Also read HDF5 links that lead out of the scan's folder.",
)
"""For commands that read scans in their own process."""
