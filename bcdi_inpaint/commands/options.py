"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from bcdi_inpaint.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


def mask_option(text: str) -> Decorator:
    """`--mask`, with the help `text`; given to the command as `masks`."""
    return click.option(
        "--mask", "masks", multiple=True, metavar="FILE|invalid|negative", help=text
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
