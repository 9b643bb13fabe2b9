"""`--follow-links`, for the commands that read scans in their own process."""

from __future__ import annotations

import click


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
